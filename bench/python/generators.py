"""Generators that feed each other, recursive ones, and generator expressions."""


def count(n):
    i = 0
    while i < n:
        yield i
        i += 1


def scale(numbers, by):
    for number in numbers:
        yield number * by


def pairs(numbers):
    previous = None
    for number in numbers:
        if previous is not None:
            yield previous, number
        previous = number


def tree(depth):
    if depth:
        yield from tree(depth - 1)
        yield depth
        yield from tree(depth - 1)


def averager():
    total = n = 0
    while True:
        total += yield total / n if n else 0
        n += 1


def run():
    result = sum(b - a for a, b in pairs(scale(count(12000), 3)))
    result += sum(tree(9))
    average = averager()
    next(average)
    for i in range(3000):
        last = average.send(i)
    return result, last, sum(x * x for x in count(5000) if x & 1)
