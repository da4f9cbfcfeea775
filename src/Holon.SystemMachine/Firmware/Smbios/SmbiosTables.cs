using System.Buffers.Binary;
using Holon.Machines;
using Holon.Memory;
using Holon.SystemMachine.Firmware.Acpi;

namespace Holon.SystemMachine.Firmware.Smbios;

/// <summary>
/// Builds what a machine tells about itself (DSP0134, SMBIOS 3.3) and puts it into its memory: who made it, its name and
/// identity, processors and memory. Both entry points lead to the same structures.
/// </summary>
public static class SmbiosTables
{
    private const int EntryLength32 = 31, EntryOffset32 = 32, EntryLength64 = 24, StructuresOffset = 64;
    private const ushort SystemHandle = 0x100, ChassisHandle = 0x300, ProcessorHandle = 0x400, ArrayHandle = 0x1000, DeviceHandle = 0x1100, MappedHandle = 0x1300, BootHandle = 0x2000, EndHandle = 0x7F00;
    private const byte Unknown = 2, Safe = 3;
    private const string Manufacturer = "Holon";

    /// <summary>Puts the tables where guests look for them.</summary>
    /// <param name="memory">The machine's memory.</param>
    /// <param name="platform">What they tell.</param>
    public static void Place(GuestMemory memory, PlatformDescription platform)
    {
        ArgumentNullException.ThrowIfNull(memory);
        memory.Write(BoardResources.SmbiosAddress, Build(platform, BoardResources.SmbiosAddress));
    }

    /// <summary>Builds both entry points and the structures as one block.</summary>
    /// <param name="platform">What they tell.</param>
    /// <param name="address">Where the block will lie; a multiple of 16, below 4 GiB.</param>
    public static byte[] Build(PlatformDescription platform, ulong address)
    {
        ArgumentNullException.ThrowIfNull(platform);
        var structures = BuildStructures(platform);
        var table = structures.SelectMany(structure => structure).ToArray();
        if (StructuresOffset + table.Length > BoardResources.SmbiosLength) throw new HolonException($"The SMBIOS tables have {table.Length} bytes, more than fit; give the machine fewer memory regions.");

        var block = new byte[StructuresOffset + table.Length];
        WriteEntry64(block.AsSpan(0, EntryLength64), address + StructuresOffset, table.Length);
        WriteEntry32(block.AsSpan(EntryOffset32, EntryLength32), (uint)address + StructuresOffset, table.Length, structures.Count, structures.Max(structure => structure.Length));
        table.CopyTo(block, StructuresOffset);
        return block;
    }

    /// <summary>Entry point and structures apart, for firmware that places them and then corrects address and checksums.</summary>
    /// <param name="platform">What they tell.</param>
    public static (byte[] Anchor, byte[] Structures) BuildForFirmware(PlatformDescription platform)
    {
        var block = Build(platform, 0);
        return (block[EntryOffset32..(EntryOffset32 + EntryLength32)], block[StructuresOffset..]);
    }

