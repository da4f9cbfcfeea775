"""memoryview: several dimensions, casts, comparisons, and when a view forbids its object to change its size."""
import array


def attempt(*functions):
    for function in functions:
        try:
            print(function())
        except Exception as error:
            print(type(error).__name__, error)


def dimensions():
    view = memoryview(b"abcdefgh").cast("B", [2, 4])
    print(view.tolist(), view[1, 2], view.shape, view.strides, view.ndim, view.nbytes, len(view), view.c_contiguous, view.f_contiguous)
    print(view[::-1].tolist(), view[::-1].contiguous, view.tobytes("F"), view[::-1].tobytes())
    attempt(lambda: view[0], lambda: view[0, 1, 2], lambda: view[0:1, 0:1], lambda: view[2, 0], lambda: view["a"], lambda: list(view), lambda: view.cast("H").tolist(), lambda: view.cast("B", [8]).tolist())
    writable = memoryview(bytearray(8)).cast("H", [2, 2])
    writable[1, 0] = 258
    print(writable.tolist(), writable.tobytes(), writable == memoryview(bytearray([0, 0, 0, 0, 2, 1, 0, 0])).cast("H", (2, 2)))
    attempt(lambda: writable.__setitem__((0, 0), 70000), lambda: writable.__setitem__((0, 0), "x"), lambda: writable.__setitem__(0, 1), lambda: writable.__setitem__(slice(1), b"ab"))
    scalar = memoryview(b"\x05\0\0\0").cast("I", ())
    print(scalar.ndim, scalar[()], scalar.tolist(), scalar[...].shape)
    plain = memoryview(b"12345678")
    attempt(lambda: scalar[0], lambda: plain.cast("Z"), lambda: plain.cast("I").cast("H"), lambda: plain.cast("B", [3]), lambda: plain.cast("B", [-8]), lambda: plain[::2].cast("H"), lambda: plain.cast("B", 8))


def items():
    numbers = memoryview(array.array("i", [1, -2, 3]))
    numbers[1:] = array.array("i", [8, 9])
    print(numbers.tolist(), numbers.format, numbers.itemsize, numbers.obj, numbers[::2].tolist(), list(reversed(numbers)))
    attempt(lambda: numbers.__setitem__(slice(2), b"12"), lambda: numbers.__setitem__(0, 2**40), lambda: numbers.__setitem__(0, 1.5), lambda: numbers.__delitem__(0), lambda: hash(numbers))
    fixed = memoryview(bytearray(b"abc")).toreadonly()
    print(fixed.readonly, fixed.obj, fixed == b"abc")
    attempt(lambda: fixed.__setitem__(0, 1), lambda: numbers < numbers, lambda: b"" < numbers, lambda: memoryview({}))
    print(memoryview(b"a") == memoryview(b"a").cast("b"), memoryview(array.array("d", [1])) == array.array("i", [1]), memoryview(array.array("d", [float("nan")])) == array.array("d", [float("nan")]))
    released = memoryview(b"abc")
    known = hash(released)
    released.release()
    print(known == hash(b"abc") == hash(released), released == released)
    attempt(lambda: released[0], lambda: len(released), lambda: released.format)


def sizes():
    data = bytearray(b"hello world")

    def peek():
        return memoryview(data)[:4]

    def use():
        part = peek()
        try:
            return bytes(part)
        finally:
            del part

    for _ in range(3):
        use()
        del data[:1]
    memoryview(data)[:3].tobytes()
    data.append(33)
    held = memoryview(data)[2:5]
    for change in (lambda: data.append(1), lambda: data.clear(), lambda: data.__setitem__(0, 65)):
        attempt(change)
    other = held[1:]
    held.release()
    attempt(lambda: data.append(1))
    other.release()
    data.append(34)
    with memoryview(data):
        attempt(lambda: data.extend(b"xx"))
    data.extend(b"xx")
    print(data)


dimensions()
items()
sizes()
