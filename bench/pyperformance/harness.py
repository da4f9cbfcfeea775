"""Runs one of pyperformance's benchmarks: harness.py FOLDER SECONDS BENCHMARK [ARGUMENT…]. FOLDER is pyperformance's data-files/benchmarks.

Stands in for the package pyperf, which the benchmarks import: their functions are called again and again in this process, first once, then
often enough that a measurement takes 20 ms. Prints what bench/python/harness.py prints; of several functions of one benchmark the sums.
"""
import os
import sys
import time
import types

SAMPLE = 0.02
seconds = 0.0
totals = [0.0, 0.0, 0.0]


def measure(run, inner=1):
    """Calls run(loops), which returns the seconds that so many loops took."""
    first = run(1)
    loops, times, begin = 1, [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < seconds:
        taken = run(loops)
        times.append(taken / loops)
        if taken < SAMPLE and len(times) < 1000:
            loops *= 2
    # The first half of the time is warm-up.
    steady = sorted(times[len(times) // 2:])
    for i, value in enumerate((first, steady[0], steady[len(steady) // 2])):
        totals[i] += value / inner


class Runner:
    def __init__(self, *_, add_cmdline_args=None, **__):
        import argparse
        self.metadata = {}
        self.argparser = argparse.ArgumentParser()
        self.parsed = None

    def parse_args(self, *_):
        if self.parsed is None:
            self.parsed = self.argparser.parse_args(sys.argv[1:])
        return self.parsed

    def bench_time_func(self, name, function, *args, inner_loops=1):
        measure(lambda loops: function(loops, *args), inner_loops)

    def bench_func(self, name, function, *args, inner_loops=1):
        def run(loops):
            start = time.perf_counter()
            for _ in range(loops):
                function(*args)
            return time.perf_counter() - start
        measure(run, inner_loops)

    def bench_async_func(self, name, function, *args, inner_loops=1, loop_factory=None):
        import asyncio

        def run(loops):
            async def main():
                start = time.perf_counter()
                for _ in range(loops):
                    await function(*args)
                return time.perf_counter() - start
            return asyncio.run(main())
        measure(run, inner_loops)


def main():
    global seconds
    folder, duration, benchmark, *arguments = sys.argv[1:]
    seconds = float(duration)
    pyperf = types.ModuleType("pyperf")
    pyperf.Runner, pyperf.perf_counter, pyperf.python_implementation = Runner, time.perf_counter, lambda: "cpython"
    sys.modules["pyperf"] = pyperf
    path = os.path.join(folder, benchmark, "run_benchmark.py")
    sys.argv = [path, *arguments]
    sys.path.insert(0, os.path.dirname(path))
    namespace = {"__name__": "__main__", "__file__": path}
    with open(path) as source:
        exec(compile(source.read(), path, "exec"), namespace)
    for name, value in zip(("first", "best", "median"), totals):
        print(name, value)
    with open("/proc/self/status") as status:
        print("peak", next(int(line.split()[1]) for line in status if line.startswith("VmHWM")))
    print("result", "")


main()
