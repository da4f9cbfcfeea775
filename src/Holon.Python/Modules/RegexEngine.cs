namespace Holon.Python.Modules;

/// <summary>The characters that an expression is matched against.</summary>
internal interface ICharacters
{
    int Length { get; }

    int At(int index);

    int IndexOf(int c, int start, int end);

    /// <summary>The first place from <paramref name="start"/> on where a match may begin, or -1.</summary>
    int NextStart(RegexStart begins, int start, int end);
}

/// <summary>The instructions of an expression's code, as <c>re._constants</c> numbers them.</summary>
internal enum RegexOp
{
    Failure, Success, Any, AnyAll, Assert, AssertNot, At, Branch, Category, Charset, BigCharset, GroupRef, GroupRefExists, In, Info, Jump, Literal, Mark, MaxUntil, MinUntil, NotLiteral, Negate, Range, Repeat, RepeatOne,
    SubPattern, MinRepeatOne, AtomicGroup, PossessiveRepeat, PossessiveRepeatOne, GroupRefIgnore, InIgnore, LiteralIgnore, NotLiteralIgnore, GroupRefLocIgnore, InLocIgnore, LiteralLocIgnore, NotLiteralLocIgnore,
    GroupRefUniIgnore, InUniIgnore, LiteralUniIgnore, NotLiteralUniIgnore, RangeUniIgnore,
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

    public int NextStart(RegexStart begins, int start, int end) => start <= end && begins.Next(text.AsSpan(start, end - start), begins.Characters, begins.CharacterValues) is >= 0 and var at ? start + at : -1;
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

    public int NextStart(RegexStart begins, int start, int end) => start <= end && begins.Next(text.AsSpan(start, end - start), begins.Prefix, null) is >= 0 and var at ? start + at : -1;
}

internal readonly struct ByteText(byte[] text) : ICharacters
{
    public int Length => text.Length;

    public int At(int index) => text[index];

    public int IndexOf(int c, int start, int end)
    {
        var found = c > 0xff ? -1 : text.AsSpan(start, end - start).IndexOf((byte)c);
        return found < 0 ? -1 : start + found;
    }

    public int NextStart(RegexStart begins, int start, int end) => start <= end && begins.Next(text.AsSpan(start, end - start), begins.Bytes, begins.ByteValues) is >= 0 and var at ? start + at : -1;
}

