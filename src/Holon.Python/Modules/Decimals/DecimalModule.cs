using System.Collections.Immutable;

namespace Holon.Python.Modules.Decimals;

/// <summary>_decimal: the General Decimal Arithmetic Specification 1.70, as CPython has it from libmpdec.</summary>
internal static class DecimalModule
{
    /// <summary>What a machine has of its own: the exceptions, which are classes that can be changed, and its contexts.</summary>
    internal sealed class MachineState
    {
        private object? seenIn;
        private ImmutableDictionary<PyObject, PyObject>? seenValues;
        private PyDecimalContext? seen;

        /// <summary>The module's namespace: a machine has one, however often the module is imported anew.</summary>
        public PyDict? Contents { get; set; }

        public PyType[] SignalTypes { get; set; } = [];

        public PyType[] ConditionTypes { get; set; } = [];

        public PyType SignalDict { get; set; } = null!;

        public PyObject Tuple { get; set; } = null!;

        public PyDecimalContext? Default { get; set; }

        public PyDecimalContext[] Templates { get; set; } = [];

        public PyObject Variable { get; } = ContextVarsModule.NewVariable("decimal_context");

        /// <summary>The context of the running thread or coroutine.</summary>
        public PyDecimalContext Current
        {
            get
            {
                if (PyThread.Current.Context is ContextVarsModule.PyContext context && ReferenceEquals(context, seenIn) && ReferenceEquals(context.Values, seenValues))
                    return seen!;
                if (ContextVarsModule.Get(Variable) is not PyDecimalContext found)
                    Current = found = Default!.Copy();
                Remember(found);
                return found;
            }

            set
            {
                ContextVarsModule.Set(Variable, value);
                Remember(value);
            }
        }

        private void Remember(PyDecimalContext context)
        {
            if (PyThread.Current.Context is ContextVarsModule.PyContext holder)
                (seenIn, seenValues, seen) = (holder, holder.Values, context);
        }
    }

    public static readonly (string Name, Signals Bits)[] SignalNames =
    [
        ("InvalidOperation", Signals.Invalid), ("FloatOperation", Signals.FloatOperation), ("DivisionByZero", Signals.DivisionByZero), ("Overflow", Signals.Overflow),
        ("Underflow", Signals.Underflow), ("Subnormal", Signals.Subnormal), ("Inexact", Signals.Inexact), ("Rounded", Signals.Rounded), ("Clamped", Signals.Clamped),
    ];

    private static readonly (string Name, Signals Bits)[] ConditionNames =
    [
        ("InvalidOperation", Signals.InvalidOperation), ("ConversionSyntax", Signals.ConversionSyntax), ("DivisionImpossible", Signals.DivisionImpossible),
        ("DivisionUndefined", Signals.DivisionUndefined), ("InvalidContext", Signals.InvalidContext),
    ];

    public static MachineState State => PyThread.Current.Machine.State<MachineState>("_decimal");

    /// <summary>The exception of the first of these conditions; its argument lists all.</summary>
    public static PyError Error(Signals signals)
    {
        var state = State;
        var all = ConditionNames.Zip(state.ConditionTypes).Concat(SignalNames.Zip(state.SignalTypes).Skip(1)).Where(s => (signals & s.First.Bits) != 0);
        var first = SignalNames.Zip(state.SignalTypes).First(s => (signals & s.First.Bits) != 0).Second;
        return Err.Of(first, new PyList([.. all.Select(s => (PyObject)s.Second)]));
    }

