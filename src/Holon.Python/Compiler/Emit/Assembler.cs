using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>Makes a code object of a finished code unit: optimizes its graph, lays out the blocks, and writes code and tables.</summary>
internal sealed class Assembler(CodeUnit unit, CompilationContext context)
{
    public CodeObject Assemble(bool addNone)
    {
        if (!unit.Current.HasReturn)
        {
            unit.ClearSpan();
            if (addNone)
                unit.AddLoadConst(null);
            unit.Add(Op.ReturnValue);
        }

        FlowGraph.Normalize(unit.NewestBlock);
        FlowGraph.ExtendBlocks(unit.NewestBlock);
        var entry = unit.NewestBlock!;
        while (entry.Older != null)
            entry = entry.Older;

        var cellOffsets = MakeCellOffsets();
        InsertPrefix(entry, cellOffsets);
        var dropped = FixCellOffsets(entry, cellOffsets);

        var graph = new FlowGraph(unit, entry, unit.Consts);
        graph.Optimize();
        graph.DuplicateExits();
        TrimConsts(entry);
        graph.PropagateLines();
        graph.GiveExitsLines(unit.FirstLine);
        var stackSize = FindStackDepth(entry);
        ExceptionTable.LabelHandlers(entry);
        for (var b = entry; b != null; b = b.Next)
            FlowGraph.RemoveNops(b);
        JumpLayout.ChooseDirections(entry);
        JumpLayout.ComputeOffsets(entry, unit.NewestBlock);
        return MakeCode(entry, stackSize, dropped);
    }

    // Cells of parameters share the parameter's slot, the others follow the locals.
    private int[] MakeCellOffsets()
    {
        var offsets = new int[unit.CellVars.Count + unit.FreeVars.Count];
        for (var i = 0; i < offsets.Length; i++)
            offsets[i] = unit.VarNames.Count + i;
        foreach (var (name, index) in unit.CellVars)
        {
            if (unit.VarNames.TryGetValue(name, out var variable))
                offsets[index] = variable;
        }

        return offsets;
    }

    private void InsertPrefix(BasicBlock entry, int[] cellOffsets)
    {
        if ((Flags & (CodeFlags.Generator | CodeFlags.Coroutine | CodeFlags.AsyncGenerator)) != 0)
        {
            var line = new SourceSpan(unit.FirstLine, -1, unit.FirstLine, -1);
            entry.Insert(0, new Instruction { Opcode = Op.ReturnGenerator, Span = line });
            entry.Insert(1, new Instruction { Opcode = Op.PopTop, Span = CodeUnit.NoSpan });
        }

        if (unit.CellVars.Count > 0)
            InsertCells(entry, cellOffsets);
        if (unit.FreeVars.Count > 0)
            entry.Insert(0, new Instruction { Opcode = Op.CopyFreeVars, Argument = unit.FreeVars.Count, Span = CodeUnit.NoSpan });
    }

    private void InsertCells(BasicBlock entry, int[] cellOffsets)
    {
        var cells = Enumerable.Range(0, unit.CellVars.Count).ToArray();
        Array.Sort(cells, (a, b) => cellOffsets[a].CompareTo(cellOffsets[b]));
        for (var i = 0; i < cells.Length; i++)
            entry.Insert(i, new Instruction { Opcode = Op.MakeCell, Argument = cells[i], Span = CodeUnit.NoSpan });
    }

    private int FixCellOffsets(BasicBlock entry, int[] offsets)
    {
        if (offsets.Length == 0)
            return 0;
        var dropped = 0;
        for (var i = 0; i < offsets.Length; i++)
        {
            if (offsets[i] == i + unit.VarNames.Count)
                offsets[i] -= dropped;
            else
                dropped++;
        }

        for (var b = entry; b != null; b = b.Next)
        {
            for (var i = 0; i < b.Count; i++)
            {
                ref var instruction = ref b.Instructions[i];
                if (instruction.Opcode is Op.MakeCell or Op.LoadClosure or Op.LoadDeref or Op.StoreDeref or Op.DeleteDeref or Op.LoadClassderef)
                    instruction.Argument = offsets[instruction.Argument];
            }
        }

        return dropped;
    }

    private CodeFlags Flags
    {
        get
        {
            var scope = unit.Scope;
            var flags = CodeFlags.None;
            if (scope.Type == ScopeType.Function)
            {
                flags |= CodeFlags.NewLocals | CodeFlags.Optimized;
                if (scope.IsNested)
                    flags |= CodeFlags.Nested;
                if (scope.IsGenerator)
                    flags |= scope.IsCoroutine ? CodeFlags.AsyncGenerator : CodeFlags.Generator;
                else if (scope.IsCoroutine)
                    flags |= CodeFlags.Coroutine;
                if (scope.HasVarArgs)
                    flags |= CodeFlags.VarArgs;
                if (scope.HasVarKeywords)
                    flags |= CodeFlags.VarKeywords;
            }

            flags |= (CodeFlags)(context.Flags & CompilerFlags.FutureMask);
            var isTopLevelAwait = (context.Flags & CompilerFlags.AllowTopLevelAwait) != 0 && scope.Type == ScopeType.Module;
            if (isTopLevelAwait && scope is { IsCoroutine: true, IsGenerator: false })
                flags |= CodeFlags.Coroutine;
            return flags;
        }
    }

