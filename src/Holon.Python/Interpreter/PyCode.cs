namespace Holon.Python.Interpreter;

[Flags]
internal enum CodeFlags
{
    Optimized = 1,
    NewLocals = 2,
    VarArgs = 4,
    VarKeywords = 8,
    Nested = 16,
    Generator = 32,
    Coroutine = 128,
    IterableCoroutine = 256,
    AsyncGenerator = 512,
}

/// <summary>A code object. The bytes are CPython's; the decoded form is made at the first execution.</summary>
internal sealed class PyCode : PyObject
{
    public const byte LocalKind = 0x20, CellKind = 0x40, FreeKind = 0x80;

    public int ArgCount { get; init; }
    public int PosOnlyCount { get; init; }
    public int KwOnlyCount { get; init; }
    public int StackSize { get; init; }
    public CodeFlags Flags { get; init; }
    public required byte[] Code { get; init; }
    public required PyObject[] Consts { get; init; }
    public required PyStr[] NameList { get; init; }
    public required PyStr[] LocalsPlusNames { get; init; }
    public required byte[] LocalsPlusKinds { get; init; }
    public required PyStr Filename { get; set; }
    public required PyStr Name { get; init; }
    public required PyStr QualName { get; init; }
    public int FirstLine { get; init; }
    public required byte[] LineTable { get; init; }
    public required byte[] ExceptionTable { get; init; }

    public override PyType Type => CodeType.Type;

    public int FreeCount { get; private set; }

    public int LocalCount { get; private set; }

    public Instruction[] Instructions = [];
    public InlineCache?[] Caches = [];

    /// <summary>Where an instruction stands in the bytes, in code units.</summary>
    public int[] UnitOf = [];

    private int[] indexOfUnit = [];

    /// <summary>The line of each code unit, -1 where there is none; made when somebody asks.</summary>
    private int[]? lines;

    /// <summary>The first RESUME: what comes before it is not traced.</summary>
    public int FirstTraceable { get; private set; }

    public int FrameSize => LocalsPlusNames.Length + StackSize;

    /// <summary>Calls with that many plain arguments need no binding.</summary>
    public bool IsSimple => (Flags & (CodeFlags.VarArgs | CodeFlags.VarKeywords)) == 0 && KwOnlyCount == 0;

    /// <summary>Locals that a call fills: parameters, and what takes the rest of the arguments.</summary>
    public int ParameterCount => ArgCount + KwOnlyCount + ((Flags & CodeFlags.VarArgs) != 0 ? 1 : 0) + ((Flags & CodeFlags.VarKeywords) != 0 ? 1 : 0);

    /// <summary>With so many plain arguments <see cref="Entry"/> can be called as it is; -1: never.</summary>
    public int DirectCount => IsSimple ? ArgCount : -1;

    public bool IsPrepared { get; private set; }

    /// <summary>A call does nothing but make a generator. Known once it has been prepared.</summary>
    public bool MakesGenerator { get; private set; }

    /// <summary>How often it has been called or has looped; decides about compilation.</summary>
    public int Heat;
    public int LoopHeat;

    /// <summary>What tier 1 knows of it.</summary>
    public Tier1.CompiledCode? Compiled;

    /// <summary>Compiled code, an <see cref="Tier1.Entry2"/> or the like for <see cref="ParameterCount"/> bound parameters.</summary>
    public Delegate? Entry;

    /// <summary>Frames that nobody looks at any more, linked by <see cref="PyFrame.Back"/>.</summary>
    public PyFrame? FreeFrames;

    public int FreeFrameCount;

    public PyCode Finish()
    {
        FreeCount = LocalsPlusKinds.Count(k => (k & FreeKind) != 0);
        LocalCount = LocalsPlusKinds.Count(k => (k & LocalKind) != 0);
        if (LocalsPlusKinds.Length != LocalsPlusNames.Length || StackSize is < 0 or > 1 << 20 || Code.Length % 2 != 0 || Code.Length == 0
            || ArgCount < 0 || KwOnlyCount < 0 || PosOnlyCount < 0 || PosOnlyCount > ArgCount
            || (long)ArgCount + KwOnlyCount + ((Flags & CodeFlags.VarArgs) != 0 ? 1 : 0) + ((Flags & CodeFlags.VarKeywords) != 0 ? 1 : 0) > LocalCount)
            throw Err.Value("code: inconsistent code object");
        return this;
    }

