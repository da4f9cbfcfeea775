namespace Holon.Python.Objects;

internal class PyFloat(double value) : PyObject
{
    public double Value { get; } = value;

    public override PyType Type => FloatType.Type;
}

internal sealed class PyFloatInstance(PyType type, double value) : PyFloat(value)
{
    private InstanceData data = new(type);

    public override PyType Type => data.Shape.Type;

    public override ref InstanceData Data => ref data;
}

internal static class FloatType
{
    public static readonly PyType Type = new("float", PyType.Object, Define);

    private static void Define(PyType t)
    {
        t.Doc("Convert a string or number to a floating point number, if possible.");
        t.New = (type, args, names) =>
        {
            Args.NoKeywords("float", names);
            Args.Between("float", args, null, 0, 1);
            // Text that is no number is often tried: the error costs no .NET exception.
            if (args.Length == 1 && type == Type && args[0].GetType() == typeof(PyStr))
                return FloatText.Parse(UnicodeData.ToAsciiDigits((PyStr)args[0])) is { } parsed ? new PyFloat(parsed) : Err.Set(NoNumber(args[0]));
            var value = args.Length == 0 ? 0 : Convert(args[0]);
            return type == Type ? args.Length > 0 && args[0].GetType() == typeof(PyFloat) ? args[0] : new PyFloat(value) : new PyFloatInstance(type, value);
        };
        t.Repr = o => Values.Str(FloatText.Repr(((PyFloat)o).Value));
        t.Hash = o => double.IsNaN(((PyFloat)o).Value) ? RuntimeHelpers.GetHashCode(o) : FloatMath.Hash(((PyFloat)o).Value);
        t.Compare = Compare;
        t.Bool = o => ((PyFloat)o).Value != 0;
        t.Negative = o => new PyFloat(-((PyFloat)o).Value);
        t.Positive = o => o.GetType() == typeof(PyFloat) ? o : new PyFloat(((PyFloat)o).Value);
        t.Absolute = o => new PyFloat(Math.Abs(((PyFloat)o).Value));
        t.ToFloat = t.Positive;
        t.ToInt = o => FloatMath.ToInt(((PyFloat)o).Value);
        Operator(NumberOp.Add, (a, b) => a + b);
        Operator(NumberOp.Subtract, (a, b) => a - b);
        Operator(NumberOp.Multiply, (a, b) => a * b);
        Operator(NumberOp.TrueDivide, (a, b) => b == 0 ? throw Err.ZeroDivision("float division by zero") : a / b);
        Operator(NumberOp.FloorDivide, (a, b) => b == 0 ? throw Err.ZeroDivision("float floor division by zero") : FloatMath.DivMod(a, b).Quotient);
        Operator(NumberOp.Remainder, (a, b) => b == 0 ? throw Err.ZeroDivision("float modulo") : FloatMath.DivMod(a, b).Remainder);
        t.Numbers[(int)NumberOp.Power] = (a, b) => Both(a, b, out var x, out var y) ? FloatMath.PowerObject(x, y) : Values.NotImplemented;
        t.PowerModulo = (_, _, _) => throw Err.Type("pow() 3rd argument not allowed unless all arguments are integers");
        t.Numbers[(int)NumberOp.DivMod] = (a, b) =>
        {
            if (!Both(a, b, out var x, out var y))
                return Values.NotImplemented;
            if (y == 0)
                throw Err.ZeroDivision("float divmod()");
            var (quotient, remainder) = FloatMath.DivMod(x, y);
            return new PyTuple(new PyFloat(quotient), new PyFloat(remainder));
        };
        t.Getter("real", o => t.Positive(o));
        t.Getter("imag", _ => new PyFloat(0));
        t.Def0("conjugate", o => t.Positive(o));
        t.Def0("is_integer", o => Values.Bool(double.IsFinite(((PyFloat)o).Value) && Math.Floor(((PyFloat)o).Value) == ((PyFloat)o).Value));
        t.Def0("__trunc__", o => FloatMath.ToInt(((PyFloat)o).Value));
        t.Def0("__floor__", o => FloatMath.ToInt(Math.Floor(((PyFloat)o).Value)));
        t.Def0("__ceil__", o => FloatMath.ToInt(Math.Ceiling(((PyFloat)o).Value)));
        t.Def("__round__", "ndigits=?, /", (o, a) => FloatMath.Round(((PyFloat)o).Value, a[0]));
        t.Def0("as_integer_ratio", o =>
        {
            var (n, d) = FloatMath.IntegerRatio(((PyFloat)o).Value);
            return new PyTuple(PyInt.Of(n), PyInt.Of(d));
        });
        t.Def0("hex", o => Values.Str(FloatText.Hex(((PyFloat)o).Value)));
        t.DefClass("fromhex", "string, /", (cls, a) =>
        {
            var value = new PyFloat(FloatText.FromHex(Args.Str(a[0], "fromhex").Value));
            return cls == Type ? value : Calls.Call(cls, value);
        });
        t.DefClass("__getformat__", "typestr, /", (_, a) => Args.Str(a[0], "__getformat__").Value is "double" or "float"
            ? Values.Str("IEEE, little-endian") : throw Err.Value("__getformat__() argument 1 must be 'double' or 'float'"));
        t.Def1("__format__", (o, spec) => NumberFormat.FormatFloat(((PyFloat)o).Value, Args.Str(spec, "__format__").Value));
        t.Def0("__getnewargs__", o => new PyTuple(new PyFloat(((PyFloat)o).Value)));

        void Operator(NumberOp op, Func<double, double, double> function) =>
            t.Numbers[(int)op] = (a, b) => Both(a, b, out var x, out var y) ? new PyFloat(function(x, y)) : Values.NotImplemented;
    }

    private static bool Both(PyObject a, PyObject b, out double x, out double y)
    {
        y = 0;
        return Number(a, out x) && Number(b, out y);
    }

    private static bool Number(PyObject o, out double value)
    {
        switch (o)
        {
            case PyFloat f:
                value = f.Value;
                return true;
            case PyInt i:
                value = IntMath.ToDouble(i);
                return true;
            default:
                value = 0;
                return false;
        }
    }

    private static PyObject Compare(PyObject a, PyObject b, CompareOp op)
    {
        var x = ((PyFloat)a).Value;
        if (b is PyFloat f)
            return Values.Bool(Ops.Holds(x, f.Value, op));
        if (b is not PyInt n)
            return Values.NotImplemented;
        return n.TryLong(out var small) && small is > -(1L << 53) and < 1L << 53
            ? Values.Bool(Ops.Holds(x, (double)small, op))
            : Values.Bool(double.IsFinite(x) ? FloatMath.CompareExact(x, n.ToBig()) is var order && Ops.Holds(order, op) : Ops.Holds(x, 0d, op) || (double.IsNaN(x) && op == CompareOp.Ne));
    }

    private static PyError NoNumber(PyObject value) => Err.Value($"could not convert string to float: {Ops.Repr(value)}");

    public static double Convert(PyObject value)
    {
        if (value is PyStr text)
            return FloatText.Parse(UnicodeData.ToAsciiDigits(text)) ?? throw NoNumber(value);
        if (value.Type.ToFloat is null && value.Type.Index is null)
        {
            if (value is IBuffer buffer)
                return FloatText.Parse(System.Text.Encoding.Latin1.GetString(buffer.Bytes)) ?? throw NoNumber(value);
            throw Err.Type($"float() argument must be a string or a real number, not '{value.Type.FullName}'");
        }
        return Ops.ToDouble(value);
    }
}
