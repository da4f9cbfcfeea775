"""cProfile counts what CPython's counts; times differ."""
import cProfile
import gc
import io
import pstats


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def fails():
    try:
        int("x")
    except ValueError:
        return [i for i in range(3)]


def work():
    items = []
    for i in range(50):
        items.append(i)
    return sorted(items, key=abs), len(items), fib(8), fails(), sum(n for n in items)


def show(profile):
    for (file, line, name), (primitive, calls, own, total, callers) in sorted(pstats.Stats(profile, stream=io.StringIO()).stats.items()):
        print(name, line, primitive, calls, own >= 0, total >= own, sorted((caller[2], counts[:2]) for caller, counts in callers.items()))


gc.collect()  # callbacks of weak references to the locks of the imports above are due; they would be profiled otherwise
profile = cProfile.Profile()
profile.enable()
work()
profile.disable()
show(profile)
with cProfile.Profile(subcalls=False, builtins=False) as profile:
    work()
show(profile)
ticks = iter(range(1000))
profile = cProfile.Profile(lambda: next(ticks), 0.5)
profile.runcall(fib, 2)
show(profile)
