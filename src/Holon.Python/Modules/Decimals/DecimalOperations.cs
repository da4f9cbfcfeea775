namespace Holon.Python.Modules.Decimals;

internal delegate DecimalNumber DecimalUnary(in DecimalNumber a, in Precision p, ref Signals s);
internal delegate DecimalNumber DecimalBinary(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s);

/// <summary>The operations that Decimal and Context both have as methods, by name.</summary>
internal static class DecimalOperations
{
    private static readonly (string Name, DecimalUnary Operation)[] Unary =
    [
        ("exp", DecimalFunctions.Exp), ("ln", DecimalFunctions.Ln), ("log10", DecimalFunctions.Log10), ("logb", DecimalDigits.LogB), ("logical_invert", DecimalDigits.Invert),
        ("next_minus", DecimalDigits.NextMinus), ("next_plus", DecimalDigits.NextPlus), ("normalize", DecimalArithmetic.Normalize), ("sqrt", DecimalArithmetic.SquareRoot),
    ];

    // Of a context only.
    private static readonly (string Name, DecimalUnary Operation)[] ContextUnary =
    [
        ("abs", DecimalArithmetic.Absolute), ("plus", DecimalArithmetic.Plus), ("minus", DecimalArithmetic.Minus), ("_apply", (in DecimalNumber a, in Precision p, ref Signals s) => a.Fit(p, ref s)),
    ];

    private static readonly (string Name, DecimalBinary Operation)[] Binary =
    [
        ("compare", DecimalArithmetic.Compared), ("compare_signal", DecimalArithmetic.ComparedSignaling), ("remainder_near", DecimalArithmetic.RemainderNear),
        ("max", (in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s) => DecimalArithmetic.Extreme(a, b, true, false, p, ref s)),
        ("max_mag", (in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s) => DecimalArithmetic.Extreme(a, b, true, true, p, ref s)),
        ("min", (in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s) => DecimalArithmetic.Extreme(a, b, false, false, p, ref s)),
        ("min_mag", (in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s) => DecimalArithmetic.Extreme(a, b, false, true, p, ref s)),
        ("logical_and", (in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s) => DecimalDigits.Logical(a, b, (x, y) => x && y, p, ref s)),
        ("logical_or", (in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s) => DecimalDigits.Logical(a, b, (x, y) => x || y, p, ref s)),
        ("logical_xor", (in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s) => DecimalDigits.Logical(a, b, (x, y) => x != y, p, ref s)),
        ("next_toward", DecimalDigits.NextToward), ("rotate", DecimalDigits.Rotate), ("scaleb", DecimalDigits.ScaleB), ("shift", DecimalDigits.Shift),
        ("compare_total", (in DecimalNumber a, in DecimalNumber b, in Precision _, ref Signals _) => DecimalNumber.Of(DecimalArithmetic.CompareTotal(a, b))),
        ("compare_total_mag", (in DecimalNumber a, in DecimalNumber b, in Precision _, ref Signals _) => DecimalNumber.Of(DecimalArithmetic.CompareTotalMagnitude(a, b))),
        ("copy_sign", (in DecimalNumber a, in DecimalNumber b, in Precision _, ref Signals _) => a.WithSign(b.IsNegative)),
    ];

    private static readonly (string Name, DecimalBinary Operation)[] ContextBinary =
    [
        ("add", DecimalArithmetic.Add), ("subtract", DecimalArithmetic.Subtract), ("multiply", DecimalArithmetic.Multiply), ("divide", DecimalArithmetic.Divide),
        ("divide_int", DecimalArithmetic.DivideInteger), ("remainder", DecimalArithmetic.Remainder), ("quantize", DecimalArithmetic.Quantize),
    ];

    // Without a context: predicates and parts.
    private static readonly (string Name, Func<DecimalNumber, bool> Test)[] Tests =
    [
        ("is_canonical", _ => true), ("is_finite", a => a.IsFinite), ("is_infinite", a => a.IsInfinite), ("is_nan", a => a.IsNaN), ("is_qnan", a => a.Kind == NumberKind.QuietNaN),
        ("is_snan", a => a.IsSignaling), ("is_signed", a => a.IsNegative), ("is_zero", a => a.IsZero),
    ];

