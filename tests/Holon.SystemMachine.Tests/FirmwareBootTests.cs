using System.Text;
using Holon.Machines;

namespace Holon.SystemMachine.Tests;

/// <summary>Firmware as users have it, where it is installed.</summary>
public sealed class FirmwareBootTests
{
    [Fact]
    public async Task Seabios_finds_its_machine_and_talks_on_the_serial_line()
    {
        Assert.SkipUnless(File.Exists(SystemMachineSpec.DefaultFirmware), $"There is no {SystemMachineSpec.DefaultFirmware} (package seabios).");
        var text = new StringBuilder();
        var done = new TaskCompletionSource();
        using var trace = new StringWriter();
        var spec = new SystemMachineSpec { Bios = SystemMachineSpec.DefaultFirmware, Memory = new MemorySize(64 * MemorySize.MiB), Trace = TraceCategories.Firmware, Timeout = TimeSpan.FromSeconds(60) };
        await using (var machine = SystemMachine.Create(spec, bytes =>
        {
            text.Append(Encoding.ASCII.GetString(bytes));
            if (text.ToString().Contains("No bootable device", StringComparison.Ordinal)) done.TrySetResult();
        }, trace))
        {
            await machine.StartAsync(TestContext.Current.CancellationToken);
            await Task.WhenAny(done.Task, machine.Completion);
        }

        Assert.Contains("SeaBIOS", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("No bootable device", text.ToString(), StringComparison.Ordinal);
        var log = trace.ToString();
        Assert.Contains("e820: addr 0x0000000000000000 len 0x0000000004000000 [RAM]", log, StringComparison.Ordinal);
        Assert.Contains("ACPI: parse DSDT", log, StringComparison.Ordinal); // ours, through the table loader
        Assert.DoesNotContain("WARNING", log, StringComparison.Ordinal);
    }
}
