"""lzma, mmap, cmath, multiprocessing's locks, shared memory, crypt, _opcode, modules that are refused."""
import cmath, io, lzma, mmap, os, struct, tempfile

data = b"".join(struct.pack(">I", i * i % 1000) for i in range(20000))
for options in ({}, {"preset": 0}, {"check": lzma.CHECK_SHA256}, {"format": lzma.FORMAT_ALONE}, {"format": lzma.FORMAT_RAW, "filters": [{"id": lzma.FILTER_DELTA, "dist": 4}, {"id": lzma.FILTER_LZMA2, "preset": 9}]}):
    packed = lzma.compress(data, **options)
    raw = {k: v for k, v in options.items() if k in ("format", "filters")}
    print(options, len(packed), packed[:6], lzma.decompress(packed, **raw) == data)
packed = lzma.compress(data) + lzma.compress(b"second")
print(lzma.decompress(packed)[-6:])
d = lzma.LZMADecompressor()
out = d.decompress(packed[:100], 50)
print(d.needs_input, d.eof, d.check, len(out))
while not d.eof:
    out += d.decompress(b"" if not d.needs_input else packed[100:], 1000)
print(out == data, d.unused_data[:6], d.needs_input)
with lzma.open(io.BytesIO(packed), "rt", encoding="latin-1") as file:
    print(len(file.read()))
for bad in (b"nothing", packed[:50], packed[:20] + b"\0" * 100):
    try:
        lzma.decompress(bad)
    except (lzma.LZMAError, EOFError) as error:
        print(type(error).__name__, error)
for call in (lambda: lzma.LZMACompressor(preset=77), lambda: lzma.LZMACompressor(format=9), lambda: lzma.LZMACompressor(filters=[{"id": 5000}]), lambda: lzma.LZMADecompressor(memlimit=10).decompress(packed), lambda: lzma.LZMACompressor(filters=[{"preset": 1}])):
    try:
        call()
    except (lzma.LZMAError, ValueError) as error:
        print(type(error).__name__, error)
print(lzma.is_check_supported(10), lzma._encode_filter_properties({"id": lzma.FILTER_LZMA1, "dict_size": 4096}), lzma._decode_filter_properties(lzma.FILTER_LZMA2, b"\x10"))

path = os.path.join(tempfile.mkdtemp(), "f")
with open(path, "wb") as file:
    file.write(b"0123456789\nline two\n" * 500)
with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as m:
    print(len(m), m[:5], m[3], m[-5:], m[::2000], m.find(b"two"), m.rfind(b"two"), m.readline(), m.tell(), m.size())
    m[0:3] = b"abc"
    m[4] = 65
    m.seek(100)
    print(m.write(b"written"), m.tell(), m.read(4), m.read_byte(), b"written" in m)
    m.move(200, 0, 10)
    m.flush()
    view = memoryview(m)
    try:
        m.close()
    except BufferError as error:
        print(error)
    view.release()
    m.resize(20000)
    print(len(m), m[10000:10003], os.path.getsize(path))
with open(path, "rb") as file:
    print(file.read(12), file.seek(100), file.read(7), file.seek(200), file.read(10))
    r = mmap.mmap(file.fileno(), 100, access=mmap.ACCESS_READ)
    c = mmap.mmap(file.fileno(), 100, access=mmap.ACCESS_COPY)
    c[0] = 0
    try:
        r[0] = 0
    except TypeError as error:
        print(error, c[0], r[0])
a = mmap.mmap(-1, 4096)
a.write(b"anonymous")
a.seek(-2, 1)
print(a.read(3), a.closed, a.close(), a.closed)
for call in (lambda: a[0], lambda: mmap.mmap(-1, -1), lambda: mmap.mmap(-1, 0), lambda: mmap.mmap(os.open(path, os.O_RDONLY), 10**6)):
    try:
        call()
    except (ValueError, OverflowError, OSError) as error:
        print(type(error).__name__, error)

inf, nan = float("inf"), float("nan")
for name in "acos acosh asin asinh atan atanh cos cosh exp log log10 sin sinh sqrt tan tanh phase polar".split():
    row = []
    for z in (1 + 2j, -0.5 + 0j, complex(-0.0, -0.0), complex(inf, 1), complex(nan, -inf), complex(-inf, nan), 1e300 + 1e300j, 1e-310 + 0j, complex(2, -0.0), 710 + 1j):
        try:
            row.append(getattr(cmath, name)(z))
        except (ValueError, OverflowError) as error:
            row.append(str(error))
    print(name, *(f"{x.real:.12g}{x.imag:+.12g}j" if isinstance(x, complex) else f"{x:.12g}" if isinstance(x, float) else x if isinstance(x, str) else tuple(f"{y:.12g}" for y in x) for x in row))
print(cmath.rect(2, 1), cmath.rect(inf, 0), cmath.isclose(1 + 1e-10j, 1), cmath.log(8, 2), cmath.infj, cmath.isinf(complex(inf, nan)), cmath.isnan(complex(0, nan)))

import crypt, dis, multiprocessing, threading
from multiprocessing import shared_memory

context = multiprocessing.get_context("spawn")
lock, semaphore = context.RLock(), context.BoundedSemaphore(2)
with lock, lock:
    print(lock.acquire(timeout=0.01), semaphore.get_value(), semaphore.acquire(), semaphore.acquire(False), semaphore.acquire(False), semaphore.acquire(True, 0.01))
lock.release()
for _ in range(3):
    try:
        semaphore.release()
    except ValueError as error:
        print(error)
memory = shared_memory.SharedMemory(create=True, size=100)
memory.buf[:4] = b"abcd"
other = shared_memory.SharedMemory(name=memory.name)
print(bytes(other.buf[:5]))
other.close()
memory.close()
memory.unlink()
print(crypt.crypt("word", "$6$saltsalt$")[:20], dis.stack_effect(dis.opmap["BUILD_LIST"], 5), dis.stack_effect(dis.opmap["FOR_ITER"], 1, jump=True))
