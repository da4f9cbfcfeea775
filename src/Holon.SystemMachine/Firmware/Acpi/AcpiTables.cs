using System.Buffers.Binary;
using Holon.Machines;
using Holon.Memory;

namespace Holon.SystemMachine.Firmware.Acpi;

/// <summary>Builds a machine's ACPI tables (ACPI specification 6.4, chapter 5) and puts them into its memory.</summary>
public static class AcpiTables
{
    private const int RsdpLength = 36, RsdpLengthRevision0 = 20, FacsLength = 64;
    private const uint FacsAlignment = 64, TableAlignment = 16;

    /// <summary>Puts the tables where guests look for them.</summary>
    /// <param name="memory">The machine's memory.</param>
    /// <param name="platform">What they tell.</param>
    /// <returns>The RSDP's address.</returns>
    /// <exception cref="HolonException">The tables are larger than their place.</exception>
    public static ulong Place(GuestMemory memory, PlatformDescription platform)
    {
        ArgumentNullException.ThrowIfNull(memory);
        memory.Write(BoardResources.AcpiTablesAddress, Build(platform, BoardResources.AcpiTablesAddress, BoardResources.AcpiTablesLength));
        return BoardResources.AcpiTablesAddress;
    }

    /// <summary>Builds the tables as one block, which begins with the RSDP.</summary>
    /// <param name="platform">What they tell.</param>
    /// <param name="address">Where the block will lie; a multiple of 64, below 4 GiB.</param>
    /// <param name="limit">How long it may be.</param>
    /// <exception cref="HolonException">It is longer.</exception>
    public static byte[] Build(PlatformDescription platform, ulong address, int limit)
    {
        ArgumentNullException.ThrowIfNull(platform);
        ArgumentOutOfRangeException.ThrowIfNotEqual(address % FacsAlignment, 0ul, nameof(address));
        if (platform.Processors is < 1 or > PlatformDescription.MaxProcessors) throw new HolonException($"A machine has 1 to {PlatformDescription.MaxProcessors} processors, not {platform.Processors}.");
        if (platform.SerialPorts < 0 || platform.SerialPorts > BoardResources.SerialPorts.Count) throw new HolonException($"A machine has up to {BoardResources.SerialPorts.Count} serial ports, not {platform.SerialPorts}.");

        var block = new Block(address);
        block.Add(new byte[RsdpLength], TableAlignment);
        var facs = block.Add(BuildFacs(), FacsAlignment);
        var dsdt = block.Add(Dsdt.Build(platform), TableAlignment);
        var tables = new List<ulong>
        {
            block.Add(Fadt.Build(platform, facs, dsdt), TableAlignment),
            block.Add(Madt.Build(platform), TableAlignment),
        };
        if (platform.Ecam is { } ecam) tables.Add(block.Add(BuildMcfg(ecam), TableAlignment));
        tables.Add(block.Add(BuildWaet(), TableAlignment));

        var rsdt = new AcpiTable("RSDT", 1);
        var xsdt = new AcpiTable("XSDT", 1);
        foreach (var table in tables)
        {
            rsdt.Add((uint)table);
            xsdt.Add(table);
        }

        var bytes = block.Finish(BuildRsdp(block.Add(rsdt.ToArray(), TableAlignment), block.Add(xsdt.ToArray(), TableAlignment)));
        return bytes.Length <= limit ? bytes : throw new HolonException($"The ACPI tables have {bytes.Length} bytes and there is room for {limit}; give the machine fewer processors.");
    }

    private static byte[] BuildRsdp(ulong rsdt, ulong xsdt)
    {
        const byte Revision2 = 2;
        var rsdp = new byte[RsdpLength];
        "RSD PTR "u8.CopyTo(rsdp);
        "HOLON"u8.CopyTo(rsdp.AsSpan(9));
        rsdp[15] = Revision2;
        BinaryPrimitives.WriteUInt32LittleEndian(rsdp.AsSpan(16), (uint)rsdt);
        BinaryPrimitives.WriteUInt32LittleEndian(rsdp.AsSpan(20), RsdpLength);
        BinaryPrimitives.WriteUInt64LittleEndian(rsdp.AsSpan(24), xsdt);
        rsdp[8] = AcpiTable.ChecksumOf(rsdp.AsSpan(0, RsdpLengthRevision0));
        rsdp[32] = AcpiTable.ChecksumOf(rsdp);
        return rsdp;
    }

    /// <summary>The FACS has no common header and no checksum (§5.2.10).</summary>
    private static byte[] BuildFacs()
    {
        const byte Version2 = 2;
        var facs = new byte[FacsLength];
        "FACS"u8.CopyTo(facs);
        facs[4] = FacsLength;
        facs[32] = Version2;
        return facs;
    }

    /// <summary>Where PCI configuration space is mapped (PCI Firmware Specification 3.3, table 4-2).</summary>
    private static byte[] BuildMcfg(MemoryRange ecam)
    {
        const byte FirstBus = 0;
        var lastBus = (byte)Math.Clamp((ecam.Length >> 20) - 1, 0, 255);
        return new AcpiTable("MCFG", 1).Add(0ul).Add(ecam.Start).Add((ushort)0).Add(FirstBus).Add(lastBus).Add(0u).ToArray();
    }

    /// <summary>Tells Windows that one read of the timer is enough and that reading RTC register C acknowledges well (Microsoft, "Windows ACPI Emulated Devices Table").</summary>
    private static byte[] BuildWaet()
    {
        const uint RtcGood = 1, TimerGood = 2;
        return new AcpiTable("WAET", 1).Add(RtcGood | TimerGood).ToArray();
    }

    /// <summary>Tables one after the other, each at its alignment.</summary>
    private sealed class Block(ulong address)
    {
        private readonly List<byte> _bytes = [];

        public ulong Add(ReadOnlySpan<byte> table, uint alignment)
        {
            while ((uint)_bytes.Count % alignment != 0) _bytes.Add(0);
            var at = address + (ulong)_bytes.Count;
            _bytes.AddRange(table);
            return at;
        }

        public byte[] Finish(ReadOnlySpan<byte> beginning)
        {
            var bytes = _bytes.ToArray();
            beginning.CopyTo(bytes);
            return bytes;
        }
    }
}
