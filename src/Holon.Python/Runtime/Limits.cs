namespace Holon.Python.Runtime;

/// <summary>
/// What a machine may use. Instructions are charged at jumps and calls, deterministically; a single allocation is checked before it is
/// made, and the sum of what lives is checked against the garbage collector's count now and then.
/// </summary>
internal sealed class Limits(PythonMachineOptions options)
{
    private readonly System.Diagnostics.Stopwatch clock = System.Diagnostics.Stopwatch.StartNew();
    private readonly long heapAtStart = options.MemoryLimit is null ? 0 : GC.GetTotalMemory(false);
    private long allocatedAtCheck;
    private int quanta;

    public long Instructions { get; private set; }

    public void ChargeInstructions(int count)
    {
        Instructions += count;
        if (options.InstructionLimit is { } most && Instructions > most)
            throw Kill("InstructionLimit", $"the program has used up its {most} instructions");
        if (options.TimeLimit is { } time && clock.Elapsed > time)
            throw Kill("TimeLimit", $"the program has used up its {time.TotalSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture)} seconds");
        if (options.MemoryLimit is { } memory && ++quanta % 16 == 0)
            CheckHeap(memory);
    }

    private void CheckHeap(long memory)
    {
        var allocated = GC.GetTotalAllocatedBytes();
        if (allocated - allocatedAtCheck < memory / 4)
            return;
        allocatedAtCheck = allocated;
        if (GC.GetTotalMemory(false) - heapAtStart > memory && GC.GetTotalMemory(true) - heapAtStart > memory)
            throw Kill("MemoryLimit", $"the program has used up its {memory} bytes of memory");
    }

    /// <summary>Before an allocation of that many bytes.</summary>
    public void CheckSize(long bytes)
    {
        if (bytes > Array.MaxLength || (options.MemoryLimit is { } memory && bytes > memory))
            throw Err.Memory();
    }

    /// <summary>Work in C# that takes long for its operands' size.</summary>
    public void Charge(long bytes)
    {
        CheckSize(bytes);
        ChargeInstructions((int)Math.Min(bytes / 64, int.MaxValue / 2));
    }

    private static PyError Kill(string limit, string sentence)
    {
        var type = new PyType(limit, ExceptionTypes.BaseException);
        return new PyError(new PyKillException(type, new PyTuple(new PyStr(sentence))));
    }
}
