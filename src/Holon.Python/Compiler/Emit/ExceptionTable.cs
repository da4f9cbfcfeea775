namespace Holon.Python.Compiler;

/// <summary>The exception table: for ranges of code, the handler, the stack's height there, and whether it wants the last instruction.</summary>
internal static class ExceptionTable
{
    /// <summary>Notes at every instruction which handler covers it; the pseudo-instructions that say so become NOPs.</summary>
    public static void LabelHandlers(BasicBlock entry)
    {
        if (!HasHandlers(entry))
            return;
        for (var b = entry; b != null; b = b.Next)
            b.Visited = false;
        var todo = new Stack<BasicBlock>();
        Visit(entry, [null]);
        while (todo.TryPop(out var b))
        {
            var handlers = b.Handlers!;
            b.Handlers = null;
            for (var i = 0; i < b.Count; i++)
            {
                ref var instruction = ref b.Instructions[i];
                if (Op.IsBlockPush(instruction.Opcode))
                {
                    var target = instruction.Target!;
                    if (!target.Visited)
                        Visit(target, [.. handlers]);
                    if (instruction.Opcode is Op.SetupWith or Op.SetupCleanup)
                        target.PreserveLasti = true;
                    handlers.Add(target);
                }
                else if (instruction.Opcode == Op.PopBlock)
                {
                    handlers.RemoveAt(handlers.Count - 1);
                }
                else
                {
                    instruction.Handler = handlers[^1];
                    if (Op.IsJump(instruction.Opcode) && !instruction.Target!.Visited)
                        Visit(instruction.Target, [.. handlers]);
                }
            }

            if (!b.NoFallthrough && !b.Next!.Visited)
                Visit(b.Next, handlers);
        }

        for (var b = entry; b != null; b = b.Next)
        {
            for (var i = 0; i < b.Count; i++)
            {
                if (b.Instructions[i].Opcode is Op.SetupFinally or Op.SetupCleanup or Op.SetupWith or Op.PopBlock)
                    b.Instructions[i].Opcode = Op.Nop;
            }
        }

        void Visit(BasicBlock b, List<BasicBlock?> handlers)
        {
            b.Handlers = handlers;
            b.Visited = true;
            todo.Push(b);
        }
    }

    private static bool HasHandlers(BasicBlock entry)
    {
        for (var b = entry; b != null; b = b.Next)
        {
            for (var i = 0; i < b.Count; i++)
            {
                if (b.Instructions[i].Opcode is Op.SetupFinally or Op.SetupCleanup or Op.SetupWith or Op.PopBlock)
                    return true;
            }
        }

        return false;
    }

    /// <summary>Writes the table.</summary>
    public static byte[] Write(BasicBlock entry)
    {
        var table = new List<byte>();
        BasicBlock? handler = null;
        int start = -1, offset = 0;
        for (var b = entry; b != null; b = b.Next)
        {
            offset = b.Offset;
            for (var i = 0; i < b.Count; i++)
            {
                ref var instruction = ref b.Instructions[i];
                if (instruction.Handler != handler)
                {
                    if (handler != null)
                        WriteEntry(table, start, offset, handler);
                    start = offset;
                    handler = instruction.Handler;
                }

                offset += instruction.Size;
            }
        }

        if (handler != null)
            WriteEntry(table, start, offset, handler);
        return [.. table];
    }

    private static void WriteEntry(List<byte> table, int start, int end, BasicBlock handler)
    {
        var depth = handler.StartDepth - 1 - (handler.PreserveLasti ? 1 : 0);
        WriteNumber(table, start, 0x80);
        WriteNumber(table, end - start, 0);
        WriteNumber(table, handler.Offset, 0);
        WriteNumber(table, (depth << 1) | (handler.PreserveLasti ? 1 : 0), 0);
    }

    // Six bits a byte, the highest first; bit 6 says that more follow, bit 7 begins an entry.
    private static void WriteNumber(List<byte> table, int value, int mark)
    {
        for (var shift = 24; shift > 0; shift -= 6)
        {
            if (value < 1 << shift)
                continue;
            table.Add((byte)(((value >> shift) & 0x3F) | 0x40 | mark));
            mark = 0;
        }

        table.Add((byte)((value & 0x3F) | mark));
    }
}
