namespace Holon.Python.Compiler;

/// <summary>The location table (PEP 657): for runs of code units, line and column where they begin and end.</summary>
internal static class LocationTable
{
    private const int OneLine0 = 10, NoColumns = 13, Long = 14, None = 15;

    /// <summary>Writes the table.</summary>
    public static byte[] Write(BasicBlock entry, int firstLine)
    {
        var table = new List<byte>(64);
        var line = firstLine;
        for (var b = entry; b != null; b = b.Next)
        {
            for (var i = 0; i < b.Count; i++)
            {
                ref var instruction = ref b.Instructions[i];
                var size = instruction.Size;
                for (; size > 8; size -= 8)
                    WriteEntry(table, instruction, 8, ref line);
                WriteEntry(table, instruction, size, ref line);
            }
        }

        return [.. table];
    }

    private static void WriteEntry(List<byte> table, in Instruction instruction, int size, ref int line)
    {
        var span = instruction.Span;
        if (span.Line < 0)
        {
            Begin(table, None, size);
            return;
        }

        var delta = span.Line - line;
        if (span.Column < 0 || span.EndColumn < 0)
        {
            if (span.EndLine == span.Line || span.EndLine == -1)
            {
                Begin(table, NoColumns, size);
                WriteSigned(table, delta);
                line = span.Line;
                return;
            }
        }
        else if (span.EndLine == span.Line)
        {
            var width = span.EndColumn - span.Column;
            if (delta == 0 && span.Column < 80 && width is >= 0 and < 16)
            {
                Begin(table, span.Column >> 3, size);
                table.Add((byte)(((span.Column & 7) << 4) | width));
                return;
            }

            if (delta is >= 0 and < 3 && span.Column < 128 && span.EndColumn < 128)
            {
                Begin(table, OneLine0 + delta, size);
                table.Add((byte)span.Column);
                table.Add((byte)span.EndColumn);
                line = span.Line;
                return;
            }
        }

        Begin(table, Long, size);
        WriteSigned(table, delta);
        WriteUnsigned(table, (uint)(span.EndLine - span.Line));
        WriteUnsigned(table, (uint)(span.Column + 1));
        WriteUnsigned(table, (uint)(span.EndColumn + 1));
        line = span.Line;
    }

    private static void Begin(List<byte> table, int form, int size) => table.Add((byte)(0x80 | (form << 3) | (size - 1)));

    private static void WriteUnsigned(List<byte> table, uint value)
    {
        for (; value >= 64; value >>= 6)
            table.Add((byte)(0x40 | (value & 0x3F)));
        table.Add((byte)value);
    }

    private static void WriteSigned(List<byte> table, int value) =>
        WriteUnsigned(table, value < 0 ? ((0u - (uint)value) << 1) | 1 : (uint)value << 1);
}
