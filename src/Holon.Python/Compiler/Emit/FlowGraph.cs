namespace Holon.Python.Compiler;

/// <summary>
/// The blocks of a code unit as a graph, and CPython 3.11's clean-ups of it: jumps threaded through jumps, constant conditions decided,
/// constant tuples built, swaps saved, dead blocks and idle NOPs removed, short exits copied to where they are jumped to.
/// </summary>
internal sealed class FlowGraph(CodeUnit unit, BasicBlock entry, List<object?> consts)
{
    private const int MaxCopySize = 4;

    /// <summary>Marks how blocks end; must come first.</summary>
    public static void Normalize(BasicBlock? newest)
    {
        for (var b = newest; b != null; b = b.Older)
        {
            for (var i = 0; i < b.Count; i++)
            {
                ref var instruction = ref b.Instructions[i];
                switch (instruction.Opcode)
                {
                    case Op.ReturnValue or Op.RaiseVarargs or Op.Reraise:
                        b.IsExit = true;
                        b.NoFallthrough = true;
                        break;
                    case Op.Jump or Op.JumpNoInterrupt:
                        b.NoFallthrough = true;
                        SkipEmptyTargets(ref instruction);
                        break;
                    case Op.PopJumpIfNotNone or Op.PopJumpIfNone or Op.PopJumpIfFalse or Op.PopJumpIfTrue or Op.JumpIfFalseOrPop or
                        Op.JumpIfTrueOrPop or Op.ForIter:
                        SkipEmptyTargets(ref instruction);
                        break;
                }
            }
        }
    }

    private static void SkipEmptyTargets(ref Instruction instruction)
    {
        while (instruction.Target!.Count == 0)
            instruction.Target = instruction.Target.Next;
    }

    /// <summary>A jump to a short exit without line numbers becomes a copy of it.</summary>
    public static void ExtendBlocks(BasicBlock? newest)
    {
        for (var b = newest; b != null; b = b.Older)
        {
            if (b.Count == 0 || b.Last.Opcode is not (Op.Jump or Op.JumpForward or Op.JumpBackward))
                continue;
            var target = b.Last.Target!;
            if (!target.IsExit || target.Count > MaxCopySize || HasLine(target))
                continue;
            b.Last.Opcode = Op.Nop;
            for (var i = 0; i < target.Count; i++)
                b.Add() = target.Instructions[i];
            b.IsExit = true;
        }
    }

    private static bool HasLine(BasicBlock b)
    {
        for (var i = 0; i < b.Count; i++)
        {
            if (b.Instructions[i].Span.Line > 0)
                return true;
        }

        return false;
    }

    /// <summary>All the optimizations of the graph.</summary>
    public void Optimize()
    {
        for (var b = entry; b != null; b = b.Next)
        {
            OptimizeBlock(b);
            RemoveNops(b);
        }

        ExtendBlocks(unit.NewestBlock);
        MarkReachable();
        for (var b = entry; b != null; b = b.Next)
        {
            if (b.Predecessors == 0)
            {
                b.Count = 0;
                b.NoFallthrough = false;
            }
        }

        RemoveEmptyBlocks();
        for (var b = entry; b != null; b = b.Next)
            RemoveNops(b);

        var maybeEmpty = false;
        for (var b = entry; b != null; b = b.Next)
        {
            if (b.Count > 0 && b.Last.Opcode is Op.Jump or Op.JumpNoInterrupt && b.Last.Target == b.Next)
            {
                b.NoFallthrough = false;
                b.Last.Opcode = Op.Nop;
                maybeEmpty = true;
            }
        }

        if (maybeEmpty)
            RemoveEmptyBlocks();
    }

