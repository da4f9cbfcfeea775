"""Generators that wait for others, cold and hot: values, errors, tracebacks, frames and limits."""
import asyncio
import sys
import traceback

ROUNDS = 3000


def leaf(n):
    total = 0
    for i in range(n):
        got = yield i
        if got is not None:
            total += got
    return total


def middle(n, depth):
    if depth == 0:
        return (yield from leaf(n))
    result = yield from middle(n, depth - 1)
    return result + 1


def drive(n, depth):
    g = middle(n, depth)
    out = [next(g)]
    try:
        while True:
            out.append(g.send(len(out)))
    except StopIteration as stop:
        return sum(out), stop.value


print([drive(5, d) for d in range(4)])
for _ in range(ROUNDS):
    last = drive(4, 5)
print(last, sum(middle(ROUNDS, 20)))


def failing(n):
    for i in range(n):
        yield i
    raise ValueError(f"after {n}")


def catching(n):
    try:
        yield from failing(n)
    except ValueError as error:
        yield str(error)
        yield sys.exc_info()[0]
    yield sys.exc_info()[0]


def passing(n):
    yield from catching(n)
    yield from failing(1)


def outcome():
    out = []
    try:
        for x in passing(3):
            out.append(x)
    except ValueError as error:
        frames = traceback.extract_tb(error.__traceback__)
        return out, [(f.name, f.line) for f in frames], error.__context__
    return out


for _ in range(ROUNDS):
    last = outcome()
print(last)


def callers():
    while True:
        names = []
        frame = sys._getframe()
        while frame is not None and len(names) < 5:
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        yield names


def through():
    yield from callers()


def outermost():
    yield from through()


g = outermost()
for _ in range(ROUNDS):
    last = next(g)
print(last, g.gi_running, g.gi_frame.f_back, g.gi_yieldfrom.__name__)


def reentrant():
    me = yield
    while True:
        try:
            next(me)
        except ValueError as error:
            yield str(error)
        yield me.gi_running


def around():
    yield from reentrant()


g = around()
next(g)
print(g.send(g), [next(g) for _ in range(3)])


def handling(inner):
    try:
        raise KeyError("outer")
    except KeyError:
        yield from inner()


def raises_inside():
    yield 1
    try:
        raise ValueError("inner")
    except ValueError as error:
        yield repr(error.__context__)
    yield repr(sys.exc_info()[1])


for _ in range(ROUNDS):
    last = list(handling(raises_inside))
print(last, sys.exc_info())


def closing(log):
    try:
        while True:
            yield len(log)
    except GeneratorExit:
        log.append("exit")
        raise
    finally:
        log.append("finally")


def wraps(log):
    try:
        yield from closing(log)
    finally:
        log.append("outer")


log = []
g = wraps(log)
next(g), next(g)
g.close()
print(log)
g = wraps(log)
next(g), next(g)
try:
    g.throw(RuntimeError("thrown"))
except RuntimeError as error:
    print(error, log, [f.name for f in traceback.extract_tb(error.__traceback__)])


def deep(n):
    if n:
        yield from deep(n - 1)
    else:
        yield "bottom"
        yield "again"


g = deep(300)
print(next(g), next(g), list(g))
sys.setrecursionlimit(400)
try:
    list(deep(1000))
except RecursionError as error:
    print(error)
sys.setrecursionlimit(1000)


async def step(n):
    await asyncio.sleep(0)
    return n


async def nested(n):
    return await step(n) + (await nested(n - 1) if n else 0)


async def numbers(n):
    for i in range(n):
        if i % 500 == 0:
            await asyncio.sleep(0)
        yield i


async def doubled(n):
    async for i in numbers(n):
        if i == n - 1:
            try:
                raise LookupError(i)
            except LookupError as error:
                yield repr(error)
        yield 2 * i


async def stopping():
    seen = 0
    try:
        async for i in doubled(ROUNDS):
            seen += 1
            if seen == ROUNDS - 5:
                raise OSError("enough")
    except OSError as error:
        return str(error), seen


async def sending():
    async def echo():
        got = None
        while True:
            got = yield got
            if got == "fail":
                raise ArithmeticError("asked to")

    e = echo()
    out = [await e.asend(None)]
    for i in range(ROUNDS):
        out.append(await e.asend(i))
    try:
        await e.asend("fail")
    except ArithmeticError as error:
        out.append(str(error))
    try:
        await e.asend(1)
    except StopAsyncIteration:
        out.append("over")
    return len(out), out[-3:]


async def main():
    for _ in range(50):
        last = await nested(20)
    print(last, sum([x async for x in doubled(ROUNDS) if isinstance(x, int)]), [x async for x in doubled(3)])
    print(await stopping(), await sending())


asyncio.run(main())


class Node:
    pass


nodes = [Node() for _ in range(100)] + [[i] for i in range(100)] + [(i, i) for i in range(100)] + [{} for _ in range(100)] + [str(i) * 9 for i in range(100)]
ids = [id(n) for n in nodes]
print(len(set(ids)), ids == [id(n) for n in nodes], id(None) != id(True) != id(False), id(5) == id(5), id(int) == id(type(1)))
