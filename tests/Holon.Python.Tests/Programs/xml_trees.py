# xml.etree: trees, events and errors of its parser.
import copy
import io
import pickle
import xml.etree.ElementTree as ET

document = """<?xml version='1.0'?>
<!-- before -->
<root xmlns='urn:d' xmlns:p='urn:p' p:a='1' b='2 &lt; 3'>text<a/>tail &amp; more&#10;<b><c>1</c><c x='é'>2</c></b><?pi some data?><![CDATA[<raw>]]></root>"""
root = ET.fromstring(document)
for element in root.iter():
    print(element.tag, sorted(element.attrib.items()), repr(element.text), repr(element.tail))
print(list(root.itertext()), [c.text for c in root.findall("{urn:d}b/{urn:d}c")], root.find("{urn:d}b").findtext("{urn:d}c"), root.findtext("x", "none"))
print(ET.tostring(root), ET.tostring(root, "unicode"))
print(ET.canonicalize(document))

tree = ET.Element("t", {"k": "v"}, other="w")
for i in range(6):
    ET.SubElement(tree, "i", n=str(i)).text = str(i)
tree[1:3] = [ET.Element("new")]
del tree[::2]
tree.insert(1, ET.Comment("note"))
tree.append(ET.Element("last"))
tree.remove(tree[0])
print(len(tree), ET.tostring(tree), tree.get("k"), tree.keys(), tree.items())
for clone in (copy.copy(tree), copy.deepcopy(tree), pickle.loads(pickle.dumps(ET.Element("p", a="b")))):
    print(ET.tostring(clone))

for events in [("start", "end"), ("start-ns", "end-ns", "comment", "pi")]:
    print([(event, getattr(value, "tag", value) if not callable(getattr(value, "tag", None)) else value.text) for event, value in ET.iterparse(io.StringIO(document), events)])
pull = ET.XMLPullParser(["end"])
for part in ("<r><a>x</", "a><b/>", "</r>"):
    pull.feed(part)
    print([(event, value.tag) for event, value in pull.read_events()])


class Target:
    def start(self, tag, attributes):
        print("start", tag, attributes)

    def end(self, tag):
        print("end", tag)

    def data(self, text):
        print("data", repr(text))

    def comment(self, text):
        print("comment", text)

    def doctype(self, *names):
        print("doctype", names)

    def close(self):
        return "closed"


parser = ET.XMLParser(target=Target())
parser.feed("<!DOCTYPE r PUBLIC 'pub' 'sys'><r a='1'>one")
parser.feed(b" two<!--c--></r>")
print(parser.close())
print(ET.tostring(ET.XML("<r><!--kept--><?p q?></r>", ET.XMLParser(target=ET.TreeBuilder(insert_comments=True, insert_pis=True)))))

for bad in ["", "text", "<a>", "<a></b>", "<a b='1' b='2'/>", "<a>&no;</a>", "<a/><b/>", "<a b=1/>", "<p:a/>", "<a>\x01</a>", "<!DOCTYPE a [<!ENTITY e '&e;'>]><a>&e;</a>", b"<?xml version='1.0' encoding='nonsense'?><a/>"]:
    try:
        ET.fromstring(bad)
        print("parsed", bad)
    except ET.ParseError as error:
        print(error, error.code, error.position)
    except Exception as error:
        print(type(error).__name__, error)
for wrong in (lambda: ET.Element(), lambda: ET.Element("a", 1), lambda: tree.append("x"), lambda: tree[99], lambda: tree.__setitem__(0, "x"), lambda: tree.remove(ET.Element("zz")), lambda: ET.SubElement("x", "y"), lambda: ET.TreeBuilder().end("x")):
    try:
        wrong()
        print("accepted")
    except Exception as error:
        print(type(error).__name__, error)
