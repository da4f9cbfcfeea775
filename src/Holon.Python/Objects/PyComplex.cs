namespace Holon.Python.Objects;

internal sealed class PyComplex(PyType type, Complex value) : PyExtensible(type)
{
    public PyComplex(Complex value)
        : this(ComplexType.Type, value)
    {
    }

    public Complex Value { get; } = value;
}

internal static class ComplexType
{
    private static readonly NativeParameters ComplexParameters = new("complex", "real=?, imag=?");

    public static readonly PyType Type = new("complex", PyType.Object, Define);

    private static void Define(PyType t)
    {
        t.New = New;
        t.Repr = o => Values.Str(Text(((PyComplex)o).Value));
        t.Hash = o => o is PyComplex c ? FloatMath.Hash(c.Value.Real) + 1000003 * FloatMath.Hash(c.Value.Imaginary) is -1 ? -2 : FloatMath.Hash(c.Value.Real) + 1000003 * FloatMath.Hash(c.Value.Imaginary) : 0;
        t.Bool = o => ((PyComplex)o).Value != Complex.Zero;
        t.Compare = (a, b, op) =>
        {
            if (op is not (CompareOp.Eq or CompareOp.Ne))
                return Values.NotImplemented;
            var x = ((PyComplex)a).Value;
            if (b is PyComplex y)
                return Values.Bool((x.Real == y.Value.Real && x.Imaginary == y.Value.Imaginary) == (op == CompareOp.Eq));
            if (b is not (PyInt or PyFloat))
                return Values.NotImplemented;
            return Values.Bool((x.Imaginary == 0 && Ops.IsTrue(Ops.Compare(new PyFloat(x.Real), b, CompareOp.Eq))) == (op == CompareOp.Eq));
        };
        t.Negative = o => new PyComplex(-((PyComplex)o).Value);
        t.Positive = o => new PyComplex(((PyComplex)o).Value);
        t.Absolute = o => new PyFloat(Complex.Abs(((PyComplex)o).Value));
        Operator(NumberOp.Add, (a, b) => a + b);
        Operator(NumberOp.Subtract, (a, b) => a - b);
        Operator(NumberOp.Multiply, (a, b) => new Complex(a.Real * b.Real - a.Imaginary * b.Imaginary, a.Real * b.Imaginary + a.Imaginary * b.Real));
        Operator(NumberOp.TrueDivide, (a, b) => b == Complex.Zero ? throw Err.ZeroDivision("complex division by zero") : a / b);
        Operator(NumberOp.Power, ComplexMath.Power);
        t.Getter("real", o => new PyFloat(((PyComplex)o).Value.Real));
        t.Getter("imag", o => new PyFloat(((PyComplex)o).Value.Imaginary));
        t.Def1("__format__", (o, spec) => Args.Str(spec, "__format__").Value is { Length: > 0 } text ? NumberFormat.FormatComplex(((PyComplex)o).Value, text) : Ops.Str(o));
        t.Def0("conjugate", o => new PyComplex(Complex.Conjugate(((PyComplex)o).Value)));
        t.Def0("__complex__", o => new PyComplex(((PyComplex)o).Value));
        t.Def0("__getnewargs__", o => new PyTuple(new PyFloat(((PyComplex)o).Value.Real), new PyFloat(((PyComplex)o).Value.Imaginary)));

        void Operator(NumberOp op, Func<Complex, Complex, Complex> function) =>
            t.Numbers[(int)op] = (a, b) => Number(a) is { } x && Number(b) is { } y ? new PyComplex(function(x, y)) : Values.NotImplemented;
    }

    private static Complex? Number(PyObject o) => o switch
    {
        PyComplex c => c.Value,
        PyFloat f => new Complex(f.Value, 0),
        PyInt i => new Complex(IntMath.ToDouble(i), 0),
        _ => null,
    };

    private static string Text(Complex value)
    {
        string Part(double x) => FloatText.Repr(x) is var s && s.EndsWith(".0", StringComparison.Ordinal) ? s[..^2] : s;
        var imaginary = Part(value.Imaginary);
        if (value.Real == 0 && !double.IsNegative(value.Real))
            return imaginary + "j";
        return $"({Part(value.Real)}{(imaginary[0] == '-' ? "" : "+")}{imaginary}j)";
    }

    public static Complex Convert(PyObject o)
    {
        if (Number(o) is { } number && o.Type.IsBuiltin)
            return number;
        if (Calls.Special(o, Names.Complex) is { } made)
            return made is PyComplex c ? c.Value : throw Err.Type($"__complex__ returned non-complex (type {made.Type.FullName})");
        return Number(o) ?? new Complex(Ops.ToDouble(o), 0);
    }

    private static PyComplex New(PyType type, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var a = ComplexParameters.Bind(args, names);
        Complex value;
        if (a[0] is PyStr text)
        {
            if (a[1] is not null)
                throw Err.Type("complex() can't take second arg if first is a string");
            value = Parse(text.Value.Trim()) ?? throw Err.Value("complex() arg is a malformed string");
        }
        else
        {
            if (a[1] is PyStr)
                throw Err.Type("complex() second arg can't be a string");
            foreach (var each in a)
            {
                if (each is not (null or PyComplex) && each.Type.ToFloat is null && each.Type.Index is null && each.Type.Lookup(Names.Complex) is null)
                    throw Err.Type($"complex() {(each == a[0] ? "first argument must be a string or a number" : "second argument must be a number")}, not '{each.Type.FullName}'");
            }
            var real = a[0] is null ? Complex.Zero : Convert(a[0]!);
            value = a[1] is null ? real : a[1] is PyComplex i ? new Complex(real.Real - i.Value.Imaginary, real.Imaginary + i.Value.Real) : new Complex(real.Real, a[0] is PyComplex ? real.Imaginary + Ops.ToDouble(a[1]!) : Ops.ToDouble(a[1]!));
        }
        return new PyComplex(type, value);
    }

    private static Complex? Parse(string text)
    {
        if (text.StartsWith('(') && text.EndsWith(')'))
            text = text[1..^1].Trim();
        if (!text.EndsWith('j') && !text.EndsWith('J'))
            return FloatText.Parse(text) is { } r ? new Complex(r, 0) : null;
        var body = text[..^1];
        var split = body.Length - 1;
        while (split > 0 && !(body[split] is '+' or '-' && body[split - 1] is not ('e' or 'E')))
            split--;
        var imaginary = body[Math.Max(split, 0)..];
        if (imaginary is "" or "+" or "-")
            imaginary += "1";
        if (FloatText.Parse(imaginary) is not { } i)
            return null;
        if (split <= 0)
            return new Complex(0, i);
        return FloatText.Parse(body[..split]) is { } real ? new Complex(real, i) : null;
    }
}

internal static class ComplexMath
{
    public static Complex Power(Complex a, Complex b)
    {
        if (b == Complex.Zero)
            return Complex.One;
        if (a == Complex.Zero)
            return b.Imaginary != 0 || b.Real < 0 ? throw Err.ZeroDivision("0.0 to a negative or complex power") : Complex.Zero;
        if (b.Imaginary == 0 && b.Real == Math.Floor(b.Real) && Math.Abs(b.Real) <= 100)
        {
            var result = Complex.One;
            var factor = b.Real < 0 ? 1 / a : a;
            for (var n = (int)Math.Abs(b.Real); n > 0; n >>= 1)
            {
                if ((n & 1) != 0)
                    result *= factor;
                factor *= factor;
            }
            return result;
        }
        return Complex.Pow(a, b);
    }
}
