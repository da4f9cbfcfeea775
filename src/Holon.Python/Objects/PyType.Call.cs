namespace Holon.Python.Objects;

internal sealed partial class PyType
{
    public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (meta is not null && !ReferenceEquals(meta, TypeType) && meta.Lookup(Names.Call) is { } own and not PySlotWrapper)
            return Calls.CallByType(this, args, names);
        return TypeObject.CallType(this, args, names);
    }
}