    private void OptimizeBlock(BasicBlock b)
    {
        for (var i = 0; i < b.Count; i++)
        {
            ref var instruction = ref b.Instructions[i];
            var next = i + 1 < b.Count ? b.Instructions[i + 1].Opcode : 0;
            if (Op.IsJump(instruction.Opcode) || Op.IsBlockPush(instruction.Opcode))
                SkipEmptyTargets(ref instruction);
            switch (instruction.Opcode)
            {
                case Op.LoadConst:
                    OptimizeConstant(b, i, next);
                    break;
                case Op.BuildTuple:
                    OptimizeTuple(b, i, next);
                    break;
                case Op.Swap:
                    OptimizeSwap(b, ref i);
                    break;
                case Op.PushNull:
                    // LOAD_GLOBAL can push the NULL too.
                    if (next == Op.LoadGlobal && (b.Instructions[i + 1].Opcode & 1) == 0)
                    {
                        instruction.Opcode = Op.Nop;
                        instruction.Argument = 0;
                        b.Instructions[i + 1].Argument |= 1;
                    }

                    break;
                default:
                    if (Op.IsJump(instruction.Opcode) && ThreadJump(ref instruction))
                        i--;
                    break;
            }
        }
    }

    private void OptimizeConstant(BasicBlock b, int i, int next)
    {
        ref var load = ref b.Instructions[i];
        var constant = consts[load.Argument];
        switch (next)
        {
            case Op.PopJumpIfFalse or Op.PopJumpIfTrue:
                load.Opcode = Op.Nop;
                DecideJump(b, i + 1, ConstantArithmetic.IsTrue(constant) == (next == Op.PopJumpIfTrue));
                break;
            case Op.JumpIfFalseOrPop or Op.JumpIfTrueOrPop:
                var jumps = ConstantArithmetic.IsTrue(constant) == (next == Op.JumpIfTrueOrPop);
                if (!jumps)
                    load.Opcode = Op.Nop;
                DecideJump(b, i + 1, jumps);
                break;
            case Op.IsOp when constant == null && i + 2 < b.Count:
                ref var jump = ref b.Instructions[i + 2];
                if (jump.Opcode is Op.PopJumpIfFalse or Op.PopJumpIfTrue)
                {
                    var negated = (b.Instructions[i + 1].Argument & 1) != 0;
                    load.Opcode = Op.Nop;
                    b.Instructions[i + 1].Opcode = Op.Nop;
                    jump.Opcode = negated != (jump.Opcode == Op.PopJumpIfFalse) ? Op.PopJumpIfNotNone : Op.PopJumpIfNone;
                }

                break;
        }
    }

    private static void DecideJump(BasicBlock b, int i, bool jumps)
    {
        b.Instructions[i].Opcode = jumps ? Op.Jump : Op.Nop;
        if (jumps)
            b.NoFallthrough = true;
    }

    private void OptimizeTuple(BasicBlock b, int i, int next)
    {
        ref var build = ref b.Instructions[i];
        var size = build.Argument;
        if (next == Op.UnpackSequence && size == b.Instructions[i + 1].Argument)
        {
            switch (size)
            {
                case 1:
                    build.Opcode = Op.Nop;
                    b.Instructions[i + 1].Opcode = Op.Nop;
                    return;
                case 2 or 3:
                    build.Opcode = Op.Nop;
                    b.Instructions[i + 1].Opcode = Op.Swap;
                    return;
            }
        }

        if (i >= size)
            FoldTuple(b, i, size);
    }

    private void FoldTuple(BasicBlock b, int i, int size)
    {
        for (var n = i - size; n < i; n++)
        {
            if (b.Instructions[n].Opcode != Op.LoadConst)
                return;
        }

        var items = new object?[size];
        for (var n = 0; n < size; n++)
            items[n] = consts[b.Instructions[i - size + n].Argument];
        var tuple = unit.Pool.MergeOne(new TupleConstant(items));
        var index = consts.FindIndex(c => ReferenceEquals(c, tuple));
        if (index < 0)
        {
            index = consts.Count;
            consts.Add(tuple);
        }

        for (var n = i - size; n < i; n++)
            b.Instructions[n].Opcode = Op.Nop;
        b.Instructions[i].Opcode = Op.LoadConst;
        b.Instructions[i].Argument = index;
    }

