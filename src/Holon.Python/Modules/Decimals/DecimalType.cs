namespace Holon.Python.Modules.Decimals;

internal class PyDecimal(in DecimalNumber value) : PyObject
{
    public readonly DecimalNumber Value = value;

    public override PyType Type => DecimalType.Type;
}

internal sealed class PyDecimalInstance(PyType type, in DecimalNumber value) : PyDecimal(value)
{
    private InstanceData data = new(type);

    public override PyType Type => data.Shape.Type;

    public override ref InstanceData Data => ref data;
}

internal static class DecimalType
{
    private static readonly NativeParameters DecimalParameters = new("Decimal", "value='0', context=None");

    public static readonly PyType Type = new("Decimal", PyType.Object, Define, "decimal");

    private static DecimalNumber V(PyObject o) => ((PyDecimal)o).Value;

    private static void Define(PyType t)
    {
        t.New = (type, args, names) =>
        {
            var a = DecimalParameters.Bind(args, names);
            var context = DecimalOperations.ContextOf(a[1]);
            if (type == Type)
                return Create(a[0]!, context, exact: true);
            return new PyDecimalInstance(type, ((PyDecimal)Create(a[0]!, context, exact: true)).Value);
        };
        t.Repr = o => new PyStr($"Decimal('{DecimalText.Write(V(o), DecimalModule.State.Current.Capitals)}')");
        t.Str = o => new PyStr(DecimalText.Write(V(o), DecimalModule.State.Current.Capitals));
        t.Hash = Hash;
        t.Bool = o => !V(o).IsZero;
        t.Compare = Compare;
        t.Negative = o => DecimalOperations.Apply(DecimalArithmetic.Minus, V(o), DecimalModule.State.Current);
        t.Positive = o => DecimalOperations.Apply(DecimalArithmetic.Plus, V(o), DecimalModule.State.Current);
        t.Absolute = o => DecimalOperations.Apply(DecimalArithmetic.Absolute, V(o), DecimalModule.State.Current);
        t.ToInt = o => ToInteger(V(o), Rounding.Down);
        t.ToFloat = o => new PyFloat(ToDouble(V(o)));
        Operator(NumberOp.Add, DecimalArithmetic.Add);
        Operator(NumberOp.Subtract, DecimalArithmetic.Subtract);
        Operator(NumberOp.Multiply, DecimalArithmetic.Multiply);
        Operator(NumberOp.TrueDivide, DecimalArithmetic.Divide);
        Operator(NumberOp.FloorDivide, DecimalArithmetic.DivideInteger);
        Operator(NumberOp.Remainder, DecimalArithmetic.Remainder);
        Operator(NumberOp.Power, DecimalFunctions.Power);
        t.PowerModulo = (a, b, c) => TryOperand(a, out var x) && TryOperand(b, out var y) && TryOperand(c, out _) ? DecimalOperations.Power(x, y, c, DecimalModule.State.Current) : Values.NotImplemented;
        t.Numbers[(int)NumberOp.DivMod] = (a, b) => TryOperand(a, out var x) && TryOperand(b, out var y) ? DecimalOperations.DivMod(x, y, DecimalModule.State.Current) : Values.NotImplemented;
        t.Getter("real", o => o);
        t.Getter("imag", _ => new PyDecimal(new DecimalNumber(false, 0ul, 0)));
        foreach (var name in new[] { "conjugate", "canonical", "__copy__" })
            t.Def0(name, o => o);
        t.Def1("__deepcopy__", (o, _) => o);
        t.Def0("radix", _ => new PyDecimal(DecimalNumber.Of(10)));
        t.Def0("adjusted", o => PyInt.Of(V(o).IsFinite ? V(o).Adjusted : 0));
        t.Def0("copy_abs", o => new PyDecimal(V(o).WithSign(false)));
        t.Def0("copy_negate", o => new PyDecimal(V(o).WithSign(!V(o).IsNegative)));
        t.Def0("as_tuple", o => AsTuple(V(o)));
        t.Def0("as_integer_ratio", o => IntegerRatio(V(o)));
        t.Def0("__trunc__", o => ToInteger(V(o), Rounding.Down));
        t.Def0("__floor__", o => ToInteger(V(o), Rounding.Floor));
        t.Def0("__ceil__", o => ToInteger(V(o), Rounding.Ceiling));
        t.Def("__round__", "ndigits=?, /", (o, a) =>
        {
            if (a[0] is null)
                return ToInteger(V(o), Rounding.HalfEven);
            var places = a[0] is PyInt ? Args.Long(a[0]!) : throw Err.Type("optional arg must be an integer");
            return DecimalOperations.Apply(DecimalArithmetic.Quantize, V(o), new DecimalNumber(false, 1ul, places == long.MinValue ? long.MaxValue : -places), DecimalModule.State.Current);
        });
        t.Def0("__complex__", o => new PyComplex(new Complex(ToDouble(V(o)), 0)));
        t.Def0("__reduce__", o => new PyTuple(o.Type, new PyTuple(Ops.Str(o))));
        t.Def0("__sizeof__", o => PyInt.Of(72 + (8 * Math.Max(4, (V(o).Digits + 18) / 19))));
        t.Def("__format__", "fmtarg, override=None, /", (o, a) =>
        {
            if (a[1] != Values.None && a[1] is not PyDict)
                throw Err.Type("optional argument must be a dict");
            var context = DecimalModule.State.Current;
            return DecimalText.Format(V(o), a[0] as PyStr ?? throw Err.Type("format arg must be str"), context.Precision.Rounding, context.Capitals, a[1] as PyDict);
        });
        t.DefClass("from_float", "f, /", (type, a) =>
        {
            var made = FromFloat(a[0]!, DecimalModule.State.Current, exact: true);
            return type == Type ? made : Calls.Call(type, made);
        });
        DecimalOperations.DefineOnDecimal(t);

        void Operator(NumberOp op, DecimalBinary operation) =>
            t.Numbers[(int)op] = (a, b) => TryOperand(a, out var x) && TryOperand(b, out var y) ? DecimalOperations.Apply(operation, x, y, DecimalModule.State.Current) : Values.NotImplemented;
    }

