namespace Holon.SystemMachine.Firmware.Acpi;

/// <summary>Processors and interrupt controllers (the MADT, ACPI §5.2.12).</summary>
internal static class Madt
{
    private const byte LocalApic = 0, IoApic = 1, InterruptOverride = 2, LocalApicNmi = 4, LocalX2Apic = 9, LocalX2ApicNmi = 10;
    private const uint HasPics = 1, Enabled = 1, FirstX2ApicId = 255;
    private const ushort BusDefault = 0, LevelActiveHigh = 0xD;
    private const byte IsaBus = 0, AllProcessors = 0xFF, NmiInput = 1;

    /// <summary>Builds the table.</summary>
    public static byte[] Build(PlatformDescription platform)
    {
        var table = new AcpiTable("APIC", 5).Add(BoardResources.LocalApicAddress).Add(HasPics);
        for (var id = 0u; id < platform.Processors; id++)
        {
            if (id < FirstX2ApicId) table.Add(LocalApic).Add((byte)8).Add((byte)id).Add((byte)id).Add(Enabled);
            else table.Add(LocalX2Apic).Add((byte)16).Add((ushort)0).Add(id).Add(Enabled).Add(id);
        }

        table.Add(IoApic).Add((byte)12).Add(BoardResources.IoApicId).Add((byte)0).Add(BoardResources.IoApicAddress).Add(0u);
        AddOverride(table, 0, BoardResources.TimerInput, BusDefault);
        AddOverride(table, BoardResources.SciInterrupt, BoardResources.SciInterrupt, LevelActiveHigh);
        table.Add(LocalApicNmi).Add((byte)6).Add(AllProcessors).Add(BusDefault).Add(NmiInput);
        if (platform.Processors > FirstX2ApicId) table.Add(LocalX2ApicNmi).Add((byte)12).Add(BusDefault).Add(uint.MaxValue).Add(NmiInput).Add((byte)0).Add((ushort)0);
        return table.ToArray();
    }

    private static void AddOverride(AcpiTable table, byte interrupt, uint input, ushort flags) =>
        table.Add(InterruptOverride).Add((byte)10).Add(IsaBus).Add(interrupt).Add(input).Add(flags);
}
