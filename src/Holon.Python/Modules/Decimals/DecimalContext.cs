namespace Holon.Python.Modules.Decimals;

/// <summary>decimal.Context: precision, range, rounding, and which conditions have come up or are to be raised.</summary>
internal sealed class PyDecimalContext : PyExtensible
{
    private Precision precision;

    public PyDecimalContext(PyType type, PyDecimalContext? template = null)
        : base(type)
    {
        precision = template?.precision ?? new Precision(28, -999999, 999999, Rounding.HalfEven);
        Traps = template?.Traps ?? (Signals.Invalid | Signals.DivisionByZero | Signals.Overflow);
        Capitals = template?.Capitals ?? true;
    }

    public ref Precision Precision => ref precision;

    public bool Capitals { get; set; }

    public Signals Flags { get; set; }

    public Signals Traps { get; set; }

    /// <summary>Conditions have come up: they are remembered, and raised when they are trapped.</summary>
    public void Signal(Signals signals)
    {
        if (signals == Signals.None)
            return;
        Flags |= signals;
        if ((signals & Traps) != 0)
            throw DecimalModule.Error(signals & Traps);
    }

    public PyDecimalContext Copy() => new(DecimalContextType.Type, this) { Flags = Flags };
}

internal static class DecimalContextType
{
    private static readonly NativeParameters ContextParameters = new("Context", "prec=None, rounding=None, Emin=None, Emax=None, capitals=None, clamp=None, flags=None, traps=None");

    public const string NotAContext = "optional argument must be a context";

    public static readonly string[] RoundingNames = ["ROUND_UP", "ROUND_DOWN", "ROUND_CEILING", "ROUND_FLOOR", "ROUND_HALF_UP", "ROUND_HALF_DOWN", "ROUND_HALF_EVEN", "ROUND_05UP"];

    public static readonly PyType Type = new("Context", PyType.Object, Define, "decimal");

    private static PyDecimalContext C(PyObject o) => (PyDecimalContext)o;

    public static Rounding RoundingOf(PyObject value) =>
        value is PyStr text && Array.IndexOf(RoundingNames, text.ToString()) is >= 0 and var index ? (Rounding)index
            : throw Err.Type("valid values for rounding are:\n  [ROUND_CEILING, ROUND_FLOOR, ROUND_UP, ROUND_DOWN,\n   ROUND_HALF_UP, ROUND_HALF_DOWN, ROUND_HALF_EVEN,\n   ROUND_05UP]");