    private static readonly (string Name, Func<DecimalNumber, Precision, bool> Test)[] RangeTests =
    [
        ("is_normal", (a, p) => a.IsFinite && !a.IsZero && a.Adjusted >= p.MinExponent), ("is_subnormal", (a, p) => a.IsFinite && !a.IsZero && a.Adjusted < p.MinExponent),
    ];

    private static DecimalNumber Value(PyObject o) => ((PyDecimal)o).Value;

    /// <summary>An operand of a method.</summary>
    public static DecimalNumber Operand(PyObject o) =>
        DecimalType.TryOperand(o, out var value) ? value : throw Err.Type($"conversion from {o.Type.Name} to Decimal is not supported");

    public static PyDecimalContext ContextOf(PyObject? given) =>
        given is null || given == Values.None ? DecimalModule.State.Current : given as PyDecimalContext ?? throw Err.Type(DecimalContextType.NotAContext);

    public static PyDecimal Apply(DecimalUnary operation, in DecimalNumber a, PyDecimalContext context)
    {
        var signals = Signals.None;
        var result = operation(a, context.Precision, ref signals);
        context.Signal(signals);
        return new PyDecimal(result);
    }

    public static PyDecimal Apply(DecimalBinary operation, in DecimalNumber a, in DecimalNumber b, PyDecimalContext context)
    {
        var signals = Signals.None;
        var result = operation(a, b, context.Precision, ref signals);
        context.Signal(signals);
        return new PyDecimal(result);
    }

    private static PyDecimal ToIntegral(in DecimalNumber a, bool exact, PyObject? rounding, PyDecimalContext context)
    {
        var signals = Signals.None;
        var p = rounding is null || rounding == Values.None ? context.Precision : context.Precision with { Rounding = DecimalContextType.RoundingOf(rounding) };
        var result = DecimalArithmetic.ToIntegral(a, p, exact, ref signals);
        context.Signal(signals);
        return new PyDecimal(result);
    }

    private static PyDecimal Fused(in DecimalNumber a, PyObject b, PyObject c, PyDecimalContext context)
    {
        var signals = Signals.None;
        var result = DecimalArithmetic.FusedMultiplyAdd(a, Operand(b), Operand(c), context.Precision, ref signals);
        context.Signal(signals);
        return new PyDecimal(result);
    }

    public static PyTuple DivMod(in DecimalNumber a, in DecimalNumber b, PyDecimalContext context)
    {
        var signals = Signals.None;
        var (quotient, remainder) = DecimalArithmetic.DivMod(a, b, context.Precision, ref signals);
        context.Signal(signals);
        return new PyTuple(new PyDecimal(quotient), new PyDecimal(remainder));
    }

    public static PyDecimal Power(in DecimalNumber a, in DecimalNumber b, PyObject? modulo, PyDecimalContext context)
    {
        if (modulo is null || modulo == Values.None)
            return Apply(DecimalFunctions.Power, a, b, context);
        var signals = Signals.None;
        var result = DecimalFunctions.PowerModulo(a, b, Operand(modulo), context.Precision, ref signals);
        context.Signal(signals);
        return new PyDecimal(result);
    }