    /// <summary>A Decimal or an int; other numbers are no operands.</summary>
    public static bool TryOperand(PyObject o, out DecimalNumber value)
    {
        if (o is PyDecimal number)
        {
            value = number.Value;
            return true;
        }
        if (o is PyInt integer)
        {
            value = OfInteger(integer);
            return true;
        }
        value = default;
        return false;
    }

    private static DecimalNumber OfInteger(PyInt value) =>
        value.TryLong(out var small) ? new DecimalNumber(small < 0, small < 0 ? (ulong)-small : (ulong)small, 0) : DecimalNumber.Of(value.ToBig());

    /// <summary><c>Decimal(value)</c>, or a context's <c>create_decimal</c>, which rounds.</summary>
    public static PyObject Create(PyObject value, PyDecimalContext context, bool exact)
    {
        var signals = Signals.None;
        switch (value)
        {
            case PyDecimal number:
                if (exact)
                    return value.GetType() == typeof(PyDecimal) ? value : new PyDecimal(number.Value);
                if (number.Value.IsNaN && number.Value.Digits > context.Precision.Digits - (context.Precision.Clamp ? 1 : 0))
                    return Made(DecimalArithmetic.Fail(Signals.ConversionSyntax, ref signals), context, exact, signals);
                return Made(number.Value, context, exact, signals);
            case PyInt integer:
                return Made(OfInteger(integer), context, exact, signals);
            case PyFloat:
                context.Signal(Signals.FloatOperation);
                return FromFloat(value, context, exact);
            case PyStr text:
                var ascii = UnicodeData.ToAsciiDigits(text);
                if (exact)
                    ascii = ascii.Trim(' ', '\t', '\n', '\r', '\v', '\f', '\u001c', '\u001d', '\u001e', '\u001f').Replace("_", "", StringComparison.Ordinal);
                return FromText(ascii, context, exact);
            case PyTuple or PyList:
                return FromText(TextOf(Ops.ToArray(value)), context, exact);
            default:
                throw Err.Type($"conversion from {value.Type.Name} to Decimal is not supported");
        }
    }

    private static PyDecimal FromText(string text, PyDecimalContext context, bool exact)
    {
        var signals = Signals.None;
        var read = DecimalText.Read(text) ?? DecimalArithmetic.Fail(Signals.ConversionSyntax, ref signals);
        if (!exact && read.IsNaN && read.Digits > context.Precision.Digits - (context.Precision.Clamp ? 1 : 0))
            read = DecimalArithmetic.Fail(Signals.ConversionSyntax, ref signals);
        return Made(read, context, exact, signals);
    }

