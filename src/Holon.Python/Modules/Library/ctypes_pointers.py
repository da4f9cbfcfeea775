# Part of _ctypes: pointers, and where objects are.

class PyCPointerType(_CDataType):
    def __new__(meta, name, bases, names):
        cls = super().__new__(meta, name, bases, names)
        if bases != (_CData,):
            cls._size_ = cls._align_ = 8
            cls._points_ = True
            if "_type_" in names and not isinstance(names["_type_"], _CDataType):
                raise TypeError("_type_ must have storage info")
        return cls

    def set_type(cls, kind):
        if not isinstance(kind, _CDataType):
            raise TypeError("_type_ must have storage info")
        cls._type_ = kind

    def from_param(cls, value):
        if value is None or isinstance(value, cls):
            return value
        if isinstance(value, cls._type_):
            return byref(value)
        if isinstance(value, _CArgument) and isinstance(value._obj, cls._type_) or isinstance(value, (Array, _Pointer)) and issubclass(value._type_, cls._type_):
            return value
        return super().from_param(value)


class _Pointer(_CData, metaclass=PyCPointerType):
    def __init__(self, target=None):
        if target is not None:
            self.contents = target

    @property
    def contents(self):
        return self._target(0, lambda kind, piece, offset: _make(kind, piece, offset))

    @contents.setter
    def contents(self, target):
        if not isinstance(target, self._type_):
            raise TypeError(f"expected {self._type_.__name__} instead of {type(target).__name__}")
        _point(self._piece_, self._offset_, addressof(target), target)

    def _target(self, index, use):
        address = _pointer.unpack_from(self._piece_.view, self._offset_)[0]
        if not address:
            raise ValueError("NULL pointer access")
        piece, offset = _addresses.find(address + index * _size(self._type_), self._type_._size_)
        return use(self._type_, piece, offset)

    def __getitem__(self, index):
        if isinstance(index, slice):
            step = 1 if index.step is None else index.step
            if index.stop is None:
                raise ValueError("slice stop is required")
            if index.start is None and step < 0:
                raise ValueError("slice start is required for step < 0")
            items = [self[i] for i in range(index.start or 0, index.stop, step)]
            kind = self._type_._type_ if isinstance(self._type_, PyCSimpleType) else None
            return b"".join(items) if kind == "c" else "".join(items) if kind == "u" else items
        if not hasattr(index, "__index__"):
            raise TypeError("Pointer indices must be integer")
        return self._target(index.__index__(), _load)

    def __setitem__(self, index, value):
        self._target(index.__index__(), lambda kind, piece, offset: _store(kind, piece, offset, value))

    def __bool__(self):
        return any(memoryview(self))


_pointer_type_cache = {}


def POINTER(kind):
    if kind in _pointer_type_cache:
        return _pointer_type_cache[kind]
    if isinstance(kind, str):
        made = PyCPointerType("LP_" + kind, (_Pointer,), {})
        _pointer_type_cache[id(made)] = made
    elif isinstance(kind, _CDataType):
        made = _pointer_type_cache[kind] = PyCPointerType("LP_" + kind.__name__, (_Pointer,), {"_type_": kind})
    else:
        raise TypeError("must have a ctypes type")
    return made


def pointer(target):
    return POINTER(type(target))(target)


class _CArgument:
    """What byref makes."""

    def __init__(self, target, offset):
        self._obj, self._offset = target, offset

    def __repr__(self):
        return f"<cparam 'P' ({addressof(self._obj) + self._offset:#x})>"


def byref(target, offset=0):
    if not isinstance(target, _CData):
        raise TypeError(f"byref() argument must be a ctypes instance, not '{type(target).__name__}'")
    return _CArgument(target, offset)


def addressof(target):
    if not isinstance(target, _CData):
        raise TypeError("invalid type")
    return _addresses.give(target._piece_) + target._offset_


def sizeof(kind):
    if isinstance(kind, _CData):
        return memoryview(kind).nbytes
    if isinstance(kind, _CDataType) and kind._size_ is not None:
        return kind._size_
    raise TypeError("this type has no size")


def alignment(kind):
    if isinstance(kind, _CData) or isinstance(kind, _CDataType) and kind._size_ is not None:
        return kind._align_
    raise TypeError("no alignment info")


def resize(target, size):
    if not isinstance(target, _CData):
        raise TypeError("excepted ctypes instance")
    if size < type(target)._size_:
        raise ValueError(f"minimum size is {type(target)._size_}")
    larger = _Memory(bytearray(bytes(target).ljust(size, b"\0")))
    larger.keep.update(target._piece_.keep)
    target._attach_(larger, larger.view, 0, size)


_errno = 0


def get_errno():
    return _errno


def set_errno(number):
    global _errno
    old, _errno = _errno, number
    return old
