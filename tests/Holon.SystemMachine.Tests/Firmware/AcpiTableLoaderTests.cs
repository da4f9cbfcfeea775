using System.Buffers.Binary;
using System.Text;
using Holon.SystemMachine.Firmware;
using Holon.SystemMachine.Firmware.Acpi;

namespace Holon.SystemMachine.Tests.Firmware;

public sealed class AcpiTableLoaderTests
{
    private const int CommandLength = 128, RsdpLength = 36;

    [Fact]
    public void Firmware_that_follows_the_script_gets_the_tables_as_they_are_built_for_that_address()
    {
        foreach (var platform in (PlatformDescription[])[new(), new() { Processors = 40, SerialPorts = 2, Ecam = new(0xB0000000, 0x10000000) }])
        {
            const ulong Tables = 0x0FFE0000;
            var loader = AcpiTableLoader.Build(platform);
            var (tables, rsdp) = Follow(loader, Tables);
            var expected = AcpiTables.Build(platform, Tables, BoardResources.AcpiTablesLength);
            Assert.Equal(expected[..RsdpLength], rsdp);
            Assert.Equal(expected[RsdpLength..], tables[RsdpLength..]);
        }
    }

    /// <summary>What firmware does with the script (QEMU's include/hw/acpi/bios-linker-loader.h describes it).</summary>
    private static (byte[] Tables, byte[] Rsdp) Follow(AcpiTableLoader loader, ulong tablesAddress)
    {
        var files = new Dictionary<string, byte[]> { ["etc/acpi/tables"] = [.. loader.Tables], ["etc/acpi/rsdp"] = [.. loader.Rsdp] };
        var allocated = new HashSet<string>();
        Assert.Equal(0, loader.Script.Length % CommandLength);
        for (var at = 0; at < loader.Script.Length; at += CommandLength)
        {
            var command = loader.Script.AsSpan(at, CommandLength);
            var file = Name(command[4..]);
            switch (U32(command))
            {
                case 1:
                    Assert.True(allocated.Add(file));
                    Assert.Equal(file == "etc/acpi/rsdp" ? 2 : 1, command[64]); // where guests search, or anywhere
                    break;
                case 2:
                    Assert.Equal("etc/acpi/tables", Name(command[60..]));
                    Assert.Contains(file, allocated);
                    var field = files[file].AsSpan((int)U32(command[116..]), command[120]);
                    if (field.Length == 4) BinaryPrimitives.WriteUInt32LittleEndian(field, (uint)(U32(field) + tablesAddress));
                    else BinaryPrimitives.WriteUInt64LittleEndian(field, BinaryPrimitives.ReadUInt64LittleEndian(field) + tablesAddress);
                    break;
                case 3:
                    byte sum = 0;
                    foreach (var value in files[file].AsSpan((int)U32(command[64..]), (int)U32(command[68..]))) sum += value;
                    files[file][U32(command[60..])] -= sum;
                    break;
                default:
                    Assert.Fail("unknown command");
                    break;
            }
        }

        return (files["etc/acpi/tables"], files["etc/acpi/rsdp"]);
    }

    private static string Name(ReadOnlySpan<byte> bytes) => Encoding.ASCII.GetString(bytes[..56]).TrimEnd('\0');

    private static uint U32(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);
}