    private static PyDecimal Made(in DecimalNumber value, PyDecimalContext context, bool exact, Signals signals)
    {
        var result = value.Fit(exact ? Precision.Maximum : context.Precision, ref signals);
        if (exact)
        {
            if ((signals & (Signals.Inexact | Signals.Rounded | Signals.Clamped)) != 0)
                (result, signals) = (DecimalNumber.NaN, Signals.InvalidOperation);
            signals &= Signals.Invalid;
        }
        context.Signal(signals);
        return new PyDecimal(result);
    }

    /// <summary>The exact value of a float or an int.</summary>
    public static PyDecimal FromFloat(PyObject value, PyDecimalContext context, bool exact)
    {
        if (value is PyInt integer)
            return Made(OfInteger(integer), context, exact, Signals.None);
        if (value is not PyFloat { Value: var number })
            throw Err.Type("argument must be int or float");
        if (!double.IsFinite(number))
            return new PyDecimal(double.IsNaN(number) ? DecimalNumber.NotANumber(double.IsNegative(number), false, 0) : DecimalNumber.Infinity(number < 0));
        var (numerator, denominator) = FloatMath.IntegerRatio(number);
        // The denominator is 2^n: n digits behind the point.
        var places = (int)denominator.GetBitLength() - 1;
        return Made(new DecimalNumber(double.IsNegative(number), BigInteger.Abs(numerator) * BigInteger.Pow(5, places), -places), context, exact, Signals.None);
    }

