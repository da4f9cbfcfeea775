namespace Holon.Python.Interpreter;

/// <summary>
/// Setting <c>f_lineno</c>: a trace function moves a frame to another line, where that is safe. What lies on the value stack at each instruction is
/// found by walking the code, and a jump is allowed to a place that expects a part of what is there. Rules and messages are CPython's.
/// </summary>
internal sealed class FrameJump
{
    /// <summary>What an entry of the stack is; iterators and exceptions cannot be made by a jump.</summary>
    private enum Kind
    {
        Iterator = 1,
        Except = 2,
        Object = 3,
        Null = 4,
        Lasti = 5,
    }

    // A stack is a number, three bits an entry, the top in the lowest: deeper ones are greater.
    private const int Bits = 3;
    private const long Empty = 0, Unknown = -2, TooDeep = -1;

    private readonly PyCode code;
    private readonly long[] stacks;

    private FrameJump(PyCode code)
    {
        this.code = code;
        stacks = new long[code.Instructions.Length + 1];
        Array.Fill(stacks, Unknown);
        Walk();
    }

    /// <summary>Moves the frame to the first line with code from <paramref name="line"/> on.</summary>
    public static void To(PyThread thread, PyFrame frame, long line)
    {
        var isSuspended = frame.Generator is not null && thread.TraceEvent == TraceEvent.Return && frame.Code.Instructions[frame.Pc].Op == Opcode.YieldValue;
        switch (thread.TraceEvent)
        {
            case TraceEvent.Line:
                break;
            case TraceEvent.None:
                throw Err.Value("f_lineno can only be set in a trace function");
            case TraceEvent.Call:
                throw Err.Value("can't jump from the 'call' trace event of a new frame");
            case TraceEvent.Return when isSuspended:
                break;
            default:
                throw Err.Value("can only jump from a 'line' trace event");
        }
        if (frame.Trace is null)
            throw Err.Value("f_lineno can only be set by a trace function");
        if (line is > int.MaxValue or < int.MinValue)
            throw Err.Value("lineno out of range");
        var code = frame.Code;
        if (line < code.FirstLine)
            throw Err.Value($"line {line} comes before the current code block");
        var starts = code.LineStarts();
        var wanted = starts.Where(s => s.Line >= line).Select(s => s.Line).DefaultIfEmpty(-1).Min();
        if (wanted < 0)
            throw Err.Value($"line {line} comes after the current code block");

        var stacks = new FrameJump(code).stacks;
        var start = stacks[frame.Pc];
        var (best, at) = (TooDeep, -1);
        var problem = "cannot find bytecode for specified line";
        foreach (var (unit, startLine) in starts)
        {
            if (startLine != wanted)
                continue;
            var index = code.IndexOfUnit(unit);
            if (Fits(start, stacks[index]))
            {
                if (stacks[index] > best)
                    (best, at) = (stacks[index], index);
            }
            else if (at < 0)
            {
                problem = start switch
                {
                    TooDeep => "stack to deep to analyze",
                    Unknown => "can't jump from within an exception handler",
                    _ => Explain(stacks[index]),
                };
            }
        }
        if (at < 0)
            throw Err.Value(problem);
        // A yield has taken its value away.
        if (isSuspended)
            start = Pop(start);
        for (; start > best; start = Pop(start))
        {
            var value = frame.Slots[--frame.Sp].V;
            frame.Slots[frame.Sp].V = null;
            if (Top(start) == Kind.Except)
                EvaluationLoop.HandledOf(thread, frame).Value = value as PyException;
        }
        // A suspended frame goes on behind the instruction that it names.
        frame.Pc = isSuspended ? at - 1 : at;
    }

    private static string Explain(long stack) => stack switch
    {
        TooDeep => "stack is too deep to analyze",
        Unknown => "can't jump into an exception handler, or code may be unreachable",
        _ => Top(stack) switch
        {
            Kind.Except => "can't jump into an 'except' block as there's no exception",
            Kind.Lasti => "can't jump into a re-raising block as there's no location",
            Kind.Iterator => "can't jump into the body of a for loop",
            _ => "incompatible stacks",
        },
    };

    private static Kind Top(long stack) => (Kind)(stack & ((1 << Bits) - 1));

    private static long Pop(long stack) => stack < 0 ? stack : stack >> Bits;

    private static long Push(long stack, Kind kind) => stack is < 0 or >= 1L << 60 ? TooDeep : stack << Bits | (long)kind;

    private static long Peek(long stack, int n) => stack < 0 ? (long)Kind.Object : stack >> (Bits * (n - 1)) & ((1 << Bits) - 1);

    private static int Depth(long stack)
    {
        var depth = 0;
        for (; stack > 0; stack >>= Bits)
            depth++;
        return depth;
    }

