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
    /// <summary>Generators may end by the thousand; what is kept of them lives as long as their code.</summary>
    private const int MostFreeGenerators = 8;

    public PyCode Code;
    public PyDict Globals;
    public PyDict Builtins;
    public PyFunction? Function;

    /// <summary>The namespace of a module or class body; null for functions.</summary>
    public PyObject? Locals;

    public Slot[] Slots;
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

    /// <summary>The instruction from which a traced frame came where it now is, if that is not the one before; -1 otherwise.</summary>
    public int CameFrom = -1;

    /// <summary>Code units between the prefix that is being traced and the instruction itself.</summary>
    public int PrefixUnits;

    public bool IsFinished;

    /// <summary>Something other than the call itself refers to the frame, so it is not used again.</summary>
    public bool HasEscaped;

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

    /// <summary>A frame for a call of a function, with empty slots.</summary>
    public static PyFrame Take(PyCode code, PyFunction function)
    {
        if (code.FreeFrames is not { } frame)
            return new PyFrame(code, function, function.Globals, function.Builtins, null);
        code.FreeFrames = frame.Back;
        code.FreeFrameCount--;
        frame.Function = function;
        frame.Globals = function.Globals;
        frame.Builtins = function.Builtins;
        frame.Pc = 0;
        frame.Sp = code.LocalsPlusNames.Length;
        return frame;
    }

    /// <summary>The call is over: the frame may serve another.</summary>
    public void Release()
    {
        if (HasEscaped || IsRecord || Generator is not null || LocalsSnapshot is not null)
            return;
        Free();
    }

    /// <summary>The generator whose frame this was has ended: the frame may serve another.</summary>
    public void ReleaseEnded()
    {
        if (HasEscaped || LocalsSnapshot is not null || Code.FreeFrameCount >= MostFreeGenerators)
            return;
        Generator = null;
        Free();
    }

    private void Free()
    {
        Slots.AsSpan().Clear();
        (Constructing, Locals, IsFinished) = (null, null, false);
        Back = Code.FreeFrames;
        Code.FreeFrames = this;
        Code.FreeFrameCount++;
    }

    /// <summary>Made for compiled code: the place of its depth in a thread's frames.</summary>
    public bool IsRecord { get; private set; }

    /// <summary>A frame for compiled code, which has no need of slots before it goes back to tier 0.</summary>
    public static PyFrame Record(PyCode code, PyFunction function) => new(code, function) { IsRecord = true };

    private PyFrame(PyCode code, PyFunction function)
    {
        Code = code;
        Function = function;
        Globals = function.Globals;
        Builtins = function.Builtins;
        Slots = [];
    }

    /// <summary>Makes room for a record's locals and stack; they are empty then, or were left so by the code before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void NeedSlots()
    {
        var needed = Code.LocalsPlusNames.Length + Code.StackSize + 1;
        if (Slots.Length < needed)
            Slots = new Slot[Math.Max(needed, 24)];
    }

    /// <summary>Somebody now holds the frame, and with it those that called it.</summary>
    public void Escape()
    {
        for (var frame = this; frame is not null && !(frame.HasEscaped && frame.Generator is null); frame = frame.Back)
        {
            frame.HasEscaped = true;
            frame.NeedSlots();
        }
    }

    public override PyType Type => CodeType.Frame;

    public int Line => Code.LineOf(LastUnit);

    /// <summary>The code unit of the instruction being executed; -1 before the first.</summary>
    public int LastUnit => Code.UnitOf[Pc] - PrefixUnits;

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

    /// <summary>Takes over what was changed in the dict that <see cref="GetLocals"/> gave away.</summary>
    public void StoreLocals()
    {
        if (LocalsSnapshot is not { } dict || (Locals is not null && (Code.Flags & CodeFlags.Optimized) == 0))
            return;
        for (var i = 0; i < Code.LocalsPlusNames.Length; i++)
        {
            var isFree = i >= Code.LocalsPlusNames.Length - Code.FreeCount;
            if (isFree && (Code.Flags & CodeFlags.Optimized) == 0)
                continue;
            var value = dict.Get(Code.LocalsPlusNames[i]);
            if ((Code.LocalsPlusKinds[i] & (PyCode.CellKind | PyCode.FreeKind)) == 0)
                Slots[i].V = value;
            else if (Slots[i].V is PyCell cell)
                cell.Value = value;
            else if (!isFree)
                Slots[i].V = value;
        }
    }
}

/// <summary>The exception being handled, in a frame or in a generator.</summary>
internal sealed class HandledException
{
    public PyException? Value;
    public HandledException? Outer;
}