    private static void WriteEntry64(Span<byte> entry, ulong table, int length)
    {
        "_SM3_"u8.CopyTo(entry);
        entry[6] = EntryLength64;
        (entry[7], entry[8], entry[10]) = (3, 3, 1);
        BinaryPrimitives.WriteInt32LittleEndian(entry[12..], length);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], table);
        entry[5] = AcpiTable.ChecksumOf(entry);
    }

    private static void WriteEntry32(Span<byte> entry, uint table, int length, int count, int longest)
    {
        const byte BcdRevision28 = 0x28;
        "_SM_"u8.CopyTo(entry);
        entry[5] = EntryLength32;
        (entry[6], entry[7]) = (2, 8);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[8..], (ushort)longest);
        var intermediate = entry[16..];
        "_DMI_"u8.CopyTo(intermediate);
        BinaryPrimitives.WriteUInt16LittleEndian(intermediate[6..], (ushort)length);
        BinaryPrimitives.WriteUInt32LittleEndian(intermediate[8..], table);
        BinaryPrimitives.WriteUInt16LittleEndian(intermediate[12..], (ushort)count);
        intermediate[14] = BcdRevision28;
        intermediate[5] = AcpiTable.ChecksumOf(intermediate);
        entry[4] = AcpiTable.ChecksumOf(entry);
    }

    private static List<byte[]> BuildStructures(PlatformDescription platform)
    {
        var bytes = platform.Memory.Aggregate(0ul, (sum, range) => sum + range.Length);
        var structures = new List<byte[]> { Firmware(platform), System(platform), Chassis(platform), Processor(platform), MemoryArray(bytes), MemoryDevice(bytes) };
        for (var i = 0; i < platform.Memory.Count; i++) structures.Add(MappedMemory((ushort)i, platform.Memory[i]));
        structures.Add(new SmbiosStructure(32, BootHandle).SkipTo(11).ToArray()); // booted without errors
        structures.Add(new SmbiosStructure(127, EndHandle).ToArray());
        return structures;
    }

    private static byte[] Firmware(PlatformDescription platform)
    {
        const ulong CharacteristicsUnsupported = 1 << 3;
        const byte AcpiSupported = 1, VirtualMachine = 1 << 4;
        return new SmbiosStructure(0, 0).Add(Manufacturer).Add(platform.Version).Add((ushort)0xE000).Add("")
            .Add((byte)0).Add(CharacteristicsUnsupported).Add(AcpiSupported).Add(VirtualMachine)
            .Add((ushort)0).Add(ushort.MaxValue).ToArray(); // no release numbers
    }

    private static byte[] System(PlatformDescription platform)
    {
        const byte PowerSwitch = 6;
        return new SmbiosStructure(1, SystemHandle).Add(Manufacturer).Add(platform.Name).Add(platform.Version).Add(platform.SerialNumber)
            .Add(platform.Uuid).Add(PowerSwitch).Add("").Add("Virtual machine").ToArray();
    }

    private static byte[] Chassis(PlatformDescription platform)
    {
        const byte Other = 1;
        return new SmbiosStructure(3, ChassisHandle).Add(Manufacturer).Add(Other).Add(platform.Version).Add(platform.SerialNumber).Add("")
            .Add(Safe).Add(Safe).Add(Safe).Add(Unknown).Add(0u).Add((byte)0).Add((byte)0).Add((byte)0).Add((byte)0).Add("").ToArray();
    }

    private static byte[] Processor(PlatformDescription platform)
    {
        const byte Central = 3, OtherFamily = 1, Enabled = 0x41, OtherUpgrade = 1;
        const ushort None = ushort.MaxValue, Is64Bit = 1 << 2, MultiCore = 1 << 3;
        var cores = (byte)Math.Min(platform.Processors, 255);
        return new SmbiosStructure(4, ProcessorHandle).Add("CPU 0").Add(Central).Add(OtherFamily).Add(Manufacturer).Add(0ul).Add("virtual")
            .Add((byte)0).Add((ushort)0).Add((ushort)0).Add((ushort)0).Add(Enabled).Add(OtherUpgrade)
            .Add(None).Add(None).Add(None).Add("").Add("").Add("")
            .Add(cores).Add(cores).Add(cores).Add((ushort)(Is64Bit | (cores > 1 ? MultiCore : 0))).Add((ushort)OtherFamily)
            .Add((ushort)platform.Processors).Add((ushort)platform.Processors).Add((ushort)platform.Processors).ToArray();
    }

    private static byte[] MemoryArray(ulong bytes)
    {
        const byte MotherBoard = 3, SystemMemory = 3, NoCorrection = 3;
        const uint UseExtended = 0x80000000;
        const ushort NoErrors = 0xFFFE;
        return new SmbiosStructure(16, ArrayHandle).Add(MotherBoard).Add(SystemMemory).Add(NoCorrection).Add(UseExtended).Add(NoErrors).Add((ushort)1).Add(bytes).ToArray();
    }

    private static byte[] MemoryDevice(ulong bytes)
    {
        const byte Dimm = 9, Ram = 7;
        const ushort NoErrors = 0xFFFE, UnknownWidth = 0xFFFF, UseExtended = 0x7FFF, Other = 1 << 1;
        var mebibytes = bytes >> 20;
        return new SmbiosStructure(17, DeviceHandle).Add(ArrayHandle).Add(NoErrors).Add(UnknownWidth).Add(UnknownWidth)
            .Add(mebibytes < UseExtended ? (ushort)mebibytes : UseExtended).Add(Dimm).Add((byte)0).Add("DIMM 0").Add("").Add(Ram).Add(Other).Add((ushort)0)
            .Add(Manufacturer).Add("").Add("").Add("").Add((byte)0)
            .Add(mebibytes < UseExtended ? 0u : (uint)mebibytes).Add((ushort)0).Add((ushort)0).Add((ushort)0).Add((ushort)0).ToArray();
    }

    private static byte[] MappedMemory(ushort number, MemoryRange range)
    {
        const uint UseExtended = uint.MaxValue;
        const byte Width = 1;
        return new SmbiosStructure(19, (ushort)(MappedHandle + number)).Add(UseExtended).Add(UseExtended).Add(ArrayHandle).Add(Width).Add(range.Start).Add(range.End - 1).ToArray();
    }
}
