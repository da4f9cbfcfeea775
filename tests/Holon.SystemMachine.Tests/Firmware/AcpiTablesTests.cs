using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Holon.Machines;
using Holon.Memory;
using Holon.SystemMachine.Firmware;
using Holon.SystemMachine.Firmware.Acpi;

namespace Holon.SystemMachine.Tests.Firmware;

public sealed class AcpiTablesTests
{
    private const ulong Base = 0xE0000;

    private static readonly PlatformDescription Small = new();

    private static readonly PlatformDescription Large = new()
    {
        Processors = 300,
        SerialPorts = 2,
        HasVga = true,
        Ecam = new(0xB0000000, 0x10000000),
        PciWindow = new(0xC0000000, 0x3EC00000),
        PciWindow64 = new(1ul << 35, 1ul << 35),
        FirstHotplugDevice = 16,
    };

    [Fact]
    public void The_rsdp_has_both_checksums_and_leads_to_both_root_tables()
    {
        var block = AcpiTables.Build(Small, Base, 0x10000);
        Assert.Equal("RSD PTR "u8, block.AsSpan(0, 8));
        Assert.Equal(2, block[15]);
        Assert.Equal(0, Sum(block.AsSpan(0, 20)));
        Assert.Equal(0, Sum(block.AsSpan(0, 36)));
        Assert.Equal(36u, U32(block, 20));
        var narrow = At(block, U32(block, 16));
        var wide = At(block, U64(block, 24));
        Assert.Equal("RSDT", Signature(narrow));
        Assert.Equal("XSDT", Signature(wide));
        Assert.Equal(Enumerable.Range(0, (wide.Length - 36) / 8).Select(i => U64(wide, 36 + (8 * i))), Enumerable.Range(0, (narrow.Length - 36) / 4).Select(i => (ulong)U32(narrow, 36 + (4 * i))));
    }

    [Fact]
    public void Every_table_has_its_length_and_checksum()
    {
        foreach (var platform in (PlatformDescription[])[Small, Large])
        {
            var tables = Tables(platform);
            Assert.Equal(platform.Ecam is null ? ["FACP", "APIC", "WAET", "DSDT"] : (string[])["FACP", "APIC", "MCFG", "WAET", "DSDT"], tables.Keys);
            foreach (var table in tables.Values) Assert.Equal(0, Sum(table));
        }
    }

    [Fact]
    public void The_fadt_names_the_boards_ports() // ACPI 6.4, table 5.9
    {
        var fadt = Tables(Small)["FACP"];
        Assert.Equal((276, 6), (fadt.Length, fadt[8]));
        Assert.Equal(9, BinaryPrimitives.ReadUInt16LittleEndian(fadt.AsSpan(46)));
        Assert.Equal((0xB2u, 0xF1, 0xF0), (U32(fadt, 48), fadt[52], fadt[53]));
        Assert.Equal((0x600u, 0x604u, 0x608u, 0x620u), (U32(fadt, 56), U32(fadt, 64), U32(fadt, 76), U32(fadt, 80)));
        Assert.Equal((4, 2, 4, 4), (fadt[88], fadt[89], fadt[91], fadt[92]));
        Assert.Equal((0xCF9ul, 6), (U64(fadt, 120), fadt[128]));
        Assert.Equal((1, 8, 0, 1), (fadt[116], fadt[117], fadt[118], fadt[119]));
        Assert.NotEqual(0u, U32(fadt, 112) & (1 << 10)); // RESET_REG_SUP
        Assert.Equal((0x600ul, 0x604ul, 0x608ul, 0x620ul), (U64(fadt, 152), U64(fadt, 176), U64(fadt, 212), U64(fadt, 224)));
        Assert.Equal(U32(fadt, 40), U64(fadt, 140));
        Assert.Equal(0b111, fadt[109]);
        Assert.Equal(0b011, Tables(Large)["FACP"][109]); // with VGA
    }

    [Fact]
    public void The_facs_is_aligned_to_64_bytes()
    {
        var block = AcpiTables.Build(Small, Base, 0x10000);
        var address = U32(Tables(Small)["FACP"], 36);
        Assert.Equal(0u, address % 64);
        Assert.Equal("FACS"u8, block.AsSpan((int)(address - Base), 4));
        Assert.Equal(64u, U32(block, (int)(address - Base) + 4));
    }

    [Fact]
    public void The_madt_lists_processors_and_interrupt_wiring()
    {
        var entries = MadtEntries(Tables(Small with { Processors = 2 })["APIC"]);
        Assert.Equal(
        [
            "00-08-00-00-01-00-00-00", "00-08-01-01-01-00-00-00",
            "01-0C-00-00-00-00-C0-FE-00-00-00-00",
            "02-0A-00-00-02-00-00-00-00-00", "02-0A-00-09-09-00-00-00-0D-00",
            "04-06-FF-00-00-01",
        ], entries);
    }

