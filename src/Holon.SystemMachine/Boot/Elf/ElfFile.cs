using System.Buffers.Binary;
using Holon.Machines;

namespace Holon.SystemMachine.Boot.Elf;

/// <summary>
/// The program headers of an ELF file, 32 or 64 bits, checked against the file's length (System V ABI, chapters 4 and 5).
/// Kernels are loaded at the segments' physical addresses; sections are not looked at.
/// </summary>
public sealed class ElfFile
{
    /// <summary>The most program headers a kernel may have; Linux has five.</summary>
    public const int MaxSegments = 64;

    /// <summary>Machine numbers of the processors that can run here (EM_386, EM_X86_64).</summary>
    public const ushort Machine386 = 3, MachineX64 = 62;

    private const ushort TypeExecutable = 2;
    private const uint SegmentLoad = 1, SegmentNote = 4;

    private readonly ReadOnlyMemory<byte> _file;
    private readonly List<ElfSegment> _segments = [];
    private readonly string _name;

    private ElfFile(ReadOnlyMemory<byte> file, string name)
    {
        _file = file;
        _name = name;
        var bytes = file.Span;
        if (bytes.Length < 20) throw Truncated();
        Is64Bit = bytes[4] == 2;
        if (bytes[4] is not (1 or 2) || bytes[5] != 1) throw OtherProcessor(U16(18));
        if (bytes.Length < (Is64Bit ? 64 : 52)) throw Truncated();
        Machine = U16(18);
        if (Machine is not (Machine386 or MachineX64)) throw OtherProcessor(Machine);
        if (U16(16) != TypeExecutable) throw new HolonException($"The ELF file {name} is not an executable that stands alone (type {U16(16)}); name a kernel.");
        Entry = Is64Bit ? U64(24) : U32(24);
        ReadSegments();
    }

    /// <summary>True for ELFCLASS64.</summary>
    public bool Is64Bit { get; }

    /// <summary>Which processor it is for.</summary>
    public ushort Machine { get; }

    /// <summary>The entry point. For kernels a physical address, or the caller's to translate.</summary>
    public ulong Entry { get; }

    /// <summary>The first address after all that is loaded.</summary>
    public ulong LoadedEnd { get; private set; }

    /// <summary>The loadable segments, in the file's order.</summary>
    public IReadOnlyList<ElfSegment> Segments => _segments;

    /// <summary>True when a file calls itself ELF.</summary>
    public static bool IsMatch(ReadOnlySpan<byte> file) => file.StartsWith("\u007FELF"u8);

    /// <summary>Reads and checks the headers.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="name">The file's name, for errors.</param>
    /// <exception cref="HolonException">It is truncated, damaged, or for another processor.</exception>
    public static ElfFile Parse(ReadOnlyMemory<byte> file, string name) =>
        IsMatch(file.Span) ? new ElfFile(file, name) : throw new HolonException($"The file {name} is not an ELF file; name a kernel.");

    /// <summary>Finds a note by its owner and type.</summary>
    /// <param name="owner">The owner's name, without its terminating zero.</param>
    /// <param name="type">The owner's number for it.</param>
    /// <param name="description">The note's content.</param>
    public bool TryFindNote(ReadOnlySpan<byte> owner, uint type, out ReadOnlySpan<byte> description)
    {
        foreach (var segment in _segments)
        {
            if (segment.Type != SegmentNote) continue;
            if (ElfNotes.TryFind(_file.Span.Slice((int)segment.FileOffset, (int)segment.FileLength), segment.Alignment == 8 ? 8 : 4, owner, type, out description)) return true;
        }

        description = default;
        return false;
    }

