namespace Holon.Python.Interpreter;

/// <summary>CPython 3.11's opcodes; from 200 on the interpreter's own, which the first executions put in their place.</summary>
internal enum Opcode : byte
{
    Cache = 0, PopTop = 1, PushNull = 2, Nop = 9, UnaryPositive = 10, UnaryNegative = 11, UnaryNot = 12, UnaryInvert = 15,
    BinarySubscr = 25, GetLen = 30, MatchMapping = 31, MatchSequence = 32, MatchKeys = 33, PushExcInfo = 35, CheckExcMatch = 36,
    CheckEgMatch = 37, WithExceptStart = 49, GetAIter = 50, GetANext = 51, BeforeAsyncWith = 52, BeforeWith = 53, EndAsyncFor = 54,
    StoreSubscr = 60, DeleteSubscr = 61, GetIter = 68, GetYieldFromIter = 69, PrintExpr = 70, LoadBuildClass = 71,
    LoadAssertionError = 74, ReturnGenerator = 75, ListToTuple = 82, ReturnValue = 83, ImportStar = 84, SetupAnnotations = 85,
    YieldValue = 86, AsyncGenWrap = 87, PrepReraiseStar = 88, PopExcept = 89, StoreName = 90, DeleteName = 91, UnpackSequence = 92,
    ForIter = 93, UnpackEx = 94, StoreAttr = 95, DeleteAttr = 96, StoreGlobal = 97, DeleteGlobal = 98, Swap = 99, LoadConst = 100,
    LoadName = 101, BuildTuple = 102, BuildList = 103, BuildSet = 104, BuildMap = 105, LoadAttr = 106, CompareOp = 107,
    ImportName = 108, ImportFrom = 109, JumpForward = 110, JumpIfFalseOrPop = 111, JumpIfTrueOrPop = 112,
    PopJumpForwardIfFalse = 114, PopJumpForwardIfTrue = 115, LoadGlobal = 116, IsOp = 117, ContainsOp = 118, Reraise = 119, Copy = 120,
    BinaryOp = 122, Send = 123, LoadFast = 124, StoreFast = 125, DeleteFast = 126, PopJumpForwardIfNotNone = 128,
    PopJumpForwardIfNone = 129, RaiseVarArgs = 130, GetAwaitable = 131, MakeFunction = 132, BuildSlice = 133,
    JumpBackwardNoInterrupt = 134, MakeCell = 135, LoadClosure = 136, LoadDeref = 137, StoreDeref = 138, DeleteDeref = 139,
    JumpBackward = 140, CallFunctionEx = 142, ExtendedArg = 144, ListAppend = 145, SetAdd = 146, MapAdd = 147, LoadClassDeref = 148,
    CopyFreeVars = 149, Resume = 151, MatchClass = 152, FormatValue = 155, BuildConstKeyMap = 156, BuildString = 157, LoadMethod = 160,
    ListExtend = 162, SetUpdate = 163, DictMerge = 164, DictUpdate = 165, PreCall = 166, Call = 171, KwNames = 172,
    PopJumpBackwardIfNotNone = 173, PopJumpBackwardIfNone = 174, PopJumpBackwardIfFalse = 175, PopJumpBackwardIfTrue = 176,

    LoadGlobalCached = 200, LoadAttrShape, LoadAttrModule, LoadMethodShape, LoadMethodType, StoreAttrShape,
    AddInt, SubtractInt, MultiplyInt, AddFloat, SubtractFloat, MultiplyFloat, CompareInt, SubscrListInt, ForRange,
    LoadAttrClass, LoadMethodModule, LoadMethodClass, BinaryInt, BinaryFloat, CompareFloat, ForList,
}

/// <summary>One decoded instruction: EXTENDED_ARG is folded in, inline CACHE entries are left out, jumps name instructions.</summary>
internal struct Instruction
{
    public Opcode Op;
    public byte Misses;

    /// <summary>The operands' classes: two bits of <see cref="Interpreter.Seen"/> for the left one, two for the right.</summary>
    public byte Seen;
    public int Arg;
}

/// <summary>What tier 0 has seen an operand to be.</summary>
internal enum Seen : byte
{
    Nothing,
    Int,
    Float,
    Other,
}

/// <summary>What a quickened instruction remembers.</summary>
internal sealed class InlineCache
{
    public object? Guard;
    public long Version;
    public int Index;
    public PyObject? Value;

    /// <summary>The namespace of the class that has the attribute; the value is at <see cref="Index"/>.</summary>
    public PyDict? Namespace;
    public Shape? Next;
    public object? Guard2;
    public long Version2;

    /// <summary>What it remembers of other shapes.</summary>
    public InlineCache? More;
}