    public static void Fill(ModuleBuilder m)
    {
        var state = m.Machine.State<MachineState>("_decimal");
        if (state.Contents is not null)
        {
            m.Module.Dict.Update(state.Contents);
            return;
        }
        MakeExceptions(m, state);
        var abstractMapping = (PyType)Attributes.Get(m.Machine.ImportModule("collections.abc"), "MutableMapping");
        state.SignalDict = (PyType)Calls.Call(abstractMapping.Type, new PyStr("SignalDict"), new PyTuple(PySignalDict.Mixin, abstractMapping), new PyDict());
        state.Tuple = Calls.CallNamed(Attributes.Get(m.Machine.ImportModule("collections"), "namedtuple"), [new PyStr("DecimalTuple"), new PyStr("sign digits exponent"), new PyStr("decimal")], new PyTuple(Names.Intern("module")));
        Calls.CallMethod(Attributes.Get(m.Machine.ImportModule("numbers"), "Number"), "register", DecimalType.Type);
        state.Default = new PyDecimalContext(DecimalContextType.Type);
        var basic = new PyDecimalContext(DecimalContextType.Type) { Traps = Signals.Invalid | Signals.DivisionByZero | Signals.Overflow | Signals.Underflow | Signals.Clamped };
        basic.Precision = basic.Precision with { Digits = 9, Rounding = Rounding.HalfUp };
        var extended = new PyDecimalContext(DecimalContextType.Type) { Traps = Signals.None };
        extended.Precision = extended.Precision with { Digits = 9 };
        state.Templates = [state.Default, basic, extended];
        m.Types(DecimalType.Type, DecimalContextType.Type);
        m.Set("DecimalTuple", state.Tuple);
        m.Set("DefaultContext", state.Default);
        m.Set("BasicContext", basic);
        m.Set("ExtendedContext", extended);
        foreach (var name in DecimalContextType.RoundingNames)
            m.Set(name, m.Machine.Intern(name));
        m.Set("MAX_PREC", Precision.Most);
        m.Set("MAX_EMAX", Precision.Most);
        m.Set("MIN_EMIN", -Precision.Most);
        m.Set("MIN_ETINY", -2 * Precision.Most + 1);
        m.Set("HAVE_THREADS", Values.True);
        m.Set("HAVE_CONTEXTVAR", Values.True);
        m.Set("__version__", "1.70");
        m.Set("__libmpdec_version__", "2.5.1");
        m.Def0("getcontext", () => state.Current);
        m.Def1("setcontext", value =>
        {
            var context = value as PyDecimalContext ?? throw Err.Type("argument must be a context");
            state.Current = state.Templates.Contains(context) ? new PyDecimalContext(DecimalContextType.Type, context) : context;
            return Values.None;
        });
        m.DefKept("localcontext", "ctx=None, *, prec=None, rounding=None, Emin=None, Emax=None, capitals=None, clamp=None, flags=None, traps=None", a =>
        {
            var context = a[0] == Values.None ? state.Current : a[0] as PyDecimalContext ?? throw Err.Type(DecimalContextType.NotAContext);
            var local = context.Copy();
            DecimalContextType.Initialize(local, a[1..]);
            return new PyContextManager(local, state.Current);
        });
        state.Contents = m.Module.Dict.Copy();
    }

    private static void MakeExceptions(ModuleBuilder m, MachineState state)
    {
        var root = Make("DecimalException", ExceptionTypes.ArithmeticError);
        var invalid = Make("InvalidOperation", root);
        var inexact = Make("Inexact", root);
        var rounded = Make("Rounded", root);
        var subnormal = Make("Subnormal", root);
        state.SignalTypes =
        [
            invalid, Make("FloatOperation", root, ExceptionTypes.TypeError), Make("DivisionByZero", root, ExceptionTypes.ZeroDivisionError), Make("Overflow", inexact, rounded),
            Make("Underflow", inexact, rounded, subnormal), subnormal, inexact, rounded, Make("Clamped", root),
        ];
        state.ConditionTypes =
        [
            invalid, Make("ConversionSyntax", invalid), Make("DivisionImpossible", invalid), Make("DivisionUndefined", invalid, ExceptionTypes.ZeroDivisionError), Make("InvalidContext", invalid),
        ];

        PyType Make(string name, params PyType[] bases)
        {
            var dict = new PyDict();
            dict.Set("__module__", new PyStr("decimal"));
            var type = ClassBuilder.Build(PyType.TypeType, new PyStr(name), new PyTuple([.. bases]), dict, [], null);
            m.Set(name, type);
            return type;
        }
    }

    private sealed class PyContextManager(PyDecimalContext local, PyDecimalContext outer) : PyObject
    {
        private static readonly PyType ManagerType = new("ContextManager", PyType.Object, t =>
        {
            t.Def0("__enter__", o => State.Current = ((PyContextManager)o).Local);
            t.Def("__exit__", "*args", (o, _) =>
            {
                State.Current = ((PyContextManager)o).Outer;
                return Values.False;
            });
        }, "decimal");

        private PyDecimalContext Local { get; } = local;

        private PyDecimalContext Outer { get; } = outer;

        public override PyType Type => ManagerType;
    }
}
