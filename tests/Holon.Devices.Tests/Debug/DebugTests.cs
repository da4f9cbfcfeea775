using CsCheck;
using Holon.Devices.Debug;

namespace Holon.Devices.Tests.Debug;

public sealed class DebugTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 3)]
    [InlineData(0x10, 0x21)]
    public void The_exit_port_doubles_and_adds_one(int value, int expected)
    {
        var code = 0;
        new DebugExit(exit => code = exit).Write(0, 1, (ulong)value);
        Assert.Equal(expected, code);
    }

    [Fact]
    public void The_debug_console_is_recognized_and_takes_characters()
    {
        var output = new List<byte>();
        var console = new DebugConsole(output.Add);
        Assert.Equal(0xE9ul, console.Read(0, 1));
        console.Write(0, 1, 'x');
        Assert.Equal("x"u8.ToArray(), output);
    }

    [Fact]
    public void The_test_device_keeps_data_drives_lines_and_flushes()
    {
        var lines = Enumerable.Range(0, 24).Select(_ => new FakeLine()).ToArray();
        var flushed = 0u;
        var device = new TestDevice(lines, page => flushed = page);
        device.Scratch.Write(0, 4, 0x11223344);
        device.Scratch.Write(1, 1, 0xAA);
        Assert.Equal(0x1122AA44ul, device.Scratch.Read(0, 4));
        Assert.Equal(0x1122ul, device.Scratch.Read(2, 2));
        device.Interrupts.Write(14, 1, 1);
        Assert.True(lines[14].Asserted);
        device.Interrupts.Write(14, 1, 0);
        Assert.False(lines[14].Asserted);
        device.Flush.Write(0, 4, 0x123000);
        Assert.Equal(0x123000u, flushed);
        device.Memory.Write(0x100, 8, 0x0102030405060708);
        Assert.Equal(0x03040506ul, device.Memory.Read(0x102, 4));
    }

    [Fact]
    public void Any_sequence_of_accesses_is_survived() =>
        Gen.Select(Gen.OneOf(Gen.ULong, Gen.ULong[0, 30], Gen.ULong[0xFFF0, 0x10010]), Gen.Int, Gen.ULong, Gen.Bool).Array.Sample(operations =>
        {
            var device = new TestDevice([new FakeLine()], _ => { });
            IBusDevice[] targets = [device.Scratch, device.Flush, device.Interrupts, device.Memory, new DebugExit(_ => { }), new DebugConsole(_ => { })];
            foreach (var (offset, size, value, write) in operations)
            {
                foreach (var target in targets)
                {
                    if (write) target.Write(offset, size, value);
                    else target.Read(offset, size);
                }
            }

            device.Scratch.Write(0, 4, 5);
            Assert.Equal(5ul, device.Scratch.Read(0, 4));
        }, iter: 30);
}
