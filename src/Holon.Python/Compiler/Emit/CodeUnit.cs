using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>What a code object is made for.</summary>
internal enum UnitType
{
    Module,
    Class,
    Function,
    AsyncFunction,
    Lambda,
    Comprehension,
}

/// <summary>What a <c>return</c>, <c>break</c> or <c>continue</c> leaves on its way out.</summary>
internal enum FrameBlockType
{
    WhileLoop,
    ForLoop,
    TryExcept,
    FinallyTry,
    FinallyEnd,
    With,
    AsyncWith,
    HandlerCleanup,
    PopValue,
    ExceptionHandler,
    ExceptionGroupHandler,
    AsyncComprehensionGenerator,
}

/// <summary>A statement around the current one that must be unwound when left.</summary>
internal readonly record struct FrameBlock(FrameBlockType Type, BasicBlock? Block, BasicBlock? Exit, object? Datum);

/// <summary>A code object in the making: its tables of names and constants, and its blocks of instructions.</summary>
internal sealed class CodeUnit
{
    public const int MaxFrameBlocks = 20;

    public static readonly SourceSpan NoSpan = new(-1, -1, -1, -1);
    private static readonly SourceSpan s_noLine = new(-1, 0, 0, 0);
    private static readonly object s_none = new(); // stands for None, which is no key

    private readonly Dictionary<object, int> _constIndices = new(ConstantKeyComparer.Instance);
    private readonly ConstantPool _pool;
    private bool _needsNewBlock;

    public CodeUnit(SymbolScope scope, string name, UnitType type, int firstLine, CodeUnit? parent, ConstantPool pool)
    {
        Scope = scope;
        Name = name;
        QualName = name;
        Type = type;
        FirstLine = firstLine;
        Parent = parent;
        ClassName = parent?.ClassName;
        _pool = pool;
        Span = new SourceSpan(firstLine, 0, firstLine, 0);
        foreach (var varName in scope.VarNames)
            VarNames.Add(varName, VarNames.Count);
        AddSymbols(CellVars, 0, flags => ScopeOf(flags) == NameScope.Cell);
        if (scope.NeedsClassClosure)
            CellVars["__class__"] = 0;
        AddSymbols(FreeVars, CellVars.Count, flags => ScopeOf(flags) == NameScope.Free || (flags & SymbolFlags.FreeInClass) != 0);
        Current = NewBlock();
    }

    public SymbolScope Scope { get; }

    public string Name { get; }

    public string QualName { get; set; }

    public UnitType Type { get; }

    public int FirstLine { get; }

    public CodeUnit? Parent { get; }

    /// <summary>The class whose private names are mangled.</summary>
    public string? ClassName { get; set; }

    public int ArgCount { get; set; }

    public int PosOnlyArgCount { get; set; }

    public int KwOnlyArgCount { get; set; }

    /// <summary>The constants in order.</summary>
    public List<object?> Consts { get; } = [];

    public Dictionary<string, int> Names { get; } = [];

    public Dictionary<string, int> VarNames { get; } = [];

    public Dictionary<string, int> CellVars { get; } = [];

    public Dictionary<string, int> FreeVars { get; } = [];

    /// <summary>The statements around the current one.</summary>
    public List<FrameBlock> FrameBlocks { get; } = [];

    /// <summary>The place that new instructions get.</summary>
    public SourceSpan Span { get; set; }

    /// <summary>The newest block; the older ones hang on it.</summary>
    public BasicBlock? NewestBlock { get; private set; }

    /// <summary>The block that new instructions go to.</summary>
    public BasicBlock Current { get; private set; }

    public ConstantPool Pool => _pool;

    public BasicBlock NewBlock()
    {
        var block = new BasicBlock { Older = NewestBlock };
        NewestBlock = block;
        return block;
    }

    public void Use(BasicBlock block)
    {
        Current.Next = block;
        Current = block;
        _needsNewBlock = false;
    }

    public void ClearSpan() => Span = NoSpan;

    public void Add(int opcode) => Add(opcode, 0, Span);

    public void Add(int opcode, int argument) => Add(opcode, argument, Span);

    public void AddWithoutLine(int opcode, int argument = 0) => Add(opcode, argument, s_noLine);

    public void AddJump(int opcode, BasicBlock target) => Add(opcode, 0, Span).Target = target;

    public void AddJumpWithoutLine(int opcode, BasicBlock target) => Add(opcode, 0, s_noLine).Target = target;

    public void AddLoadConst(object? constant) => Add(Op.LoadConst, AddConst(constant), Span);

    /// <summary>An instruction about a name, private names mangled.</summary>
    public void AddName(int opcode, string name) => Add(opcode, IndexOf(Names, NameMangling.Mangle(ClassName, name)), Span);

    public int AddConst(object? constant)
    {
        constant = _pool.Merge(constant);
        var key = constant ?? s_none;
        if (_constIndices.TryGetValue(key, out var index))
            return index;
        index = Consts.Count;
        _constIndices.Add(key, index);
        Consts.Add(constant);
        return index;
    }

    public static int IndexOf(Dictionary<string, int> names, string name)
    {
        if (!names.TryGetValue(name, out var index))
        {
            index = names.Count;
            names.Add(name, index);
        }

        return index;
    }

    private ref Instruction Add(int opcode, int argument, SourceSpan span)
    {
        if (_needsNewBlock)
            Use(NewBlock());
        var block = Current;
        ref var instruction = ref block.Add();
        instruction.Opcode = opcode;
        instruction.Argument = argument;
        instruction.Span = span;
        if (opcode == Op.ReturnValue)
            block.HasReturn = true;
        if (opcode is Op.ReturnValue or Op.RaiseVarargs or Op.Reraise || Op.IsJump(opcode))
            _needsNewBlock = true;
        return ref instruction;
    }

    private static NameScope ScopeOf(SymbolFlags flags) => (NameScope)((int)flags >> SymbolScope.ScopeShift);

    private void AddSymbols(Dictionary<string, int> names, int offset, Func<SymbolFlags, bool> isWanted)
    {
        List<string>? wanted = null;
        foreach (var (name, flags) in Scope.Symbols)
        {
            if (isWanted(flags))
                (wanted ??= []).Add(name);
        }

        if (wanted == null)
            return;
        wanted.Sort(CompareByCodePoint);
        foreach (var name in wanted)
            names.Add(name, offset + names.Count);
    }

    private static int CompareByCodePoint(string a, string b)
    {
        for (var i = 0; i < a.Length && i < b.Length; i++)
        {
            if (a[i] == b[i])
                continue;

            // In UTF-16 the pairs, which are beyond U+FFFF, would come before U+E000.
            return char.IsSurrogate(a[i]) == char.IsSurrogate(b[i]) ? a[i] - b[i] : char.IsSurrogate(a[i]) ? 1 : -1;
        }

        return a.Length - b.Length;
    }
}
