namespace Holon.Jvm.Interpreter;

/// <summary>A method's decoded code with what leads back to its bytecode.</summary>
internal sealed unsafe class DecodedCode(Insn* code, int count, int[] bci, int[] indexOfBci, int stackBase)
{
    public readonly Insn* Code = code;
    public readonly int Count = count;

    /// <summary>Bytecode index of each operation.</summary>
    public readonly int[] Bci = bci;

    /// <summary>Operation that begins each bytecode instruction that begins a block; -1 elsewhere.</summary>
    public readonly int[] IndexOfBci = indexOfBci;

    /// <summary>First slot of the operand stack. A synchronized method keeps the object that it locked just below it.</summary>
    public readonly int StackBase = stackBase;

    private bool? _entersMonitors;

    /// <summary>Whether it has synchronized blocks.</summary>
    public bool EntersMonitors
    {
        get
        {
            if (_entersMonitors is { } known) return known;
            var found = false;
            for (var i = 0; i < Count && !found; i++) found = Code[i].Op == Op.MonitorEnter;
            _entersMonitors = found;
            return found;
        }
    }

    public int BciAt(Insn* pc)
    {
        var index = pc - Code;
        return (ulong)index < (ulong)Count ? Bci[index] : 0;
    }
}

/// <summary>A call in progress: the method, where it is, and its slots. Primitives and references have a stack each, at the same indices.</summary>
internal unsafe struct Frame
{
    public Heap.MethodSlot* M;

    /// <summary>
    /// The operation being executed; null in native methods. In frames of compiled code, which use nothing else of a frame, the place
    /// in the code: the negative of its address.
    /// </summary>
    public Insn* Pc;
    public long* P;
    public object?* R;

    public readonly bool IsCompiled => (long)Pc < 0;

    /// <summary>Of a compiled frame: the place in the code where it is.</summary>
    public readonly Compiler.CodeSite* Site => (Compiler.CodeSite*)-(long)Pc;

    /// <summary>How a compiled frame notes a place.</summary>
    public static long PlaceOf(Compiler.CodeSite* site) => -(long)site;
}