    private static void Define(PyType t)
    {
        t.New = (type, _, _) => new PyDecimalContext(type, DecimalModule.State.Default);
        t.Init = (o, args, names) => Initialize(C(o), ContextParameters.Bind(args, names));
        t.GetAttr = (o, name) => name.Value switch
        {
            "traps" => new PySignalDict(C(o), true),
            "flags" => new PySignalDict(C(o), false),
            _ => Attributes.GenericGet(o, name),
        };
        t.SetAttr = (o, name, value) =>
        {
            if (name.Value is "traps" or "flags")
                SetSignals(C(o), name.Value == "traps", value ?? throw Err.Of(ExceptionTypes.AttributeError, "context attributes cannot be deleted"));
            else if (value is null && name.Value is "prec" or "Emin" or "Emax" or "rounding" or "capitals" or "clamp")
                throw Err.Of(ExceptionTypes.AttributeError, "context attributes cannot be deleted");
            else
                Attributes.GenericSet(o, name, value);
        };
        t.Repr = o =>
        {
            var p = C(o).Precision;
            return PyStr.FromUtf16($"Context(prec={p.Digits}, rounding={RoundingNames[(int)p.Rounding]}, Emin={p.MinExponent}, Emax={p.MaxExponent}, capitals={(C(o).Capitals ? 1 : 0)}, clamp={(p.Clamp ? 1 : 0)}, flags=[{Text(C(o).Flags)}], traps=[{Text(C(o).Traps)}])");
        };
        Field("prec", o => PyInt.Of(C(o).Precision.Digits), (c, v) => c.Precision = c.Precision with { Digits = InRange(v, 1, Precision.Most, "prec is [1, MAX_PREC]") });
        Field("Emax", o => PyInt.Of(C(o).Precision.MaxExponent), (c, v) => c.Precision = c.Precision with { MaxExponent = InRange(v, 0, Precision.Most, "Emax is [0, MAX_EMAX]") });
        Field("Emin", o => PyInt.Of(C(o).Precision.MinExponent), (c, v) => c.Precision = c.Precision with { MinExponent = InRange(v, -Precision.Most, 0, "Emin is [MIN_EMIN, 0]") });
        Field("rounding", o => PyThread.Current.Machine.Intern(RoundingNames[(int)C(o).Precision.Rounding]), (c, v) => c.Precision = c.Precision with { Rounding = RoundingOf(v) });
        Field("capitals", o => PyInt.Of(C(o).Capitals ? 1 : 0), (c, v) => c.Capitals = Flag(v, "capitals"));
        Field("clamp", o => PyInt.Of(C(o).Precision.Clamp ? 1 : 0), (c, v) => c.Precision = c.Precision with { Clamp = Flag(v, "clamp") });
        t.Def0("Etiny", o => PyInt.Of(C(o).Precision.Tiny));
        t.Def0("Etop", o => PyInt.Of(C(o).Precision.Top));
        t.Def0("radix", _ => new PyDecimal(DecimalNumber.Of(10)));
        t.Def0("clear_flags", o => Done(() => C(o).Flags = Signals.None));
        t.Def0("clear_traps", o => Done(() => C(o).Traps = Signals.None));
        foreach (var name in new[] { "copy", "__copy__" })
            t.Def0(name, o => C(o).Copy());
        t.Def0("__reduce__", o =>
        {
            var p = C(o).Precision;
            return new PyTuple(o.Type, new PyTuple(PyInt.Of(p.Digits), new PyStr(RoundingNames[(int)p.Rounding]), PyInt.Of(p.MinExponent), PyInt.Of(p.MaxExponent), PyInt.Of(C(o).Capitals ? 1 : 0), PyInt.Of(p.Clamp ? 1 : 0), List(C(o).Flags), List(C(o).Traps)));
        });
        t.Def("create_decimal", "num='0', /", (o, a) => DecimalType.Create(a[0]!, C(o), exact: false));
        t.Def1("create_decimal_from_float", (o, f) => DecimalType.FromFloat(f, C(o), exact: false));
        DecimalOperations.DefineOnContext(t);

        void Field(string name, Func<PyObject, PyObject> get, Action<PyDecimalContext, PyObject> set) => t.Getter(name, get, (o, v) => set(C(o), v!));
    }

    private static PyObject Done(Action action)
    {
        action();
        return Values.None;
    }

    private static long Integer(PyObject value) => value is PyInt ? Args.Long(value) : throw Err.Type("an integer is required");

    private static long InRange(PyObject value, long least, long most, string range) =>
        Integer(value) is var number && number >= least && number <= most ? number : throw Err.Value("valid range for " + range);

    private static bool Flag(PyObject value, string name) => Integer(value) switch { 0 => false, 1 => true, _ => throw Err.Value($"valid values for {name} are 0 or 1") };

    private static string Text(Signals signals) => string.Join(", ", DecimalModule.SignalNames.Where(s => (signals & s.Bits) != 0).OrderBy(s => (int)s.Bits & -(int)s.Bits).Select(s => s.Name));

    private static PyList List(Signals signals) => new([.. DecimalModule.SignalNames.Zip(DecimalModule.State.SignalTypes).Where(s => (signals & s.First.Bits) != 0).Select(s => (PyObject)s.Second)]);

    /// <summary>Sets what is given of the constructor's parameters.</summary>
    public static void Initialize(PyDecimalContext context, PyObject?[] a)
    {
        string[] names = ["prec", "rounding", "Emin", "Emax", "capitals", "clamp"];
        for (var i = 0; i < names.Length; i++)
        {
            if (a[i] != Values.None)
                Attributes.GenericSet(context, Names.Intern(names[i]), a[i]);
        }
        for (var i = 6; i < 8; i++)
        {
            if (a[i] == Values.None)
                continue;
            if (a[i] is not PyList list)
                SetSignals(context, i == 7, a[i]!);
            else if (list.ToArray().Aggregate(Signals.None, (s, each) => s | PySignalDict.BitsOf(each)) is var bits && i == 7)
                context.Traps = bits;
            else
                context.Flags = bits;
        }
    }

