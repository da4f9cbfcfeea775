"""What compiled code must leave as it is: every guess is broken after it has been right for long."""
import enum
import sys

N = 3000


def hot(f, *args):
    for _ in range(N):
        result = f(*args)
    return result


# Integers leave 64 bits, come back, and are floats, strings and instances of subclasses.
def add(a, b):
    return a + b


class Num(int):
    def __add__(self, other):
        return "Num"


print(hot(add, 1, 2), add(2 ** 63 - 1, 1), add(-(2 ** 63), -1), add(1.5, 2), add("a", "b"), add(Num(1), 2), add(1, Num(2)), add(True, True))


def factorial(n):
    product = 1
    for i in range(2, n + 1):
        product *= i
    return product


print(hot(factorial, 20), factorial(25), factorial(3))


def divide(a, b):
    return a // b, a % b, a / b


print(hot(divide, 7, 2), divide(-7, 2), divide(7, -2), divide(-(2 ** 63), -1), divide(2 ** 62, 3), divide(7.5, 2))
for a, b in ((1, 0), (1.0, 0), ("a", 1)):
    try:
        divide(a, b)
    except (ZeroDivisionError, TypeError) as error:
        print(type(error).__name__, error)


def shift(a, n):
    return a << n, a >> n


print(hot(shift, 5, 3), shift(1, 62), shift(1, 63), shift(-1, 63), shift(3, 200), shift(-5, 70))
try:
    shift(1, -1)
except ValueError as error:
    print(error)


def compare(a, b):
    return a < b, a <= b, a == b, a != b, a > b, a >= b


nan = float("nan")
print(hot(compare, 1, 2), compare(1.5, nan), compare(nan, nan), compare(2 ** 53, 2.0 ** 53), compare(2 ** 53 + 1, 2.0 ** 53), compare("a", "b"))


# Exceptions in hot loops, many times: nothing may pile up.
def catches(n):
    caught = 0
    for i in range(n):
        try:
            if i % 2:
                {}[i]
            caught += 1 // (i % 3)
        except (KeyError, ZeroDivisionError):
            caught += 1
        finally:
            caught += 1
    return caught


print(catches(100_000))


def late(n):
    for i in range(n):
        if i == n - 1:
            del i
        try:
            x = i
        except UnboundLocalError as error:
            return str(error)
    return x


print(hot(late, 2))


def deep(n):
    return deep(n + 1) + 1


for _ in range(3):
    try:
        deep(0)
    except RecursionError as error:
        print(error)


def down(n):
    return 0 if n == 0 else down(n - 1) + 1


print(hot(down, 5))
sys.setrecursionlimit(30_000)
print(down(20_000))
sys.setrecursionlimit(1000)


# Classes change.
class A:
    count = 0

    def __init__(self, v):
        self.v = v

    def get(self):
        return self.v

    @property
    def both(self):
        return self.v, self.count


class B(A):
    def get(self):
        return super().get() + 1


def use(o):
    A.count += 1
    return o.get(), o.both, o.count


a, b = A(1), B(2)
print(hot(use, a), hot(use, b))
A.get = lambda self: -self.v
print(use(a), use(b))
a.get = lambda: "own"
a.count = "own"
print(use(a))
del a.get, a.count
A.count = property(lambda self: "computed")
try:
    use(a)
except TypeError as error:
    print(error)
A.count = 5
print(use(a), use(b))
b.__class__ = A
print(use(b))
a.__dict__["v"] = 9
print(use(a))
del a.v
try:
    use(a)
except AttributeError as error:
    print(error)


class Meta(type):
    def __getattr__(cls, name):
        return name + "?"


class C(metaclass=Meta):
    known = 1


def class_attribute():
    return C.known, C.unknown


print(hot(class_attribute))
C.known = len
print(class_attribute())
del C.known
print(class_attribute())
Meta.known = property(lambda cls: "meta")
print(class_attribute())


class Color(enum.Enum):
    RED = 1
    BLUE = 2


def color():
    return Color.RED is Color["RED"], Color.BLUE.value


print(hot(color))


# Globals and built-in functions change.
def globals_and_builtins():
    return len("abc") + value


value = 1
print(hot(globals_and_builtins))
value = 2.5
print(globals_and_builtins())
len = lambda o: 100
print(globals_and_builtins())
del len, value
try:
    globals_and_builtins()
except NameError as error:
    print(error)


def replaced():
    return 1


def caller():
    return replaced()


print(hot(caller))
replaced.__code__ = (lambda: "other").__code__
print(caller())


# Arguments in every form.
def all_kinds(a, /, b, c=3, *rest, d, e=5, **more):
    return a, b, c, rest, d, e, more


def calls():
    return all_kinds(1, 2, d=4), all_kinds(1, b=2, c=0, d=4, z=1), all_kinds(*range(5), d=0), all_kinds(1, 2, **{"d": 1, "e": 2})


print(hot(calls))
for call in (lambda: all_kinds(1), lambda: all_kinds(a=1, b=2, d=3), lambda: add(1), lambda: add(1, 2, 3), lambda: add(1, c=2)):
    for _ in range(N):
        try:
            call()
        except TypeError as error:
            text = str(error)
    print(text)


# Generators.
def counter(n):
    total = 0
    for i in range(n):
        try:
            got = yield total
        except ValueError as error:
            got = int(str(error))
        total += got or i
    return total


def outer(n):
    result = yield from counter(n)
    yield "result", result


print(sum(x for x in counter(N)), list(outer(4)), [list(outer(3)) for _ in range(N)][-1])
g = counter(10)
print(next(g), g.send(5), g.throw(ValueError("7")), next(g), g.close(), list(g))
print(list(zip(counter(3), outer(2))))


def finishing():
    try:
        for i in range(N):
            yield i
    finally:
        print("closed")


g = finishing()
for i in g:
    if i == N - 3:
        g.close()


# Closures, cells and comprehensions.
def closures(n):
    total = 0

    def step(by):
        nonlocal total
        total += by
        return lambda: (total, by)

    return [step(i) for i in range(n)][n // 2]()


print(hot(closures, 4), closures(2 * N))


def tracebacks(n):
    for i in range(n):
        try:
            divide(i, i - n + 1)
        except ZeroDivisionError as error:
            lines = []
            at = error.__traceback__
            while at:
                lines.append((at.tb_frame.f_code.co_name, at.tb_lineno - at.tb_frame.f_code.co_firstlineno))
                at = at.tb_next
            return lines


print(tracebacks(N))


def who():
    return sys._getframe(1).f_code.co_name, sys._getframe(1).f_lineno - sys._getframe(1).f_code.co_firstlineno


def asks():
    pass
    return who()


print(hot(asks))
events = []
sys.setprofile(lambda frame, event, arg: events.append((frame.f_code.co_name, event)) if not event.startswith("c_") else None)
asks()
sys.setprofile(None)
print(events)
x = y = 5000
for i in range(N):
    y = i + 5000
    assert (y is y) and [y][0] is not None
number = 1.5
for i in range(N):
    number = number * 1.0001
    assert number in [number]
