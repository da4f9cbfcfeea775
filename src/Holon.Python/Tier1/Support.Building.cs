using Holon.Python.Modules.Iterators;

namespace Holon.Python.Tier1;

/// <summary>What compiled code makes: slices, strings, sets and dicts, and the items of loops over pairs.</summary>
internal static partial class Support
{
    /// <summary><see cref="NextPair"/> has found two objects.</summary>
    public const int Pair = 1;

    private const int OneItem = 2;

    /// <summary>The next item of an iterator: 0 if there is none, <see cref="Pair"/> if it is a tuple of two that has not been made, else the item is in <paramref name="first"/>.</summary>
    public static int NextPair(PyThread thread, PyObject iterator, out PyObject? first, out PyObject? second)
    {
        second = null;
        if (iterator.GetType() == typeof(PyDictIterator) && Unsafe.As<PyDictIterator>(iterator).GivesItems)
            return Unsafe.As<PyDictIterator>(iterator).NextEntry(out first, out second) ? Pair : 0;
        if (iterator.GetType() == typeof(PyEnumerate) && iterator.Type == PyEnumerate.Class)
            return Unsafe.As<PyEnumerate>(iterator).NextPair(thread, out first, out second) ? Pair : 0;
        if (iterator.GetType() == typeof(PyZip) && iterator.Type == PyZip.Class && Unsafe.As<PyZip>(iterator).IsPair)
            return Unsafe.As<PyZip>(iterator).NextPair(thread, out first, out second) ? Pair : 0;
        first = Next(thread, iterator);
        return first is null ? 0 : OneItem;
    }

    public static PyObject NewSlice(PyObject start, PyObject stop) => new PySlice(start, stop, Values.None);

    /// <summary><c>container[start:stop]</c></summary>
    public static PyObject? TakeSlice(PyThread thread, PyObject container, PyObject start, PyObject stop)
    {
        var (from, to) = (0L, long.MaxValue);
        if ((IsNone(start) || IsSmall(start, out from)) && (IsNone(stop) || IsSmall(stop, out to)))
        {
            if (container.GetType() == typeof(PyList))
            {
                var items = Unsafe.As<PyList>(container).Span;
                var place = Clip(items.Length, from, to);
                return new PyList(items.Slice(place.Start, place.Count).ToArray());
            }
            if (container.GetType() == typeof(PyStr))
            {
                var text = Unsafe.As<PyStr>(container);
                var place = Clip(text.Length, from, to);
                return text.Substring(place.Start, place.Count);
            }
            if (container.GetType() == typeof(PyTuple))
            {
                var items = Unsafe.As<PyTuple>(container).Items;
                var place = Clip(items.Length, from, to);
                return place.Count == items.Length ? container : NewTuple(items.AsSpan(place.Start, place.Count).ToArray());
            }
        }
        return GetItem(thread, container, NewSlice(start, stop));
    }

    public static PyObject NewSliceWithStep(PyObject start, PyObject stop, PyObject step) => new PySlice(start, stop, step);

    /// <summary><c>container[start:stop] = value</c></summary>
    public static void StoreSlice(PyObject container, PyObject start, PyObject stop, PyObject value)
    {
        var (from, to) = (0L, long.MaxValue);
        if (container.GetType() == typeof(PyList) && value.GetType() == typeof(PyList) && (IsNone(start) || IsSmall(start, out from)) && (IsNone(stop) || IsSmall(stop, out to)))
        {
            var items = Unsafe.As<PyList>(container).Span;
            var place = Clip(items.Length, from, to);
            var more = Unsafe.As<PyList>(value).Span;
            if (place.Count == more.Length)
            {
                more.CopyTo(items[place.Start..]);
                return;
            }
        }
        Ops.SetItem(container, NewSlice(start, stop), value);
    }

    private static bool IsSmall(PyObject o, out long value)
    {
        value = 0;
        if (o.GetType() != typeof(PyInt))
            return false;
        value = Unsafe.As<PyInt>(o).Value;
        return true;
    }

    private static (int Start, int Count) Clip(int length, long from, long to)
    {
        from = Math.Clamp(from < 0 ? from + length : from, 0, length);
        to = Math.Clamp(to < 0 ? to + length : to, from, length);
        return ((int)from, (int)(to - from));
    }

    public static PyObject Format(PyObject value, int conversion) => Ops.Format(conversion switch
    {
        1 => Ops.Str(value),
        2 => Ops.ReprObject(value),
        3 => StrMethods.Ascii(value),
        _ => value,
    }, PyStr.Empty);

    public static PyObject BuildString(PyThread thread, PyObject[] parts)
    {
        var length = 0L;
        foreach (var part in parts)
            length += Unsafe.As<PyStr>(part).Length;
        thread.Machine.Limits.CheckSize(length);
        return PyStr.Join(parts, (int)Math.Min(length, int.MaxValue));
    }

    public static PyObject NewDict() => new PyDict();

    public static void SetAdd(PyObject set, PyObject item) => Unsafe.As<PySet>(set).Add(item);

    public static void MapAdd(PyObject dict, PyObject key, PyObject value) => Unsafe.As<PyDict>(dict).Set(key, value);
}
