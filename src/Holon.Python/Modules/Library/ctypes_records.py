# Part of _ctypes: structures and unions.

class CField:
    """A field of a structure: where it is, and how many bits of its number it has."""

    def __init__(self, owner, name, cls, offset, low=0, bits=0):
        self._name, self._type, self.offset, self._low, self._bits = name, cls, offset, low, bits
        self.size = bits << 16 | low if bits else cls._size_
        # A field of characters is a text.
        kind = cls._type_._type_ if isinstance(cls, PyCArrayType) and isinstance(cls._type_, PyCSimpleType) else None
        self._text = {"c": (_get_bytes, _set_bytes_field), "u": (_get_wide, _set_wide_field)}.get(kind)

    def __repr__(self):
        place = f"ofs={self.offset}:{self._low}, bits={self._bits}" if self._bits else f"ofs={self.offset}, size={self.size}"
        return f"<Field type={self._type.__name__}, {place}>"

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        if self._text:
            return self._text[0](_make(self._type, instance._piece_, instance._offset_ + self.offset))
        value = _load(self._type, instance._piece_, instance._offset_ + self.offset)
        if not self._bits:
            return value
        value = value >> self._low & (1 << self._bits) - 1
        return value - (1 << self._bits) if self._type._type_ in "bhilq" and value >> self._bits - 1 else bool(value) if self._type._type_ == "?" else value

    def __set__(self, instance, value):
        place = instance._offset_ + self.offset
        if self._text and not isinstance(value, self._type):
            self._text[1](_make(self._type, instance._piece_, place), value)
            return
        if self._bits:
            mask = (1 << self._bits) - 1 << self._low
            value = int(_load(self._type, instance._piece_, place)) & ~mask | _index(value) << self._low & mask
        _store(self._type, instance._piece_, place, value)

    def __delete__(self, instance):
        raise TypeError("can't delete attribute")


def _lay_out(cls, fields, is_union):
    """Places the fields as gcc does, and makes their descriptors."""
    if "_fields_" in cls.__dict__ and cls.__dict__.get("_final_"):
        raise AttributeError("_fields_ is final")
    base = cls.__base__
    pack = getattr(cls, "_pack_", 0)
    if "_pack_" in cls.__dict__ and (not isinstance(pack, int) or pack < 0):
        raise ValueError("_pack_ must be a non-negative integer")
    size, align, points = base._size_ or 0, base._align_, getattr(base, "_points_", False)
    big = hasattr(cls, "_swappedbytes_")
    open_bits = used_bits = 0
    try:
        fields = list(fields)
    except TypeError:
        raise TypeError("_fields_ must be a sequence of pairs") from None
    for field in fields:
        if not isinstance(field, tuple) or len(field) not in (2, 3) or not isinstance(field[0], str):
            raise TypeError("_fields_ must be a sequence of (name, C type) pairs")
        name, kind = field[:2]
        if not isinstance(kind, _CDataType):
            raise TypeError(f"second item in _fields_ tuple (index {fields.index(field)}) must be a C type")
        bits, width = 0, _size(kind) * 8
        if isinstance(kind, (PyCStructType, UnionType)):
            kind._final_ = True
        if len(field) == 3:
            bits = field[2]
            if not isinstance(kind, PyCSimpleType) or kind._type_ not in "bBhHiIlLqQ?c" or kind._type_ == "c":
                raise TypeError(f"bit fields not allowed for type {kind.__name__}")
            if not 0 < bits <= width:
                raise ValueError("number of bits invalid for bit field")
        points = points or getattr(kind, "_points_", False)
        step = min(pack, kind._align_) if pack else kind._align_
        if is_union:
            offset, low = 0, width - bits if big and bits else 0
            size = max(size, kind._size_)
        else:
            low = used_bits
            if bits and open_bits and width <= open_bits and used_bits + bits <= open_bits:
                offset, used_bits = size - width // 8, used_bits + bits
            elif bits and open_bits and width >= open_bits and used_bits + bits <= width:
                size += (width - open_bits) // 8
                offset, used_bits, open_bits = size - width // 8, used_bits + bits, width
            else:
                low, used_bits, open_bits = 0, bits, width if bits else 0
                offset = -(-size // step) * step
                size = offset + kind._size_
            if big and bits:
                low = width - low - bits
        align = max(align, step)
        type.__setattr__(cls, name, CField(cls, name, kind, offset, low, bits))
    cls._size_, cls._align_, cls._points_, cls._final_ = -(-size // align) * align, align, points, True
    _lift_anonymous(cls)


def _lift_anonymous(cls):
    for name in cls.__dict__.get("_anonymous_", ()):
        outer = cls.__dict__.get(name)
        if not isinstance(outer, CField):
            raise AttributeError(name)
        for each in (field[0] for field in getattr(outer._type, "_fields_", ())):
            inner = getattr(outer._type, each)
            type.__setattr__(cls, each, CField(cls, each, inner._type, outer.offset + inner.offset, inner._low, inner._bits))
        for each in getattr(outer._type, "_anonymous_", ()):
            for lifted in (field[0] for field in getattr(outer._type, each)._type._fields_):
                inner = getattr(outer._type, lifted)
                type.__setattr__(cls, lifted, CField(cls, lifted, inner._type, outer.offset + inner.offset, inner._low, inner._bits))


def _set_bytes_field(array, value):
    if not isinstance(value, bytes):
        raise TypeError(f"expected bytes, {type(value).__name__} found")
    text = value.split(b"\0", 1)[0]
    if len(text) > array._length_:
        raise ValueError(f"bytes too long ({len(text)}, maximum length {array._length_})")
    _set_bytes(array, text)


def _set_wide_field(array, value):
    if not isinstance(value, str):
        raise TypeError(f"unicode string expected instead of {type(value).__name__} instance")
    if len(value) > array._length_:
        raise ValueError(f"string too long ({len(value)}, maximum length {array._length_})")
    _set_wide(array, value)


class _RecordType(_CDataType):
    def __new__(meta, name, bases, names, **others):
        cls = super().__new__(meta, name, bases, names, **others)
        if bases != (_CData,):
            if "_abstract_" not in names:
                cls._size_ = cls.__base__._size_ or 0
                cls._final_ = False
            if "_fields_" in names:
                cls._fields_ = names["_fields_"]
        return cls

    def __setattr__(cls, name, value):
        if name == "_fields_":
            _lay_out(cls, value, isinstance(cls, UnionType))
        super().__setattr__(name, value)


class PyCStructType(_RecordType):
    pass


class UnionType(_RecordType):
    pass


def _fill_record(self, values, named):
    names = []
    for cls in reversed(type(self).__mro__):
        names += [field[0] for field in cls.__dict__.get("_fields_", ())]
    if len(values) > len(names):
        raise TypeError("too many initializers")
    for name, value in zip(names, values):
        if name in named:
            raise TypeError(f"duplicate values for field {name!r}")
        setattr(self, name, value)
    for name, value in named.items():
        setattr(self, name, value)


class Structure(_CData, metaclass=PyCStructType):
    def __init__(self, *values, **named):
        _fill_record(self, values, named)


class Union(_CData, metaclass=UnionType):
    def __init__(self, *values, **named):
        _fill_record(self, values, named)
