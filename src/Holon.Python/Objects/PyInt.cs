using System.Globalization;

namespace Holon.Python.Objects;

/// <summary>An integer. Values that fit into 64 bits are plain <see cref="PyInt"/>; larger ones are <see cref="PyBigInt"/>.</summary>
internal class PyInt : PyObject
{
    private const int SmallestCached = -128;
    private const int CacheSize = 128 + 1024;
    private static readonly PyInt[] Cache = MakeCache();

    public static readonly PyInt Zero = Of(0);
    public static readonly PyInt One = Of(1);
    public static readonly PyInt MinusOne = Of(-1);

    protected PyInt(long value) => Value = value;

    /// <summary>The value if it fits; big integers have <see cref="PyBigInt"/>.</summary>
    public long Value { get; }

    public override PyType Type => IntType.Type;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PyInt Of(long value)
    {
        var index = (ulong)(value - SmallestCached);
        return index < CacheSize ? Cache[index] : new PyInt(value);
    }

    public static PyInt Of(BigInteger value) =>
        value >= long.MinValue && value <= long.MaxValue ? Of((long)value) : new PyBigInt(value);

    public static PyInt Of(ulong value) => value <= long.MaxValue ? Of((long)value) : new PyBigInt(value);

    public virtual bool TryLong(out long value)
    {
        value = Value;
        return true;
    }

    public virtual BigInteger ToBig() => Value;

    public virtual bool IsNegative => Value < 0;

    public virtual bool IsZero => Value == 0;

    /// <summary>The value modulo 2^61-1 with the sign kept: equal numbers of all types hash alike.</summary>
    public static long HashOf(BigInteger value)
    {
        const long modulus = (1L << 61) - 1;
        var hash = (long)(BigInteger.Abs(value) % modulus);
        if (value.Sign < 0)
            hash = -hash;
        return hash == -1 ? -2 : hash;
    }

    public static long HashOf(long value)
    {
        const long modulus = (1L << 61) - 1;
        if (value is > -modulus and < modulus)
            return value == -1 ? -2 : value;
        return HashOf((BigInteger)value);
    }

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    private static PyInt[] MakeCache()
    {
        var cache = new PyInt[CacheSize];
        for (var i = 0; i < CacheSize; i++)
            cache[i] = new PyInt(i + SmallestCached);
        return cache;
    }
}

internal sealed class PyBigInt(BigInteger value) : PyInt(0)
{
    public BigInteger Big { get; } = value;

    public override bool TryLong(out long value)
    {
        value = 0;
        return false;
    }

    public override BigInteger ToBig() => Big;

    public override bool IsNegative => Big.Sign < 0;

    public override bool IsZero => false;

    public override string ToString() => Big.ToString(CultureInfo.InvariantCulture);
}

internal sealed class PyBool : PyInt
{
    public static readonly PyBool True = new(true);
    public static readonly PyBool False = new(false);

    private uint number;

    private PyBool(bool value)
        : base(value ? 1 : 0)
    {
    }

    public bool IsTrue => Value != 0;

    public override PyType Type => IntType.Bool;

    public override ref uint IdNumber => ref number;
}

/// <summary>An instance of a subclass of int.</summary>
internal sealed class PyIntInstance(PyType type, PyInt value) : PyInt(value.TryLong(out var small) ? small : 0)
{
    private InstanceData data = new(type);
    private readonly BigInteger? big = value.TryLong(out _) ? null : value.ToBig();

    public override PyType Type => data.Shape.Type;

    public override ref InstanceData Data => ref data;

    public override bool TryLong(out long value)
    {
        value = Value;
        return big is null;
    }

    public override BigInteger ToBig() => big ?? Value;

    public override bool IsNegative => big is { } b ? b.Sign < 0 : Value < 0;

    public override bool IsZero => big is null && Value == 0;
}

internal static class IntType
{
    public static readonly PyType Type = new("int", PyType.Object, Define);
    public static readonly PyType Bool = new("bool", Type, DefineBool);

