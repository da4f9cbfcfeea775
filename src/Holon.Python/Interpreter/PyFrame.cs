using System.Runtime.InteropServices;

namespace Holon.Python.Interpreter;

/// <summary>A local variable or stack entry. The wrapper spares the array store's type check.</summary>
internal struct Slot
{
    public PyObject? V;
}

/// <summary>
/// One activation of a code object. Locals, cells and the value stack are one array, so everything that runs can be looked at, and saved,
/// between two instructions.
/// </summary>
internal sealed class PyFrame : PyObject
{
    public readonly PyCode Code;
    public readonly PyDict Globals;
    public readonly PyDict Builtins;
    public readonly PyFunction? Function;

    /// <summary>The namespace of a module or class body; null for functions.</summary>
    public PyObject? Locals;

    public readonly Slot[] Slots;
    public PyFrame? Back;

    /// <summary>The instruction being executed.</summary>
    public int Pc;

    /// <summary>Top of the stack while the frame is not running.</summary>
    public int Sp;

    public PyGenerator? Generator;

    /// <summary>The frame is a class's __init__, called by the class: it returns this instance.</summary>
    public PyObject? Constructing;

    public PyDict? LocalsSnapshot;
    public PyObject? Trace;
    public bool TraceLines = true;
    public bool TraceOpcodes;
    public int LastTracedLine = -1;
    public bool IsFinished;

    public PyFrame(PyCode code, PyFunction? function, PyDict globals, PyDict builtins, PyObject? locals)
    {
        if (!code.IsPrepared)
            code.Prepare();
        Code = code;
        Function = function;
        Globals = globals;
        Builtins = builtins;
        Locals = locals;
        Slots = new Slot[code.LocalsPlusNames.Length + code.StackSize + 1];
        Sp = code.LocalsPlusNames.Length;
    }

    public override PyType Type => CodeType.Frame;

    public int Line => Code.LineOf(LastUnit);

    /// <summary>The code unit of the instruction being executed; -1 before the first.</summary>
    public int LastUnit => Code.UnitOf[Pc];

    public Span<PyObject> Span(int start, int count)
    {
        var slots = Slots.AsSpan(start, count);
        // Safe: a Slot is exactly one reference, and the span's bounds have been checked.
        return MemoryMarshal.CreateSpan(ref Unsafe.As<Slot, PyObject>(ref MemoryMarshal.GetReference(slots)), slots.Length);
    }

    /// <summary>locals(): for functions a dict that is brought up to date.</summary>
    public PyObject GetLocals()
    {
        if (Locals is not null && (Code.Flags & CodeFlags.Optimized) == 0)
            return Locals;
        var dict = LocalsSnapshot ??= new PyDict();
        for (var i = 0; i < Code.LocalsPlusNames.Length; i++)
        {
            var value = Slots[i].V;
            if ((Code.LocalsPlusKinds[i] & (PyCode.CellKind | PyCode.FreeKind)) != 0 && value is PyCell cell)
                value = cell.Value;
            if (value is null && i >= Code.LocalsPlusNames.Length - Code.FreeCount && Function is not null && Pc == 0)
                value = ((PyCell?)Function.Closure[i - (Code.LocalsPlusNames.Length - Code.FreeCount)])?.Value;
            if (value is null)
                dict.Remove(Code.LocalsPlusNames[i]);
            else
                dict.Set(Code.LocalsPlusNames[i], value);
        }
        return dict;
    }
}

/// <summary>The exception being handled, in a frame or in a generator.</summary>
internal sealed class HandledException
{
    public PyException? Value;
    public HandledException? Outer;
}
