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

    [Fact]
    public async Task Uefi_firmware_starts_its_shell_and_keeps_variables()
    {
        Assert.SkipUnless(File.Exists(SystemMachineSpec.UefiFirmware), $"There is no {SystemMachineSpec.UefiFirmware} (package ovmf).");
        var variables = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            await RunShell(variables, "set holon-test kept"); // a variable of the firmware's, since nobody said volatile
            if (Environment.GetEnvironmentVariable("HOLON_TEST_ALL") is null) return;
            Assert.Contains("kept", await RunShell(variables, "set holon-test"), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(variables);
        }
    }

    /// <summary>Starts UEFI's shell, types one command, and has it switch the machine off.</summary>
    private static async Task<string> RunShell(string variables, string command)
    {
        var text = new StringBuilder();
        string Printed()
        {
            lock (text) return text.ToString();
        }

        var spec = new SystemMachineSpec { Bios = SystemMachineSpec.UefiFirmware, Uefi = true, Variables = variables, Memory = new MemorySize(256 * MemorySize.MiB), Timeout = TimeSpan.FromSeconds(120) };
        await using var machine = SystemMachine.Create(spec, bytes =>
        {
            lock (text) text.Append(Encoding.ASCII.GetString(bytes));
        });
        await machine.StartAsync(TestContext.Current.CancellationToken);
        var seen = 0;
        await Until("to skip", "\e");
        await Until("Shell> ", $"{command}\r");
        await Until("Shell> ", "reset -s\r");
        var exit = await machine.Completion.WaitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(MachineExitReason.PowerOff, exit.Reason);
        return Printed();

        async Task Until(string prompt, string keys)
        {
            while (true)
            {
                var at = Printed().IndexOf(prompt, seen, StringComparison.Ordinal);
                if (at >= 0)
                {
                    seen = at + prompt.Length;
                    break;
                }

                Assert.False(machine.Completion.IsCompleted, $"It ended after printing {Printed()}");
                await Task.Delay(50, TestContext.Current.CancellationToken);
            }

            foreach (var key in Encoding.ASCII.GetBytes(keys))
            {
                while (machine.SendSerial([key]) == 0) await Task.Delay(5, TestContext.Current.CancellationToken);
                await Task.Delay(20, TestContext.Current.CancellationToken); // its driver has a small queue
            }
        }
    }
}
