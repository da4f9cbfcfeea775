using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>An instruction whose jump, if it is one, goes to a block.</summary>
internal struct Instruction
{
    public int Opcode;
    public int Argument;
    public BasicBlock? Target;

    /// <summary>The handler of exceptions in it.</summary>
    public BasicBlock? Handler;

    public SourceSpan Span;

    /// <summary>How many code units it takes, prefixes and caches included.</summary>
    public readonly int Size
    {
        get
        {
            var argument = Opcode >= Op.HaveArgument ? (uint)Argument : 0;
            return 1 + (argument > 0xFF ? 1 : 0) + (argument > 0xFFFF ? 1 : 0) + (argument > 0xFFFFFF ? 1 : 0) + Op.Caches(Opcode);
        }
    }
}

/// <summary>Instructions that run one after the other; only the last may jump.</summary>
internal sealed class BasicBlock
{
    public Instruction[] Instructions = [];
    public int Count;

    /// <summary>The block made before this one.</summary>
    public BasicBlock? Older;

    /// <summary>The block that follows.</summary>
    public BasicBlock? Next;

    public int Predecessors, StartDepth, Offset;
    public bool NoFallthrough, PreserveLasti, Visited, IsExit, HasReturn;
    public List<BasicBlock?>? Handlers;

    public ref Instruction Last => ref Instructions[Count - 1];

    /// <summary>Makes room for one more instruction and yields it.</summary>
    public ref Instruction Add()
    {
        if (Count == Instructions.Length)
            Array.Resize(ref Instructions, Math.Max(8, Count * 2));
        return ref Instructions[Count++];
    }

    public void Insert(int position, Instruction instruction)
    {
        Add();
        for (var i = Count - 1; i > position; i--)
            Instructions[i] = Instructions[i - 1];
        Instructions[position] = instruction;
    }
}
