using Holon.Interpreter.Instructions;
using Iced.Intel;

namespace Holon.Interpreter.Decoding;

/// <summary>How an instruction behaves towards the block it is in.</summary>
[Flags]
public enum FormFlags
{
    /// <summary>Execution goes on with the next instruction, or branches away conditionally.</summary>
    None = 0,

    /// <summary>Nothing after it belongs to the block: it always branches, or changes what the next instruction means.</summary>
    EndsBlock = 1,
}

/// <summary>What the interpreter knows of one instruction.</summary>
public readonly unsafe struct InstructionForm
{
    internal InstructionForm(Binder bind, FormFlags flags)
    {
        Bind = bind;
        Flags = flags;
    }

    /// <summary>Chooses the handler for the operands at hand; may adjust the op.</summary>
    internal Binder Bind { get; }

    /// <summary>How it behaves.</summary>
    public FormFlags Flags { get; }

    /// <summary>False for an instruction that the interpreter does not implement.</summary>
    public bool IsImplemented => Bind != null;
}

/// <summary>
/// The one place that says which instructions are implemented: a row for each mnemonic, from which decoding, tests and documentation work.
/// A row covers every encoding of the mnemonic that the processor presented has; the rows are declared beside their handlers.
/// </summary>
public sealed unsafe class InstructionTable
{
    private readonly InstructionForm[] _byMnemonic = new InstructionForm[Enum.GetValues<Mnemonic>().Length];

    private InstructionTable()
    {
        IntegerInstructions.Declare(this);
        ControlInstructions.Declare(this);
        StringInstructions.Declare(this);
        SystemInstructions.Declare(this);
        VectorInstructions.Declare(this);
        X87Instructions.Declare(this);
    }

    /// <summary>The table; it never changes.</summary>
    public static InstructionTable Instance { get; } = new();

    /// <summary>The row of a mnemonic.</summary>
    public InstructionForm this[Mnemonic mnemonic] => _byMnemonic[(int)mnemonic];

    /// <summary>All encodings whose mnemonic has a row. Which of them a guest may use, its <see cref="X86.CpuModel"/> says.</summary>
    public IEnumerable<Code> ImplementedCodes => Enum.GetValues<Code>().Where(code => _byMnemonic[(int)code.Mnemonic()].IsImplemented);

    /// <summary>Declares a row.</summary>
    internal void Add(Mnemonic mnemonic, Binder bind, FormFlags flags = FormFlags.None)
    {
        if (_byMnemonic[(int)mnemonic].IsImplemented) throw new InvalidOperationException($"{mnemonic} is declared twice.");
        _byMnemonic[(int)mnemonic] = new InstructionForm(bind, flags);
    }
}
