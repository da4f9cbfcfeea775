"""Calls whose arguments find their parameters when they are compiled: everything that this relies on changes after it has been so for long."""
import sys

N = 3000


def hot(f, *args):
    for _ in range(N):
        result = f(*args)
    return result


def attempt(f, *args):
    try:
        return f(*args)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def target(a, b=2, c=3, *, d=4, e=5):
    return a, b, c, d, e


def some(x):
    return target(x), target(x, 20), target(x, c=30), target(x, e=50, d=40), target(b=x, a=1), target(x, 1, 2, d=x)


print(hot(some, 1))
target.__defaults__ = (22, 33)
print(some(1))
target.__kwdefaults__["d"] = 44
print(some(1))
target.__kwdefaults__ = {"e": 55, "d": 66}
print(some(1))
del target.__kwdefaults__["d"]
print(attempt(some, 1))
target.__kwdefaults__["d"] = 77
target.__defaults__ = None
print(attempt(some, 1))
target.__defaults__ = (2, 3)
print(hot(some, 1))


def other(a, b, c, *, d, e):
    return "other", a, b, c, d, e


target.__code__ = other.__code__
print(some(1))


def few(a, b=(), /, c=None):
    return a, b, c


def wrong(kind):
    if kind == 0:
        return few(1, c=2)
    if kind == 1:
        return few(1, b=2)
    if kind == 2:
        return few(c=1)
    if kind == 3:
        return few(1, 2, 3, c=4)
    if kind == 4:
        return few(1, z=4)
    return few()


print(hot(wrong, 0), [attempt(hot, attempt, wrong, kind) for kind in range(6)])


class Point:
    def __init__(self, x, y=0, *, z=0):
        self.x, self.y, self.z = x, y, z

    def moved(self, dx=1, dy=1, *, dz=1):
        return Point(self.x + dx, self.y + dy, z=self.z + dz)

    def __repr__(self):
        return f"{type(self).__name__}{self.x, self.y, self.z}"


class Point4(Point):
    def __init__(self, x, y=0, *, z=0, t=0):
        super().__init__(x, y, z=z)
        self.t = t


def points(n):
    p = Point(n)
    return p.moved(), p.moved(dy=5), p.moved(2, dz=0), Point(y=n, x=0), Point4(n, t=3).moved(), Point4(n, z=1)


print(hot(points, 4))
Point.moved = lambda self, dx=0, dy=0, *, dz=0: (self, dx, dy, dz)
print(points(4))
old_init = Point.__init__
Point.__init__ = lambda self, x=8, y=9, z=10: old_init(self, y, x, z=z)
print(hot(points, 4))
Point.__init__ = lambda self, x=8, y=9, z=10: 5
print(attempt(points, 4))
Point.__init__ = old_init
Point4.__new__ = lambda cls, *args, **more: "made by __new__"
print(attempt(points, 4))
del Point4.__new__


def many(a, b, c, d, e, f, g, h=8, i=9, *, j=10, k=11, l=12):
    return a, b, c, d, e, f, g, h, i, j, k, l


def more(a, b, c, d, e, f, g, h, i, j, k, l, m=13):
    return a + b + c + d + e + f + g + h + i + j + k + l + m


def calls_many(x):
    return many(1, 2, 3, 4, 5, 6, x), many(1, 2, 3, 4, 5, 6, 7, 8, x), many(1, 2, 3, 4, 5, 6, g=x, l=0), more(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, x)


print(hot(calls_many, 7))
several = [many, more]
print(hot(lambda: [f(1, 2, 3, 4, 5, 6, 7, *([8, 9, 10, 11, 12] if f is more else [])) for f in several]))


class Wide:
    def __init__(self, a, b, c, d, e, f, g, h, i, j):
        self.all = [a, b, c, d, e, f, g, h, i, j]

    def sum(self, a, b, c, d, e, f, g=7):
        return sum(self.all) + a + b + c + d + e + f + g


def wide(x):
    return Wide(1, 2, 3, 4, 5, 6, 7, 8, 9, x).sum(1, 2, 3, 4, 5, 6), Wide(1, 2, 3, 4, 5, 6, g=7, h=8, i=9, j=x).sum(1, 2, 3, 4, 5, 6, x)


print(hot(wide, 10))


# Six arguments, and one more with the instance.
class Six:
    def __init__(self, a, b, c, d, e, f):
        self.six = a, b, c, d, e, f


def six(a):
    return Six(a, 2, 3, 4, 5, 6).six


print(hot(six, 1))
Six.__init__ = lambda self, *six: setattr(self, "six", six)
print(six(1))


# A default that is a number, and one that a call changes.
def accumulates(item, into=[]):
    into.append(item)
    return len(into)


def counts(by=1.5, start=0):
    return start + by


def uses():
    return accumulates(1), counts(), counts(start=3), counts(2)


print(hot(uses), uses())


# Whose frame is it?
def caller_name():
    return sys._getframe(1).f_code.co_name


def asks():
    return caller_name()


def own_locals():
    here = 5
    return sys._getframe().f_locals


print(hot(asks), hot(own_locals))


# Errors pass through calls with keywords, and their lines are right.
def fails(a, *, when=False):
    if when:
        raise ValueError(a)
    return a


def line_of(when):
    try:
        return (
            fails(1) +
            fails(2, when=when)
        )
    except ValueError as error:
        return error.__traceback__.tb_lineno, error.__traceback__.tb_next.tb_lineno, error.args


print(hot(line_of, False), hot(line_of, True))


# Recursion through keywords ends as it does without.
def down(n, *, step=1):
    return 0 if n <= 0 else 1 + down(n - step, step=step)


print(hot(down, 20), down(100, step=2))
print(attempt(down, 10 ** 6))


def generates(a, b=2, *, c=3):
    yield a, b, c


def takes_from():
    return [*generates(1), *generates(1, c=4), *generates(b=0, a=5)]


print(hot(takes_from))


# Callables that instances keep, called like methods.
class Keeps:
    def __init__(self, f, extra=None):
        self.f = f
        if extra:
            self.extra = extra


def called(o):
    return o.f(1)


plain, wider = Keeps(lambda x: ("lambda", x)), Keeps(str, 5)
print(hot(called, plain), hot(called, wider), called(Keeps(len)) if False else called(Keeps(repr)))
plain.f = lambda x: ("other", x)
print(called(plain))
del wider.f
print(attempt(called, wider))
wider.f = abs
print(called(wider), attempt(called, Keeps(5)))
Keeps.f = lambda self, x: ("class", x)
print(hot(called, plain), called(Keeps(hex)))
del plain.f
print(called(plain))
Keeps.f = property(lambda self: lambda x: ("property", x))
print(called(plain), attempt(called, wider))
del Keeps.f
print(attempt(called, plain), called(wider))
wider.__dict__["f"] = oct
print(called(wider), hot(called, wider))


# Keywords of functions that are found out only when they are called.
def keywords(fs):
    return [f(1, b=2) for f in fs], [f(b=3, a=4) for f in fs], [attempt(lambda: f(1, 2, b=2)) for f in fs], [attempt(lambda: f(1, **{"b" + "": 7})) for f in fs]


def first(a, b=0):
    return "first", a, b


def second(a, *rest, b, c=9):
    return "second", a, rest, b, c


def third(b=1, a=2, **more):
    return "third", a, b, more


print(hot(keywords, [first, second]), attempt(keywords, [first, third]), keywords([lambda a, b: a - b]))
