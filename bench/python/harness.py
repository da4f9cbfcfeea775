"""Runs one benchmark again and again: harness.py FILE SECONDS. Prints the first run's time, the best and the median of the
others, the most memory in kB, and the result."""
import sys
import time


def load(path):
    namespace = {"__name__": "benchmark"}
    with open(path) as source:
        exec(compile(source.read(), path, "exec"), namespace)
    return namespace["run"]


def main(path, seconds):
    run = load(path)
    times = []
    begin = time.perf_counter()
    while len(times) < 3 or (time.perf_counter() - begin < seconds and len(times) < 1000):
        start = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - start)
    # The first half of the time is warm-up.
    first, steady = times[0], sorted(times[len(times) // 2:])
    print("first", first)
    print("best", steady[0])
    print("median", steady[len(steady) // 2])
    with open("/proc/self/status") as status:
        print("peak", next(int(line.split()[1]) for line in status if line.startswith("VmHWM")))
    print("result", result)


main(sys.argv[1], float(sys.argv[2]))
