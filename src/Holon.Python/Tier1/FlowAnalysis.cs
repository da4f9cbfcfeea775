namespace Holon.Python.Tier1;

/// <summary>Where blocks begin, where loops begin, and which locals are read again after each instruction.</summary>
internal sealed class FlowAnalysis
{
    private readonly PyCode code;
    private readonly Instruction[] instructions;

    public FlowAnalysis(PyCode code)
    {
        this.code = code;
        instructions = code.Instructions;
        Leader = new bool[instructions.Length];
        Header = new bool[instructions.Length];
        LiveIn = new ulong[instructions.Length];
        FindBlocks();
        FindLiveLocals();
    }

    public bool[] Leader { get; }

    /// <summary>Targets of backward jumps.</summary>
    public bool[] Header { get; }

    /// <summary>A bit for each local whose value may be read at or after the instruction.</summary>
    public ulong[] LiveIn { get; }

    public static bool IsJump(Opcode op) => op is Opcode.JumpForward or Opcode.JumpBackward or Opcode.JumpBackwardNoInterrupt || IsConditional(op);

    public static bool IsConditional(Opcode op) => op is Opcode.ForIter or Opcode.ForRange or Opcode.ForList or Opcode.Send
        or Opcode.JumpIfFalseOrPop or Opcode.JumpIfTrueOrPop
        or Opcode.PopJumpForwardIfFalse or Opcode.PopJumpForwardIfTrue or Opcode.PopJumpForwardIfNone or Opcode.PopJumpForwardIfNotNone
        or Opcode.PopJumpBackwardIfFalse or Opcode.PopJumpBackwardIfTrue or Opcode.PopJumpBackwardIfNone or Opcode.PopJumpBackwardIfNotNone;

    private static bool Ends(Opcode op) => op is Opcode.ReturnValue or Opcode.RaiseVarArgs or Opcode.Reraise or Opcode.Cache
        or Opcode.JumpForward or Opcode.JumpBackward or Opcode.JumpBackwardNoInterrupt;

    private void FindBlocks()
    {
        for (var i = 0; i < instructions.Length; i++)
        {
            var instruction = instructions[i];
            if (!IsJump(instruction.Op))
                continue;
            Leader[instruction.Arg] = true;
            if (instruction.Arg <= i)
                Header[instruction.Arg] = true;
            if (i + 1 < instructions.Length)
                Leader[i + 1] = true;
        }
    }

    // super() without arguments reads the first local and the cell __class__.
    private ulong ReadBySuper()
    {
        for (var i = code.LocalsPlusNames.Length - code.FreeCount; i < code.LocalsPlusNames.Length; i++)
        {
            if (code.LocalsPlusNames[i].Equals(Names.Class))
                return 1UL | 1UL << i;
        }
        return 0;
    }

    private void FindLiveLocals()
    {
        var handlers = new int[instructions.Length];
        for (var i = 0; i < instructions.Length; i++)
            handlers[i] = code.ExceptionTable.Length > 0 && code.FindHandler(i, out var target, out _, out _) ? target : -1;
        var always = ReadBySuper();
        for (var changed = true; changed;)
        {
            changed = false;
            for (var i = instructions.Length - 1; i >= 0; i--)
            {
                var (op, arg) = (instructions[i].Op, instructions[i].Arg);
                var live = Ends(op) || i + 1 == instructions.Length ? always : LiveIn[i + 1] | always;
                if (IsJump(op))
                    live |= LiveIn[arg];
                switch (op)
                {
                    case Opcode.StoreFast:
                        live &= ~(1UL << arg);
                        break;
                    case Opcode.LoadFast or Opcode.DeleteFast or Opcode.LoadDeref or Opcode.StoreDeref or Opcode.LoadClosure or Opcode.MakeCell
                        or Opcode.DeleteDeref or Opcode.LoadClassDeref:
                        live |= 1UL << arg;
                        break;
                }
                if (handlers[i] >= 0)
                    live |= LiveIn[handlers[i]];
                if (live != LiveIn[i])
                {
                    LiveIn[i] = live;
                    changed = true;
                }
            }
        }
    }
}
