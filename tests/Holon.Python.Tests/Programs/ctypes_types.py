# C's data types: layout, conversions, pointers, callbacks, errors.
import ctypes, sys, pickle, io
from ctypes import *
print([sizeof(t) for t in (c_byte, c_short, c_int, c_long, c_longlong, c_float, c_double, c_longdouble, c_char, c_wchar, c_bool, c_void_p, c_char_p, py_object, c_size_t)])
print(c_int(3), c_int(2**31).value, c_ubyte(-1).value, c_short(70000).value, c_bool(5), c_char(b"x"), c_wchar("é"), c_float(1e300), c_double(2))
for t, v in ((c_int, "x"), (c_int, 1.5), (c_char, b"xy"), (c_wchar, "xy"), (c_double, "x"), (c_char_p, 1.5), (c_void_p, "x")):
    try: print(t(v))
    except Exception as e: print(type(e).__name__, e)
class P(Structure):
    _fields_ = [("x", c_int), ("y", c_int)]
class R(Structure):
    _fields_ = [("a", P), ("b", P), ("n", c_char * 8), ("f", c_double), ("v", c_int * 3)]
r = R(P(1, 2), (3, 4), b"abc", 2.5, (1, 2, 3))
print(sizeof(R), r.a.x, r.b.y, r.n, r.f, list(r.v), R.f, R.n.offset, R.v.size, bytes(r))
r.a.x = 77; r.v[1] = 9; print(r.a.x, r.v[:], r.v[-1], len(r.v))
class B(Structure):
    _fields_ = [("a", c_uint, 3), ("b", c_int, 5), ("c", c_ushort, 4), ("d", c_uint, 30), ("e", c_ubyte)]
b = B(5, -3, 9, 2**29 + 1, 200); print(b.a, b.b, b.c, b.d, b.e, sizeof(B), bytes(b), B.a, B.b, B.c, B.d, B.e)
class PK(Structure):
    _pack_ = 1
    _fields_ = [("a", c_char), ("b", c_int), ("c", c_double)]
print(sizeof(PK), PK.b, PK.c, alignment(PK))
class U(Union):
    _fields_ = [("i", c_uint), ("b", c_ubyte * 4), ("s", c_short)]
u = U(); u.i = 0x01020304; print(list(u.b), u.s, sizeof(U))
class AN(Structure):
    _anonymous_ = ["u"]
    _fields_ = [("k", c_int), ("u", U)]
a = AN(1); a.i = 258; print(a.b[0], a.b[1], AN.i)
class BE(BigEndianStructure):
    _fields_ = [("a", c_int), ("b", c_ushort), ("c", c_double)]
be = BE(1, 2, 3.0); print(bytes(be), be.a, be.b, be.c)
class Sub(P):
    _fields_ = [("z", c_byte)]
s = Sub(1, 2, 3, ); print(s.x, s.y, s.z, sizeof(Sub), Sub(z=4).z)
i = c_int(42); p = pointer(i); p.contents.value = 43; print(i, p[0], bool(p), bool(POINTER(c_int)())); p[0] = 5; print(i.value)
try: POINTER(c_int)().contents
except ValueError as e: print(e)
buf = create_string_buffer(b"hello", 10); print(buf.raw, buf.value, sizeof(buf), buf[1], buf[1:3]); buf.value = b"x"; print(buf.raw)
ub = create_unicode_buffer("hé"); print(ub.value, len(ub), ub[:])
print(string_at(buf), string_at(buf, 4), string_at(addressof(buf) + 2, 3), wstring_at(ub))
memset(buf, 65, 3); print(buf.raw); d = create_string_buffer(4); memmove(d, buf, 3); print(d.raw)
cp = c_char_p(b"text"); print(cp.value, cast(cp, c_void_p).value is not None, cast(buf, POINTER(c_ubyte))[1])
arr = (c_int * 4)(1, 2, 3, 4); q = cast(arr, POINTER(c_int)); print(q[2], q[:4], arr[::2], list(arr))
ba = bytearray(8); v = c_int.from_buffer(ba, 4); v.value = 1; print(ba, c_int.from_buffer_copy(b"\1\0\0\0").value, memoryview(v).nbytes)
try: c_int.from_buffer(b"1234")
except TypeError as e: print(e)
try: c_int.from_buffer(bytearray(2))
except ValueError as e: print(e)
print(pickle.loads(pickle.dumps(r)).b.y, pickle.loads(pickle.dumps(c_int(7))).value)
f = io.BytesIO(bytes(range(8))); pp = P(); f.readinto(pp); print(pp.x, pp.y)
class Node(Structure): pass
Node._fields_ = [("v", c_int), ("next", POINTER(Node))]
n = Node(1, pointer(Node(2))); print(n.next.contents.v, bool(n.next.contents.next), sizeof(Node))
cb = CFUNCTYPE(c_int, c_int, c_int)(lambda a, b: a * b); print(cb(3, 4))
print(byref(i)._obj is i, POINTER(c_int) is POINTER(c_int), POINTER(c_int).__name__, (c_int * 3).__name__, (c_int * 3) is (c_int * 3))
for bad in (lambda: P(1, 2, 3), lambda: P(1, x=2), lambda: arr[4], lambda: arr.__setitem__(0, "x"), lambda: Structure(), lambda: setattr(r, "a", 3), lambda: c_int.from_param("x"), lambda: (c_int * -1)):
    try: bad(); print("?")
    except Exception as e: print(type(e).__name__, e)
import multiprocessing
v = multiprocessing.Value("i", 5); v.value += 1; print(v.value); A = multiprocessing.Array("d", [1, 2, 3]); print(A[:])
class Texts(Structure):
    _fields_ = [("n", c_char * 4), ("w", c_wchar * 3)]
t = Texts(b"ab\0c", "é"); print(t.n, t.w, bytes(t)); t.n = b"abcd"; print(t.n)
for bad in (lambda: setattr(t, "n", b"abcde"), lambda: setattr(t, "n", "x"), lambda: setattr(t, "w", "long text"), lambda: setattr(t, "w", b"x"), lambda: c_double.from_param("x"), lambda: c_char_p.from_param(3), lambda: c_wchar_p.from_param(b"x")):
    try: bad(); print("?")
    except Exception as e: print(type(e).__name__, e)
print(c_char_p.from_param(None), c_void_p.from_param(None), c_void_p.from_param(3) is not None)
