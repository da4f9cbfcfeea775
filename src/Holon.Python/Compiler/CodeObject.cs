namespace Holon.Python.Compiler;

/// <summary>
/// A Python code object as CPython 3.11 has it: what compile() yields and a .pyc holds. It is plain data, made once and not changed.
/// </summary>
public sealed class CodeObject
{
    /// <summary>co_argcount: positional parameters, positional-only ones included.</summary>
    public required int ArgCount { get; init; }

    /// <summary>co_posonlyargcount.</summary>
    public required int PosOnlyArgCount { get; init; }

    /// <summary>co_kwonlyargcount.</summary>
    public required int KwOnlyArgCount { get; init; }

    /// <summary>co_stacksize.</summary>
    public required int StackSize { get; init; }

    /// <summary>co_flags.</summary>
    public required CodeFlags Flags { get; init; }

    /// <summary>co_code: two bytes a unit, inline caches included.</summary>
    public required byte[] Code { get; init; }

    /// <summary>co_consts: see <see cref="ConstantValue"/> for what they can be.</summary>
    public required object?[] Consts { get; init; }

    /// <summary>co_names.</summary>
    public required string[] Names { get; init; }

    /// <summary>co_localsplusnames: locals, then cells that are not locals too, then free variables.</summary>
    public required string[] LocalsPlusNames { get; init; }

    /// <summary>co_localspluskinds: for each of them <see cref="LocalKind"/> bits.</summary>
    public required byte[] LocalsPlusKinds { get; init; }

    /// <summary>co_filename.</summary>
    public required string FileName { get; init; }

    /// <summary>co_name.</summary>
    public required string Name { get; init; }

    /// <summary>co_qualname.</summary>
    public required string QualName { get; init; }

    /// <summary>co_firstlineno.</summary>
    public required int FirstLine { get; init; }

    /// <summary>co_linetable: PEP 626 and 657 locations.</summary>
    public required byte[] LineTable { get; init; }

    /// <summary>co_exceptiontable.</summary>
    public required byte[] ExceptionTable { get; init; }

    /// <summary>co_varnames: the locals.</summary>
    public IEnumerable<string> VarNames => NamesOfKind(LocalKind.Local);

    /// <summary>co_cellvars.</summary>
    public IEnumerable<string> CellVars => NamesOfKind(LocalKind.Cell);

    /// <summary>co_freevars.</summary>
    public IEnumerable<string> FreeVars => NamesOfKind(LocalKind.Free);

    private IEnumerable<string> NamesOfKind(LocalKind kind)
    {
        for (var i = 0; i < LocalsPlusNames.Length; i++)
        {
            if ((LocalsPlusKinds[i] & (byte)kind) != 0)
                yield return LocalsPlusNames[i];
        }
    }
}

/// <summary>What kind of variable an entry of co_localsplusnames is.</summary>
[Flags]
public enum LocalKind : byte
{
    /// <summary>No kind.</summary>
    None = 0,

    /// <summary>CO_FAST_LOCAL.</summary>
    Local = 0x20,

    /// <summary>CO_FAST_CELL.</summary>
    Cell = 0x40,

    /// <summary>CO_FAST_FREE.</summary>
    Free = 0x80,
}

/// <summary>co_flags.</summary>
[Flags]
public enum CodeFlags
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>CO_OPTIMIZED.</summary>
    Optimized = 0x1,

    /// <summary>CO_NEWLOCALS.</summary>
    NewLocals = 0x2,

    /// <summary>CO_VARARGS.</summary>
    VarArgs = 0x4,

    /// <summary>CO_VARKEYWORDS.</summary>
    VarKeywords = 0x8,

    /// <summary>CO_NESTED.</summary>
    Nested = 0x10,

    /// <summary>CO_GENERATOR.</summary>
    Generator = 0x20,

    /// <summary>CO_COROUTINE.</summary>
    Coroutine = 0x80,

    /// <summary>CO_ITERABLE_COROUTINE.</summary>
    IterableCoroutine = 0x100,

    /// <summary>CO_ASYNC_GENERATOR.</summary>
    AsyncGenerator = 0x200,
}
