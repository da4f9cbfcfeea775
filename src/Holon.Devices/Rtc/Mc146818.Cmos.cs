namespace Holon.Devices.Rtc;

/// <summary>What PC firmware expects in the battery-backed memory.</summary>
public sealed partial class Mc146818
{
    private const int Equipment = 0x14, BaseMemory = 0x15, ExtendedMemory = 0x17, Checksum = 0x2E, ExtendedMemoryFound = 0x30, MemoryAbove16M = 0x34,
        BootOrder3 = 0x38, BootOrder12 = 0x3D, MemoryAbove4G = 0x5B, ProcessorCount = 0x5F;

    /// <summary>A byte of the memory, as the battery keeps it: 14 to 127. The clock's own registers are not reached.</summary>
    public byte GetCmos(int index) => _cmos[CheckCmos(index)];

    /// <summary>Sets a byte of the memory: 14 to 127.</summary>
    public void SetCmos(int index, byte value)
    {
        _cmos[CheckCmos(index)] = value;
        UpdateChecksum();
    }

    /// <summary>Tells firmware how much memory there is: IBM's AT locations, and those above 16 MiB and 4 GiB that Bochs and QEMU defined.</summary>
    /// <param name="below4G">Bytes of RAM below the hole for devices.</param>
    /// <param name="above4G">Bytes of RAM from 4 GiB up.</param>
    public void SetMemorySize(ulong below4G, ulong above4G)
    {
        Put16(BaseMemory, 640);
        var extended = (ushort)Math.Min((below4G >> 10) - Math.Min(below4G >> 10, 1024), ushort.MaxValue);
        Put16(ExtendedMemory, extended);
        Put16(ExtendedMemoryFound, extended);
        Put16(MemoryAbove16M, (ushort)Math.Min((below4G - Math.Min(below4G, 16 << 20)) >> 16, ushort.MaxValue));
        var high = Math.Min(above4G >> 16, 0xFF_FFFF);
        Put16(MemoryAbove4G, (ushort)high);
        _cmos[MemoryAbove4G + 2] = (byte)(high >> 16);
        _cmos[Equipment] = 0x06; // floating point and a pointing device
        UpdateChecksum();
    }

    /// <summary>The order in which firmware tries devices: 1 floppy, 2 hard disk, 3 CD-ROM, 4 network, 0 none.</summary>
    public void SetBootOrder(int first, int second = 0, int third = 0)
    {
        _cmos[BootOrder12] = (byte)((first & 15) | ((second & 15) << 4));
        _cmos[BootOrder3] = (byte)((third & 15) << 4);
    }

    /// <summary>How many processors there are, where SeaBIOS looks for it.</summary>
    public void SetProcessorCount(int count) => _cmos[ProcessorCount] = (byte)Math.Clamp(count - 1, 0, 255);

    private static int CheckCmos(int index)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(index, RegD + 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, CmosLength);
        return index;
    }

    private void Put16(int index, ushort value) => (_cmos[index], _cmos[index + 1]) = ((byte)value, (byte)(value >> 8));

    /// <summary>IBM's AT keeps a sum over 0x10–0x2D, high byte first.</summary>
    private void UpdateChecksum()
    {
        var sum = 0;
        foreach (var value in _cmos.AsSpan(0x10, Checksum - 0x10)) sum += value;
        (_cmos[Checksum], _cmos[Checksum + 1]) = ((byte)(sum >> 8), (byte)sum);
    }
}