    /// <summary>Claims and fills the memory of all loadable segments.</summary>
    /// <exception cref="HolonException">A segment does not fit, or the entry point lies outside all of them.</exception>
    internal void LoadSegments(GuestLayout layout)
    {
        foreach (var segment in _segments)
        {
            if (segment.Type != SegmentLoad) continue;
            layout.Claim(segment.PhysicalAddress, segment.MemoryLength, "the kernel");
        }

        foreach (var segment in _segments)
        {
            if (segment.Type != SegmentLoad) continue;
            layout.Memory.Write(segment.PhysicalAddress, _file.Span.Slice((int)segment.FileOffset, (int)segment.FileLength));
            layout.Clear(segment.PhysicalAddress + segment.FileLength, segment.MemoryLength - segment.FileLength);
        }
    }

    /// <summary>True when an address lies in a loadable segment.</summary>
    internal bool Holds(ulong physicalAddress)
    {
        foreach (var segment in _segments)
        {
            if (segment.Type == SegmentLoad && physicalAddress - segment.PhysicalAddress < segment.MemoryLength) return true;
        }

        return false;
    }

    private void ReadSegments()
    {
        var offset = Is64Bit ? U64(32) : U32(28);
        int size = U16(Is64Bit ? 54 : 42), count = U16(Is64Bit ? 56 : 44);
        if (count == 0) throw Damaged("has no program headers");
        if (count > MaxSegments) throw Damaged($"has {count} program headers, more than {MaxSegments}");
        if (size != (Is64Bit ? 56 : 32)) throw Damaged($"gives its program headers {size} bytes");
        if (offset > (ulong)_file.Length || (ulong)(size * count) > (ulong)_file.Length - offset) throw Truncated();
        for (var i = 0; i < count; i++)
        {
            var segment = ReadSegment((int)offset + (i * size));
            if (segment.Type is not (SegmentLoad or SegmentNote)) continue;
            if (segment.FileOffset > (ulong)_file.Length || segment.FileLength > (ulong)_file.Length - segment.FileOffset) throw Truncated();
            if (segment.Type == SegmentLoad)
            {
                if (segment.FileLength > segment.MemoryLength) throw Damaged("has a segment that is longer in the file than in memory");
                if (segment.MemoryLength > ulong.MaxValue - segment.PhysicalAddress) throw Damaged("has a segment that wraps around");
                LoadedEnd = Math.Max(LoadedEnd, segment.PhysicalAddress + segment.MemoryLength);
            }

            _segments.Add(segment);
        }

        if (LoadedEnd == 0) throw Damaged("has nothing to load");
    }

    private ElfSegment ReadSegment(int at) => Is64Bit
        ? new ElfSegment(U32(at), U64(at + 8), U64(at + 16), U64(at + 24), U64(at + 32), U64(at + 40), U64(at + 48))
        : new ElfSegment(U32(at), U32(at + 4), U32(at + 8), U32(at + 12), U32(at + 16), U32(at + 20), U32(at + 28));

    private HolonException Truncated() => new($"The ELF file {_name} is truncated: its {_file.Length} bytes end before what its headers name; copy it again.");

    private HolonException Damaged(string how) => new($"The ELF file {_name} is damaged: it {how}; build or copy it again.");

    private HolonException OtherProcessor(ushort machine) =>
        new($"The ELF file {_name} is for another processor ({ElfMachines.NameOf(machine)}); name a kernel for x86.");

    private ushort U16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_file.Span[offset..]);

    private uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_file.Span[offset..]);

    private ulong U64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(_file.Span[offset..]);
}

/// <summary>A program header.</summary>
/// <param name="Type">PT_LOAD or PT_NOTE.</param>
/// <param name="FileOffset">Where its bytes lie in the file.</param>
/// <param name="VirtualAddress">Where the program sees it.</param>
/// <param name="PhysicalAddress">Where it is loaded.</param>
/// <param name="FileLength">Bytes in the file.</param>
/// <param name="MemoryLength">Bytes in memory; those beyond the file's are zero.</param>
/// <param name="Alignment">Its alignment.</param>
public readonly record struct ElfSegment(uint Type, ulong FileOffset, ulong VirtualAddress, ulong PhysicalAddress, ulong FileLength, ulong MemoryLength, ulong Alignment);
