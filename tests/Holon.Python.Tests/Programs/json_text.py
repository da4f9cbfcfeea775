"""What the quick ways of _json read and write, and their errors."""
import collections
import json
import random


def show(function, *args, **names):
    try:
        print(repr(function(*args, **names)))
    except Exception as error:
        print(type(error).__name__, error)


class Text(str):
    pass


class Number(int):
    def __repr__(self):
        return "number"


class Real(float):
    def __repr__(self):
        return "real"


class Items(dict):
    def items(self):
        return [("a", 1), ("b", 2)]


class Wrong(dict):
    def items(self):
        return [1]


values = [
    None, True, False, 0, -1, 2**63 - 1, -2**63, 2**64, 10**30, 0.0, -0.0, 1.5, 1e16, 1e15, 123456789012345680.0, 1e-4, 1e-5, 5e-324, 1.7976931348623157e308,
    "", "a", "\"\\\n\r\t\f\b\x00\x1f\x7f", "\u00e9\u20ac", "\U0001F600", "\ud800", "\ud83d\ude00", Text("text"), Number(5), Real(2.5),
    [], [[]], (), (1,), {}, {"a": {}}, {1: 2, 1.5: 3, None: 4, True: 5, 10**30: 6, Text("k"): 7}, Items(x=1), Items(), collections.OrderedDict(b=1, a=2),
]
for value in values:
    for names in ({}, {"ensure_ascii": False}, {"separators": (",", ":")}, {"indent": 1}, {"check_circular": False}):
        show(json.dumps, value, **names)
show(json.dumps, {"b": 1, "a": 2}, sort_keys=True)
show(json.dumps, {"b": 1, 2: 2}, sort_keys=True)
show(json.dumps, Wrong(a=1))
show(json.dumps, {(1, 2): 3})
show(json.dumps, {(1, 2): 3, "a": 1, b"": 2}, skipkeys=True)
show(json.dumps, float("nan"))
show(json.dumps, [float("inf"), -float("inf")])
show(json.dumps, [float("inf")], allow_nan=False)
show(json.dumps, {float("nan"): 1}, allow_nan=False)
show(json.dumps, [object], default=lambda o: [o.__name__])
show(json.dumps, {1, 2})
loop = []
loop.append(loop)
show(json.dumps, loop)
loop = {}
loop["x"] = [loop]
show(json.dumps, loop)
show(json.dumps, object(), default=lambda o: o)

# What is written changes meanwhile.
grows = [object()]
show(json.dumps, grows, default=lambda o: grows.append(1) if len(grows) < 4 else None)
changes = {"a": object(), "b": 1}
show(json.dumps, changes, default=lambda o: changes.clear() or "gone")
deep = []
for _ in range(100000):
    deep = [deep]
try:
    json.dumps(deep, check_circular=False)
except RecursionError as error:
    print(error)

texts = [
    "", " ", "1", "-1", "-0", "0", "-", "01", "1.", "1.5", "-1.5e3", "1e5", "1E+2", "1e", "1e400", "123456789012345678", "1234567890123456789", "12345678901234567890", "-9223372036854775808",
    "null", "nul", "true", "false", "NaN", "Infinity", "-Infinity", "-Inf", "[", "[]", "[1", "[1,", "[1,]", "[ 1 , 2 ]", "{", "{}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{a}",
    "{ \"a\" : 1 , \"b\" : [ { \"a\" : 2 } ] }", "{\"\": 1, \"\": 2}", "{\"a\\u0062\": 1, \"ab\": 2}", "\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\ud83dx\"",
    "\"a\nb\"", "\"\U0001F600\"", "[\"\U0001F600\", {\"\U0001F600\": 1.5, \"k\": -12}]", "1 2", "\u00a01", "\"\u00e9\"",
]
for text in texts:
    show(json.loads, text)
show(json.loads, "[1.10, 2, NaN]", parse_float=str, parse_int=lambda s: s + "!", parse_constant=str)
show(json.loads, "{\"a\": {\"b\": 1}}", object_hook=lambda d: sorted(d))
show(json.loads, "{\"a\": {\"b\": 1}, \"a\": 2}", object_pairs_hook=lambda p: p)
show(json.loads, "\"a\nb\"", strict=False)
one, two = json.loads("[{\"key\": 1}, {\"key\": 2}]")
print([k for k in one][0] is [k for k in two][0])
try:
    json.loads("[" * 100000)
except RecursionError as error:
    print(error)

# Random values survive.
rnd = random.Random(3)


def value(depth):
    r = rnd.random()
    if depth and r < .5:
        if r < .25:
            return [value(depth - 1) for _ in range(rnd.randint(0, 6))]
        return {text(): value(depth - 1) for _ in range(rnd.randint(0, 12))}
    return rnd.choice([None, True, rnd.randint(-10**rnd.randint(1, 25), 10**6), rnd.random() * 10**rnd.randint(-8, 20), text()])


def text():
    return "".join(rnd.choice("abc\"\\\n\u00e9\u20ac\U0001F600 ") for _ in range(rnd.randint(0, 8)))


for _ in range(300):
    v = value(4)
    for names in ({}, {"ensure_ascii": False}):
        written = json.dumps(v, **names)
        if json.loads(written) != v:
            print("differs", v)
print(len(written), written[:60])