    private static bool Fits(long from, long to)
    {
        if (from < 0 || to < 0)
            return false;
        while (from > to)
            from = Pop(from);
        for (; from != 0; from = Pop(from), to = Pop(to))
        {
            var (have, need) = (Top(from), Top(to));
            if (need == 0 || (need == Kind.Object ? have == Kind.Null : need != Kind.Null && have != need))
                return false;
        }
        return to == 0;
    }

    private void Walk()
    {
        stacks[0] = (code.Flags & (CodeFlags.Generator | CodeFlags.Coroutine | CodeFlags.AsyncGenerator)) != 0 ? Push(Empty, Kind.Object) : Empty;
        var handlers = code.Handlers().ToList();
        for (var changed = true; changed;)
        {
            changed = false;
            for (var i = 0; i < code.Instructions.Length - 1; i++)
            {
                if (stacks[i] != Unknown)
                    changed |= Step(i);
            }
            foreach (var (first, handler, depth, lasti) in handlers)
            {
                if (stacks[first] == Unknown || stacks[handler] != Unknown)
                    continue;
                changed = true;
                var stack = stacks[first];
                while (Depth(stack) > depth)
                    stack = Pop(stack);
                if (lasti)
                    stack = Push(stack, Kind.Lasti);
                stacks[handler] = Push(stack, Kind.Except);
            }
        }
    }

    // What one instruction leaves on the stack; true: an earlier instruction is reached for the first time.
    private bool Step(int i)
    {
        var opcode = (Opcode)code.Code[code.UnitOf[i] * 2];
        var arg = code.Instructions[i].Arg;
        var stack = stacks[i];
        switch (opcode)
        {
            case Opcode.JumpIfFalseOrPop or Opcode.JumpIfTrueOrPop:
                stacks[i + 1] = Pop(stack);
                return Jump(arg, i, stack);
            case Opcode.PopJumpForwardIfFalse or Opcode.PopJumpForwardIfTrue or Opcode.PopJumpForwardIfNone or Opcode.PopJumpForwardIfNotNone
                or Opcode.PopJumpBackwardIfFalse or Opcode.PopJumpBackwardIfTrue or Opcode.PopJumpBackwardIfNone or Opcode.PopJumpBackwardIfNotNone:
                stacks[i + 1] = Pop(stack);
                return Jump(arg, i, Pop(stack));
            case Opcode.Send:
                stacks[i + 1] = stack;
                return Jump(arg, i, Pop(stack));
            case Opcode.JumpForward or Opcode.JumpBackward or Opcode.JumpBackwardNoInterrupt:
                return Jump(arg, i, stack);
            case Opcode.ForIter:
                stacks[i + 1] = Push(stack, Kind.Object);
                return Jump(arg, i, Pop(stack));
            case Opcode.ReturnValue or Opcode.RaiseVarArgs or Opcode.Reraise:
                return false;
            case Opcode.GetIter or Opcode.GetAIter:
                stack = Push(Pop(stack), Kind.Iterator);
                break;
            case Opcode.EndAsyncFor:
                stack = Pop(Pop(stack));
                break;
            case Opcode.PushExcInfo:
                stack = Push(stack, Kind.Except);
                break;
            case Opcode.PopExcept:
                stack = Pop(stack);
                break;
            case Opcode.PushNull:
                stack = Push(stack, Kind.Null);
                break;
            case Opcode.LoadGlobal:
                stack = Push((arg & 1) != 0 ? Push(stack, Kind.Null) : stack, Kind.Object);
                break;
            case Opcode.LoadMethod:
                stack = Push(Push(Pop(stack), Kind.Null), Kind.Object);
                break;
            case Opcode.Call:
                for (var n = arg + 2; n > 0; n--)
                    stack = Pop(stack);
                stack = Push(stack, Kind.Object);
                break;
            case Opcode.Swap when stack >= 0 && arg is >= 2 and <= 20:
                {
                    var shift = Bits * (arg - 1);
                    var (top, below) = (Peek(stack, 1), Peek(stack, arg));
                    stack = stack ^ (top ^ below) ^ ((top ^ below) << shift);
                    break;
                }
            case Opcode.Copy when stack >= 0 && arg is >= 1 and <= 20:
                stack = Push(stack, (Kind)Peek(stack, arg));
                break;
            default:
                var delta = Compiler.StackEffect.Of((int)opcode, arg, jumps: false);
                for (; delta < 0; delta++)
                    stack = Pop(stack);
                for (; delta > 0; delta--)
                    stack = Push(stack, Kind.Object);
                break;
        }
        stacks[i + 1] = stack;
        return false;
    }

    private bool Jump(int target, int from, long stack)
    {
        var isNew = stacks[target] == Unknown && target < from;
        stacks[target] = stack;
        return isNew;
    }
}