    private static void Define(PyType t)
    {
        t.Doc("int([x]) -> integer\nint(x, base=10) -> integer\n\nConvert a number or string to an integer, or return 0 if no arguments\nare given.  If x is a number, return x.__int__().  For floating point\nnumbers, this truncates towards zero.\n\nIf x is not a number or if base is given, then x must be a string,\nbytes, or bytearray instance representing an integer literal in the\ngiven base.  The literal can be preceded by '+' or '-' and be surrounded\nby whitespace.  The base defaults to 10.  Valid bases are 0 and 2-36.\nBase 0 means to interpret the base from the string as an integer literal.\n>>> int('0b100', base=0)\n4");
        t.New = New;
        t.Repr = o => Values.Str(IntText.ToDecimal((PyInt)o));
        t.Hash = o => o is PyInt n && n.TryLong(out var v) ? PyInt.HashOf(v) : PyInt.HashOf(((PyInt)o).ToBig());
        t.Compare = (a, b, op) => b is PyInt y ? Ops.CompareResult(IntMath.Compare((PyInt)a, y), op) : Values.NotImplemented;
        t.Bool = o => !((PyInt)o).IsZero;
        t.Negative = o => IntMath.Negate((PyInt)o);
        t.Positive = o => Plain((PyInt)o);
        t.Absolute = o => ((PyInt)o).IsNegative ? IntMath.Negate((PyInt)o) : Plain((PyInt)o);
        t.Invert = o => o is PyInt n && n.TryLong(out var v) ? PyInt.Of(~v) : PyInt.Of(-((PyInt)o).ToBig() - 1);
        t.ToInt = o => Plain((PyInt)o);
        t.Index = t.ToInt;
        t.ToFloat = o => new PyFloat(IntMath.ToDouble((PyInt)o));
        Operator(NumberOp.Add, IntMath.Add);
        Operator(NumberOp.Subtract, IntMath.Subtract);
        Operator(NumberOp.Multiply, IntMath.Multiply);
        Operator(NumberOp.FloorDivide, IntMath.FloorDivide);
        Operator(NumberOp.Remainder, IntMath.Remainder);
        Operator(NumberOp.DivMod, (a, b) => new PyTuple(IntMath.FloorDivide(a, b), IntMath.Remainder(a, b)));
        Operator(NumberOp.TrueDivide, IntMath.TrueDivide);
        Operator(NumberOp.Power, IntMath.Power);
        Operator(NumberOp.LeftShift, IntMath.LeftShift);
        Operator(NumberOp.RightShift, IntMath.RightShift);
        Operator(NumberOp.And, (a, b) => a.TryLong(out var x) && b.TryLong(out var y) ? PyInt.Of(x & y) : PyInt.Of(a.ToBig() & b.ToBig()));
        Operator(NumberOp.Or, (a, b) => a.TryLong(out var x) && b.TryLong(out var y) ? PyInt.Of(x | y) : PyInt.Of(a.ToBig() | b.ToBig()));
        Operator(NumberOp.Xor, (a, b) => a.TryLong(out var x) && b.TryLong(out var y) ? PyInt.Of(x ^ y) : PyInt.Of(a.ToBig() ^ b.ToBig()));
        t.PowerModulo = (a, b, c) => a is PyInt x && b is PyInt y && c is PyInt z ? IntMath.PowerModulo(x, y, z) : Values.NotImplemented;
        t.Def0("conjugate", o => Plain((PyInt)o));
        t.Getter("real", o => Plain((PyInt)o));
        t.Getter("imag", _ => PyInt.Zero);
        t.Getter("numerator", o => Plain((PyInt)o));
        t.Getter("denominator", _ => PyInt.One);
        t.Def0("bit_length", o => PyInt.Of(IntMath.BitLength((PyInt)o)));
        t.Def0("bit_count", o => PyInt.Of(IntMath.BitCount((PyInt)o)));
        t.Def0("as_integer_ratio", o => new PyTuple(Plain((PyInt)o), PyInt.One));
        t.Def0("__trunc__", o => Plain((PyInt)o));
        t.Def0("__floor__", o => Plain((PyInt)o));
        t.Def0("__ceil__", o => Plain((PyInt)o));
        t.Def("__round__", "ndigits=?, /", (o, a) => a[0] is null ? Plain((PyInt)o) : IntMath.Round((PyInt)o, Ops.Index(a[0]!)));
        t.Def1("__format__", (o, spec) => NumberFormat.FormatInt((PyInt)o, Args.Str(spec, "__format__").Value));
        t.Def0("__getnewargs__", o => new PyTuple(Plain((PyInt)o)));
        t.Def0("__sizeof__", o => PyInt.Of(24 + 4 * Math.Max(1, (IntMath.BitLength((PyInt)o) + 29) / 30)));
        t.Def("to_bytes", "length=1, byteorder='big', *, signed=False", (o, a) => IntText.ToBytes((PyInt)o, Args.Long(a[0]!), ByteOrder(a[1]!), Ops.IsTrue(a[2]!)));
        t.DefClass("from_bytes", "bytes, byteorder='big', *, signed=False", (cls, a) =>
        {
            var value = IntText.FromBytes(BytesType.FromObject(a[0]!), ByteOrder(a[1]!), Ops.IsTrue(a[2]!));
            return cls == Type ? value : Calls.Call(cls, value);
        });

        void Operator(NumberOp op, Func<PyInt, PyInt, PyObject> function) =>
            t.Numbers[(int)op] = (a, b) => a is PyInt x && b is PyInt y ? function(x, y) : Values.NotImplemented;
    }

