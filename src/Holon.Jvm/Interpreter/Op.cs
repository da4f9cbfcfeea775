namespace Holon.Jvm.Interpreter;

/// <summary>
/// Operations of decoded code. Bytecode works on a stack; decoded code names slots of the frame: A is where the result goes,
/// B and C are operands, Imm a constant, an offset, an address or a branch distance. "4" means 32 bits (int, float), "8" 64 bits,
/// "R" a reference, "I" at the end of a name an operand in Imm.
/// </summary>
internal enum Op : ushort
{
    // Operations whose result goes to slot A. The decoder may redirect it from a stack slot to the local that stores it.
    Mov4, Mov8, MovR, Const4, Const8, Null, LdcRef, Ldc,
    IAdd, ISub, IMul, IDiv, IRem, IAnd, IOr, IXor, IShl, IShr, IUshr, INeg,
    IAddI, IMulI, IAndI, IOrI, IShlI, IShrI, IUshrI,
    LAdd, LSub, LMul, LDiv, LRem, LAnd, LOr, LXor, LShl, LShr, LUshr, LNeg,
    FAdd, FSub, FMul, FDiv, FRem, FNeg, DAdd, DSub, DMul, DDiv, DRem, DNeg,
    LCmp, FCmpL, FCmpG, DCmpL, DCmpG,
    I2L, I2F, I2D, L2I, L2F, L2D, F2I, F2L, F2D, D2I, D2L, D2F, I2B, I2C, I2S,
    ALoadB, ALoadC, ALoadS, ALoad4, ALoad8, ALoadR, ArrayLength,
    GetField, GetFieldB, GetFieldC, GetFieldS, GetField4, GetField8, GetFieldR, GetFieldVolatile, GetFieldReferent,
    GetStatic, GetStaticB, GetStaticC, GetStaticS, GetStatic4, GetStatic8, GetStaticR, GetStaticVolatile,
    InstanceOf, InstanceOfQ, New, NewQ, NewArray, ANewArray, ANewArrayQ,
    LastWithResult = ANewArrayQ,

    Goto, IfEq, IfNe, IfLt, IfGe, IfGt, IfLe, IfEqI, IfNeI, IfLtI, IfGeI, IfGtI, IfLeI,
    IfLEq, IfLNe, IfLLt, IfLGe, IfLGt, IfLLe, IfNull, IfNonNull, IfAcmpEq, IfAcmpNe,
    TableSwitch, LookupSwitch, Jsr, Ret,
    AStoreB, AStoreC, AStoreS, AStore4, AStore8, AStoreR,
    PutField, PutFieldB, PutFieldC, PutFieldS, PutField4, PutField8, PutFieldR, PutFieldVolatile, PutFieldReferent,
    PutStatic, PutStaticB, PutStaticC, PutStaticS, PutStatic4, PutStatic8, PutStaticR, PutStaticVolatile,
    InvokeStatic, InvokeSpecial, InvokeVirtual, InvokeInterface, InvokeDynamic,
    CallStatic, CallSpecial, CallVirtual, CallInterface, CallBasic, CallLinkTo, CallHandle,
    MultiNewArray, CheckCast, CheckCastQ, MonitorEnter, MonitorExit, RegisterFinalizer, Throw,
    Return, Return4, Return8, ReturnR, SyncEnter, SyncExit,
}

/// <summary>One decoded operation.</summary>
internal struct Insn
{
    public Op Op;
    public ushort A, B, C;
    public long Imm;

    /// <summary>Distance of a branch, in operations, from this one.</summary>
    public readonly int Distance => (int)Imm;

    /// <summary>The constant that a compare-and-branch has beside its distance.</summary>
    public readonly int Constant => (int)(Imm >> 32);
}