    // A jump to a jump goes to the second one's target. True when the instruction changed and is to be looked at again.
    private static bool ThreadJump(ref Instruction jump)
    {
        ref var target = ref jump.Target!.Instructions[0];
        switch (jump.Opcode)
        {
            case Op.JumpIfFalseOrPop:
                return target.Opcode switch
                {
                    Op.PopJumpIfFalse => Thread(ref jump, ref target, Op.PopJumpIfFalse),
                    Op.Jump or Op.JumpIfFalseOrPop => Thread(ref jump, ref target, Op.JumpIfFalseOrPop),
                    Op.JumpIfTrueOrPop or Op.PopJumpIfTrue => SkipTarget(ref jump, ref target, Op.PopJumpIfFalse),
                    _ => false,
                };
            case Op.JumpIfTrueOrPop:
                return target.Opcode switch
                {
                    Op.PopJumpIfTrue => Thread(ref jump, ref target, Op.PopJumpIfTrue),
                    Op.Jump or Op.JumpIfTrueOrPop => Thread(ref jump, ref target, Op.JumpIfTrueOrPop),
                    Op.JumpIfFalseOrPop or Op.PopJumpIfFalse => SkipTarget(ref jump, ref target, Op.PopJumpIfTrue),
                    _ => false,
                };
            case Op.PopJumpIfNotNone or Op.PopJumpIfNone or Op.PopJumpIfFalse or Op.PopJumpIfTrue or Op.Jump:
                return target.Opcode == Op.Jump && Thread(ref jump, ref target, jump.Opcode);
            default:
                return false;
        }
    }

    private static bool Thread(ref Instruction jump, ref Instruction target, int opcode)
    {
        if (jump.Span.Line != target.Span.Line || jump.Target == target.Target)
            return false;
        jump.Target = target.Target;
        jump.Opcode = opcode;
        return true;
    }

    // The target's condition is known to fail: go to what follows it.
    private static bool SkipTarget(ref Instruction jump, ref Instruction target, int opcode)
    {
        if (jump.Span.Line != target.Span.Line)
            return false;
        jump.Opcode = opcode;
        jump.Target = jump.Target!.Next;
        return true;
    }

    private static void OptimizeSwap(BasicBlock b, ref int i)
    {
        if (b.Instructions[i].Argument == 1)
        {
            b.Instructions[i].Opcode = Op.Nop;
            return;
        }

        SwapOptimizer.ShortenRun(b, ref i);
        SwapOptimizer.ApplyStatically(b, i);
    }

    /// <summary>Removes NOPs that no line needs.</summary>
    public static void RemoveNops(BasicBlock b)
    {
        var kept = 0;
        var previousLine = -1;
        for (var i = 0; i < b.Count; i++)
        {
            var line = b.Instructions[i].Span.Line;
            if (b.Instructions[i].Opcode == Op.Nop && IsIdle(b, i, line, previousLine))
                continue;
            if (kept != i)
                b.Instructions[kept] = b.Instructions[i];
            kept++;
            previousLine = line;
        }

        b.Count = kept;
    }

    private static bool IsIdle(BasicBlock b, int i, int line, int previousLine)
    {
        if (line < 0 || previousLine == line)
            return true;
        if (i < b.Count - 1)
        {
            ref var next = ref b.Instructions[i + 1];
            if (next.Span.Line == line)
                return true;
            if (next.Span.Line >= 0)
                return false;
            next.Span = b.Instructions[i].Span;
            return true;
        }

        var following = b.Next;
        while (following is { Count: 0 })
            following = following.Next;
        return following != null && following.Instructions[0].Span.Line == line;
    }