    [Fact]
    public void Processors_from_255_are_listed_as_x2apics()
    {
        var entries = MadtEntries(Tables(Large)["APIC"]);
        Assert.Equal(255, entries.Count(entry => entry.StartsWith("00-08", StringComparison.Ordinal)));
        var wide = entries.Where(entry => entry.StartsWith("09-10", StringComparison.Ordinal)).ToList();
        Assert.Equal(45, wide.Count);
        Assert.Equal("09-10-00-00-FF-00-00-00-01-00-00-00-FF-00-00-00", wide[0]);
        Assert.Contains("0A-0C-00-00-FF-FF-FF-FF-01-00-00-00", entries);
    }

    [Fact]
    public void The_mcfg_covers_the_window()
    {
        var mcfg = Tables(Large)["MCFG"];
        Assert.Equal((60, 0xB0000000ul, 0, 255), (mcfg.Length, U64(mcfg, 44), mcfg[54], mcfg[55]));
    }

    [Fact]
    public void The_dsdt_holds_the_names_that_guests_look_for()
    {
        var text = Encoding.Latin1.GetString(Tables(Large)["DSDT"]);
        foreach (var name in (string[])["\\_S5_", "\\_SB_", "PCI0", "_CRS", "_PRT", "C000", "C12B", "ACPI0007", "COM1", "COM2", "\u000C\u0041\u00D0\u0005\u0001", "KBD_", "MOU_", "RTC_"])
        {
            Assert.Contains(name, text, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("COM2", Encoding.Latin1.GetString(Tables(Small)["DSDT"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Iasl_disassembles_every_table()
    {
        const string Program = "/usr/bin/iasl";
        Assert.SkipUnless(File.Exists(Program), "The iasl program is not installed.");
        foreach (var platform in (PlatformDescription[])[Small, Large])
        {
            foreach (var (name, table) in Tables(platform))
            {
                var directory = Directory.CreateTempSubdirectory();
                try
                {
                    var path = Path.Combine(directory.FullName, $"{name}.dat");
                    File.WriteAllBytes(path, table);
                    using var process = Process.Start(new ProcessStartInfo(Program, $"-d {path}") { RedirectStandardOutput = true, RedirectStandardError = true })!;
                    var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
                    var errors = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
                    await process.WaitForExitAsync(TestContext.Current.CancellationToken);
                    Assert.Equal(0, process.ExitCode);
                    Assert.DoesNotContain("error", errors + await output, StringComparison.OrdinalIgnoreCase);
                }
                finally
                {
                    directory.Delete(recursive: true);
                }
            }
        }
    }

    [Fact]
    public void Tables_lie_where_guests_search_and_are_bounded()
    {
        using var memory = new GuestMemory(new MemoryRange(0, 1 << 20));
        Assert.Equal(Base, AcpiTables.Place(memory, Large));
        Assert.Equal("RSD PTR "u8, memory.Span(Base, 8));
        Assert.True(AcpiTables.Place(memory, Small with { Processors = PlatformDescription.MaxProcessors }) == Base);
        Assert.Throws<HolonException>(() => { AcpiTables.Build(Small, Base, 1000); });
        Assert.Throws<HolonException>(() => { AcpiTables.Place(memory, Small with { Processors = 0 }); });
        Assert.Throws<HolonException>(() => { AcpiTables.Place(memory, Small with { Processors = PlatformDescription.MaxProcessors + 1 }); });
        Assert.Throws<HolonException>(() => { AcpiTables.Place(memory, Small with { SerialPorts = 3 }); });
    }

    [Fact]
    public void Pci_interrupts_use_the_inputs_for_pci()
    {
        for (var device = 0; device < 32; device++)
        {
            for (var pin = 0; pin < 4; pin++)
            {
                Assert.InRange(BoardResources.PciInput(device, pin), 16, 23);
                Assert.Contains(BoardResources.PciLegacyInterrupt(device, pin), (byte[])[5, 10, 11]);
            }
        }
    }

    private static Dictionary<string, byte[]> Tables(PlatformDescription platform)
    {
        var block = AcpiTables.Build(platform, Base, 0x10000);
        var root = At(block, U64(block, 24));
        var tables = Enumerable.Range(0, (root.Length - 36) / 8).Select(i => At(block, U64(root, 36 + (8 * i)))).ToDictionary(Signature);
        tables.Add("DSDT", At(block, U32(tables["FACP"], 40)));
        return tables;
    }

    private static List<string> MadtEntries(byte[] madt)
    {
        var entries = new List<string>();
        for (var at = 44; at < madt.Length; at += madt[at + 1]) entries.Add(BitConverter.ToString(madt, at, madt[at + 1]));
        return entries;
    }

    private static byte[] At(byte[] block, ulong address) => block.AsSpan((int)(address - Base), (int)U32(block, (int)(address - Base) + 4)).ToArray();

    private static string Signature(byte[] table) => Encoding.ASCII.GetString(table, 0, 4);

    private static byte Sum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (var value in bytes) sum += value;
        return sum;
    }

    private static uint U32(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset));

    private static ulong U64(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(offset));
}
