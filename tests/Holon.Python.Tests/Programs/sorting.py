"""Sorting: every kind of key, stability, order of comparisons that fail, reverse."""
import random

random.seed(20)


class Key:
    def __init__(self, n):
        self.n = n

    def __lt__(self, other):
        if self.n == other.n == 13:
            raise ValueError("thirteen")
        return self.n < other.n

    def __repr__(self):
        return f"Key({self.n})"


def shown(f, *args, **more):
    try:
        return f(*args, **more)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


nan = float("nan")
kinds = [
    [random.randrange(50) for _ in range(200)], [random.randrange(-2 ** 70, 2 ** 70) for _ in range(40)], [random.random() for _ in range(100)],
    [str(random.randrange(300)) for _ in range(100)], ["a", "\U0001f600", "￿", "é", "", "ab"], [True, False, 1, 0], [1, 2.5, True, -3],
    [(random.randrange(4), random.choice("xyz"), random.random()) for _ in range(80)], [(1,), (), (1, 2), (0, 9)], [(1, "a"), (1, 2)], [(nan,), (nan,), (1.0,)],
    [nan, 1.0, nan, 0.0], [1, "a"], ["a", None], [[1, 2], [1], []], [b"b", b"a", b""], [{1}, {1, 2}, set()], [Key(3), Key(1), Key(2)], [Key(13), Key(13)], [None], [], [5], [5, 3, 8, 1],
    list(range(100)), list(range(100))[::-1], [7] * 50,
]
for items in kinds:
    print(shown(sorted, items), shown(sorted, items, reverse=True))
    print(shown(sorted, items, key=lambda x: 0) == items, shown(sorted, items, key=repr), shown(sorted, items, key=lambda x: (isinstance(x, str), repr(x)), reverse=True))

pairs = [(random.randrange(5), i) for i in range(300)]
by_first = sorted(pairs, key=lambda p: p[0])
print(by_first == sorted(pairs), sorted(pairs, key=lambda p: p[0], reverse=True) == sorted(pairs, key=lambda p: (-p[0], p[1])))


def changing(l):
    l.sort(key=lambda x: l.append(x) or x)


print(shown(changing, [3, 1, 2]), shown([3, 1].sort, key=5), shown(sorted, 5), shown(sorted, [1], key=None, reverse="yes"))
deep = ((1,),)
for _ in range(50):
    deep = (deep, 1)
print(sorted([deep, deep])[0] is deep)
