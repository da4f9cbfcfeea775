"""What weak references, their callbacks, __del__ and WeakSet see of objects that die, after a collection."""
import asyncio
import gc
import weakref

events = []


class Node:
    def __init__(self, name, other=None):
        self.name, self.other = name, other


class Loud(Node):
    def __del__(self):
        events.append(f"del {self.name}")


def settle():
    for _ in range(3):
        gc.collect()
    result = sorted(events)
    events.clear()
    return result


def watched():
    node = Node("a")
    refs = []
    for i in range(5):
        refs.append(weakref.ref(node, lambda r, i=i: events.append((i, r() is None))))
    dropped = weakref.ref(node, lambda r: events.append("a reference that died first must stay silent"))
    del dropped
    plain = weakref.ref(node)
    assert weakref.ref(node) is plain
    return refs, plain


def many():
    node = Node("many")
    for _ in range(1000):
        weakref.ref(node, print)
    kept = []
    for _ in range(3):
        kept.append(weakref.ref(node, lambda r: events.append("kept")))
    gc.collect()
    assert 3 <= weakref.getweakrefcount(node) <= 4
    return kept


def chain():
    loud = Loud("outer", Loud("inner", Node("plain")))
    return weakref.ref(loud), weakref.ref(loud.other.other, lambda r: events.append("plain gone"))


def cycle():
    a = Node("x")
    a.other = Loud("cycle", a)
    return weakref.ref(a, lambda r: events.append("cycle gone"))


def sets():
    alive = list(map(Node, range(10)))
    group, table = weakref.WeakSet(alive), weakref.WeakValueDictionary((n.name, n) for n in alive)
    keys = weakref.WeakKeyDictionary((n, n.name) for n in alive)
    return alive[::3], group, table, keys


held = watched()
print(settle(), held[1]())
held = many()
print(settle(), [r() for r in held])
held = chain()
print(settle(), [r() for r in held])
held = cycle()
print(settle(), held())
alive, group, table, keys = sets()
print(settle(), sorted(n.name for n in group), sorted(table), sorted(keys.values()))


async def numbers(n):
    for i in range(n):
        yield i


async def main():
    total = 0
    for _ in range(200):
        async for i in numbers(5):
            total += i
    unfinished = numbers(3)
    await unfinished.__anext__()
    await unfinished.aclose()
    tasks = [asyncio.create_task(asyncio.sleep(0, i)) for i in range(50)]
    return total, sum(await asyncio.gather(*tasks)), len(asyncio.all_tasks())

print(asyncio.run(main()))
