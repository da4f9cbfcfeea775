using System.Buffers.Binary;
using System.Text;
using Holon.Memory;
using Holon.SystemMachine.Firmware;
using Holon.SystemMachine.Firmware.Smbios;

namespace Holon.SystemMachine.Tests.Firmware;

public sealed class SmbiosTablesTests
{
    private const int Base = 0xF0000;

    private static readonly PlatformDescription Platform = new()
    {
        Processors = 4,
        Name = "test",
        SerialNumber = "S-1",
        Version = "1.2",
        Uuid = Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"),
        Memory = [new(0, 3ul << 30), new(1ul << 32, 61ul << 30)],
    };

    [Fact]
    public void Both_entry_points_have_checksums_and_lead_to_the_same_structures() // DSP0134 §5.2
    {
        var block = SmbiosTables.Build(Platform, Base);
        Assert.Equal("_SM3_"u8, block.AsSpan(0, 5));
        Assert.Equal(0, Sum(block.AsSpan(0, block[6])));
        var old = block.AsSpan(32, 31);
        Assert.Equal("_SM_"u8, old[..4]);
        Assert.Equal(0, Sum(old));
        Assert.Equal("_DMI_"u8, old[16..21]);
        Assert.Equal(0, Sum(old[16..]));
        Assert.Equal(BinaryPrimitives.ReadUInt64LittleEndian(block.AsSpan(16)), BinaryPrimitives.ReadUInt32LittleEndian(old[24..]));
        Assert.Equal(BinaryPrimitives.ReadInt32LittleEndian(block.AsSpan(12)), BinaryPrimitives.ReadUInt16LittleEndian(old[22..]));
        Assert.Equal(Structures(block).Count, BinaryPrimitives.ReadUInt16LittleEndian(old[28..]));
        Assert.Equal(Structures(block).Max(structure => structure.Total), BinaryPrimitives.ReadUInt16LittleEndian(old[8..]));
    }

    [Fact]
    public void The_structures_tell_about_the_machine()
    {
        var structures = Structures(SmbiosTables.Build(Platform, Base));
        Assert.Equal([0, 1, 3, 4, 16, 17, 19, 19, 32, 127], structures.Select(structure => (int)structure.Type));
        Assert.Equal(["Holon", "test", "1.2", "S-1", "Virtual machine"], structures[1].Strings);
        Assert.Equal("33-22-11-00-55-44-77-66-88-99-AA-BB-CC-DD-EE-FF", BitConverter.ToString(structures[1].Fields, 8, 16));
        Assert.Equal([24, 27, 22, 48, 23, 40, 31, 31, 11, 4], structures.Select(structure => structure.Fields.Length));
        Assert.Equal(4, structures[3].Fields[0x23]); // cores
        Assert.Equal(64ul << 30, BinaryPrimitives.ReadUInt64LittleEndian(structures[4].Fields.AsSpan(15)));
        Assert.Equal((ushort)0x7FFF, BinaryPrimitives.ReadUInt16LittleEndian(structures[5].Fields.AsSpan(12)));
        Assert.Equal(65536u, BinaryPrimitives.ReadUInt32LittleEndian(structures[5].Fields.AsSpan(28)));
        Assert.Equal((1ul << 32) + (61ul << 30) - 1, BinaryPrimitives.ReadUInt64LittleEndian(structures[7].Fields.AsSpan(23)));
    }

    [Fact]
    public void Strings_of_the_user_cannot_break_the_structures()
    {
        var platform = Platform with { Name = "a\0b\u0007ü" + new string('x', 1000), SerialNumber = "", Version = " \n" };
        var structures = Structures(SmbiosTables.Build(platform, Base));
        Assert.Equal(10, structures.Count);
        Assert.Equal(64, structures[1].Strings[1].Length);
        Assert.StartsWith("abxx", structures[1].Strings[1], StringComparison.Ordinal);
    }

    [Fact]
    public void They_lie_where_guests_search()
    {
        using var memory = new GuestMemory(new MemoryRange(0, 1 << 20));
        SmbiosTables.Place(memory, Platform);
        Assert.Equal("_SM3_"u8, memory.Span(Base, 5));
    }

    private static List<(byte Type, byte[] Fields, string[] Strings, int Total)> Structures(byte[] block)
    {
        var structures = new List<(byte, byte[], string[], int)>();
        var at = BinaryPrimitives.ReadInt32LittleEndian(block.AsSpan(16)) - Base;
        while (at < block.Length)
        {
            var fields = block.AsSpan(at, block[at + 1]).ToArray();
            var text = block.AsSpan(at + fields.Length);
            var end = text.IndexOf("\0\0"u8) + 2;
            structures.Add((fields[0], fields, Encoding.ASCII.GetString(text[..(end - 2)]).Split('\0', StringSplitOptions.RemoveEmptyEntries), fields.Length + end));
            at += fields.Length + end;
        }

        return structures;
    }

    private static byte Sum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (var value in bytes) sum += value;
        return sum;
    }
}