    private static void SetSignals(PyDecimalContext context, bool traps, PyObject value)
    {
        var bits = value switch
        {
            PySignalDict dict => dict.Bits,
            PyDict dict => PySignalDict.BitsOfDict(dict),
            _ => throw Err.Type("argument must be a signal dict"),
        };
        if (traps)
            context.Traps = bits;
        else
            context.Flags = bits;
    }
}

/// <summary>What <c>Context.flags</c> and <c>Context.traps</c> are: signals with a truth value each.</summary>
internal sealed class PySignalDict(PyDecimalContext context, bool traps) : PyExtensible(DecimalModule.State.SignalDict)
{
    private const string Valid = "valid values for signals are:\n  [InvalidOperation, FloatOperation, DivisionByZero,\n   Overflow, Underflow, Subnormal, Inexact, Rounded,\n   Clamped]";

    public static readonly PyType Mixin = new("SignalDictMixin", PyType.Object, Define, "decimal");

    public Signals Bits
    {
        get => traps ? context.Traps : context.Flags;
        private set
        {
            if (traps)
                context.Traps = value;
            else
                context.Flags = value;
        }
    }

    public static Signals BitsOf(PyObject signal)
    {
        var index = Array.IndexOf(DecimalModule.State.SignalTypes, signal);
        return index >= 0 ? DecimalModule.SignalNames[index].Bits : throw Err.Of(ExceptionTypes.KeyError, Valid);
    }

    public static Signals BitsOfDict(PyDict dict)
    {
        if (dict.Count != DecimalModule.SignalNames.Length)
            throw Err.Of(ExceptionTypes.KeyError, "invalid signal dict");
        return dict.Items().Aggregate(Signals.None, (bits, item) => bits | (Ops.IsTrue(item.Value) ? BitsOf(item.Key) : BitsOf(item.Key) & 0));
    }

    private static PySignalDict D(PyObject o) => (PySignalDict)o;

    private static void Define(PyType t)
    {
        t.New = (type, _, _) => throw Err.Type($"cannot create '{type.Name}' instances");
        t.Unhashable();
        t.Len = _ => DecimalModule.SignalNames.Length;
        t.Iter = _ => Ops.Iter(new PyTuple([.. DecimalModule.State.SignalTypes]));
        t.GetItem = (o, key) => Values.Bool((D(o).Bits & BitsOf(key)) != 0);
        t.SetItem = (o, key, value) =>
        {
            if (value is null)
                throw Err.Value("signal keys cannot be deleted");
            var bits = BitsOf(key);
            D(o).Bits = Ops.IsTrue(value) ? D(o).Bits | bits : D(o).Bits & ~bits;
        };
        t.Repr = o => PyStr.FromUtf16("{" + string.Join(", ", DecimalModule.SignalNames.Zip(DecimalModule.State.SignalTypes).Select(s => $"{Ops.Repr(s.Second)}:{((D(o).Bits & s.First.Bits) != 0 ? "True" : "False")}")) + "}");
        t.Compare = (a, b, op) => op is CompareOp.Eq or CompareOp.Ne && (b is PySignalDict || b is PyDict { } d && d.Count == DecimalModule.SignalNames.Length)
            ? Values.Bool((Seen(D(a).Bits) == Seen(b is PySignalDict other ? other.Bits : BitsOfDict((PyDict)b))) == (op == CompareOp.Eq)) : Values.NotImplemented;
        t.Def0("copy", o =>
        {
            var copy = new PyDict();
            foreach (var (name, type) in DecimalModule.SignalNames.Zip(DecimalModule.State.SignalTypes))
                copy.Set(type, Values.Bool((D(o).Bits & name.Bits) != 0));
            return copy;
        });
    }

    // The kinds of invalid operations are one signal.
    private static Signals Seen(Signals bits) => (bits & Signals.Invalid) != 0 ? bits | Signals.Invalid : bits;
}