    public IEnumerable<PyStr> NamesOfKind(byte kind) => LocalsPlusNames.Where((_, i) => (LocalsPlusKinds[i] & kind) != 0);

    public static int CacheCount(Opcode op) => op switch
    {
        Opcode.BinarySubscr or Opcode.StoreAttr or Opcode.LoadAttr or Opcode.Call => 4,
        Opcode.StoreSubscr or Opcode.UnpackSequence or Opcode.BinaryOp or Opcode.PreCall => 1,
        Opcode.CompareOp => 2,
        Opcode.LoadGlobal => 5,
        Opcode.LoadMethod => 10,
        _ => 0,
    };

    /// <summary>Decodes the bytes.</summary>
    public void Prepare()
    {
        var units = Code.Length / 2;
        var map = new int[units + 1];
        var count = CountInstructions();
        // One more: falling off the end is the error that an unknown opcode is.
        var all = new Instruction[count + 1];
        var origin = new int[count + 1];
        var (at, extended) = (0, 0);
        for (var unit = 0; unit < units;)
        {
            var op = (Opcode)Code[unit * 2];
            map[unit] = at;
            var arg = extended << 8 | Code[unit * 2 + 1];
            if (op == Opcode.ExtendedArg)
            {
                extended = arg;
                unit++;
                continue;
            }
            extended = 0;
            var next = unit + 1 + CacheCount(op);
            if (op is not (Opcode.PreCall or Opcode.Cache))
            {
                if ((byte)op >= 200)
                    op = Opcode.Cache;
                all[at] = new Instruction { Op = op, Arg = arg };
                origin[at++] = unit;
            }
            for (var skipped = unit + 1; skipped < next && skipped < units; skipped++)
                map[skipped] = at;
            unit = next;
        }
        map[units] = at;
        all[at] = new Instruction { Op = Opcode.Cache };
        origin[at] = units;
        for (var i = 0; i < all.Length - 1; i++)
        {
            ref var instruction = ref all[i];
            var from = origin[i] + 1 + CacheCount(instruction.Op);
            int? target = instruction.Op switch
            {
                Opcode.JumpForward or Opcode.JumpIfFalseOrPop or Opcode.JumpIfTrueOrPop or Opcode.PopJumpForwardIfFalse or Opcode.PopJumpForwardIfTrue
                    or Opcode.PopJumpForwardIfNone or Opcode.PopJumpForwardIfNotNone or Opcode.ForIter or Opcode.Send => from + instruction.Arg,
                Opcode.JumpBackward or Opcode.JumpBackwardNoInterrupt or Opcode.PopJumpBackwardIfFalse or Opcode.PopJumpBackwardIfTrue
                    or Opcode.PopJumpBackwardIfNone or Opcode.PopJumpBackwardIfNotNone => from - instruction.Arg,
                _ => null,
            };
            if (target is { } t)
                instruction.Arg = (uint)t <= (uint)units ? map[t] : all.Length - 1;
        }
        indexOfUnit = map;
        UnitOf = origin;
        Caches = new InlineCache?[all.Length];
        for (FirstTraceable = 0; FirstTraceable < all.Length && all[FirstTraceable].Op != Opcode.Resume;)
            FirstTraceable++;
        Instructions = all;
        MakesGenerator = (Flags & (CodeFlags.Generator | CodeFlags.Coroutine | CodeFlags.AsyncGenerator)) != 0 && Instructions[0].Op == Opcode.ReturnGenerator;
        IsPrepared = true;
    }

    /// <summary>How many instructions the bytes hold, without what belongs to another one: caches, high bits of arguments, PRECALL.</summary>
    private int CountInstructions()
    {
        var count = 0;
        for (var unit = 0; unit < Code.Length / 2;)
        {
            var op = (Opcode)Code[unit * 2];
            if (op is not (Opcode.ExtendedArg or Opcode.PreCall or Opcode.Cache))
                count++;
            unit += 1 + CacheCount(op);
        }
        return count;
    }

    public int IndexOfUnit(int unit) => (uint)unit < (uint)indexOfUnit.Length ? indexOfUnit[unit] : Instructions.Length - 1;

