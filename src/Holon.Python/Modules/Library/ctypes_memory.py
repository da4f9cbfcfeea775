# _ctypes without machine code: C's types as they lie in memory, and pointers between them.
#
# Every object lies in a piece of memory that the machine owns. Addresses are given out when somebody asks for one; they mean something to this module alone, and
# one that it has not given out cannot be read. C libraries cannot be loaded. _Block, which exports the bytes of an object, is the machine's.
#
# This part: memory and its addresses, and what all types have.
from _bisect import bisect_right as _bisect_right
from _operator import index as _index
from _struct import Struct as _Struct
from _weakref import ref as _ref

__version__ = "1.1.0"
RTLD_LOCAL, RTLD_GLOBAL = 0, 256
FUNCFLAG_STDCALL, FUNCFLAG_CDECL, FUNCFLAG_HRESULT, FUNCFLAG_PYTHONAPI, FUNCFLAG_USE_ERRNO, FUNCFLAG_USE_LASTERROR = 0, 1, 2, 4, 8, 16
_REFUSED = "machine code cannot be called: it could do anything to the process"


class ArgumentError(Exception):
    __module__ = "ctypes"


class _Memory:
    """A piece of memory: a view of its bytes, its address once it has one, and by offset what pointers in it point to."""

    __slots__ = ("view", "address", "keep", "__weakref__")

    def __init__(self, source):
        self.view = memoryview(source).cast("B")
        self.address = 0
        self.keep = {}


class _Addresses:
    """The pieces of memory that have addresses, in their order."""

    def __init__(self):
        self.starts, self.pieces, self.next, self.limit = [], [], 0x10000000, 1000

    def give(self, piece):
        if not piece.address:
            if len(self.starts) > self.limit:
                living = [(start, each) for start, each in zip(self.starts, self.pieces) if each() is not None]
                self.starts, self.pieces = [start for start, _ in living], [each for _, each in living]
                self.limit = 1000 + 2 * len(living)
            piece.address = self.next
            self.next += (len(piece.view) + 63) & ~31
            self.starts.append(piece.address)
            self.pieces.append(_ref(piece))
        return piece.address

    def find(self, address, size=0):
        at = _bisect_right(self.starts, address) - 1
        piece = self.pieces[at]() if at >= 0 else None
        if piece is None or address - piece.address + size > len(piece.view):
            raise ValueError("NULL pointer access" if not address else f"there is no object of this machine at the address {address:#x}")
        return piece, address - piece.address


_addresses = _Addresses()


def _text_at(address, width=1):
    """The characters at an address up to the one that is zero."""
    piece, start = _addresses.find(address)
    view, end = piece.view, start
    while end + width <= len(view) and any(view[end:end + width]):
        end += width
    return bytes(view[start:end])


def _memory_of_text(text):
    return _Memory(bytearray(text + b"\0") if isinstance(text, bytes) else bytearray(text.encode("utf-32-le", "surrogatepass") + bytes(4)))


def _size(cls):
    if cls._size_ is None:
        raise TypeError("abstract class")
    return cls._size_


def _make(cls, piece, offset, base=None):
    """An object of a type that lies in a piece of memory."""
    self = _Block.__new__(cls)
    self._attach_(piece, piece.view, offset, cls._size_)
    return self


