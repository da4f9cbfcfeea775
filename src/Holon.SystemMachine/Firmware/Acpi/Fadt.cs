namespace Holon.SystemMachine.Firmware.Acpi;

/// <summary>Power management's fixed registers and the platform's flags (the FADT, ACPI §5.2.9), revision 6.</summary>
internal static class Fadt
{
    private const byte Revision = 6;
    private const byte ByteAccess = 1, WordAccess = 2, DoubleWordAccess = 3;
    private const byte EventLength = 4, ControlLength = 2, TimerLength = 4, ResetLength = 1;
    private const ushort LegacyDevices = 1, KeyboardController = 1 << 1, NoVga = 1 << 2;
    private const uint Wbinvd = 1, C1OnAllProcessors = 1 << 2, NoSleepButton = 1 << 5, ResetRegister = 1 << 10;
    private const ushort NoC2 = 101, NoC3 = 1001; // latencies beyond what the states may have (§5.2.9)
    private const byte Desktop = 1, CmosCentury = 0x32;

    /// <summary>Builds the table.</summary>
    /// <param name="platform">The machine.</param>
    /// <param name="facs">Where the FACS lies.</param>
    /// <param name="dsdt">Where the DSDT lies.</param>
    public static byte[] Build(PlatformDescription platform, ulong facs, ulong dsdt)
    {
        var bootFlags = (ushort)(LegacyDevices | (platform.HasKeyboardController ? KeyboardController : 0) | (platform.HasVga ? 0 : NoVga));
        ushort Port(ushort usual) => (ushort)(platform.PowerPort + (usual - BoardResources.PowerEventPort));
        var (control, timer, events) = (Port(BoardResources.PowerControlPort), Port(BoardResources.PowerTimerPort), Port(BoardResources.GeneralEventPort));
        return new AcpiTable("FACP", Revision)
            .Add((uint)facs)
            .Add((uint)dsdt)
            .SkipTo(45).Add(Desktop)
            .Add((ushort)BoardResources.SciInterrupt)
            .Add((uint)BoardResources.SmiCommandPort)
            .Add(BoardResources.AcpiEnable).Add(BoardResources.AcpiDisable)
            .SkipTo(56).Add((uint)platform.PowerPort)
            .SkipTo(64).Add((uint)control)
            .SkipTo(76).Add((uint)timer)
            .Add((uint)events)
            .SkipTo(88).Add(EventLength).Add(ControlLength)
            .SkipTo(91).Add(TimerLength).Add(BoardResources.GeneralEventLength)
            .SkipTo(96).Add(NoC2).Add(NoC3)
            .SkipTo(108).Add(CmosCentury)
            .Add(bootFlags)
            .SkipTo(112).Add(Wbinvd | C1OnAllProcessors | NoSleepButton | ResetRegister)
            .AddPort(BoardResources.ResetPort, ResetLength, ByteAccess)
            .Add(BoardResources.ResetValue)
            .SkipTo(140).Add(dsdt) // X_FIRMWARE_CTRL stays zero: the 32-bit field is used
            .AddPort(platform.PowerPort, EventLength, WordAccess)
            .SkipTo(172).AddPort(control, ControlLength, WordAccess)
            .SkipTo(208).AddPort(timer, TimerLength, DoubleWordAccess)
            .AddPort(events, BoardResources.GeneralEventLength, ByteAccess)
            .SkipTo(268).Add("HOLON", 8)
            .ToArray();
    }
}
