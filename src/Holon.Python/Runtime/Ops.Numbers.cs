namespace Holon.Python.Runtime;

/// <summary>Operators.</summary>
internal static partial class Ops
{
    private static readonly string[] Signs = ["+", "&", "//", "<<", "@", "*", "%", "|", "** or pow()", ">>", "-", "/", "^", "divmod()"];

    public static PyObject Binary(PyObject a, PyObject b, NumberOp op)
    {
        var result = Number(a, b, (int)op);
        if (result != Values.NotImplemented)
            return result;
        if (op == NumberOp.Add && a.Type.Concat is { } concat)
            return concat(a, b);
        if (op == NumberOp.Multiply)
        {
            if (a.Type.Repeat is { } repeat)
                return repeat(a, RepeatCount(b));
            if (b.Type.Repeat is { } reversed)
                return reversed(b, RepeatCount(a));
        }
        var hint = op == NumberOp.RightShift && a is PyBuiltin { Code.Name: "print" } ? ". Did you mean \"print(<message>, file=<output_stream>)\"?" : "";
        throw Err.Type($"unsupported operand type(s) for {Signs[(int)op]}: '{a.Type.FullName}' and '{b.Type.FullName}'{hint}");
    }

    public static PyObject InPlace(PyObject a, PyObject b, NumberOp op)
    {
        var type = a.Type;
        if (type.InPlace[(int)op] is { } own)
        {
            var result = own(a, b);
            if (result != Values.NotImplemented)
                return result;
        }
        var other = Number(a, b, (int)op);
        if (other != Values.NotImplemented)
            return other;
        if (op == NumberOp.Add && (type.InPlaceConcat ?? type.Concat) is { } concat)
            return concat(a, b);
        if (op == NumberOp.Multiply)
        {
            if ((type.InPlaceRepeat ?? type.Repeat) is { } repeat)
                return repeat(a, RepeatCount(b));
            if (b.Type.Repeat is { } reversed)
                return reversed(b, RepeatCount(a));
        }
        var sign = op == NumberOp.Power ? "**=" : Signs[(int)op] + "=";
        throw Err.Type($"unsupported operand type(s) for {sign}: '{a.Type.FullName}' and '{b.Type.FullName}'");
    }

    /// <summary>CPython's binary_op1: the right operand's slot goes first if its type is a subtype.</summary>
    private static PyObject Number(PyObject a, PyObject b, int op)
    {
        var left = a.Type.Numbers[op];
        var right = ReferenceEquals(a.Type, b.Type) ? null : b.Type.Numbers[op];
        if (left == right)
            right = null;
        if (left is not null)
        {
            if (right is not null && b.Type.IsSubtypeOf(a.Type))
            {
                var first = right(a, b);
                if (first != Values.NotImplemented)
                    return first;
                right = null;
            }
            var result = left(a, b);
            if (result != Values.NotImplemented)
                return result;
        }
        return right is null ? Values.NotImplemented : right(a, b);
    }

    public static PyObject Power(PyObject a, PyObject b, PyObject modulus)
    {
        if (modulus == Values.None)
            return Binary(a, b, NumberOp.Power);
        if (a.Type.PowerModulo is { } power)
        {
            var result = power(a, b, modulus);
            if (result != Values.NotImplemented)
                return result;
        }
        if (a.Type.Lookup("__pow__") is PyFunction)
        {
            var result = Calls.Special(a, Names.Intern("__pow__"), b, modulus)!;
            if (result != Values.NotImplemented)
                return result;
        }
        throw Err.Type($"unsupported operand type(s) for ** or pow(): '{a.Type.FullName}', '{b.Type.FullName}', '{modulus.Type.FullName}'");
    }

    public static PyObject Negative(PyObject o) => (o.Type.Negative ?? throw BadUnary("-", o))(o);

    public static PyObject Positive(PyObject o) => (o.Type.Positive ?? throw BadUnary("+", o))(o);

    public static PyObject Invert(PyObject o) => (o.Type.Invert ?? throw BadUnary("~", o))(o);

    public static PyObject Absolute(PyObject o) => (o.Type.Absolute ?? throw Err.Type($"bad operand type for abs(): '{o.Type.FullName}'"))(o);

    private static PyError BadUnary(string sign, PyObject o) => Err.Type($"bad operand type for unary {sign}: '{o.Type.FullName}'");
}