    /// <summary>The handler of an instruction: where, at which stack depth, and whether it wants the instruction's offset.</summary>
    public bool FindHandler(int pc, out int target, out int depth, out bool lasti)
    {
        var unit = UnitOf[pc];
        var at = 0;
        var table = ExceptionTable;
        (target, depth, lasti) = (0, 0, false);
        while (at < table.Length)
        {
            var start = Varint(table, ref at);
            var length = Varint(table, ref at);
            var handler = Varint(table, ref at);
            var info = Varint(table, ref at);
            if (unit < start)
                return false;
            if (unit < start + length)
            {
                target = IndexOfUnit(handler);
                depth = info >> 1;
                lasti = (info & 1) != 0;
                return depth + 2 <= StackSize + 1;
            }
        }
        return false;
    }

    /// <summary>The protected ranges: first instruction, handler, stack depth, and whether it wants the offset.</summary>
    public IEnumerable<(int First, int Handler, int Depth, bool WantsOffset)> Handlers()
    {
        for (var at = 0; at < ExceptionTable.Length;)
        {
            var first = Varint(ExceptionTable, ref at);
            Varint(ExceptionTable, ref at);
            var handler = Varint(ExceptionTable, ref at);
            var info = Varint(ExceptionTable, ref at);
            yield return (IndexOfUnit(first), IndexOfUnit(handler), info >> 1, (info & 1) != 0);
        }
    }

    private static int Varint(byte[] table, ref int at)
    {
        var value = 0;
        byte b = 0x40;
        while ((b & 0x40) != 0 && at < table.Length)
        {
            b = table[at++];
            value = value << 6 | b & 63;
        }
        return value;
    }

    /// <summary>Positions of all code units: (line, end line, column, end column), each or null.</summary>
    public IEnumerable<(int Units, int? Line, int? EndLine, int? Column, int? EndColumn)> Positions()
    {
        var line = FirstLine;
        var at = 0;
        while (at < LineTable.Length)
        {
            var first = LineTable[at++];
            var kind = first >> 3 & 15;
            var units = (first & 7) + 1;
            int? endLine = null, column = null, endColumn = null;
            switch (kind)
            {
                case 15:
                    yield return (units, null, null, null, null);
                    continue;
                case 14:
                    line += Signed();
                    endLine = line + Unsigned();
                    column = Unsigned() - 1;
                    endColumn = Unsigned() - 1;
                    break;
                case 13:
                    line += Signed();
                    endLine = line;
                    break;
                case >= 10:
                    line += kind - 10;
                    endLine = line;
                    column = Byte();
                    endColumn = Byte();
                    break;
                default:
                    var second = Byte();
                    endLine = line;
                    column = kind << 3 | second >> 4;
                    endColumn = column + (second & 15);
                    break;
            }
            yield return (units, line, endLine, column is < 0 ? null : column, endColumn is < 0 ? null : endColumn);
        }

        int Byte() => at < LineTable.Length ? LineTable[at++] : 0;

        int Unsigned()
        {
            var (value, shift) = (0, 0);
            while (true)
            {
                var b = Byte();
                value |= (b & 63) << shift;
                shift += 6;
                if ((b & 64) == 0 || at >= LineTable.Length)
                    return value;
            }
        }

        int Signed()
        {
            var value = Unsigned();
            return (value & 1) != 0 ? -(value >> 1) : value >> 1;
        }
    }

    /// <summary>The line of a code unit, -1 where it has none.</summary>
    public int LineOf(int unit)
    {
        lines ??= DecodeLines();
        return (uint)unit < (uint)lines.Length ? lines[unit] : FirstLine;
    }

    private int[] DecodeLines()
    {
        var decoded = new int[Code.Length / 2];
        Array.Fill(decoded, FirstLine);
        var at = 0;
        foreach (var p in Positions())
        {
            for (var i = 0; i < p.Units && at < decoded.Length; i++)
                decoded[at++] = p.Line ?? -1;
        }
        return decoded;
    }

    /// <summary>Where each line begins; a line that others interrupt begins several times.</summary>
    public List<(int Unit, int Line)> LineStarts()
    {
        var starts = new List<(int, int)>();
        var (at, last) = (0, -1);
        foreach (var p in Positions())
        {
            if (p.Line is { } line && line != last && at < Code.Length / 2)
            {
                starts.Add((at, line));
                last = line;
            }
            at += p.Units;
        }
        return starts;
    }
}
