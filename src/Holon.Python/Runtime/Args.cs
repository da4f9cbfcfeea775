namespace Holon.Python.Runtime;

/// <summary>Checks and conversions of the arguments of native functions, with CPython's messages.</summary>
internal static class Args
{
    public static void Exactly(string function, ReadOnlySpan<PyObject> args, PyTuple? names, int count)
    {
        NoKeywords(function, names);
        if (args.Length != count)
            throw Err.Type(count == 0 && !function.StartsWith("__", StringComparison.Ordinal) ? $"{function}() takes no arguments ({args.Length} given)" : $"expected {count} argument{(count == 1 ? "" : "s")}, got {args.Length}");
    }

    public static void Between(string function, ReadOnlySpan<PyObject> args, PyTuple? names, int min, int max)
    {
        NoKeywords(function, names);
        if (args.Length < min)
            throw Err.Type($"{function} expected {(min == max ? "" : "at least ")}{min} argument{(min == 1 ? "" : "s")}, got {args.Length}");
        if (args.Length > max)
            throw Err.Type($"{function} expected {(min == max ? "" : "at most ")}{max} argument{(max == 1 ? "" : "s")}, got {args.Length}");
    }

    public static void NoKeywords(string function, PyTuple? names)
    {
        if (names is { Count: > 0 })
            throw Err.Type($"{function}() takes no keyword arguments");
    }

    public static PyStr Name(PyObject value) =>
        value as PyStr ?? throw Err.Type($"attribute name must be string, not '{value.Type.FullName}'");

    public static PyStr Str(PyObject? value, string function, string argument = "argument") =>
        value as PyStr ?? throw Err.Type($"{function}() {argument} must be str, not {TypeName(value)}");

    public static string TypeName(PyObject? value) => value is null or PySingleton { Repr: "None" } ? "None" : value.Type.Name;

    /// <summary>An integer that fits into the platform's size type.</summary>
    public static long Long(PyObject value)
    {
        if (value.GetType() == typeof(PyInt))
            return ((PyInt)value).Value;
        return Ops.Index(value).TryLong(out var result) ? result : throw Err.Overflow("Python int too large to convert to C ssize_t");
    }

    public static int Int(PyObject value)
    {
        var number = Ops.Index(value);
        if (!number.TryLong(out var result))
            throw Err.Overflow("Python int too large to convert to C int");
        if (result is > int.MaxValue or < int.MinValue)
            throw Err.Overflow(result > 0 ? "signed integer is greater than maximum" : "signed integer is less than minimum");
        return (int)result;
    }

    public static long Long(PyObject? value, long otherwise) => value is null || value == Values.None ? otherwise : Long(value);

    /// <summary>An index that is clipped instead of overflowing, as in slices.</summary>
    public static long Clipped(PyObject value)
    {
        var number = Ops.Index(value);
        return number.TryLong(out var result) ? result : number.IsNegative ? long.MinValue : long.MaxValue;
    }

    /// <summary>start and stop of methods such as str.find, made valid for a length.</summary>
    public static (int Start, int Stop) Range(PyObject? start, PyObject? stop, int length)
    {
        var from = start is null || start == Values.None ? 0 : ClippedOrFail(start);
        var to = stop is null || stop == Values.None ? length : ClippedOrFail(stop);
        if (from < 0)
            from = Math.Max(0, from + length);
        if (to < 0)
            to = Math.Max(0, to + length);
        return ((int)Math.Min(from, (long)length + 1), (int)Math.Min(to, length));
    }

    private static long ClippedOrFail(PyObject value) =>
        value.Type.Index is null ? throw Err.Type("slice indices must be integers or None or have an __index__ method") : Clipped(value);

    public static double Double(PyObject value) => value is PyFloat f ? f.Value : Ops.ToDouble(value);

    public static bool Truth(PyObject? value, bool otherwise = false) => value is null ? otherwise : Ops.IsTrue(value);

    public static bool IsNone(PyObject? value) => value is null || value == Values.None;

    public static T As<T>(PyObject value, string function, string expected)
        where T : PyObject =>
        value as T ?? throw Err.Type($"{function}() argument must be {expected}, not {TypeName(value)}");
}