    private static string TextOf(PyObject[] parts)
    {
        if (parts.Length != 3)
            throw Err.Value("argument must be a sequence of length 3");
        if (parts[0] is not PyInt || !((PyInt)parts[0]).TryLong(out var sign) || sign is not (0 or 1))
            throw Err.Value("sign must be an integer with the value 0 or 1");
        if (parts[1] is not (PyTuple or PyList))
            throw Err.Value("coefficient must be a tuple of digits");
        var text = new System.Text.StringBuilder(sign == 1 ? "-" : "");
        var exponent = "";
        if (parts[2] is PyStr kind)
        {
            text.Append(kind.ToString() switch { "F" => "Inf", "n" => "NaN", "N" => "sNaN", _ => throw Err.Value("string argument in the third position must be 'F', 'n' or 'N'") });
        }
        else
        {
            if (parts[2] is not PyInt)
                throw Err.Value("exponent must be an integer");
            exponent = "E" + Args.Long(parts[2]).ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
        var digits = Ops.ToArray(parts[1]);
        foreach (var each in digits)
        {
            if (each is not PyInt || !((PyInt)each).TryLong(out var digit) || digit is < 0 or > 9)
                throw Err.Value("coefficient must be a tuple of digits");
            if (parts[2] is not PyStr { Value: "F" })
                text.Append((char)('0' + digit));
        }
        if (digits.Length == 0 && exponent.Length > 0)
            text.Append('0');
        return text.Append(exponent).ToString();
    }

    private static PyObject AsTuple(in DecimalNumber a)
    {
        var text = a.IsInfinite ? "0" : a.Digits == 0 ? "" : DecimalText.Digits(a);
        PyObject exponent = a.IsFinite ? PyInt.Of(a.Exponent) : new PyStr(a.IsInfinite ? "F" : a.IsSignaling ? "N" : "n");
        return Calls.Call(DecimalModule.State.Tuple, PyInt.Of(a.IsNegative ? 1 : 0), new PyTuple([.. text.Select(c => (PyObject)PyInt.Of(c - '0'))]), exponent);
    }

    private static void CheckFinite(in DecimalNumber a, string what)
    {
        if (a.IsNaN)
            throw Err.Value("cannot convert NaN to " + what);
        if (a.IsInfinite)
            throw Err.Overflow("cannot convert Infinity to " + what);
    }

    private static PyInt ToInteger(in DecimalNumber a, Rounding rounding)
    {
        CheckFinite(a, "integer");
        var whole = a.IsZero ? a.WithExponent(0) : a.Exponent >= 0 ? a.ShiftLeft(a.Exponent) : a.ShiftRight(-a.Exponent, rounding, out _);
        return PyInt.Of(whole.IsNegative ? -whole.Coefficient : whole.Coefficient);
    }

    private static PyTuple IntegerRatio(in DecimalNumber a)
    {
        CheckFinite(a, "integer ratio");
        if (a.IsZero)
            return new PyTuple(PyInt.Zero, PyInt.One);
        var coefficient = a.IsNegative ? -a.Coefficient : a.Coefficient;
        if (a.Exponent >= 0)
            return new PyTuple(PyInt.Of(PowersOfTen.Scale(coefficient, a.Exponent)), PyInt.One);
        var denominator = PowersOfTen.Of(-a.Exponent);
        var divisor = BigInteger.GreatestCommonDivisor(coefficient, denominator);
        return new PyTuple(PyInt.Of(coefficient / divisor), PyInt.Of(denominator / divisor));
    }

    private static double ToDouble(in DecimalNumber a)
    {
        if (a.IsSignaling)
            throw Err.Value("cannot convert signaling NaN to float");
        if (a.IsNaN)
            return double.CopySign(double.NaN, a.IsNegative ? -1 : 1);
        if (a.IsInfinite)
            return a.IsNegative ? double.NegativeInfinity : double.PositiveInfinity;
        // Both exact, so the quotient or product is rounded once.
        if (a.IsSmall && a.Low < 1ul << 53 && a.Exponent is >= -19 and <= 19)
        {
            var value = a.Exponent < 0 ? a.Low / (double)PowersOfTen.Small[-a.Exponent] : a.Low * (double)PowersOfTen.Small[a.Exponent];
            return a.IsNegative ? -value : value;
        }
        return FloatText.Parse(DecimalText.Write(a, true)) ?? throw Err.Value("could not convert Decimal to float");
    }

    private static long Hash(PyObject o)
    {
        const long modulus = (1L << 61) - 1;
        var a = V(o);
        if (a.IsSignaling)
            throw Err.Type("Cannot hash a signaling NaN value");
        if (a.IsNaN)
            return RuntimeHelpers.GetHashCode(o);
        if (a.IsInfinite)
            return a.IsNegative ? -314159 : 314159;
        // 10^-1 modulo the prime is its power to modulus - 2.
        var power = BigInteger.ModPow(10, a.Exponent >= 0 ? a.Exponent : (BigInteger)(modulus - 1) - (-a.Exponent % (modulus - 1)), modulus);
        var hash = (long)(a.Coefficient % modulus * power % modulus);
        if (a.IsNegative)
            hash = -hash;
        return hash == -1 ? -2 : hash;
    }

    private static PyObject Compare(PyObject a, PyObject b, CompareOp op)
    {
        var context = DecimalModule.State.Current;
        var x = V(a);
        var equality = op is CompareOp.Eq or CompareOp.Ne;
        if (!TryOperand(b, out var y))
        {
            if (b is PyComplex { Value.Imaginary: 0 } complex && equality)
                b = new PyFloat(complex.Value.Real);
            else if (b is PyComplex && equality)
                return Values.NotImplemented;
            if (b is PyFloat)
            {
                if (equality)
                    context.Flags |= Signals.FloatOperation;
                else
                    context.Signal(Signals.FloatOperation);
                y = FromFloat(b, context, exact: true).Value;
            }
            else if (!TryRational(b, ref x, out y))
            {
                return Values.NotImplemented;
            }
        }
        if (!x.IsNaN && !y.IsNaN)
            return Values.Bool(Ops.Holds(DecimalArithmetic.Compare(x, y), op));
        if (!equality || x.IsSignaling || y.IsSignaling)
            context.Signal(Signals.InvalidOperation);
        return Values.Bool(op == CompareOp.Ne);
    }

    // x is compared with n/d as x*d with n.
    private static bool TryRational(PyObject o, ref DecimalNumber x, out DecimalNumber y)
    {
        y = default;
        if (o.Type.IsBuiltin || !Ops.IsInstance(o, Attributes.Get(PyThread.Current.Machine.ImportModule("numbers"), "Rational")))
            return false;
        if (!TryOperand(Attributes.Get(o, "numerator"), out y) || !TryOperand(Attributes.Get(o, "denominator"), out var denominator))
            return false;
        var signals = Signals.None;
        if (x.IsFinite)
            x = DecimalArithmetic.Multiply(x, denominator, Precision.Maximum, ref signals);
        return true;
    }
}
