# Classes, descriptors, inheritance, operators.
class Base:
    count = 0

    def __init__(self, name):
        self.name = name
        Base.count += 1

    def __repr__(self):
        return f'{type(self).__name__}({self.name!r})'

    @property
    def upper(self):
        return self.name.upper()

    @classmethod
    def make(cls, name):
        return cls(name)

    @staticmethod
    def twice(x):
        return x * 2


class Derived(Base):
    __slots__ = ('extra',)

    def __init__(self, name, extra=0):
        super().__init__(name)
        self.extra = extra

    def __add__(self, other):
        return Derived(self.name + other.name, self.extra + other.extra)

    def __eq__(self, other):
        return isinstance(other, Derived) and self.name == other.name

    def __hash__(self):
        return hash(self.name)


a, b = Derived('a', 1), Derived.make('b')
print(a + b, (a + b).extra, a == Derived('a'), a != b, len({a, Derived('a')}), Base.count, a.upper, Base.twice(4))
print(Derived.__mro__, Derived.__name__, isinstance(a, Base), issubclass(Derived, Base))


class Meta(type):
    def __new__(mcs, name, bases, namespace, **kw):
        cls = super().__new__(mcs, name, bases, namespace)
        cls.tag = kw.get('tag')
        return cls

    def __init__(cls, name, bases, namespace, **kw):
        super().__init__(name, bases, namespace)


class Tagged(metaclass=Meta, tag='t'):
    pass


print(Tagged.tag, type(Tagged).__name__)
try:
    a.missing
except AttributeError as e:
    print(e)

# A metaclass whose first base is a plain class: that class's __dict__ is asked for that of a class.
class PlainBase:
    def hello(cls):
        return "hello from " + cls.__name__


class MixedMeta(PlainBase, type):
    pass


class OfMixedMeta(metaclass=MixedMeta):
    x = 1


print(type(OfMixedMeta.__dict__), OfMixedMeta.__dict__["x"], OfMixedMeta.hello(), vars(OfMixedMeta)["x"])
try:
    OfMixedMeta.__dict__ = {}
except AttributeError as error:
    print(error)
of_mixed = OfMixedMeta()
of_mixed.y = 2
print(of_mixed.__dict__)
