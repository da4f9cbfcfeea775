using System.Buffers.Binary;

namespace Holon.SystemMachine.Boot.Elf;

/// <summary>The notes of a PT_NOTE segment: owner, type and content, one after the other (System V ABI, "Note Section").</summary>
internal static class ElfNotes
{
    /// <summary>Finds a note.</summary>
    /// <param name="notes">The segment's bytes.</param>
    /// <param name="alignment">4 or 8: where names and contents end.</param>
    /// <param name="owner">The owner's name without its terminating zero.</param>
    /// <param name="type">The owner's number for it.</param>
    /// <param name="description">The content.</param>
    public static bool TryFind(ReadOnlySpan<byte> notes, int alignment, ReadOnlySpan<byte> owner, uint type, out ReadOnlySpan<byte> description)
    {
        const int HeaderLength = 12;
        while (notes.Length >= HeaderLength)
        {
            ulong nameLength = BinaryPrimitives.ReadUInt32LittleEndian(notes), contentLength = BinaryPrimitives.ReadUInt32LittleEndian(notes[4..]);
            var noteType = BinaryPrimitives.ReadUInt32LittleEndian(notes[8..]);
            var contentStart = Align(HeaderLength + nameLength, alignment);
            var end = contentStart + contentLength;
            if (end > (ulong)notes.Length) break;

            var name = notes.Slice(HeaderLength, (int)nameLength);
            if (noteType == type && name.Length == owner.Length + 1 && name.StartsWith(owner))
            {
                description = notes.Slice((int)contentStart, (int)contentLength);
                return true;
            }

            notes = notes[(int)Math.Min(Align(end, alignment), (ulong)notes.Length)..];
        }

        description = default;
        return false;
    }

    private static ulong Align(ulong value, int alignment) => (value + (ulong)alignment - 1) & ~((ulong)alignment - 1);
}
