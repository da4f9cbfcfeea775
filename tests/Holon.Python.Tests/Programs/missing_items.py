"""Items that are not there: the same errors, contexts and tracebacks however the container is asked, and the same depth left afterwards."""
import traceback


class Numbers:
    def __init__(self, items):
        self.items = items

    def __getitem__(self, index):
        return self.items[index]


class Stops:
    def __getitem__(self, index):
        if index > 2:
            raise StopIteration
        return index


class Breaks:
    def __getitem__(self, index):
        if index > 1:
            raise ValueError(index)
        return index


class Dynamic:
    __getitem__ = staticmethod(lambda index: index * 2)


class Keyed(dict):
    def __missing__(self, key):
        return "missing " + str(key)


class Lists(list):
    pass


def item(container, key):
    return container[key]


def describe(container, key):
    try:
        return item(container, key)
    except Exception as error:
        frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        return type(error).__name__, str(error), type(error.__context__).__name__, frames


def left(n=0):
    try:
        return left(n + 1)
    except RecursionError:
        return n


asked = [([1, 2, 3], k) for k in (0, -1, 3, -4, 10 ** 30, True, "x", None)]
asked += [((1, 2), k) for k in (1, -2, 2, -3, 1.5)] + [("añ\U0001f600", k) for k in (2, -3, 3, -4, "b")] + [("abc", 7)]
asked += [(b"ab", 5), (bytearray(b"ab"), 5), (range(3), 5), ({}, "k"), ({1: 2}, 1.0), (Keyed(), 4), (Lists([5]), 3), (Lists([5]), -1)]
asked += [(Numbers([1]), 1), (Numbers({}), "k"), (Stops(), 3), (Breaks(), 2), (Dynamic(), 4), (int, 3), (list, int), (5, 0)]
before = left()
for turn in range(700):
    results = [describe(container, key) for container, key in asked]
for (container, key), result in zip(asked, results):
    print(type(container).__name__, key, result)
for turn in range(700):
    sums = [sum(Numbers(list(range(n)))) for n in range(3)], list(Stops()), 2 in Stops(), next(iter(Numbers([])), "none")
    try:
        for each in Breaks():
            last = each
    except ValueError as error:
        sums += (last, str(error), error.__context__)
print(sums, left() == before)
try:
    [][0]
except IndexError as first:
    try:
        "x"[1]
    except IndexError as second:
        print(second.__context__ is first)
