namespace Holon.Python.Modules;

/// <summary>The characters that an expression is matched against.</summary>
internal interface ICharacters
{
    int Length { get; }

    int At(int index);

    int IndexOf(int c, int start, int end);
}

internal readonly struct NarrowText(string text) : ICharacters
{
    public int Length => text.Length;

    public int At(int index) => text[index];

    public int IndexOf(int c, int start, int end)
    {
        var found = c > 0xffff ? -1 : text.AsSpan(start, end - start).IndexOf((char)c);
        return found < 0 ? -1 : start + found;
    }
}

internal readonly struct WideText(int[] text) : ICharacters
{
    public int Length => text.Length;

    public int At(int index) => text[index];

    public int IndexOf(int c, int start, int end)
    {
        var found = text.AsSpan(start, end - start).IndexOf(c);
        return found < 0 ? -1 : start + found;
    }
}

/// <summary>
/// Executes the code that re._compiler makes: a backtracking matcher whose stack is on the heap, and whose steps are charged to the
/// machine's limits, so that no expression can hang the process.
/// </summary>
internal sealed class RegexEngine<T>(T text, int[] code, int groups, int start, int end)
    where T : struct, ICharacters
{
    private enum Op
    {
        Failure, Success, Any, AnyAll, Assert, AssertNot, At, Branch, Category, Charset, BigCharset, GroupRef, GroupRefExists, In, Info, Jump, Literal, Mark, MaxUntil, MinUntil, NotLiteral, Negate, Range, Repeat, RepeatOne,
        SubPattern, MinRepeatOne, AtomicGroup, PossessiveRepeat, PossessiveRepeatOne, GroupRefIgnore, InIgnore, LiteralIgnore, NotLiteralIgnore, GroupRefLocIgnore, InLocIgnore, LiteralLocIgnore, NotLiteralLocIgnore,
        GroupRefUniIgnore, InUniIgnore, LiteralUniIgnore, NotLiteralUniIgnore, RangeUniIgnore,
    }

    private enum Retry
    {
        Alternative,
        Resume,
        Greedy,
        Lazy,
        LazyBody,
    }

    private sealed record Loop(int Pc, int Count, int LastPosition, Loop? Outer);

    private record struct Entry(Retry Kind, int Pc, int Position, int Extra, int Trail, Loop? Loop);

    private Entry[] stack = new Entry[32];
    private int top;
    private readonly List<(int Index, int Old)> trail = [];
    private int steps;

    /// <summary>Start and end of each group, then the number of the group that closed last.</summary>
    public int[] Marks { get; } = NewMarks(groups);

    public int MatchStart { get; private set; }

    public int MatchEnd { get; private set; }

    private static int[] NewMarks(int groups)
    {
        var marks = new int[groups * 2 + 1];
        Array.Fill(marks, -1);
        return marks;
    }

    public bool Match(int position, bool full, int mustAdvanceFrom = -1)
    {
        Array.Fill(Marks, -1);
        trail.Clear();
        top = 0;
        MatchStart = position;
        var result = Run(0, position, full, mustAdvanceFrom);
        MatchEnd = result;
        return result >= 0;
    }

    public bool Search(int position, int mustAdvanceFrom = -1)
    {
        var first = code[0] == (int)Op.Info ? 1 + code[1] : 0;
        var literal = code[first] == (int)Op.Literal ? code[first + 1] : -1;
        for (; position <= end; position++)
        {
            if (literal >= 0)
            {
                position = text.IndexOf(literal, position, end);
                if (position < 0)
                    return false;
            }
            if (Match(position, false, mustAdvanceFrom))
                return true;
        }
        return false;
    }

    private void Push(Retry kind, int pc, int position, int extra, Loop? loop)
    {
        if (top == stack.Length)
        {
            PyThread.Current.Machine.Limits.CheckSize(stack.Length * 80L);
            Array.Resize(ref stack, stack.Length * 2);
        }
        stack[top++] = new Entry(kind, pc, position, extra, trail.Count, loop);
    }

    private void Set(int mark, int value)
    {
        trail.Add((mark, Marks[mark]));
        Marks[mark] = value;
    }

    private void Undo(int to)
    {
        for (var i = trail.Count - 1; i >= to; i--)
            Marks[trail[i].Index] = trail[i].Old;
        trail.RemoveRange(to, trail.Count - to);
    }

    private void Charge()
    {
        if (++steps < 20_000)
            return;
        steps = 0;
        PyThread.Current.Machine.Limits.ChargeInstructions(20_000);
        PyThread.CheckNativeStack();
    }

    /// <summary>Runs from an instruction to the SUCCESS of its level; gives the end position or -1.</summary>
    private int Run(int pc, int position, bool full, int mustAdvanceFrom)
    {
        var bottom = top;
        Loop? loop = null;
        while (true)
        {
            var failed = false;
            switch ((Op)code[pc])
            {
                case Op.Success:
                    if ((full && position != end) || position == mustAdvanceFrom)
                    {
                        failed = true;
                        break;
                    }
                    top = bottom;
                    return position;
                case Op.Info:
                    pc += 1 + code[pc + 1];
                    continue;
                case Op.Mark:
                    var mark = code[pc + 1];
                    Set(mark, position);
                    if ((mark & 1) != 0)
                        Set(Marks.Length - 1, mark / 2 + 1);
                    pc += 2;
                    continue;
                case Op.Jump:
                    pc += 1 + code[pc + 1];
                    continue;
                case Op.Branch:
                    failed = !Alternative(ref pc, pc + 1, position, loop);
                    break;
                case Op.At:
                    failed = !At(code[pc + 1], position);
                    pc += 2;
                    break;
                case Op.RepeatOne:
                    {
                        var (skip, min, max) = (code[pc + 1], code[pc + 2], code[pc + 3]);
                        var count = CountOnes(pc + 4, position, max);
                        if (count < min)
                        {
                            failed = true;
                            break;
                        }
                        pc += 1 + skip;
                        if (count > min)
                            Push(Retry.Greedy, pc, position + count, position + min, loop);
                        position += count;
                        break;
                    }
                case Op.MinRepeatOne:
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
                case Op.PossessiveRepeatOne:
                    {
                        var count = CountOnes(pc + 4, position, code[pc + 3]);
                        failed = count < code[pc + 2];
                        position += count;
                        pc += 1 + code[pc + 1];
                        break;
                    }
                case Op.Repeat:
                    loop = new Loop(pc, 0, -1, loop);
                    pc += 1 + code[pc + 1];
                    continue;
                case Op.MaxUntil:
                    {
                        var at = loop!.Pc;
                        if (loop.Count < code[at + 2])
                        {
                            loop = loop with { Count = loop.Count + 1, LastPosition = position };
                            pc = at + 4;
                        }
                        else if (loop.Count < code[at + 3] && position != loop.LastPosition)
                        {
                            Push(Retry.Resume, pc + 1, position, 0, loop.Outer);
                            loop = loop with { Count = loop.Count + 1, LastPosition = position };
                            pc = at + 4;
                        }
                        else
                        {
                            loop = loop.Outer;
                            pc++;
                        }
                        Charge();
                        continue;
                    }
                case Op.MinUntil:
                    if (loop!.Count < code[loop.Pc + 2])
                    {
                        pc = loop.Pc + 4;
                        loop = loop with { Count = loop.Count + 1, LastPosition = position };
                        continue;
                    }
                    Push(Retry.LazyBody, pc, position, 0, loop);
                    loop = loop.Outer;
                    pc++;
                    continue;
                case Op.PossessiveRepeat:
                    {
                        var (skip, min, max) = (code[pc + 1], code[pc + 2], code[pc + 3]);
                        var count = 0;
                        while (count < max)
                        {
                            var before = trail.Count;
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
                case Op.AtomicGroup:
                    {
                        var next = Run(pc + 2, position, false, -1);
                        failed = next < 0;
                        position = next;
                        pc += 1 + code[pc + 1];
                        break;
                    }
                case Op.Assert:
                case Op.AssertNot:
                    {
                        var negative = (Op)code[pc] == Op.AssertNot;
                        var before = trail.Count;
                        var from = position - code[pc + 2];
                        var holds = from >= 0 && Run(pc + 3, from, false, -1) >= 0;
                        if (negative || !holds)
                            Undo(before);
                        failed = holds == negative;
                        pc += 1 + code[pc + 1];
                        break;
                    }
                case Op.GroupRef or Op.GroupRefIgnore or Op.GroupRefLocIgnore or Op.GroupRefUniIgnore:
                    failed = !SameAsGroup(code[pc + 1], (Op)code[pc], ref position);
                    pc += 2;
                    break;
                case Op.GroupRefExists:
                    pc = Marks[code[pc + 1] * 2 + 1] < 0 || Marks[code[pc + 1] * 2] < 0 ? pc + 1 + code[pc + 2] : pc + 3;
                    continue;
                case Op.Failure:
                    failed = true;
                    break;
                default:
                    failed = position >= end || !One(pc, text.At(position));
                    position++;
                    pc += Size(pc);
                    break;
            }
            if (!failed)
                continue;
            if (!Backtrack(bottom, ref pc, ref position, ref loop))
                return -1;
        }
    }

    private bool Alternative(ref int pc, int at, int position, Loop? loop)
    {
        if (code[at] == 0)
            return false;
        Push(Retry.Alternative, at + code[at], position, 0, loop);
        pc = at + 1;
        return true;
    }

    private bool Backtrack(int bottom, ref int pc, ref int position, ref Loop? loop)
    {
        while (top > bottom)
        {
            Charge();
            var entry = stack[--top];
            Undo(entry.Trail);
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
                    if (code[entry.Pc] == (int)Op.Literal)
                    {
                        // Only places where the next literal stands are worth a try.
                        while (position > entry.Extra && (position >= end || text.At(position) != code[entry.Pc + 1]))
                            position--;
                    }
                    if (position > entry.Extra)
                        Push(Retry.Greedy, entry.Pc, position, entry.Extra, loop);
                    pc = entry.Pc;
                    return true;
                case Retry.Lazy:
                    if (entry.Extra >= code[entry.Pc + 3] || position >= end || !One(entry.Pc + 4, text.At(position)))
                        continue;
                    position++;
                    Push(Retry.Lazy, entry.Pc, position, entry.Extra + 1, loop);
                    pc = entry.Pc + 1 + code[entry.Pc + 1];
                    return true;
                default:
                    if (loop!.Count >= code[loop.Pc + 3] || position == loop.LastPosition)
                        continue;
                    pc = loop.Pc + 4;
                    loop = loop with { Count = loop.Count + 1, LastPosition = position };
                    return true;
            }
        }
        return false;
    }

    private int CountOnes(int pc, int position, int max)
    {
        var limit = max > end - position ? end : position + max;
        var at = position;
        switch ((Op)code[pc])
        {
            case Op.AnyAll:
                return Math.Max(0, limit - position);
            case Op.Any:
                var stop = limit > at ? text.IndexOf('\n', at, limit) : at;
                return (stop < 0 ? limit : stop) - position;
            default:
                while (at < limit && One(pc, text.At(at)))
                    at++;
                steps += at - position;
                return at - position;
        }
    }

    private int Size(int pc) => (Op)code[pc] switch
    {
        Op.Any or Op.AnyAll => 1,
        Op.In or Op.InIgnore or Op.InLocIgnore or Op.InUniIgnore => 1 + code[pc + 1],
        _ => 2,
    };

    /// <summary>Whether a one-character instruction accepts the character.</summary>
    private bool One(int pc, int c)
    {
        switch ((Op)code[pc])
        {
            case Op.Literal:
                return c == code[pc + 1];
            case Op.NotLiteral:
                return c != code[pc + 1];
            case Op.Any:
                return c != '\n';
            case Op.AnyAll:
                return true;
            case Op.In:
                return InSet(pc + 2, c);
            case Op.InIgnore:
                return InSet(pc + 2, SreModule.AsciiLower(c));
            case Op.InUniIgnore:
                return InSet(pc + 2, UnicodeData.LowerChar(c));
            case Op.InLocIgnore:
                return InSet(pc + 2, c) || InSet(pc + 2, SreModule.AsciiLower(c)) || InSet(pc + 2, SreModule.AsciiUpper(c));
            case Op.LiteralIgnore:
                return SreModule.AsciiLower(c) == code[pc + 1];
            case Op.NotLiteralIgnore:
                return SreModule.AsciiLower(c) != code[pc + 1];
            case Op.LiteralUniIgnore:
                return UnicodeData.LowerChar(c) == code[pc + 1];
            case Op.NotLiteralUniIgnore:
                return UnicodeData.LowerChar(c) != code[pc + 1];
            case Op.LiteralLocIgnore:
                return SreModule.AsciiLower(c) == SreModule.AsciiLower(code[pc + 1]);
            case Op.NotLiteralLocIgnore:
                return SreModule.AsciiLower(c) != SreModule.AsciiLower(code[pc + 1]);
            case Op.Category:
                return SreModule.Category(code[pc + 1], c);
            default:
                throw Err.Runtime("invalid SRE code");
        }
    }

    private bool InSet(int at, int c)
    {
        var result = true;
        while (true)
        {
            switch ((Op)code[at])
            {
                case Op.Failure:
                    return !result;
                case Op.Negate:
                    result = !result;
                    at++;
                    break;
                case Op.Literal:
                    if (c == code[at + 1])
                        return result;
                    at += 2;
                    break;
                case Op.Range:
                    if (c >= code[at + 1] && c <= code[at + 2])
                        return result;
                    at += 3;
                    break;
                case Op.RangeUniIgnore:
                    if ((c >= code[at + 1] && c <= code[at + 2]) || (UnicodeData.UpperChar(c) is var upper && upper >= code[at + 1] && upper <= code[at + 2]))
                        return result;
                    at += 3;
                    break;
                case Op.Category:
                    if (SreModule.Category(code[at + 1], c))
                        return result;
                    at += 2;
                    break;
                case Op.Charset:
                    if (c < 256 && (code[at + 1 + (c >> 5)] >> (c & 31) & 1) != 0)
                        return result;
                    at += 9;
                    break;
                case Op.BigCharset:
                    {
                        var blocks = code[at + 1];
                        if (c < 0x10000)
                        {
                            var block = code[at + 2 + (c >> 8 >> 2)] >> (8 * (c >> 8 & 3)) & 0xff;
                            if ((code[at + 2 + 64 + block * 8 + ((c & 255) >> 5)] >> (c & 31) & 1) != 0)
                                return result;
                        }
                        at += 2 + 64 + blocks * 8;
                        break;
                    }
                default:
                    throw Err.Runtime("invalid SRE code");
            }
        }
    }

    private bool SameAsGroup(int group, Op op, ref int position)
    {
        var (from, to) = (Marks[group * 2], Marks[group * 2 + 1]);
        if (from < 0 || to < from || to - from > end - position)
            return false;
        for (var i = from; i < to; i++, position++)
        {
            var (a, b) = (text.At(i), text.At(position));
            var same = op switch
            {
                Op.GroupRef => a == b,
                Op.GroupRefUniIgnore => UnicodeData.LowerChar(a) == UnicodeData.LowerChar(b),
                _ => SreModule.AsciiLower(a) == SreModule.AsciiLower(b),
            };
            if (!same)
                return false;
        }
        return true;
    }

    private bool At(int kind, int position)
    {
        bool Word(int index, bool unicode) => index >= start && index < end && SreModule.Category(unicode ? 14 : 4, text.At(index));
        return kind switch
        {
            0 or 2 => position == start,
            1 => position == start || text.At(position - 1) == '\n',
            3 or 8 => Word(position - 1, false) != Word(position, false),
            4 or 9 => Word(position - 1, false) == Word(position, false) && start != end,
            5 => position == end || (position == end - 1 && text.At(position) == '\n'),
            6 => position == end || text.At(position) == '\n',
            7 => position == end,
            10 => Word(position - 1, true) != Word(position, true),
            _ => Word(position - 1, true) == Word(position, true) && start != end,
        };
    }
}
