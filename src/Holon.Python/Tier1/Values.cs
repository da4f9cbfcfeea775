namespace Holon.Python.Tier1;

/// <summary>How compiled code holds the value of a local variable or stack entry.</summary>
internal enum Kind : byte
{
    /// <summary>Not bound, or not read again.</summary>
    Dead,

    /// <summary>An object or null.</summary>
    Maybe,

    /// <summary>An object.</summary>
    Object,

    /// <summary>An int that is exactly <c>int</c> and fits 64 bits, in a CIL long.</summary>
    Int,

    /// <summary>A float that is exactly <c>float</c>, in a CIL double.</summary>
    Float,

    /// <summary>True or False, in a CIL int; only on the stack.</summary>
    Bool,

    /// <summary>The null that CALL expects below a plain callable; only on the stack.</summary>
    Null,
}

/// <summary>What is known about an object's C# class.</summary>
internal enum Exact : byte
{
    None,
    Int,
    Float,
    Str,
    List,
    Tuple,
    Dict,
}

/// <summary>What is known, when compiling, of a local variable or stack entry.</summary>
/// <param name="Kind">How it is held.</param>
/// <param name="Exact">Its class.</param>
/// <param name="Constant">The object itself.</param>
/// <param name="Origin">The local variable that holds the same value, or -1.</param>
/// <param name="Type">Its Python type, if that is a built-in one.</param>
internal readonly record struct Value(Kind Kind, Exact Exact = Exact.None, PyObject? Constant = null, int Origin = -1, PyType? Type = null)
{
    public static readonly Value Dead = new(Kind.Dead);
    public static readonly Value Object = new(Kind.Object);
    public static readonly Value Int = new(Kind.Int, Exact.Int);
    public static readonly Value Float = new(Kind.Float, Exact.Float);
    public static readonly Value Bool = new(Kind.Bool);
    public static readonly Value Null = new(Kind.Null);

    public bool IsInt => Kind == Kind.Int || (Kind == Kind.Object && Exact == Exact.Int);

    public bool IsFloat => Kind == Kind.Float || (Kind == Kind.Object && Exact == Exact.Float);

    public static Exact ExactOf(PyObject? o) => o switch
    {
        null => Exact.None,
        _ when o.GetType() == typeof(PyInt) => Exact.Int,
        _ when o.GetType() == typeof(PyFloat) => Exact.Float,
        _ when o.GetType() == typeof(PyStr) => Exact.Str,
        _ when o.GetType() == typeof(PyList) => Exact.List,
        _ when o.GetType() == typeof(PyTuple) => Exact.Tuple,
        _ when o.GetType() == typeof(PyDict) => Exact.Dict,
        _ => Exact.None,
    };

    /// <summary>What is known where two ways meet. <paramref name="speculate"/>: a number may be taken out of an object, guarded.</summary>
    public static Value Join(Value a, Value b, bool speculate)
    {
        if (a.Kind == b.Kind)
            return new Value(a.Kind, a.Exact == b.Exact ? a.Exact : Exact.None, ReferenceEquals(a.Constant, b.Constant) ? a.Constant : null, a.Origin == b.Origin ? a.Origin : -1);
        if ((a.IsInt && b.IsInt) || (a.IsFloat && b.IsFloat))
            return a.IsInt ? Int : Float;
        if (speculate && a.Kind is Kind.Object or Kind.Int or Kind.Float && b.Kind is Kind.Object or Kind.Int or Kind.Float)
        {
            if ((a.Kind == Kind.Int && b.Exact == Exact.None) || (b.Kind == Kind.Int && a.Exact == Exact.None))
                return Int;
            if ((a.Kind == Kind.Float && b.Exact == Exact.None) || (b.Kind == Kind.Float && a.Exact == Exact.None))
                return Float;
        }
        if (a.Kind is Kind.Dead or Kind.Maybe or Kind.Null || b.Kind is Kind.Dead or Kind.Maybe or Kind.Null)
            return new Value(Kind.Maybe);
        return Object;
    }
}

/// <summary>Everything known before one instruction.</summary>
internal sealed class State(Value[] locals, Value[] stack, int depth)
{
    public readonly Value[] Locals = locals;
    public readonly Value[] Stack = stack;
    public int Depth = depth;

    public State Clone() => new((Value[])Locals.Clone(), (Value[])Stack.Clone(), Depth);

    public bool SameAs(State other) =>
        Depth == other.Depth && Locals.AsSpan().SequenceEqual(other.Locals) && Stack.AsSpan(0, Depth).SequenceEqual(other.Stack.AsSpan(0, Depth));
}
