using System.Buffers.Binary;
using System.Text;

namespace Holon.SystemMachine.Firmware.Acpi;

/// <summary>
/// The tables as firmware takes them from the firmware configuration device (QEMU's hw/acpi/bios-linker-loader): files with addresses
/// relative to their own start, and a script that says where they may lie, which fields are addresses and which are checksums.
/// </summary>
internal sealed class AcpiTableLoader
{
    /// <summary>The files' names.</summary>
    public const string TablesName = "etc/acpi/tables", RsdpName = "etc/acpi/rsdp", ScriptName = "etc/table-loader";

    private const int CommandLength = 128, NameLength = 56;
    private const uint Allocate = 1, AddPointer = 2, AddChecksum = 3;
    private const byte HighMemory = 1, BelowOneMegabyte = 2;
    private const uint Alignment = 64;
    private const int RsdpLength = 36, RsdpRevision0Length = 20, HeaderLength = 36, ChecksumOffset = 9, FadtFacs = 36, FadtDsdt = 40, FadtXDsdt = 140;

    private readonly List<byte> _script = [];

    private AcpiTableLoader(byte[] tables, byte[] rsdp) => (Tables, Rsdp) = (tables, rsdp);

    /// <summary>All tables but the RSDP.</summary>
    public byte[] Tables { get; }

    /// <summary>The RSDP, which firmware puts where guests search for it.</summary>
    public byte[] Rsdp { get; }

    /// <summary>The commands.</summary>
    public byte[] Script => [.. _script];

    /// <summary>Builds files and script.</summary>
    public static AcpiTableLoader Build(PlatformDescription platform)
    {
        var block = AcpiTables.Build(platform, 0, BoardResources.AcpiTablesLength);
        var rsdp = block[..RsdpLength];
        block.AsSpan(0, RsdpLength).Clear();
        var loader = new AcpiTableLoader(block, rsdp);
        loader.Write();
        return loader;
    }

    private void Write()
    {
        Command(Allocate, TablesName).Number(Alignment).Byte(HighMemory).End();
        Command(Allocate, RsdpName).Number(16).Byte(BelowOneMegabyte).End();
        var (rsdt, xsdt) = ((int)ReadUInt32(Rsdp, 16), (int)ReadUInt64(Rsdp, 24));
        for (var entry = rsdt + HeaderLength; entry < rsdt + LengthOf(rsdt); entry += sizeof(uint))
        {
            var table = (int)ReadUInt32(Tables, entry);
            if (Tables.AsSpan(table, 4).SequenceEqual("FACP"u8)) FinishFadt(table);
            Pointer(TablesName, entry, sizeof(uint));
        }

        for (var entry = xsdt + HeaderLength; entry < xsdt + LengthOf(xsdt); entry += sizeof(ulong)) Pointer(TablesName, entry, sizeof(ulong));
        Checksum(TablesName, rsdt + ChecksumOffset, rsdt, LengthOf(rsdt));
        Checksum(TablesName, xsdt + ChecksumOffset, xsdt, LengthOf(xsdt));
        Pointer(RsdpName, 16, sizeof(uint));
        Pointer(RsdpName, 24, sizeof(ulong));
        Checksum(RsdpName, 8, 0, RsdpRevision0Length);
        Checksum(RsdpName, 32, 0, RsdpLength);
    }

    private void FinishFadt(int fadt)
    {
        Pointer(TablesName, fadt + FadtFacs, sizeof(uint));
        Pointer(TablesName, fadt + FadtDsdt, sizeof(uint));
        Pointer(TablesName, fadt + FadtXDsdt, sizeof(ulong));
        Checksum(TablesName, fadt + ChecksumOffset, fadt, LengthOf(fadt));
    }

    private void Pointer(string file, int offset, byte size) => Command(AddPointer, file).Name(TablesName).Number((uint)offset).Byte(size).End();

    private void Checksum(string file, int offset, int start, int length)
    {
        (file == RsdpName ? Rsdp : Tables)[offset] = 0; // firmware sums up what it finds, the old checksum included
        Command(AddChecksum, file).Number((uint)offset).Number((uint)start).Number((uint)length).End();
    }

    private AcpiTableLoader Command(uint command, string file) => Number(command).Name(file);

    private AcpiTableLoader Name(string name)
    {
        var bytes = new byte[NameLength];
        Encoding.ASCII.GetBytes(name, bytes);
        _script.AddRange(bytes);
        return this;
    }

    private AcpiTableLoader Number(uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        _script.AddRange(bytes);
        return this;
    }

    private AcpiTableLoader Byte(byte value)
    {
        _script.Add(value);
        return this;
    }

    private void End()
    {
        while (_script.Count % CommandLength != 0) _script.Add(0);
    }

    private int LengthOf(int table) => (int)ReadUInt32(Tables, table + 4);

    private static uint ReadUInt32(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset));

    private static ulong ReadUInt64(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(offset));
}