class _CDataType(type):
    def __mul__(cls, length):
        if not isinstance(length, int):
            raise TypeError(f"can't multiply sequence by non-int of type '{type(length).__name__}'")
        if length < 0:
            raise ValueError(f"Array length must be >= 0, not {length}")
        key = cls, length
        if key not in _array_types:
            _array_types[key] = PyCArrayType(f"{cls.__name__}_Array_{length}", (Array,), {"_type_": cls, "_length_": length})
        return _array_types[key]

    __rmul__ = __mul__

    def from_address(cls, address):
        if not isinstance(address, int):
            raise TypeError("integer expected")
        return _make(cls, *_addresses.find(address, _size(cls)))

    def _piece(cls, source, offset):
        if offset < 0:
            raise ValueError("offset cannot be negative")
        view = memoryview(source)
        if _size(cls) + offset > view.nbytes:
            raise ValueError(f"Buffer size too small ({view.nbytes} instead of at least {cls._size_ + offset} bytes)")
        return view

    def from_buffer(cls, source, offset=0):
        if isinstance(source, _CData):
            cls._piece(source, offset)
            return _make(cls, source._piece_, source._offset_ + offset)
        view = memoryview(source)
        if view.readonly:
            raise TypeError("underlying buffer is not writable")
        if not view.c_contiguous:
            raise TypeError("underlying buffer is not C contiguous")
        return _make(cls, _Memory(cls._piece(source, offset)), offset)

    def from_buffer_copy(cls, source, offset=0):
        view = cls._piece(source, offset)
        return _make(cls, _Memory(bytearray(view.cast("B")[offset:offset + cls._size_])), 0)

    def from_param(cls, value):
        if isinstance(value, cls):
            return value
        if hasattr(value, "_as_parameter_"):
            return cls.from_param(value._as_parameter_)
        raise TypeError(f"expected {cls.__name__} instance instead of {type(value).__name__}")

    def in_dll(cls, dll, name):
        raise ValueError(f"{name}: {_REFUSED}")


_array_types = {}


class _CData(_Block):
    _size_ = None
    _align_ = 1

    def __new__(cls, *args, **names):
        if cls._size_ is None:
            raise TypeError("abstract class")
        return _make(cls, _Memory(bytearray(cls._size_)), 0)

    def __ctypes_from_outparam__(self):
        return self

    def __reduce__(self):
        if getattr(type(self), "_points_", False):
            raise ValueError("ctypes objects containing pointers cannot be pickled")
        return _unpickle, (type(self), (self.__dict__, bytes(self)))

    def __setstate__(self, state):
        names, data = state
        self.__dict__.update(names)
        memoryview(self)[:len(data)] = data

    __hash__ = object.__hash__


_CData.__module__ = "_ctypes"


def _unpickle(cls, state):
    self = cls.__new__(cls)
    self.__setstate__(state)
    return self


def _is_value(cls):
    """Whether fields and items of a type are Python values, not objects of it."""
    return type(cls) is PyCSimpleType and cls.__base__ is _SimpleCData


def _load(cls, piece, offset):
    return cls._get_(piece, offset) if _is_value(cls) else _make(cls, piece, offset)


def _store(cls, piece, offset, value):
    if isinstance(value, cls):
        piece.view[offset:offset + cls._size_] = value
        _keep_all(piece, offset, value)
    elif isinstance(cls, PyCSimpleType):
        cls._set_(piece, offset, value)
    elif isinstance(cls, PyCPointerType) and value is None:
        piece.view[offset:offset + 8] = bytes(8)
    elif isinstance(cls, PyCPointerType) and isinstance(value, Array) and issubclass(cls._type_, value._type_):
        _point(piece, offset, addressof(value), value)
    elif isinstance(cls, (PyCStructType, UnionType, PyCArrayType)) and isinstance(value, tuple):
        try:
            _store(cls, piece, offset, cls(*value))
        except Exception as error:
            raise RuntimeError(f"({cls.__name__}) {type(error)} {error}") from None
    elif isinstance(cls, PyCArrayType) and isinstance(value, (bytes, str)) and hasattr(cls, "value"):
        _make(cls, piece, offset).value = value
    elif isinstance(value, _CData):
        raise TypeError(f"incompatible types, {type(value).__name__} instance instead of {cls.__name__} instance")
    else:
        raise TypeError(f"expected {cls.__name__} instance, got {type(value).__name__}")


def _keep_all(piece, offset, value):
    """What a copied object points to lives as long as the copy."""
    start, size = value._offset_, type(value)._size_
    for at, kept in list(value._piece_.keep.items()):
        if start <= at < start + size:
            piece.keep[offset + at - start] = kept


def _point(piece, offset, address, kept):
    _pointer.pack_into(piece.view, offset, address & 0xffffffffffffffff)
    piece.keep[offset] = kept


_pointer = _Struct("<Q")
