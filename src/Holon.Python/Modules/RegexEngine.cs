namespace Holon.Python.Modules;

/// <summary>The engine for any kind of text, and the last match that it found.</summary>
internal abstract class RegexMatcher
{
    /// <summary>Start and end of each group, then the number of the group that closed last; -1 is none.</summary>
    public int[] Marks { get; protected init; } = [];

    public int MatchStart { get; protected set; }

    public int MatchEnd { get; protected set; }

    public abstract bool Match(int position, bool full, int mustAdvanceFrom);

    public abstract bool Search(int position, int mustAdvanceFrom);
}

/// <summary>
/// Executes the code that re._compiler makes: a backtracking matcher whose stack is on the heap, and whose steps are charged to the
/// machine's limits, so that no expression can hang the process.
/// </summary>
internal sealed class RegexEngine<T> : RegexMatcher
    where T : struct, ICharacters
{
    private enum Retry
    {
        Alternative,
        Resume,
        Greedy,
        Lazy,
        LazyBody,
    }

    // A turn of a repeat, and the repeat around it. Records never change: what a retry refers to is what it was.
    private record struct Loop(int Pc, int Count, int LastPosition, int Outer);

    private record struct Entry(Retry Kind, int Pc, int Position, int Extra, int Trail, int Loop, int Loops);

    private const int NoLoop = -1;
    private const int SizeToKeep = 1024;
    private readonly RegexProgram program;
    private int[] code;
    private T text;
    private int end;
    private Entry[] stack = [];
    private int top;
    private Loop[] loops = [];
    private int loopCount;

    // Marks that have been set, each with what it was before.
    private (int Index, int Old)[] trail = [];
    private int trailCount;
    private int steps;

    public RegexEngine(RegexProgram program)
    {
        this.program = program;
        code = program.Code;
        Marks = new int[program.Groups * 2 + 1];
        Array.Fill(Marks, -1);
    }

    /// <summary>Takes a text to match up to an end. The default of a text lets go of the last one.</summary>
    public void Begin(T newText, int newEnd)
    {
        text = newText;
        end = newEnd;
        code = program.Code;
        Undo(0);
        if (Math.Max(stack.Length, trail.Length) > SizeToKeep)
            (stack, loops, trail) = ([], [], []);
    }

    public override bool Match(int position, bool full, int mustAdvanceFrom)
    {
        Undo(0);
        top = 0;
        loopCount = 0;
        MatchStart = position;
        var result = Run(0, position, full, mustAdvanceFrom);
        MatchEnd = result;
        return result >= 0;
    }

    public override bool Search(int position, int mustAdvanceFrom)
    {
        var begins = program.Begins;
        if (begins.IsAnchored)
            return position == 0 && Match(0, false, mustAdvanceFrom);
        var skips = begins.IsKnown;
        for (; position <= end; position++)
        {
            if (skips)
            {
                position = text.NextStart(begins, position, end);
                if (position < 0)
                    return false;
            }
            if (Match(position, false, mustAdvanceFrom))
                return true;
        }
        return false;
    }

    private void Push(Retry kind, int pc, int position, int extra, int loop)
    {
        if (top == stack.Length)
        {
            PyThread.Current.Machine.Limits.CheckSize(stack.Length * 56L);
            Array.Resize(ref stack, Math.Max(8, stack.Length * 2));
        }
        stack[top++] = new Entry(kind, pc, position, extra, trailCount, loop, loopCount);
    }

    private int NewLoop(int pc, int count, int lastPosition, int outer)
    {
        if (loopCount == loops.Length)
        {
            PyThread.Current.Machine.Limits.CheckSize(loops.Length * 32L);
            Array.Resize(ref loops, Math.Max(8, loops.Length * 2));
        }
        loops[loopCount] = new Loop(pc, count, lastPosition, outer);
        return loopCount++;
    }

    private void Set(int mark, int value)
    {
        if (trailCount == trail.Length)
        {
            PyThread.Current.Machine.Limits.CheckSize(trail.Length * 16L);
            Array.Resize(ref trail, Math.Max(8, trail.Length * 2));
        }
        trail[trailCount++] = (mark, Marks[mark]);
        Marks[mark] = value;
    }

    private void Undo(int to)
    {
        while (trailCount > to)
        {
            var (index, old) = trail[--trailCount];
            Marks[index] = old;
        }
    }

    private void Charge()
    {
        if (++steps >= 20_000)
            ChargeSteps();
    }

    private void ChargeSteps()
    {
        steps = 0;
        PyThread.Current.Machine.Limits.ChargeInstructions(20_000);
        PyThread.CheckNativeStack();
    }

    /// <summary>Runs from an instruction to the SUCCESS of its level; gives the end position or -1.</summary>
    private int Run(int pc, int position, bool full, int mustAdvanceFrom)
    {
        var (bottom, bottomLoop) = (top, loopCount);
        var loop = NoLoop;
        while (true)
        {
            var code = this.code;
            var failed = false;
            switch ((RegexOp)code[pc])
            {
                case RegexOp.Success:
                    if ((full && position != end) || position == mustAdvanceFrom)
                    {
                        failed = true;
                        break;
                    }
                    top = bottom;
                    loopCount = bottomLoop;
                    return position;
                case RegexOp.Literal:
                    if (position >= end || text.At(position) != code[pc + 1])
                    {
                        failed = true;
                        break;
                    }
                    position++;
                    pc += 2;
                    continue;
                case RegexOp.InMap:
                    if (position >= end || !RegexProgram.InMap(code, code[pc + 2], text.At(position)))
                    {
                        failed = true;
                        break;
                    }
                    position++;
                    pc += 1 + code[pc + 1];
                    continue;
                case RegexOp.In or RegexOp.InIgnore or RegexOp.InUniIgnore:
                    this.code = program.WithMap(pc);
                    continue;
                case RegexOp.Info:
                    pc += 1 + code[pc + 1];
                    continue;
                case RegexOp.Mark:
                    var mark = code[pc + 1];
                    Set(mark, position);
                    if ((mark & 1) != 0)
                        Set(Marks.Length - 1, mark / 2 + 1);
                    pc += 2;
                    continue;
                case RegexOp.Jump:
                    pc += 1 + code[pc + 1];
                    continue;
                case RegexOp.Branch:
                    failed = !Alternative(ref pc, pc + 1, position, loop);
                    break;
                case RegexOp.At:
                    failed = !At(code[pc + 1], position);
                    pc += 2;
                    break;
                case RegexOp.RepeatOne:
                    {
                        var (skip, min, max) = (code[pc + 1], code[pc + 2], code[pc + 3]);
                        var count = CountOnes(pc + 4, position, max);
                        if (count < min)
                        {
                            failed = true;
                            break;
                        }
                        pc += 1 + skip;
                        var least = position + min;
                        position = code[pc] == (int)RegexOp.Literal ? BackToLiteral(code[pc + 1], position + count, least) : position + count;
                        if (position > least)
                            Push(Retry.Greedy, pc, position, least, loop);
                        break;
                    }
                case RegexOp.MinRepeatOne:
                    {
                        var (skip, min) = (code[pc + 1], code[pc + 2]);
                        if (CountOnes(pc + 4, position, min) < min)
                        {
                            failed = true;
                            break;
                        }
                        position += min;
                        Push(Retry.Lazy, pc, position, min, loop);
                        pc += 1 + skip;
                        break;
                    }
                case RegexOp.PossessiveRepeatOne:
                    {
                        var count = CountOnes(pc + 4, position, code[pc + 3]);
                        failed = count < code[pc + 2];
                        position += count;
                        pc += 1 + code[pc + 1];
                        break;
                    }
                case RegexOp.Repeat:
                    loop = NewLoop(pc, 0, -1, loop);
                    pc += 1 + code[pc + 1];
                    continue;
                case RegexOp.MaxUntil:
                    {
                        var turn = loops[loop];
                        if (turn.Count < code[turn.Pc + 2])
                        {
                            loop = NewLoop(turn.Pc, turn.Count + 1, position, turn.Outer);
                            pc = turn.Pc + 4;
                        }
                        else if (turn.Count < code[turn.Pc + 3] && position != turn.LastPosition)
                        {
                            Push(Retry.Resume, pc + 1, position, 0, turn.Outer);
                            loop = NewLoop(turn.Pc, turn.Count + 1, position, turn.Outer);
                            pc = turn.Pc + 4;
                        }
                        else
                        {
                            loop = turn.Outer;
                            pc++;
                        }
                        Charge();
                        continue;
                    }
                case RegexOp.MinUntil:
                    {
                        var turn = loops[loop];
                        if (turn.Count < code[turn.Pc + 2])
                        {
                            pc = turn.Pc + 4;
                            loop = NewLoop(turn.Pc, turn.Count + 1, position, turn.Outer);
                            continue;
                        }
                        Push(Retry.LazyBody, pc, position, 0, loop);
                        loop = turn.Outer;
                        pc++;
                        continue;
                    }
                case RegexOp.PossessiveRepeat:
                    {
                        var (skip, min, max) = (code[pc + 1], code[pc + 2], code[pc + 3]);
                        var count = 0;
                        while (count < max)
                        {
                            var before = trailCount;
                            var next = Run(pc + 4, position, false, -1);
                            if (next < 0)
                            {
                                Undo(before);
                                break;
                            }
                            count++;
                            if (next == position && count >= min)
                                break;
                            position = next;
                        }
                        failed = count < min;
                        pc += 2 + skip;
                        break;
                    }
                case RegexOp.AtomicGroup:
                    {
                        var next = Run(pc + 2, position, false, -1);
                        failed = next < 0;
                        position = next;
                        pc += 1 + code[pc + 1];
                        break;
                    }
                case RegexOp.Assert:
                case RegexOp.AssertNot:
                    {
                        var negative = (RegexOp)code[pc] == RegexOp.AssertNot;
                        var before = trailCount;
                        var from = position - code[pc + 2];
                        var holds = from >= 0 && Run(pc + 3, from, false, -1) >= 0;
                        if (negative || !holds)
                            Undo(before);
                        failed = holds == negative;
                        pc += 1 + code[pc + 1];
                        break;
                    }
                case RegexOp.GroupRef or RegexOp.GroupRefIgnore or RegexOp.GroupRefLocIgnore or RegexOp.GroupRefUniIgnore:
                    failed = !SameAsGroup(code[pc + 1], (RegexOp)code[pc], ref position);
                    pc += 2;
                    break;
                case RegexOp.GroupRefExists:
                    pc = Marks[code[pc + 1] * 2 + 1] < 0 || Marks[code[pc + 1] * 2] < 0 ? pc + 1 + code[pc + 2] : pc + 3;
                    continue;
                case RegexOp.Failure:
                    failed = true;
                    break;
                default:
                    failed = position >= end || !RegexProgram.One(code, pc, text.At(position));
                    position++;
                    pc += RegexProgram.Size(code, pc);
                    break;
            }
            if (!failed)
                continue;
            if (!Backtrack(bottom, ref pc, ref position, ref loop))
            {
                loopCount = bottomLoop;
                return -1;
            }
        }
    }

    private bool Alternative(ref int pc, int at, int position, int loop)
    {
        var code = this.code;
        var c = position < end ? text.At(position) : -1;
        for (; code[at] != 0; at += code[at])
        {
            // An alternative whose first character is not there need not be tried, and the last one leaves nothing to come back to.
            var matches = (RegexOp)code[at + 1] switch
            {
                RegexOp.Literal => c == code[at + 2],
                RegexOp.InMap => c >= 0 && RegexProgram.InMap(code, code[at + 3], c),
                RegexOp.In => c >= 0 && RegexProgram.InSet(code, at + 3, c),
                _ => true,
            };
            if (!matches)
                continue;
            if (code[at + code[at]] != 0)
                Push(Retry.Alternative, at + code[at], position, 0, loop);
            pc = at + 1;
            return true;
        }
        return false;
    }

    private bool Backtrack(int bottom, ref int pc, ref int position, ref int loop)
    {
        while (top > bottom)
        {
            Charge();
            var entry = stack[--top];
            Undo(entry.Trail);
            loopCount = entry.Loops;
            loop = entry.Loop;
            position = entry.Position;
            switch (entry.Kind)
            {
                case Retry.Alternative:
                    if (Alternative(ref pc, entry.Pc, position, loop))
                        return true;
                    continue;
                case Retry.Resume:
                    pc = entry.Pc;
                    return true;
                case Retry.Greedy:
                    position--;
                    if (code[entry.Pc] == (int)RegexOp.Literal)
                        position = BackToLiteral(code[entry.Pc + 1], position, entry.Extra);
                    if (position > entry.Extra)
                        Push(Retry.Greedy, entry.Pc, position, entry.Extra, loop);
                    pc = entry.Pc;
                    return true;
                case Retry.Lazy:
                    if (!OneMore(entry.Pc, ref position, entry.Extra, out var count))
                        continue;
                    Push(Retry.Lazy, entry.Pc, position, count, loop);
                    pc = entry.Pc + 1 + code[entry.Pc + 1];
                    return true;
                default:
                    {
                        var turn = loops[loop];
                        if (turn.Count >= code[turn.Pc + 3] || position == turn.LastPosition)
                            continue;
                        pc = turn.Pc + 4;
                        loop = NewLoop(turn.Pc, turn.Count + 1, position, turn.Outer);
                        return true;
                    }
            }
        }
        return false;
    }

    // Only places where the next literal stands are worth a try: the last one, or the least place.
    private int BackToLiteral(int literal, int position, int least)
    {
        while (position > least && (position >= end || text.At(position) != literal))
            position--;
        return position;
    }

    // A lazy repeat takes another character, and more where the literal that follows it does not stand yet.
    private bool OneMore(int pc, ref int position, int count, out int newCount)
    {
        var code = this.code;
        var tail = pc + 1 + code[pc + 1];
        newCount = count;
        do
        {
            if (newCount >= code[pc + 3] || position >= end || !RegexProgram.One(code, pc + 4, text.At(position)))
                return false;
            position++;
            newCount++;
        }
        while (code[tail] == (int)RegexOp.Literal && (position >= end || text.At(position) != code[tail + 1]));
        steps += newCount - count;
        return true;
    }

    private int CountOnes(int pc, int position, int max)
    {
        var limit = max > end - position ? end : position + max;
        var at = position;
        switch ((RegexOp)code[pc])
        {
            case RegexOp.AnyAll:
                return Math.Max(0, limit - position);
            case RegexOp.Any:
                var stop = limit > at ? text.IndexOf('\n', at, limit) : at;
                return (stop < 0 ? limit : stop) - position;
            case RegexOp.NotLiteral:
                var other = limit > at ? text.IndexOf(code[pc + 1], at, limit) : at;
                return (other < 0 ? limit : other) - position;
            case RegexOp.In or RegexOp.InIgnore or RegexOp.InUniIgnore:
                code = program.WithMap(pc);
                return CountOnes(pc, position, max);
            case RegexOp.InMap:
                {
                    var (words, map) = (code, code[pc + 2]);
                    while (at < limit && RegexProgram.InMap(words, map, text.At(at)))
                        at++;
                    break;
                }
            default:
                while (at < limit && RegexProgram.One(code, pc, text.At(at)))
                    at++;
                break;
        }
        steps += at - position;
        return at - position;
    }

    private bool SameAsGroup(int group, RegexOp op, ref int position)
    {
        var (from, to) = (Marks[group * 2], Marks[group * 2 + 1]);
        if (from < 0 || to < from || to - from > end - position)
            return false;
        for (var i = from; i < to; i++, position++)
        {
            var (a, b) = (text.At(i), text.At(position));
            var same = op switch
            {
                RegexOp.GroupRef => a == b,
                RegexOp.GroupRefUniIgnore => UnicodeData.LowerChar(a) == UnicodeData.LowerChar(b),
                _ => SreModule.AsciiLower(a) == SreModule.AsciiLower(b),
            };
            if (!same)
                return false;
        }
        return true;
    }

    private bool At(int kind, int position) => kind switch
    {
        0 or 2 => position == 0,
        1 => position == 0 || text.At(position - 1) == '\n',
        3 or 8 => IsBoundary(4, position),
        4 or 9 => !IsBoundary(4, position) && end != 0,
        5 => position == end || (position == end - 1 && text.At(position) == '\n'),
        6 => position == end || text.At(position) == '\n',
        7 => position == end,
        10 => IsBoundary(14, position),
        _ => !IsBoundary(14, position) && end != 0,
    };

    private bool IsBoundary(int word, int position) =>
        (position > 0 && SreModule.Category(word, text.At(position - 1))) != (position < end && SreModule.Category(word, text.At(position)));
}
