namespace Holon.Devices.Pci;

/// <summary>Called when a range between 0xC0000 and 0xFFFFF changes hands.</summary>
/// <param name="start">First address.</param>
/// <param name="length">Bytes.</param>
/// <param name="readMemory">True when reads come from RAM, false when they go to the ROM.</param>
/// <param name="writeMemory">True when writes go to RAM, false when they are lost.</param>
public delegate void MemoryAttributesChanged(ulong start, ulong length, bool readMemory, bool writeMemory);

/// <summary>
/// The host bridge of an Intel 440FX (82441FX data sheet 290549), device 0: says where ROM is shadowed by RAM. The guest's memory
/// itself is the board's.
/// </summary>
/// <remarks>Called under the lock of configuration accesses, and so is its callback.</remarks>
public sealed class I440fx : PciFunction
{
    private const int Pam0 = 0x59, PamCount = 7, Smram = 0x72;
    private const int SegmentCount = 13;

    private readonly MemoryAttributesChanged _changed;
    private readonly byte[] _attributes = new byte[SegmentCount];

    /// <summary>Makes the bridge; everything reads from ROM until the guest changes it.</summary>
    /// <param name="changed">Called for each segment that changes.</param>
    public I440fx(MemoryAttributesChanged changed)
        : base(new PciIdentity(0x8086, 0x1237, 0x060000, Revision: 2))
    {
        _changed = changed;
        Set8(Smram, 0x02);
        for (var i = 0; i < PamCount; i++) Writable(Pam0 + i, 1, i == 0 ? 0x30u : 0x33u);
        Writable(Smram, 1, 0x78);
    }

    /// <summary>The ranges that the guest can shadow; after reset all of them are ROM.</summary>
    public static IEnumerable<(ulong Start, ulong Length)> Segments => Enumerable.Range(0, SegmentCount).Select(Range);

    /// <summary>§3.2.14: PAM0's high half is the 64 KiB of BIOS at 0xF0000; PAM1 to PAM6 are twelve times 16 KiB from 0xC0000.</summary>
    private static (ulong Start, ulong Length) Range(int segment) => segment == 0 ? (0xF0000ul, 0x10000ul) : (0xC0000ul + ((ulong)(segment - 1) * 0x4000), 0x4000ul);

    /// <inheritdoc/>
    protected override void OnWritten(int offset, int size)
    {
        if (!Overlaps(offset, size, Pam0, PamCount)) return;
        for (var segment = 0; segment < SegmentCount; segment++)
        {
            var attributes = segment == 0 ? Get8(Pam0) >> 4 : Get8(Pam0 + 1 + ((segment - 1) / 2)) >> ((segment - 1) % 2 * 4);
            attributes &= 3;
            if (attributes == _attributes[segment]) continue;
            _attributes[segment] = (byte)attributes;
            var (start, length) = Range(segment);
            _changed(start, length, (attributes & 1) != 0, (attributes & 2) != 0);
        }
    }
}