    private void MarkReachable()
    {
        var stack = new Stack<BasicBlock>();
        entry.Predecessors = 1;
        stack.Push(entry);
        while (stack.TryPop(out var b))
        {
            if (b.Next != null && !b.NoFallthrough)
                Reach(b.Next);
            for (var i = 0; i < b.Count; i++)
            {
                ref var instruction = ref b.Instructions[i];
                if (instruction.Target != null && (Op.IsJump(instruction.Opcode) || Op.IsBlockPush(instruction.Opcode)))
                    Reach(instruction.Target);
            }
        }

        void Reach(BasicBlock b)
        {
            if (b.Predecessors++ == 0)
                stack.Push(b);
        }
    }

    private void RemoveEmptyBlocks()
    {
        for (var b = entry; b != null; b = b.Next)
        {
            var next = b.Next;
            while (next is { Count: 0, Next: not null })
                next = next.Next;
            b.Next = next;
        }

        for (var b = entry; b != null; b = b.Next)
        {
            if (b.Count > 0 && Op.IsJump(b.Last.Opcode))
                SkipEmptyTargets(ref b.Last);
        }
    }

    /// <summary>An exit without a line that several jumps go to is copied for each, so that it gets the line of the jump.</summary>
    public void DuplicateExits()
    {
        for (var b = unit.NewestBlock; b != null; b = b.Older)
        {
            if (b.Count == 0 || !Op.IsJump(b.Last.Opcode))
                continue;
            var target = b.Last.Target!;
            if (!IsExitWithoutLine(target) || target.Predecessors <= 1)
                continue;
            var copy = unit.NewBlock();
            for (var i = 0; i < target.Count; i++)
                copy.Add() = target.Instructions[i];
            copy.IsExit = target.IsExit;
            copy.NoFallthrough = true;
            copy.Instructions[0].Span = b.Last.Span;
            b.Last.Target = copy;
            target.Predecessors--;
            copy.Predecessors = 1;
            copy.Next = target.Next;
            target.Next = copy;
        }

        for (var b = unit.NewestBlock; b != null; b = b.Older)
        {
            while (b.Next is { Count: 0 })
                b.Next = b.Next.Next;
        }

        for (var b = unit.NewestBlock; b != null; b = b.Older)
        {
            if (!b.NoFallthrough && b.Next != null && b.Count > 0 && IsExitWithoutLine(b.Next))
                b.Next.Instructions[0].Span = b.Last.Span;
        }
    }

    private static bool IsExitWithoutLine(BasicBlock b)
    {
        if (!b.IsExit)
            return false;
        for (var i = 0; i < b.Count; i++)
        {
            if (b.Instructions[i].Span.Line >= 0)
                return false;
        }

        return true;
    }

    /// <summary>Instructions without a line take the one before, in the block and across edges that are the only way there.</summary>
    public void PropagateLines()
    {
        for (var b = entry; b != null; b = b.Next)
        {
            if (b.Count == 0)
                continue;
            var previous = CodeUnit.NoSpan;
            for (var i = 0; i < b.Count; i++)
            {
                if (b.Instructions[i].Span.Line < 0)
                    b.Instructions[i].Span = previous;
                else
                    previous = b.Instructions[i].Span;
            }

            if (!b.NoFallthrough && b.Next!.Predecessors == 1 && b.Next.Instructions[0].Span.Line < 0)
                b.Next.Instructions[0].Span = previous;
            if (Op.IsJump(b.Last.Opcode) && b.Last.Target is { Predecessors: 1 } target && target.Instructions[0].Span.Line < 0)
                target.Instructions[0].Span = previous;
        }
    }

    /// <summary>Every return has a line.</summary>
    public void GiveExitsLines(int firstLine)
    {
        var line = firstLine;
        for (var b = entry; b != null; b = b.Next)
        {
            if (b.Count == 0)
                continue;
            if (b.Last.Span.Line >= 0)
            {
                line = b.Last.Span.Line;
            }
            else if (b.Last.Opcode == Op.ReturnValue)
            {
                for (var i = 0; i < b.Count; i++)
                    b.Instructions[i].Span = b.Instructions[i].Span with { Line = line };
            }
        }
    }
}
