"""Functions in functions, lambdas, decorators, default and keyword arguments."""
from functools import reduce


def counter():
    n = 0

    def step(by=1):
        nonlocal n
        n += by
        return n

    return step


def compose(*functions):
    return lambda x: reduce(lambda value, f: f(value), functions, x)


def remember(function):
    known = {}

    def wrapper(*args):
        if args not in known:
            known[args] = function(*args)
        return known[args]

    return wrapper


@remember
def ways(n, k):
    return 1 if k == 0 or k == n else ways(n - 1, k - 1) + ways(n - 1, k)


def keywords(a, b=2, *rest, c=3, **more):
    return a + b + c + len(rest) + len(more)


def run():
    step = counter()
    for i in range(10000):
        step()
        step(2)
    pipeline = compose(lambda x: x + 1, lambda x: x * 2, abs)
    total = sum(pipeline(i) for i in range(2000))
    adders = [lambda x, n=n: x + n for n in range(10)]
    for i in range(3000):
        total += adders[i % 10](i) + keywords(i, c=5) + keywords(1, 2, 3, d=4)
    return step(0), total, ways(40, 17)
