"""sys.settrace and sys.setprofile: every event, in order; jumps; what a trace function may change."""
import sys


def record(function, *args, opcodes=False, keep=True):
    events = []

    def trace(frame, event, arg):
        frame.f_trace_opcodes = opcodes
        what = arg[0].__name__ if event == "exception" else repr(arg).partition(" at 0x")[0] if event == "return" else None
        events.append((frame.f_code.co_name, event, frame.f_lineno - frame.f_code.co_firstlineno, frame.f_lasti if opcodes else 0, what))
        return trace if keep else None

    sys.settrace(trace)
    try:
        function(*args)
    except Exception as error:
        events.append(("raised", type(error).__name__))
    finally:
        sys.settrace(None)
    for event in events:
        print(*event)
    print()


def loops(n):
    total = 0
    for i in range(n):
        if i % 2:
            continue
        total += i
    while total > 1:
        total -= 2
    else:
        total = 9
    return [x
            for x in range(2)]


class Manager:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


def handled():
    try:
        try:
            1 / 0
        finally:
            x = 1
    except ZeroDivisionError as e:
        x = 2
    with Manager() as f:
        x = 3
    return x


def raising():
    def inner():
        raise KeyError(1)
    inner()


def generators():
    def g(n):
        got = yield n
        try:
            yield got
        except ValueError:
            yield 5
    a = g(1)
    next(a)
    a.send(2)
    a.throw(ValueError)
    for _ in a:
        pass
    return sum(i for i in (1, 2))


def delegating():
    def inner():
        yield 1
        return 2

    def outer():
        x = yield from inner()
        yield x
    return list(outer())


def matching(v):
    match v:
        case [a, b]:
            return a
        case {"k": x}:
            return x
        case _:
            return None


class Body:
    x = 1

    def method(self):
        return self.x


def classes():
    class Local:
        y = 2
    return Local().y + Body().method()


for f, args in ((loops, (3,)), (handled, ()), (raising, ()), (generators, ()), (delegating, ()), (matching, ({"k": 1},)), (classes, ())):
    record(f, *args)
record(loops, 2, opcodes=True)
record(classes, keep=False)


# A trace function moves the frame, and changes a local.
def jumping(out):
    out.append(1)
    for i in range(2):
        out.append(2)
    out.append(3)
    with Manager() as f:
        out.append(4)
    out.append(5)


def jump(function, source, target):
    out = []
    done = []

    def trace(frame, event, arg):
        if frame.f_code is not function.__code__:
            return None
        if event == "line" and frame.f_lineno - frame.f_code.co_firstlineno == source and not done:
            done.append(1)
            frame.f_lineno = frame.f_code.co_firstlineno + target
        return trace

    sys.settrace(trace)
    try:
        function(out)
    except ValueError as error:
        out.append(str(error))
    finally:
        sys.settrace(None)
    print(source, target, out)


for source, target in ((1, 4), (3, 4), (4, 1), (1, 3), (6, 4), (4, 6), (7, 1), (1, 50), (1, -3)):
    jump(jumping, source, target)


def changed():
    a = 1
    b = a + 1
    return a, b


def change(frame, event, arg):
    if event == "line" and "a" in frame.f_locals and "b" not in frame.f_locals:
        frame.f_locals["a"] = 10
    return change


sys.settrace(change)
result = changed()
sys.settrace(None)
print(result)


# A trace function that raises is not called again.
def failing(frame, event, arg):
    if event == "line":
        raise RuntimeError("from the trace function")
    return failing


sys.settrace(failing)
try:
    changed()
except RuntimeError as error:
    print(error, sys.gettrace())

profile = []
sys.setprofile(lambda frame, event, arg: profile.append((frame.f_code.co_name, event, getattr(arg, "__name__", arg) if event.startswith("c_") else None)))
len([1])
changed()
[].append(1)
try:
    {}.pop(1)
except KeyError:
    pass
sys.setprofile(None)
for event in profile:
    print(*event)
