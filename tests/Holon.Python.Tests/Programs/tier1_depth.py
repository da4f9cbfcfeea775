"""Exceptions that C# code catches after they have passed compiled code must leave the depth and the frames as they were."""
import sys
import re._compiler
import re._parser
from typing import Protocol, runtime_checkable


def depth(n=0):
    try:
        return depth(n + 1)
    except RecursionError:
        return n


class Items:
    def __init__(self):
        self.data = [1, 2]

    def __getitem__(self, i):
        return self.data[i]

    def __len__(self):
        return self.data[5]

    def __eq__(self, other):
        return other[0]

    def __iter__(self):
        return iter(self.data)


class Sequence(Items):
    __iter__ = None

    def __init__(self):
        super().__init__()


class Old:
    def __init__(self):
        self.data = (1, 2)

    def __getitem__(self, i):
        return self.data[i]


class Missing:
    @property
    def there(self):
        return self.absent

    def __getattr__(self, name):
        raise AttributeError(name)


def sequence():
    for x in Old():
        pass


def listed():
    return list(Old())


def contained():
    return 7 in Old()


def attribute():
    return getattr(Missing(), "there", None), hasattr(Missing(), "nothing")


def sized():
    try:
        len(Items())
    except IndexError:
        pass


def keyed():
    try:
        sorted([3, 1], key=lambda x: [][x])
    except IndexError:
        pass


def expression():
    return len(re._compiler._code(re._parser.parse(r"(?:a|b)+[^x]*(foo|bar)?\d{2,3}", 0), 0))


for f in (sequence, listed, contained, attribute, sized, keyed, expression):
    before = depth()
    for _ in range(1500):
        result = f()
    print(f.__name__, result, depth() - before, sys._getframe().f_code.co_name)


@runtime_checkable
class HasX(Protocol):
    x: int


class WithX:
    x = 1


print(isinstance(WithX(), HasX), isinstance(1, HasX))
print(re.split(r"\b|:+", "a::bc"), re.sub("x*", "-", "abxd"), re.findall(r"(?>a*)", "aab"), [m.span() for m in re.finditer(r"a|tt|$", "attab")])
print(re.findall(rb"[cgt]gggtaaa|tttaccc[acg]", b"agggtaaacgggtaaatttaccca"), re.findall("ab|a(b)?|\u20ac+", "abaab\u20ac\u20ac"), re.match("\u017f", "s", re.I))


async def steps():
    yield 1
    yield 2


one = steps().__anext__()
try:
    one.__next__()
except StopIteration as stop:
    print(stop.args, stop.value)
