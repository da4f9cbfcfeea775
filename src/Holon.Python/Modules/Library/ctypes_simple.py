# Part of _ctypes: simple types (numbers, characters, texts, addresses, objects).

def _number_access(code, order):
    pattern = _Struct(order + {"g": "d"}.get(code, code))
    size = 16 if code == "g" else pattern.size
    limit = 1 << 8 * size

    def get(piece, offset):
        return pattern.unpack_from(piece.view, offset)[0]

    def put(piece, offset, value):
        if code in "fdg":
            if not isinstance(value, (float, int)) and not hasattr(value, "__float__") and not hasattr(value, "__index__"):
                raise TypeError(f"must be real number, not {type(value).__name__}")
            value = float(value)
            try:
                pattern.pack_into(piece.view, offset, value)
            except OverflowError:
                pattern.pack_into(piece.view, offset, float("inf") if value > 0 else float("-inf"))
            return
        value = bool(value) if code == "?" else _index(value) % limit
        if code in "bhilq" and value >= limit >> 1:
            value -= limit
        pattern.pack_into(piece.view, offset, value)

    return size, get, put


def _char_access():
    def get(piece, offset):
        return bytes(piece.view[offset:offset + 1])

    def put(piece, offset, value):
        if isinstance(value, int) and 0 <= value < 256:
            value = bytes([value])
        if not isinstance(value, (bytes, bytearray)) or len(value) != 1:
            raise TypeError("one character bytes, bytearray or integer expected")
        piece.view[offset] = value[0]

    return 1, get, put


def _wide_access():
    number = _Struct("<I")

    def get(piece, offset):
        return chr(number.unpack_from(piece.view, offset)[0])

    def put(piece, offset, value):
        if not isinstance(value, str):
            raise TypeError(f"unicode string expected instead of {type(value).__name__} instance")
        if len(value) != 1:
            raise TypeError("one character unicode string expected")
        number.pack_into(piece.view, offset, ord(value))

    return 4, get, put


def _text_access(kind, width, what):
    def get(piece, offset):
        address = _pointer.unpack_from(piece.view, offset)[0]
        if not address:
            return None
        text = _text_at(address, width)
        return text if kind is bytes else text.decode("utf-32-le", "surrogatepass")

    def put(piece, offset, value):
        if isinstance(value, kind):
            memory = _memory_of_text(value)
            _point(piece, offset, _addresses.give(memory), memory)
        elif value is None or isinstance(value, int):
            _pointer.pack_into(piece.view, offset, (value or 0) & 0xffffffffffffffff)
        else:
            raise TypeError(f"{what} or integer address expected instead of {type(value).__name__} instance")

    return 8, get, put


def _address_access():
    def get(piece, offset):
        return _pointer.unpack_from(piece.view, offset)[0] or None

    def put(piece, offset, value):
        if value is not None and not isinstance(value, int):
            raise TypeError("cannot be converted to pointer")
        _pointer.pack_into(piece.view, offset, (value or 0) & 0xffffffffffffffff)

    return 8, get, put


def _object_access():
    def get(piece, offset):
        if not _pointer.unpack_from(piece.view, offset)[0]:
            raise ValueError("PyObject is NULL")
        return piece.keep[offset]

    def put(piece, offset, value):
        _point(piece, offset, id(value) or 1, value)

    return 8, get, put


_SWAPPED = "hHiIlLqQfd"
# struct's sizes of long are those of this machine in its native order only.
_STANDARD = {"l": "q", "L": "Q"}
_access = {code: _number_access(_STANDARD.get(code, code), "<") for code in "bBhHiIlLqQfdg?"}
_access |= {"c": _char_access(), "u": _wide_access(), "z": _text_access(bytes, 1, "bytes"), "Z": _text_access(str, 4, "unicode string"), "P": _address_access(), "O": _object_access()}


class PyCSimpleType(_CDataType):
    def __new__(meta, name, bases, names, swapped=False):
        cls = super().__new__(meta, name, bases, names)
        if bases == (_CData,):
            return cls
        code = getattr(cls, "_type_", None)
        if code is None:
            raise AttributeError("class must define a '_type_' attribute")
        if not isinstance(code, str):
            raise TypeError("class must define a '_type_' string attribute")
        if len(code) != 1:
            raise ValueError("class must define a '_type_' attribute which must be a string of length 1")
        if code not in _access:
            raise AttributeError("class must define a '_type_' attribute which must be\na single character string containing one of 'cbBhHiIlLfuzZqQPXOv?g'.")
        cls._size_, cls._get_, cls._set_ = _access[code] if not swapped else _number_access(_STANDARD.get(code, code), ">")
        cls._get_, cls._set_ = staticmethod(cls._get_), staticmethod(cls._set_)
        cls._align_ = cls._size_
        cls._points_ = code in "zZPO"
        if code in _SWAPPED and not swapped and bases == (_SimpleCData,):
            other = meta(name + "_be", bases, {"_type_": code}, swapped=True)
            cls.__ctype_le__ = other.__ctype_le__ = cls
            cls.__ctype_be__ = other.__ctype_be__ = other
        return cls

    def __init__(cls, name, bases, names, swapped=False):
        super().__init__(name, bases, names)

    def from_param(cls, value):
        if isinstance(value, cls):
            return value
        code = cls._type_
        if value is None and code in "zZP":
            return None
        if code in "zZ" and isinstance(value, (Array, _Pointer)) and value._type_._type_ == {"z": "c", "Z": "u"}[code] or code == "P" and isinstance(value, (Array, _Pointer, _CArgument, CFuncPtr, bytes, str, _SimpleCData)):
            return _argument(cls, value)
        if code in "zZ" and isinstance(value, _CArgument) and isinstance(value._obj, (Array, _SimpleCData)) and value._obj._type_ in ("c", "u", cls):
            return _argument(cls, value)
        try:
            # A number is no text in a call.
            if code in "zZ" and isinstance(value, int):
                raise TypeError
            return cls(value)
        except Exception:
            if hasattr(value, "_as_parameter_"):
                return cls.from_param(value._as_parameter_)
            raise TypeError("wrong type") from None


def _argument(cls, value):
    made = _make(cls, _Memory(bytearray(8)), 0)
    address, kept = _address_of(value)
    _point(made._piece_, 0, address, kept)
    return made


class _SimpleCData(_CData, metaclass=PyCSimpleType):
    def __init__(self, value=_CData, /):
        if value is not _CData:
            self.value = value

    @property
    def value(self):
        return type(self)._get_(self._piece_, self._offset_)

    @value.setter
    def value(self, value):
        type(self)._set_(self._piece_, self._offset_, value)

    @value.deleter
    def value(self):
        raise TypeError("can't delete attribute")

    def __bool__(self):
        return any(memoryview(self))

    def __repr__(self):
        return f"{type(self).__name__}({self.value!r})" if type(self).__base__ is _SimpleCData else object.__repr__(self)

    def __ctypes_from_outparam__(self):
        return self.value if type(self).__base__ is _SimpleCData else self
