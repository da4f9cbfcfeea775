"""Exceptions that are raised and handled near by and far off, and try blocks that raise none."""


class Stop(Exception):
    def __init__(self, value):
        self.value = value


def deep(n):
    if n == 0:
        raise Stop(7)
    try:
        return deep(n - 1) + 1
    finally:
        deep.unwound += 1


def parse(text):
    try:
        return int(text)
    except ValueError:
        return -1


def run():
    deep.unwound = total = 0
    table = {i: i for i in range(0, 200, 2)}
    for _ in range(20):
        for i in range(200):
            try:
                total += table[i]
            except KeyError:
                total += 1
    for i in range(200):
        try:
            deep(8)
        except Stop as stop:
            total += stop.value
    for i in range(5000):
        try:
            total += i
        finally:
            total -= 1
    return total, deep.unwound, sum(parse(t) for t in ("12", "x", "5", "") * 100)
