"""Calls of methods on objects of several classes."""


class Shape:
    def __init__(self, name):
        self.name = name

    def area(self):
        return 0

    def describe(self, scale=1):
        return self.area() * scale


class Square(Shape):
    def __init__(self, side):
        super().__init__("square")
        self.side = side

    def area(self):
        return self.side * self.side


class Rectangle(Square):
    def __init__(self, side, other):
        Square.__init__(self, side)
        self.other = other

    def area(self):
        return self.side * self.other


class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)
        return self

    def pop(self):
        return self.items.pop()

    def __len__(self):
        return len(self.items)


def run():
    shapes = [Square(2), Rectangle(2, 3), Shape("none"), Square(5)]
    total = 0
    for i in range(5000):
        shape = shapes[i & 3]
        total += shape.area() + shape.describe() + shape.describe(scale=2)
    stack = Stack()
    for i in range(5000):
        stack.push(i).push(i + 1)
        total += stack.pop()
    bound = stack.push
    for i in range(5000):
        bound(i)
    return total, len(stack)
