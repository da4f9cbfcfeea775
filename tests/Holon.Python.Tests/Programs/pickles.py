# Pickles byte for byte as CPython's _pickle writes them, what comes back, and what hostile ones end with.
import collections
import copyreg
import io
import pickle
import random


class Plain:
    def __init__(self, number):
        self.number = number
        self.name = "n%d" % number


class Slotted:
    __slots__ = ("a", "b")


class Reduced:
    def __reduce__(self):
        return (collections.OrderedDict, (), None, None, iter([(1, 2), (3, 4)]))


class Words(list):
    def __setstate__(self, state):
        self.state = state

    def __getstate__(self):
        return {"kept": len(self)}


def shown(data):
    return len(data), hash_of(data)


def hash_of(data):
    import hashlib
    return hashlib.sha1(data).hexdigest()[:12]


slotted = Slotted()
slotted.a = [1]
recursive = []
recursive.append((recursive, {"self": recursive}))
values = [
    None, True, 0, 255, 256, 65535, 65536, -1, 2**31, -2**31, 2**63, -(2**200), 1.5, float("inf"), "", "text", "é\n\\€", "\U0001f600", "\ud800", b"", b"bytes\xff", bytearray(b"x" * 300),
    (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [1], list(range(1001)), {}, {1: 2}, {i: str(i) for i in range(1000)}, {7}, frozenset({7}), range(3), Plain(3), [Plain(1), Plain(2)],
    slotted, Reduced(), len, Plain, collections.OrderedDict.fromkeys, int, type(None), Ellipsis, NotImplemented, 3 + 4j, "s" * 70000, collections.Counter("abca"), slice(1, 2),
]
for value in values:
    print(type(value).__name__, *(shown(pickle.dumps(value, protocol)) for protocol in range(6)))
    for protocol in range(6):
        back = pickle.loads(pickle.dumps(value, protocol))
        assert type(back) is type(value), (back, protocol)
print([shown(pickle.dumps(recursive, protocol)) for protocol in range(6)])
print(pickle.loads(pickle.dumps(recursive))[0][0][0][1].keys())
words = Words(["a", "b"])
print(pickle.loads(pickle.dumps(words, 2)), pickle.loads(pickle.dumps(words)).state)


class Persistent(pickle.Pickler):
    def persistent_id(self, value):
        return "id:%d" % value.number if isinstance(value, Plain) else None

    def reducer_override(self, value):
        return (str, ("a function",)) if callable(value) and not isinstance(value, type) else NotImplemented


class Loader(pickle.Unpickler):
    def persistent_load(self, name):
        return "loaded " + name

    def find_class(self, module, name):
        print("find", module, name)
        return super().find_class(module, name)


for protocol in (0, 2, 5):
    file = io.BytesIO()
    Persistent(file, protocol).dump([Plain(5), print, complex])
    print(hash_of(file.getvalue()), Loader(io.BytesIO(file.getvalue())).load())

buffers = []
big = bytearray(b"data" * 10)
data = pickle.dumps([pickle.PickleBuffer(big), pickle.PickleBuffer(b"fixed")], 5, buffer_callback=buffers.append)
print(len(data), len(buffers), pickle.loads(data, buffers=buffers)[0] is buffers[0])

file = io.BytesIO()
pickler = pickle.Pickler(file, 4)
pickler.dump(["one", "two"])
pickler.dump(["one", "two"])
pickler.clear_memo()
pickler.dump(["one", "two"])
file.seek(0)
loader = pickle.Unpickler(file)
print(file.getvalue().count(b"one"), [loader.load() for _ in range(3)])

for data in [
    b"", b".", b"N", b"(.", b"]\x94h\x05.", b"\x80\x09N.", b"K", b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff.", b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.", b"X\xff\xff\xff\x7fabc.", b"r\xff\xff\xff\xffN.", b"Nr\xff\xff\xff\xff.",
    b"(((((1.", b"0.", b"a.", b"N(a.", b"]NNNu.", b"}(NNNu.", b"cos\nnothing\n.", b"Nb.", b"N}b.", b"K\x01K\x02R.", b"I1x\n.", b"Labc\n.", b"Fx\n.", b"Sx\n.", b"P1\n.", b"\x82\x01.", b"N\x92.", b"\x95\xff\xff\xff\xff\xff\xff\xff\xff.",
    b"\x97.", b"i__main__\nPlain\n.", b"(i__main__\nPlain\n.", b"\xff", b"'", b"U\x05ab", b"T\xff\xff\xff\xff.", b"\x8b\xff\xff\xff\xff.", b"]]]\x85\x86\x87.", b"g7\n.", b"p1\n.", b"Np-1\n.", b"d(.", b"K\x01(d.", b"\x8c\x01a\x8c\x01b\x93.",
]:
    try:
        print(data[:12], repr(pickle.loads(data)))
    except Exception as error:
        print(data[:12], type(error).__name__, error)

rng = random.Random(7)
seeds = [pickle.dumps([Plain(1), {"a": (1, 2.5)}, {3}, b"x"], protocol) for protocol in range(6)]
outcomes = collections.Counter()
for _ in range(3000):
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randrange(1, 4)):
        data[rng.randrange(len(data))] = rng.choice(b"(.0123FIJKLMNQRSTUVXabcdehijlopqrstu}]G\x80\x81\x85\x88\x8a\x8c\x93\x94\x95\x00\x01")
    try:
        pickle.loads(bytes(data))
        outcomes["loaded"] += 1
    except Exception:
        outcomes["refused"] += 1
print(sum(outcomes.values()))
for wrong in (lambda: 1, io.StringIO("x").__iter__, (i for i in ())):
    try:
        pickle.dumps(wrong)
        print("pickled", type(wrong))
    except Exception as error:
        print(type(error).__name__)
