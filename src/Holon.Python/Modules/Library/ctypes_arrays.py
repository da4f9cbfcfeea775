# Part of _ctypes: arrays.

class PyCArrayType(_CDataType):
    def __new__(meta, name, bases, names):
        cls = super().__new__(meta, name, bases, names)
        if bases == (_CData,):
            return cls
        if not hasattr(cls, "_length_"):
            raise AttributeError("class must define a '_length_' attribute")
        if not isinstance(cls._length_, int):
            raise TypeError("The '_length_' attribute must be an integer")
        if cls._length_ < 0:
            raise ValueError("The '_length_' attribute must not be negative")
        if not hasattr(cls, "_type_"):
            raise AttributeError("class must define a '_type_' attribute")
        if not isinstance(cls._type_, _CDataType):
            raise TypeError("_type_ must have storage info")
        if cls._length_ * _size(cls._type_) > 0x7fffffff:
            raise OverflowError("array too large")
        cls._size_, cls._align_ = cls._length_ * cls._type_._size_, cls._type_._align_
        cls._points_ = getattr(cls._type_, "_points_", False)
        kind = cls._type_._type_ if isinstance(cls._type_, PyCSimpleType) else None
        if kind == "c":
            cls.value, cls.raw = _bytes_value, _bytes_raw
        elif kind == "u":
            cls.value = _wide_value
        return cls


def _get_bytes(self):
    data = bytes(self)
    end = data.find(b"\0")
    return data if end < 0 else data[:end]


def _set_bytes(self, value):
    if not isinstance(value, bytes):
        raise TypeError(f"bytes expected instead of {type(value).__name__} instance")
    if len(value) > self._length_:
        raise ValueError("byte string too long")
    view = memoryview(self)
    view[:len(value)] = value
    if len(value) < self._length_:
        view[len(value)] = 0


def _set_raw(self, value):
    data = memoryview(value).cast("B")
    if len(data) > self._length_:
        raise ValueError("byte string too long")
    memoryview(self)[:len(data)] = data


def _get_wide(self):
    text = bytes(self).decode("utf-32-le", "surrogatepass")
    end = text.find("\0")
    return text if end < 0 else text[:end]


def _set_wide(self, value):
    if not isinstance(value, str):
        raise TypeError(f"unicode string expected instead of {type(value).__name__} instance")
    if len(value) > self._length_:
        raise ValueError("string too long")
    data = (value + "\0" * (len(value) < self._length_)).encode("utf-32-le", "surrogatepass")
    memoryview(self)[:len(data)] = data


_bytes_value, _bytes_raw, _wide_value = property(_get_bytes, _set_bytes), property(bytes, _set_raw), property(_get_wide, _set_wide)


class Array(_CData, metaclass=PyCArrayType):
    def __init__(self, *values):
        for index, value in enumerate(values):
            self[index] = value

    def __len__(self):
        return self._length_

    def _place(self, index):
        at = index.__index__()
        if at < 0:
            at += self._length_
        if not 0 <= at < self._length_:
            raise IndexError("invalid index")
        return self._offset_ + at * self._type_._size_

    def __getitem__(self, index):
        if isinstance(index, slice):
            items = [self[i] for i in range(*index.indices(self._length_))]
            kind = self._type_._type_ if isinstance(self._type_, PyCSimpleType) else None
            return b"".join(items) if kind == "c" else "".join(items) if kind == "u" else items
        if not hasattr(index, "__index__"):
            raise TypeError("indices must be integers")
        return _load(self._type_, self._piece_, self._place(index))

    def __setitem__(self, index, value):
        if isinstance(index, slice):
            places = range(*index.indices(self._length_))
            if len(places) != len(value):
                raise ValueError("Can only assign sequence of same size")
            for at, each in zip(places, value):
                self[at] = each
            return
        if not hasattr(index, "__index__"):
            raise TypeError("indices must be integer")
        _store(self._type_, self._piece_, self._place(index), value)

    def __delitem__(self, index):
        raise TypeError("Array does not support item deletion")

    def __class_getitem__(cls, item):
        from types import GenericAlias
        return GenericAlias(cls, item)
