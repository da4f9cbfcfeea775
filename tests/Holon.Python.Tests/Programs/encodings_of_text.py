"""Encodings of several bytes a character, UTF-7, escapes, cases: every character, random bytes, errors, pieces."""
import codecs
import hashlib
import random
import warnings

warnings.simplefilter("ignore")
MULTIBYTE = """gb2312 gbk gb18030 hz cp932 shift_jis shift_jisx0213 shift_jis_2004 euc_jp euc_jisx0213 euc_jis_2004 euc_kr cp949 johab big5 cp950 big5hkscs
iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3 iso2022_jp_ext iso2022_kr""".split()
CODECS = MULTIBYTE + ["utf_7", "unicode_escape", "raw_unicode_escape", "utf_16", "utf_16_le", "utf_32", "iso8859_3"]
SHIFTS = [b"\x1b$B", b"\x1b(B", b"\x1b$@", b"\x1b$(D", b"\x1b(J", b"\x1b$A", b"\x1b.A", b"\x1bN", b"\x1b.F", b"\x1b$(Q", b"\x1b$(O", b"\x1b$(P", b"\x1b$)C", b"\x0e", b"\x0f",
          b"\x1b(I", b"~{", b"~}", b"~", b"+", b"-", b"\n", b"AB", b"\\u12", b"\\N{DIGIT ONE}", b"\\N{", b"\\x4", b"\\777", b"\\q"]
calls = []


def remember(error):
    calls.append((error.start, error.end, error.reason))
    return f"<{len(calls)}>", error.end


codecs.register_error("remember", remember)


def tried(function, *arguments):
    calls.clear()
    try:
        return function(*arguments), tuple(calls)
    except Exception as error:
        return type(error).__name__, str(error)


def in_pieces(name, data):
    decoder = codecs.getincrementaldecoder(name)("remember")
    parts = [decoder.decode(data[i:i + 3]) for i in range(0, len(data), 3)]
    return parts, decoder.getstate(), decoder.decode(b"", True)


def by_character(name, text):
    encoder = codecs.getincrementalencoder(name)("ignore")
    return [(encoder.encode(c), encoder.getstate()) for c in text], encoder.encode("", True), encoder.getstate()


for name in CODECS:
    r = random.Random(name)
    table = {}
    for c in [*range(0xd800), *range(0xe000, 0x10000), *range(0x20000, 0x20400), 0x1f600, 0x2a6b2]:
        try:
            table[c] = chr(c).encode(name)
        except UnicodeEncodeError:
            pass
    print(name, len(table), hashlib.md5(repr(table).encode()).hexdigest())
    known = list(map(chr, table))
    results = []
    for i in range(60):
        data = bytes(r.randrange(256) for _ in range(r.randrange(1, 20)))
        if i % 3 == 1:
            data = bytearray("".join(r.choices(known, k=6)).encode(name, "replace"))
            data[r.randrange(len(data))] = r.randrange(256)
            data = bytes(data)
        elif i % 3 == 2:
            data = b"".join(r.choice([r.choice(SHIFTS), bytes([r.randrange(33, 127), r.randrange(33, 127)])]) for _ in range(r.randrange(1, 9)))
        text = "".join(r.choice(known) if r.random() < 0.7 else chr(r.choice([r.randrange(0x3000), r.randrange(0x10000, 0x20000)])) for _ in range(r.randrange(1, 8)))
        one = [tried(data.decode, name, "remember"), tried(in_pieces, name, data), tried(text.encode, name, "remember"), tried(by_character, name, text)]
        one += [tried(text.encode, name, errors) for errors in ("replace", "ignore", "backslashreplace", "xmlcharrefreplace", "strict")]
        results.append((data, text, one))
    print(hashlib.md5(ascii(results).encode()).hexdigest())

print([codecs.lookup(n).name for n in ("ISO-2022-JP", "Shift JIS", "GB18030", "UTF7", "u7")])
print("é\udc80".encode("iso8859_3", "surrogateescape"), "\N{BULLET}x".encode("ascii", "namereplace"))
for text in ("ß ŉ ﬁ ΑΣ ΑΣΑ ᾳ ᾼ ǆ ა Ა İ ı ẞ µ ꭰ Ꭰ ͅ", "aΣ b", "ﬃ ΐ ᾷ", "𐐀𐐨"):
    print(ascii((text.upper(), text.lower(), text.title(), text.casefold(), text.capitalize(), text.swapcase())))
print(hashlib.md5(repr([(c.upper(), c.lower(), c.title(), c.casefold(), c.isalpha(), c.isnumeric(), c.isprintable(), c.isidentifier(), c.islower(), c.isupper()) for c in map(chr, range(0x30000))]).encode("utf-8", "surrogatepass")).hexdigest())


def broken(*_):
    raise RuntimeError("broken")


codecs.register(lambda name: codecs.CodecInfo(broken, broken, name=name) if name == "broken_codec" else None)
for function in (lambda: "x".encode("broken-codec"), lambda: codecs.decode(b"x", "Broken Codec"), lambda: codecs.decode(b"0", "hex"), lambda: codecs.utf_7_decode("x"), lambda: type(iter([]))(),
                 lambda: codecs.charmap_decode(b"\0", "strict", {0: 0x110000}), lambda: codecs.charmap_encode("a", "strict", {97: 300}), lambda: type(iter({}))({})):
    try:
        print(function())
    except Exception as error:
        print(type(error).__name__, error, repr(error.__cause__))
