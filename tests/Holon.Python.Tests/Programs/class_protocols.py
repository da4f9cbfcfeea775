class A:
    x = 1
    def __init__(self, v): self.v = v
    def __repr__(self): return f"A({self.v!r})"
    def __add__(self, o): return A(self.v + o.v)
    def __eq__(self, o): return self.v == o.v
    def __hash__(self): return hash(self.v)
    @property
    def double(self): return self.v * 2
    @classmethod
    def make(cls, v): return cls(v)
    @staticmethod
    def s(a, b=2, *args, k=3, **kw): return (a, b, args, k, kw)
class B(A):
    __slots__ = ('w',)
    def __init__(self, v, w):
        super().__init__(v)
        self.w = w
    def __getattr__(self, n): return 'missing ' + n
print(A(1) + A(2), A(3) == A(3), A.make(5).double, A.s(1), A.s(1, 2, 3, 4, k=5, z=6))
b = B(1, 2); print(b.v, b.w, b.zzz, isinstance(b, A), B.__mro__)
class M(type):
    def __new__(m, n, b, d, **kw):
        c = super().__new__(m, n, b, d); c.kw = kw; return c
    def __init__(c, n, b, d, **kw): super().__init__(n, b, d)
class C(metaclass=M, flag=1): pass
print(C.kw, type(C).__name__)
class D:
    def __set_name__(self, o, n): self.n = n
    def __get__(self, i, o): return (self.n, i is None)
    def __set__(self, i, v): print('set', self.n, v)
class E: d = D()
e = E(); e.d = 3; print(e.d, E.d)
class P:
    def __init_subclass__(cls, **kw): print('sub', cls.__name__, kw)
class Q(P, a=1): pass
print({A(1): 'x'}[A(1)], sorted([3,1,2], key=lambda x: -x), callable(A), len({A(1), A(1)}))