    public static void DefineOnDecimal(PyType t)
    {
        foreach (var (name, operation) in Unary)
            t.Def(name, "context=None", (o, a) => Apply(operation, Value(o), ContextOf(a[0])));
        foreach (var (name, operation) in Binary)
        {
            t.Def(name, "other, context=None", (o, a) =>
            {
                var context = ContextOf(a[1]);
                return Apply(operation, Value(o), Operand(a[0]!), context);
            });
        }
        foreach (var (name, test) in Tests)
            t.Def0(name, o => Values.Bool(test(Value(o))));
        foreach (var (name, test) in RangeTests)
            t.Def(name, "context=None", (o, a) => Values.Bool(test(Value(o), ContextOf(a[0]).Precision)));
        t.Def("quantize", "exp, rounding=None, context=None", (o, a) =>
        {
            var context = ContextOf(a[2]);
            var signals = Signals.None;
            var p = a[1] == Values.None ? context.Precision : context.Precision with { Rounding = DecimalContextType.RoundingOf(a[1]!) };
            var result = DecimalArithmetic.Quantize(Value(o), Operand(a[0]!), p, ref signals);
            context.Signal(signals);
            return new PyDecimal(result);
        });
        foreach (var (name, exact) in new[] { ("to_integral", false), ("to_integral_value", false), ("to_integral_exact", true) })
            t.Def(name, "rounding=None, context=None", (o, a) => ToIntegral(Value(o), exact, a[0], ContextOf(a[1])));
        t.Def("fma", "other, third, context=None", (o, a) =>
        {
            var context = ContextOf(a[2]);
            return Fused(Value(o), a[0]!, a[1]!, context);
        });
        t.Def("number_class", "context=None", (o, a) => new PyStr(DecimalDigits.Class(Value(o), ContextOf(a[0]).Precision)));
        t.Def("to_eng_string", "context=None", (o, a) => new PyStr(DecimalText.Write(Value(o), ContextOf(a[0]).Capitals, engineering: true)));
        t.Def("same_quantum", "other, context=None", (o, a) =>
        {
            ContextOf(a[1]);
            return Values.Bool(DecimalDigits.IsSameQuantum(Value(o), Operand(a[0]!)));
        });
    }

    public static void DefineOnContext(PyType t)
    {
        static PyDecimalContext C(PyObject o) => (PyDecimalContext)o;

        foreach (var (name, operation) in Unary.Concat(ContextUnary))
            t.Def1(name, (o, x) => Apply(operation, Operand(x), C(o)));
        foreach (var (name, operation) in Binary.Concat(ContextBinary))
        {
            t.Def(name, name == "compare_total" || name == "copy_sign" ? "a, b" : "a, b, /", (o, a) => Apply(operation, Operand(a[0]!), Operand(a[1]!), C(o)));
        }
        foreach (var (name, test) in Tests)
        {
            if (name == "is_canonical")
                t.Def1(name, (_, x) => x is PyDecimal ? Values.True : throw Err.Type("argument must be a Decimal"));
            else
                t.Def1(name, (_, x) => Values.Bool(test(Operand(x))));
        }
        foreach (var (name, test) in RangeTests)
            t.Def1(name, (o, x) => Values.Bool(test(Operand(x), C(o).Precision)));
        t.Def("divmod", "a, b, /", (o, a) => DivMod(Operand(a[0]!), Operand(a[1]!), C(o)));
        t.Def("power", "a, b, modulo=None", (o, a) => Power(Operand(a[0]!), Operand(a[1]!), a[2], C(o)));
        t.Def("fma", "a, b, c, /", (o, a) => Fused(Operand(a[0]!), a[1]!, a[2]!, C(o)));
        t.Def1("to_integral", (o, x) => ToIntegral(Operand(x), false, null, C(o)));
        t.Def1("to_integral_value", (o, x) => ToIntegral(Operand(x), false, null, C(o)));
        t.Def1("to_integral_exact", (o, x) => ToIntegral(Operand(x), true, null, C(o)));
        t.Def1("canonical", (_, x) => x is PyDecimal ? x : throw Err.Type("argument must be a Decimal"));
        t.Def1("copy_decimal", (_, x) => new PyDecimal(Operand(x)));
        t.Def1("copy_abs", (_, x) => new PyDecimal(Operand(x).WithSign(false)));
        t.Def1("copy_negate", (_, x) => Operand(x) is var number ? new PyDecimal(number.WithSign(!number.IsNegative)) : null);
        t.Def1("number_class", (o, x) => new PyStr(DecimalDigits.Class(Operand(x), C(o).Precision)));
        t.Def1("to_sci_string", (o, x) => new PyStr(DecimalText.Write(Operand(x), C(o).Capitals)));
        t.Def1("to_eng_string", (o, x) => new PyStr(DecimalText.Write(Operand(x), C(o).Capitals, engineering: true)));
        t.Def("same_quantum", "a, b, /", (_, a) => Values.Bool(DecimalDigits.IsSameQuantum(Operand(a[0]!), Operand(a[1]!))));
    }
}
