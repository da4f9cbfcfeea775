"""Attributes of instances and classes, properties, slots, inheritance."""


class Counter:
    total = 0
    __slots__ = ("value", "step")

    def __init__(self, step):
        self.value = 0
        self.step = step

    @property
    def doubled(self):
        return self.value * 2

    def tick(self):
        self.value += self.step
        Counter.total += 1


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    @classmethod
    def origin(cls):
        return cls(0, 0)

    @staticmethod
    def clamp(value):
        return 0 if value < 0 else 1000 if value > 1000 else value

    def __add__(self, other):
        return Point(self.clamp(self.x + other.x), Point.clamp(self.y + other.y))

    def __eq__(self, other):
        return self.x == other.x and self.y == other.y


class Named(Point):
    kind = "named"

    def __init__(self, x, y, name):
        super().__init__(x, y)
        self.name = name


def run():
    Counter.total = 0
    counter = Counter(3)
    seen = 0
    for _ in range(8000):
        counter.tick()
        seen += counter.doubled & 1
    at, by = Point.origin(), Point(1, 2)
    for _ in range(3000):
        at = at + by
        if at == by:
            seen += 1
    for i in range(3000):
        named = Named(i, i, "n")
        seen += len(named.kind) + named.x - named.y
    return counter.value, Counter.total, seen, at.x, at.y
