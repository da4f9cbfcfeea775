"""Loops over pairs, slices and strings that are put together, in code that has become hot: what they give, and where and how they fail."""
import sys
import traceback

N = 1500


def hot(f, *args):
    for _ in range(N):
        result = f(*args)
    return result


def attempt(f, *args):
    try:
        return f(*args)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def sums(pairs):
    total = []
    for a, b in pairs:
        total.append((a, b))
    return total


def of_items(d):
    total = []
    for key, value in d.items():
        total.append((key, value))
    return total


def of_enumerate(items, start=0):
    total = []
    for i, item in enumerate(items, start):
        total.append((i, item))
    return total


def of_zip(a, b, **more):
    total = []
    for x, y in zip(a, b, **more):
        total.append((x, y))
    return total


print(hot(sums, [(1, 2), [3, 4], "ab", iter((5, 6))][:3]))
print(hot(of_items, {"a": 1, "b": 2}), of_items({}))
print(hot(of_enumerate, "xyz"), of_enumerate([], 5), of_enumerate([1], 2 ** 63 - 1), of_enumerate([1, 2], 2 ** 63 - 1), of_enumerate((1, 2), True))
print(hot(of_zip, [1, 2, 3], "ab"), of_zip([], [1]), of_zip(iter([1, 2]), range(9)))
print(attempt(of_zip, [1, 2], [1]), attempt(lambda: of_zip([1, 2], [1], strict=True)), attempt(lambda: of_zip([1], [1], strict=True)))

# The longer source of zip has lost an item only if the shorter is second.
first, second = iter([1, 2, 3]), iter([1])
print(of_zip(first, second), list(first), of_zip(second, first))
first, second = iter([1]), iter([1, 2, 3])
print(of_zip(first, second), list(second))

for bad in ([(1, 2, 3)], [(1,)], [5], ["abc"], 5, [(1, 2), ()], {1: 2}, iter([(1, 2), None])):
    print(attempt(sums, bad))


def changes(d):
    for key, value in d.items():
        d[key + 1] = value


def swaps(d):
    for key, value in d.items():
        del d[key]
        d[key + 1] = value


print(attempt(hot, changes, {1: 1}), attempt(changes, {1: 2}), attempt(swaps, {1: 2, 5: 3}))


class Counting(enumerate):
    def __next__(self):
        number, item = super().__next__()
        return -number, item


class Zipping(zip):
    def __next__(self):
        return "z", super().__next__()[0]


class Pairs:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n, -self.n


def generates(n):
    for i in range(n):
        yield i, i * i


print(hot(sums, Counting("ab")), sums(Counting("ab")), sums(Zipping([1, 2], [3, 4])), sums(Pairs(3)), sums(generates(3)))


def partly(pairs):
    iterator = iter(pairs)
    for a, b in iterator:
        if a == 1:
            break
    return list(iterator)


print(hot(partly, [(0, 0), (1, 1), (2, 2)]), partly(enumerate("abc")), partly({0: 1, 1: 2, 3: 4}.items()))


def where(pairs):
    try:
        for a, b in \
                pairs:
            pass
    except Exception:
        error = sys.exc_info()[1]
        return [(entry.lineno - where.__code__.co_firstlineno, entry.colno, entry.end_colno) for entry in traceback.extract_tb(error.__traceback__)], str(error)


hot(where, [])
print(where([(1, 2, 3)]), where([7]), where({1: 1}.items()))


# Slices.
def slices(x, i, j):
    return x[i:j], x[:j], x[i:], x[:]


for x in ([0, 1, 2, 3, 4], (0, 1, 2, 3, 4), "abcde", "ab\U0001f600de", b"abcde", bytearray(b"abcde"), range(5)):
    print(hot(slices, x, 1, 3), slices(x, -2, 9), slices(x, 3, 1), slices(x, -99, -1), slices(x, 2 ** 70, None), slices(x, None, -(2 ** 70)), slices(x, True, None))


class Index:
    def __index__(self):
        return 2


class Keys:
    def __getitem__(self, key):
        return key


class Mine(list):
    def __getitem__(self, key):
        return "mine", key


print(slices([1, 2, 3], Index(), None), slices(Keys(), 1, "b"), slices(Mine([1]), 0, 1))
whole = (1, 2)
print(slices(whole, 0, 2)[0] is whole, slices([1], 0, 1)[0] is not whole, [type(s).__name__ for s in slices(Mine("ab"), 0, 1)])
print(attempt(slices, {1: 2}, 1, 2), attempt(slices, [1], "a", 2), attempt(slices, 5, 1, 2), attempt(slices, [1], 1.0, 2))


# Strings.
def texts(a, b, c):
    return f"{a}", f"{a}{b}", f"<{a!r}-{b!s}-{c!a}>", f"{a}{b}{c}", f"{a:>4}|{b!s:^5}"


print(hot(texts, 1, "b", 2.5), texts("", "", ""), texts("é", "\U0001f600", "\ud800"), texts(-(2 ** 70), True, None))


class Formats:
    def __format__(self, spec):
        return "spec:" + spec

    def __repr__(self):
        return "repr"


class Str(str):
    def __str__(self):
        return "str"


class Wrong:
    def __format__(self, spec):
        return 5


print(texts(Formats(), Formats(), Formats()), texts(Str("a"), Str("b"), Str("c")), attempt(texts, Wrong(), 1, 1))


def collects(items):
    return {i % 3 for i in items}, {i: i * i for i in items}, {k: v for k, v in zip(items, items)}, {}


print(hot(collects, range(5)), attempt(collects, [1, "a"]))
print(attempt(lambda: {x for x in [[]]}), attempt(lambda: {x: 1 for x in [[]]}))


def stores(x, i, j, value):
    x = list(x)
    x[i:j] = value
    return x


def stores_whole(x):
    x[:] = x
    x[1:] = x[1:]
    x[::2] = x[::-2]
    return x[::-1], x[3:0:-1], x[::2]


print(hot(stores, [1, 2, 3, 4], 1, 3, [8, 9]), stores([1, 2, 3], 1, 2, [4, 5, 6]), stores([1, 2, 3], 5, 2, [9]), stores([1, 2, 3], -2, None, "ab"), stores([1], 0, 0, range(3)), stores([1, 2], None, None, []))
print(hot(stores_whole, [1, 2, 3, 4, 5]), attempt(stores, [1], 0, 1, 5), attempt(stores, [1], "a", 1, [5]))

import array


def items(code, values):
    a = array.array(code, [0] * len(values))
    for i, value in enumerate(values):
        a[i] = value
    a[-1] = a[-1]
    return a.tolist(), [x for x in a]


for code in "bBhHiIlLqQ":
    bits = array.array(code).itemsize * 8
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if code.islower() else (0, (1 << bits) - 1)
    print(code, hot(items, code, [least, 0, 1, most, True]), attempt(items, code, [least - 1]), attempt(items, code, [most + 1]), attempt(items, code, [1.0]), attempt(items, code, ["1"]))
for code in "fd":
    print(code, hot(items, code, [0.1, -0.0, 1, 2 ** 70, float("inf")]), attempt(items, code, ["1"]), attempt(items, code, [10 ** 400]))
