namespace Holon.Python.Compiler;

/// <summary>By how much an instruction changes the height of the value stack.</summary>
internal static class StackEffect
{
    /// <summary>The effect, when the instruction jumps or when it does not.</summary>
    public static int Of(int opcode, int argument, bool jumps) => opcode switch
    {
        Op.Nop or Op.ExtendedArg or Op.Resume or Op.Cache or Op.Swap or Op.UnaryPositive or Op.UnaryNegative or Op.UnaryNot or Op.UnaryInvert or
            Op.GetIter or Op.SetupAnnotations or Op.AsyncGenWrap or Op.YieldValue or Op.PopBlock or Op.DeleteName or Op.DeleteGlobal or
            Op.LoadAttr or Op.CheckExcMatch or Op.CheckEgMatch or Op.JumpForward or Op.JumpBackward or Op.Jump or Op.JumpBackwardNoInterrupt or
            Op.JumpNoInterrupt or Op.DeleteFast or Op.ReturnGenerator or Op.KwNames or Op.MakeCell or Op.CopyFreeVars or Op.DeleteDeref or
            Op.GetAwaitable or Op.GetAiter or Op.GetYieldFromIter or Op.ListToTuple => 0,
        Op.PopTop or Op.SetAdd or Op.ListAppend or Op.BinarySubscr or Op.PrintExpr or Op.ReturnValue or Op.ImportStar or Op.PopExcept or
            Op.StoreName or Op.DeleteAttr or Op.StoreGlobal or Op.CompareOp or Op.IsOp or Op.ContainsOp or Op.ImportName or
            Op.PopJumpBackwardIfNone or Op.PopJumpForwardIfNone or Op.PopJumpIfNone or Op.PopJumpBackwardIfNotNone or
            Op.PopJumpForwardIfNotNone or Op.PopJumpIfNotNone or Op.PopJumpForwardIfFalse or Op.PopJumpBackwardIfFalse or Op.PopJumpIfFalse or
            Op.PopJumpForwardIfTrue or Op.PopJumpBackwardIfTrue or Op.PopJumpIfTrue or Op.PrepReraiseStar or Op.Reraise or Op.StoreFast or
            Op.Call or Op.StoreDeref or Op.ListExtend or Op.SetUpdate or Op.DictMerge or Op.DictUpdate or Op.BinaryOp => -1,
        Op.MapAdd or Op.DeleteSubscr or Op.StoreAttr or Op.EndAsyncFor or Op.MatchClass => -2,
        Op.StoreSubscr => -3,
        Op.LoadBuildClass or Op.LoadConst or Op.LoadName or Op.ImportFrom or Op.PushExcInfo or Op.WithExceptStart or Op.LoadFast or
            Op.LoadClosure or Op.LoadDeref or Op.LoadClassderef or Op.BeforeAsyncWith or Op.BeforeWith or Op.GetAnext or Op.LoadMethod or
            Op.LoadAssertionError or Op.GetLen or Op.MatchMapping or Op.MatchSequence or Op.MatchKeys or Op.Copy or Op.PushNull => 1,
        Op.UnpackSequence => argument - 1,
        Op.UnpackEx => (argument & 0xFF) + (argument >> 8),
        Op.ForIter => jumps ? -1 : 1,
        Op.Send => jumps ? -1 : 0,
        Op.BuildTuple or Op.BuildList or Op.BuildSet or Op.BuildString => 1 - argument,
        Op.BuildMap => 1 - (2 * argument),
        Op.BuildConstKeyMap => -argument,
        Op.JumpIfTrueOrPop or Op.JumpIfFalseOrPop => jumps ? 0 : -1,
        Op.LoadGlobal => (argument & 1) + 1,
        Op.SetupFinally or Op.SetupWith => jumps ? 1 : 0,
        Op.SetupCleanup => jumps ? 2 : 0,
        Op.RaiseVarargs or Op.Precall => -argument,
        Op.CallFunctionEx => -2 - (argument & 1),
        Op.MakeFunction => -System.Numerics.BitOperations.PopCount((uint)argument & 0xF),
        Op.BuildSlice => argument == 3 ? -2 : -1,
        Op.FormatValue => (argument & 4) == 4 ? -1 : 0,
        _ => throw new PythonCompileException(CompileErrorKind.SystemError, $"compiler stack_effect(opcode={opcode}, arg={argument}) failed"),
    };
}