    private static bool ByteOrder(PyObject value) => Args.Str(value, "to_bytes").Value switch
    {
        "little" => true,
        "big" => false,
        _ => throw Err.Value("byteorder must be either 'little' or 'big'"),
    };

    /// <summary>The value as an exact int.</summary>
    public static PyInt Plain(PyInt value) =>
        value.GetType() == typeof(PyInt) || value is PyBigInt ? value : value.TryLong(out var v) ? PyInt.Of(v) : PyInt.Of(value.ToBig());

    private static PyObject? New(PyType type, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        // Text that is no number is often tried: the error costs no .NET exception.
        if (args.Length == 1 && names is null && args[0].GetType() == typeof(PyStr) && type == Type)
            return IntText.Parse(UnicodeData.ToAsciiDigits((PyStr)args[0]), 10) ?? Err.Set(IntText.NoNumber(args[0], 10));
        PyObject? radix = null;
        if (names is not null)
        {
            if (names.Count != 1 || ((PyStr)names[0]).Value != "base")
                throw Err.Type($"'{((PyStr)names[names.Count > 1 && ((PyStr)names[0]).Value == "base" ? 1 : 0]).Value}' is an invalid keyword argument for int()");
            radix = args[^1];
            args = args[..^1];
        }
        if (args.Length > 2 || (args.Length == 2 && radix is not null))
            throw Err.Type($"int() takes at most 2 arguments ({args.Length + (radix is null ? 0 : 1)} given)");
        if (args.Length == 2)
            radix = args[1];
        if (args.Length == 0 && radix is not null)
            throw Err.Type("int() missing string argument");
        var value = args.Length == 0 ? PyInt.Zero : Convert(args[0], radix);
        return type == Type ? Plain(value) : new PyIntInstance(type, value);
    }

    public static PyInt Convert(PyObject x, PyObject? radix = null)
    {
        if (radix is not null)
        {
            var number = Args.Clipped(radix);
            if (number is not 0 and (< 2 or > 36))
                throw Err.Value("int() base must be >= 2 and <= 36, or 0");
            if (x is not (PyStr or PyBytes or PyByteArray))
                throw Err.Type("int() can't convert non-string with explicit base");
            return IntText.Parse(x, (int)number);
        }
        if (x is PyInt exact && x.Type == Type)
            return exact;
        var type = x.Type;
        if (type.ToInt is { } toInt)
        {
            var result = toInt(x) as PyInt ?? throw Err.Type($"__int__ returned non-int (type {toInt(x).Type.FullName})");
            if (result.Type != Type)
                Warn.Deprecated($"__int__ returned non-int (type {result.Type.Name}).  The ability to return an instance of a strict subclass of int is deprecated, and may not be supported in a future version of Python.");
            return result;
        }
        if (type.Index is not null)
            return Ops.Index(x);
        if (Calls.Special(x, Names.Trunc) is { } truncated)
        {
            Warn.Deprecated("The delegation of int() to __trunc__ is deprecated.");
            if (truncated is PyInt n)
                return n;
            if (truncated.Type.Index is null)
                throw Err.Type($"__trunc__ returned non-Integral (type {truncated.Type.FullName})");
            return Ops.Index(truncated);
        }
        if (x is PyStr || x is IBuffer)
            return IntText.Parse(x, 10);
        throw Err.Type($"int() argument must be a string, a bytes-like object or a real number, not '{type.Name}'");
    }

    private static void DefineBool(PyType t)
    {
        t.IsFinal = true;
        t.Doc("bool(x) -> bool\n\nReturns True when the argument x is true, False otherwise.\nThe builtins True and False are the only two instances of the class bool.\nThe class bool is a subclass of the class int, and cannot be subclassed.");
        t.New = (type, args, names) =>
        {
            Args.NoKeywords("bool", names);
            Args.Between("bool", args, null, 0, 1);
            return Values.Bool(args.Length == 1 && Ops.IsTrue(args[0]));
        };
        t.Repr = o => Values.Str(((PyInt)o).Value != 0 ? "True" : "False");
        Logic(NumberOp.And, (a, b) => a & b);
        Logic(NumberOp.Or, (a, b) => a | b);
        Logic(NumberOp.Xor, (a, b) => a ^ b);

        void Logic(NumberOp op, Func<bool, bool, bool> function)
        {
            var ofInts = t.Base!.Numbers[(int)op]!;
            t.Numbers[(int)op] = (a, b) => a is PyBool x && b is PyBool y ? Values.Bool(function(x.IsTrue, y.IsTrue)) : ofInts(a, b);
        }
    }
}