/// <summary>
/// Executes the code that re._compiler makes: a backtracking matcher whose stack is on the heap, and whose steps are charged to the
/// machine's limits, so that no expression can hang the process.
/// </summary>
internal sealed class RegexEngine<T>(T text, int[] code, RegexStart? begins, int groups, int start, int end)
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

    private sealed record Loop(int Pc, int Count, int LastPosition, Loop? Outer);

    private record struct Entry(Retry Kind, int Pc, int Position, int Extra, int Trail, Loop? Loop);

    private Entry[] stack = [];
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
        if (groups > 0)
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
        var skips = begins is { Prefix: not null } or { HasFirst: true };
        for (; position <= end; position++)
        {
            if (skips)
            {
                position = text.NextStart(begins!, position, end);
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
            Array.Resize(ref stack, Math.Max(8, stack.Length * 2));
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
            switch ((RegexOp)code[pc])
            {
                case RegexOp.Success:
                    if ((full && position != end) || position == mustAdvanceFrom)
                    {
                        failed = true;
                        break;
                    }
                    top = bottom;
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
                case RegexOp.In:
                    if (position >= end || !InSet(pc + 2, text.At(position)))
                    {
                        failed = true;
                        break;
                    }
                    position++;
                    pc += 1 + code[pc + 1];
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
                        if (count > min)
                            Push(Retry.Greedy, pc, position + count, position + min, loop);
                        position += count;
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
                    loop = new Loop(pc, 0, -1, loop);
                    pc += 1 + code[pc + 1];
                    continue;
                case RegexOp.MaxUntil:
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
                case RegexOp.MinUntil:
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
                case RegexOp.PossessiveRepeat:
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
                        var before = trail.Count;
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
        for (; code[at] != 0; at += code[at])
        {
            // An alternative whose first character is not there need not be tried, and the last one leaves nothing to come back to.
            var matches = (RegexOp)code[at + 1] switch
            {
                RegexOp.Literal => position < end && text.At(position) == code[at + 2],
                RegexOp.In => position < end && InSet(at + 3, text.At(position)),
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
                    if (code[entry.Pc] == (int)RegexOp.Literal)
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
            case RegexOp.In when code[pc + 2] == (int)RegexOp.Charset && code[pc + 11] == (int)RegexOp.Failure:
                while (at < limit && text.At(at) is var c && c < 256 && (code[pc + 3 + (c >> 5)] >> (c & 31) & 1) != 0)
                    at++;
                steps += at - position;
                return at - position;
            default:
                while (at < limit && One(pc, text.At(at)))
                    at++;
                steps += at - position;
                return at - position;
        }
    }

    private int Size(int pc) => (RegexOp)code[pc] switch
    {
        RegexOp.Any or RegexOp.AnyAll => 1,
        RegexOp.In or RegexOp.InIgnore or RegexOp.InLocIgnore or RegexOp.InUniIgnore => 1 + code[pc + 1],
        _ => 2,
    };

    /// <summary>Whether a one-character instruction accepts the character.</summary>
    public bool One(int pc, int c)
    {
        switch ((RegexOp)code[pc])
        {
            case RegexOp.Literal:
                return c == code[pc + 1];
            case RegexOp.NotLiteral:
                return c != code[pc + 1];
            case RegexOp.Any:
                return c != '\n';
            case RegexOp.AnyAll:
                return true;
            case RegexOp.In:
                return InSet(pc + 2, c);
            case RegexOp.InIgnore:
                return InSet(pc + 2, SreModule.AsciiLower(c));
            case RegexOp.InUniIgnore:
                return InSet(pc + 2, UnicodeData.LowerChar(c));
            case RegexOp.InLocIgnore:
                return InSet(pc + 2, c) || InSet(pc + 2, SreModule.AsciiLower(c)) || InSet(pc + 2, SreModule.AsciiUpper(c));
            case RegexOp.LiteralIgnore:
                return SreModule.AsciiLower(c) == code[pc + 1];
            case RegexOp.NotLiteralIgnore:
                return SreModule.AsciiLower(c) != code[pc + 1];
            case RegexOp.LiteralUniIgnore:
                return UnicodeData.LowerChar(c) == code[pc + 1];
            case RegexOp.NotLiteralUniIgnore:
                return UnicodeData.LowerChar(c) != code[pc + 1];
            case RegexOp.LiteralLocIgnore:
                return SreModule.AsciiLower(c) == SreModule.AsciiLower(code[pc + 1]);
            case RegexOp.NotLiteralLocIgnore:
                return SreModule.AsciiLower(c) != SreModule.AsciiLower(code[pc + 1]);
            case RegexOp.Category:
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
            switch ((RegexOp)code[at])
            {
                case RegexOp.Failure:
                    return !result;
                case RegexOp.Negate:
                    result = !result;
                    at++;
                    break;
                case RegexOp.Literal:
                    if (c == code[at + 1])
                        return result;
                    at += 2;
                    break;
                case RegexOp.Range:
                    if (c >= code[at + 1] && c <= code[at + 2])
                        return result;
                    at += 3;
                    break;
                case RegexOp.RangeUniIgnore:
                    if ((c >= code[at + 1] && c <= code[at + 2]) || (UnicodeData.UpperChar(c) is var upper && upper >= code[at + 1] && upper <= code[at + 2]))
                        return result;
                    at += 3;
                    break;
                case RegexOp.Category:
                    if (SreModule.Category(code[at + 1], c))
                        return result;
                    at += 2;
                    break;
                case RegexOp.Charset:
                    if (c < 256 && (code[at + 1 + (c >> 5)] >> (c & 31) & 1) != 0)
                        return result;
                    at += 9;
                    break;
                case RegexOp.BigCharset:
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
