# Part of _ctypes: the functions that ctypes calls by address, and Python's functions under a C type.

def dlopen(name, flags=0):
    if name is not None:
        raise OSError(f"{name}: C libraries cannot be loaded: {_REFUSED}")
    return 0


def _address_of(value):
    """The address that a value is as a void pointer, and what must live meanwhile."""
    if value is None or isinstance(value, int):
        return value or 0, None
    if isinstance(value, (bytes, str)):
        memory = _memory_of_text(value)
        return _addresses.give(memory), memory
    if isinstance(value, _CArgument):
        return addressof(value._obj) + value._offset, value._obj
    if isinstance(value, _Pointer) or isinstance(value, _SimpleCData) and value._type_ in "PzZ":
        return _pointer.unpack_from(value._piece_.view, value._offset_)[0], value._piece_
    if isinstance(value, _CData):
        return addressof(value), value
    if hasattr(value, "_as_parameter_"):
        return _address_of(value._as_parameter_)
    raise TypeError("wrong type")


def _memmove(target, source, count):
    to, at = _addresses.find(_address_of(target)[0], count)
    address, kept = _address_of(source)
    piece, offset = _addresses.find(address, count)
    to.view[at:at + count] = bytes(piece.view[offset:offset + count])
    for place, each in list(piece.keep.items()):
        if offset <= place < offset + count:
            to.keep[at + place - offset] = each
    return to.address + at


def _memset(target, byte, count):
    to, at = _addresses.find(_address_of(target)[0], count)
    to.view[at:at + count] = bytes([byte & 255]) * count
    return to.address + at


def _string_at(target, size=-1):
    address, kept = _address_of(target)
    if size < 0:
        return _text_at(address)
    piece, offset = _addresses.find(address, size)
    return bytes(piece.view[offset:offset + size])


def _wstring_at(target, size=-1):
    address, kept = _address_of(target)
    data = _text_at(address, 4) if size < 0 else _string_at(address, size * 4)
    return data.decode("utf-32-le", "surrogatepass")


def _cast(source, _, kind):
    if not isinstance(kind, _CDataType) or not (isinstance(kind, (PyCPointerType, PyCFuncPtrType)) or isinstance(kind, PyCSimpleType) and kind._type_ in "sPzUZXO"):
        raise TypeError("cast() argument 2 must be a pointer, not " + getattr(kind, "__name__", type(kind).__name__))
    return _argument(kind, source)


_memmove_addr, _memset_addr, _string_at_addr, _wstring_at_addr, _cast_addr = range(1, 6)
_own = {_memmove_addr: _memmove, _memset_addr: _memset, _string_at_addr: _string_at, _wstring_at_addr: _wstring_at, _cast_addr: _cast}


class PyCFuncPtrType(_CDataType):
    def __new__(meta, name, bases, names):
        cls = super().__new__(meta, name, bases, names)
        if bases != (_CData,):
            cls._size_ = cls._align_ = 8
            cls._points_ = True
            if not isinstance(getattr(cls, "_flags_", None), int):
                raise TypeError("class must define _flags_ which must be an integer")
        return cls


def _python_value(kind, value):
    """What a Python function gets for an argument of a C type."""
    made = value if isinstance(value, kind) else kind.from_param(value)
    return made.value if _is_value(kind) and isinstance(made, _SimpleCData) else made


class CFuncPtr(_CData, metaclass=PyCFuncPtrType):
    errcheck = None

    def __init__(self, source=None, *others):
        self.argtypes, self.restype, self._function = getattr(self, "_argtypes_", None), getattr(self, "_restype_", None), None
        if isinstance(source, tuple):
            raise AttributeError(f"{source[0]}: {_REFUSED}")
        if callable(source):
            if not hasattr(self, "_argtypes_"):
                raise TypeError("cannot construct instance of this class: no argtypes")
            self._function = source
            _point(self._piece_, self._offset_, addressof(self), None)
        elif source is not None:
            if not isinstance(source, int):
                raise TypeError("argument must be callable or integer function address")
            _point(self._piece_, self._offset_, source, None)

    def __bool__(self):
        return any(memoryview(self))

    def __call__(self, *values):
        address = _pointer.unpack_from(self._piece_.view, self._offset_)[0]
        if self._function is None:
            if not address:
                raise ValueError("NULL pointer access")
            if address not in _own:
                raise OSError(_REFUSED)
            return _own[address](*values)
        kinds = self.argtypes or ()
        if len(values) < len(kinds):
            raise TypeError(f"this function takes at least {len(kinds)} argument{'s' * (len(kinds) != 1)} ({len(values)} given)")
        arguments = []
        for number, (kind, value) in enumerate(zip(kinds, values), 1):
            try:
                arguments.append(_python_value(kind, value))
            except (TypeError, ValueError) as error:
                raise ArgumentError(f"argument {number}: {type(error)}: {error}") from None
        result = self._function(*arguments)
        if self.restype is None:
            return None
        return _python_value(self.restype, result) if isinstance(self.restype, _CDataType) else self.restype(result)

    def __repr__(self):
        return f"<{type(self).__name__} object at {id(self):#x}>"


def call_function(*_):
    raise OSError(_REFUSED)


call_cdeclfunction = call_function