    // The first constant may be a docstring and stays.
    private void TrimConsts(BasicBlock entry)
    {
        var last = 0;
        for (var b = entry; b != null; b = b.Next)
        {
            for (var i = 0; i < b.Count; i++)
            {
                if (b.Instructions[i].Opcode is Op.LoadConst or Op.KwNames)
                    last = Math.Max(last, b.Instructions[i].Argument);
            }
        }

        if (last + 1 < unit.Consts.Count)
            unit.Consts.RemoveRange(last + 1, unit.Consts.Count - last - 1);
    }

    private int FindStackDepth(BasicBlock entry)
    {
        for (var b = unit.NewestBlock; b != null; b = b.Older)
            b.StartDepth = int.MinValue;
        var maximum = 0;
        var stack = new Stack<BasicBlock>();
        Push(entry, unit.Scope.IsGenerator || unit.Scope.IsCoroutine ? 1 : 0);
        while (stack.TryPop(out var b))
        {
            var depth = b.StartDepth;
            var next = b.Next;
            for (var i = 0; i < b.Count; i++)
            {
                ref var instruction = ref b.Instructions[i];
                var opcode = instruction.Opcode;
                var after = depth + StackEffect.Of(opcode, instruction.Argument, jumps: false);
                maximum = Math.Max(maximum, after);
                if (instruction.Target != null && (Op.IsJump(opcode) || Op.IsBlockPush(opcode)))
                {
                    var atTarget = depth + StackEffect.Of(opcode, instruction.Argument, jumps: true);
                    maximum = Math.Max(maximum, atTarget);
                    Push(instruction.Target, atTarget);
                }

                depth = after;
                if (opcode is Op.JumpNoInterrupt or Op.Jump or Op.ReturnValue or Op.RaiseVarargs or Op.Reraise)
                {
                    next = null;
                    break;
                }
            }

            if (next != null)
                Push(next, depth);
        }

        return maximum;

        void Push(BasicBlock b, int depth)
        {
            if (b.StartDepth < depth && b.StartDepth < 100)
            {
                b.StartDepth = depth;
                stack.Push(b);
            }
        }
    }

    private CodeObject MakeCode(BasicBlock entry, int stackSize, int dropped)
    {
        var size = 0;
        for (var b = entry; b != null; b = b.Next)
        {
            for (var i = 0; i < b.Count; i++)
                size += b.Instructions[i].Size;
        }

        var code = new byte[size * 2];
        var at = 0;
        for (var b = entry; b != null; b = b.Next)
        {
            for (var i = 0; i < b.Count; i++)
                at = Write(code, at, ref b.Instructions[i]);
        }

        var locals = MakeLocals(dropped);
        return new CodeObject
        {
            ArgCount = unit.PosOnlyArgCount + unit.ArgCount,
            PosOnlyArgCount = unit.PosOnlyArgCount,
            KwOnlyArgCount = unit.KwOnlyArgCount,
            StackSize = stackSize,
            Flags = Flags,
            Code = code,
            Consts = [.. unit.Consts],
            Names = [.. unit.Names.Keys],
            LocalsPlusNames = locals.Names,
            LocalsPlusKinds = locals.Kinds,
            FileName = context.FileName,
            Name = unit.Name,
            QualName = unit.QualName,
            FirstLine = unit.FirstLine,
            LineTable = LocationTable.Write(entry, unit.FirstLine),
            ExceptionTable = ExceptionTable.Write(entry),
        };
    }

    private static int Write(byte[] code, int at, ref Instruction instruction)
    {
        var argument = instruction.Opcode >= Op.HaveArgument ? (uint)instruction.Argument : 0;
        for (var shift = 24; shift > 0; shift -= 8)
        {
            if (argument >> shift == 0)
                continue;
            code[at++] = Op.ExtendedArg;
            code[at++] = (byte)(argument >> shift);
        }

        code[at++] = (byte)instruction.Opcode;
        code[at++] = (byte)argument;
        return at + (2 * Op.Caches(instruction.Opcode)); // CACHE is 0
    }

    private (string[] Names, byte[] Kinds) MakeLocals(int dropped)
    {
        var count = unit.VarNames.Count + unit.CellVars.Count + unit.FreeVars.Count - dropped;
        var names = new string[count];
        var kinds = new byte[count];
        foreach (var (name, index) in unit.VarNames)
            Set(index, name, unit.CellVars.ContainsKey(name) ? LocalKind.Local | LocalKind.Cell : LocalKind.Local);
        var shared = 0;
        foreach (var (name, index) in unit.CellVars)
        {
            if (unit.VarNames.ContainsKey(name))
                shared++;
            else
                Set(index + unit.VarNames.Count - shared, name, LocalKind.Cell);
        }

        foreach (var (name, index) in unit.FreeVars)
            Set(index + unit.VarNames.Count - shared, name, LocalKind.Free);
        return (names, kinds);

        void Set(int index, string name, LocalKind kind)
        {
            names[index] = name;
            kinds[index] = (byte)kind;
        }
    }
}
