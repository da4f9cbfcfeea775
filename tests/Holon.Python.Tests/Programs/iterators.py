"""Iterators go on after an error, and can be copied, pickled, subclassed and printed."""
import array
import collections
import copy
import gc
import itertools as it
import pickle


def after_an_error():
    numbers = map(int, ["1", "x", "3"])
    print(next(numbers))
    try:
        next(numbers)
    except ValueError as error:
        print(error)
    print(next(numbers), next(numbers, "end"))
    kept = filter(lambda n: 6 // n, [1, 0, 9, 2])
    print(next(kept))
    try:
        next(kept)
    except ZeroDivisionError as error:
        print(error)
    print(list(kept))
    powers = it.starmap(divmod, [(7, 2), (1, 0), (9, 4)])
    print(next(powers))
    try:
        next(powers)
    except ZeroDivisionError as error:
        print(error)
    print(next(powers))


MAKERS = {
    "enumerate": lambda: enumerate("abc", 5), "zip": lambda: zip("ab", "cd"), "strict": lambda: zip("ab", "cd", strict=True),
    "map": lambda: map(pow, [2, 3], [4, 5]), "filter": lambda: filter(None, [0, 1, 2]), "reversed": lambda: reversed((1, 2, 3)),
    "chain": lambda: it.chain("ab", "cd"), "from_iterable": lambda: it.chain.from_iterable(["ab", "cd"]), "count": lambda: it.count(3),
    "step": lambda: it.count(3, 0.5), "cycle": lambda: it.cycle("ab"), "repeat": lambda: it.repeat(1, 3), "accumulate": lambda: it.accumulate([1, 2, 3]),
    "initial": lambda: it.accumulate([1, 2, 3], initial=5), "compress": lambda: it.compress("abc", [1, 0, 1]), "dropwhile": lambda: it.dropwhile(str.isdigit, "1a2"),
    "takewhile": lambda: it.takewhile(str.isalpha, "ab1c"), "filterfalse": lambda: it.filterfalse(str.isalpha, "a1b2"), "starmap": lambda: it.starmap(pow, [(1, 2), (3, 4)]),
    "islice": lambda: it.islice("abcdefgh", 1, 7, 2), "zip_longest": lambda: it.zip_longest("ab", "c", fillvalue=0), "product": lambda: it.product("ab", [1, 2]),
    "permutations": lambda: it.permutations("abc", 2), "combinations": lambda: it.combinations("abcd", 2), "multisets": lambda: it.combinations_with_replacement("abc", 2),
    "tee": lambda: it.tee("abc")[1], "bytes": lambda: iter(b"ab"), "bytearray": lambda: iter(bytearray(b"ab")), "array": lambda: iter(array.array("i", [7, 8])),
    "list": lambda: iter([1, 2, 3]), "range": lambda: iter(range(4)), "str": lambda: iter("abc"),
}


def copies():
    for name, make in MAKERS.items():
        for taken in range(3):
            iterators = [make() for _ in range(3)]
            for each in iterators:
                list(it.islice(each, taken))
            original, source, pickled = iterators
            print(name, taken, *(list(it.islice(i, 6)) for i in (original, copy.copy(source), pickle.loads(pickle.dumps(pickled)))))


def others():
    print(it.count(1), it.count(1.5, 2), it.count(2.5), it.repeat(3), it.repeat("a", 2))
    print([(k, list(g)) for k, g in it.groupby("aabbbc")], list(it.pairwise("abcd")))
    groups = it.groupby("aab")
    _, first = next(groups)
    print(next(first), next(groups)[0], list(first), list(groups))
    for bad in (lambda: zip("a", x=1), lambda: list(zip("ab", "c", strict=True)), lambda: map(len), lambda: it.islice("a", -1), lambda: it.tee("a", -1), lambda: it.permutations("a", -1), lambda: it.product("ab", repeat=-1)):
        try:
            print(bad())
        except (TypeError, ValueError) as error:
            print(type(error).__name__, error)

    class Named(it.cycle):
        def __init__(self, items, name=""):
            self.name = name

    named = Named("abc", name="three")
    print(named.name, next(named), type(named).__name__)
    shared = it.tee(iter("abc"), 3)
    print(next(shared[0]), list(shared[1]), list(shared[2]), list(shared[0]))


after_an_error()
copies()
others()
print(collections.deque.append, array.array.append)


def ends():
    class Told(list):
        def __del__(self):
            print("gone", len(self))

    class Bytes(bytearray):
        def __new__(cls, *args):
            return super().__new__(cls, *args)

        def __del__(self):
            print("gone", bytes(self))

    for make in (lambda: Told("abc"), lambda: Bytes(b"xy")):
        iterator = iter(make())
        items = list(iterator)
        gc.collect()
        print(items, next(iterator, "end"))


ends()
