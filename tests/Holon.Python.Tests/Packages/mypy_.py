"""mypy on a file with and without errors."""
import os, sys, tempfile
from mypy import api

folder = tempfile.mkdtemp()
path = os.path.join(folder, "program.py")
with open(path, "w") as file:
    file.write('''
from __future__ import annotations
import dataclasses, typing as t

T = t.TypeVar("T", bound="Shape")

class Shape(t.Protocol):
    def area(self) -> float: ...

@dataclasses.dataclass
class Square:
    side: float
    def area(self) -> float:
        return self.side ** 2

class Bad:
    def area(self) -> str:
        return "x"

def largest(shapes: list[T]) -> T:
    return max(shapes, key=lambda s: s.area())

def maybe(x: int | None) -> int:
    return x + 1

def handle(v: int | str | list[int]) -> str:
    if isinstance(v, int):
        reveal_type(v)
        return v
    elif isinstance(v, str):
        return v.uper()
    reveal_type(v)
    for a, b in zip(v, "abc"):
        reveal_type((a, b))

largest([Square(1.0), Square("2")])
largest([Bad()])
square: Square = Square(side=1, colour="red")
d: dict[str, int] = {1: "a"}
class P(t.NamedTuple):
    x: int
    y: str = ""
P("a").z
async def f() -> int:
    return await g()
async def g() -> str:
    return "x"
class TD(t.TypedDict, total=False):
    a: int
TD(a="x", b=1)
''')
for options in ([], ["--strict"]):
    output, errors, code = api.run(["--no-incremental", "--cache-dir", os.devnull, "--show-error-codes", "--no-color-output", *options, path])
    print(output.replace(folder, "FOLDER"), errors, code)
