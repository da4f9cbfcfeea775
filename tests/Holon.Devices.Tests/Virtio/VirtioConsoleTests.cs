using System.Text;
using Holon.Devices.Virtio.Consoles;

namespace Holon.Devices.Tests.Virtio;

/// <summary>virtio 1.2, §5.3.</summary>
public sealed class VirtioConsoleTests
{
    private const ulong Buffer = 0x2000, Message = 0x3000;
    private const ulong Multiport = 1 << 1;

    private static TestDriver Start(VirtioConsole console, ulong features = TestDriver.Everything)
    {
        var driver = new TestDriver(console);
        driver.Negotiate(features);
        driver.UseMessages();
        return driver;
    }

    [Fact]
    public void Output_and_input_travel_and_input_waits_for_buffers()
    {
        var output = new StringBuilder();
        var wanted = 0;
        var console = new VirtioConsole(new ConsolePort(data => output.Append(Encoding.ASCII.GetString(data)))) { InputWanted = _ => wanted++ };
        using var driver = Start(console, TestDriver.Everything & ~Multiport);
        var receive = driver.SetUp(0);
        var transmit = driver.SetUp(1);
        driver.Ready();
        driver.Memory.Write(Buffer, "hello "u8);
        driver.Memory.Write(Buffer + 100, "world"u8);
        transmit.Do(indirect: true, new DriverBuffer(Buffer, 6, false), new DriverBuffer(Buffer + 100, 5, false));
        Assert.Equal("hello world", output.ToString());

        Assert.Equal(0, console.Send(0, "abcdef"u8));
        receive.Add(indirect: false, new DriverBuffer(Buffer, 4, true));
        receive.Notify();
        Assert.Equal(1, wanted);
        Assert.Equal(4, console.Send(0, "abcdef"u8));
        Assert.Equal(4u, receive.Take()?.Written);
        Assert.Equal("abcd"u8, driver.Memory.Span(Buffer, 4));
    }

    [Fact]
    public void Ports_are_announced_with_their_names_and_sizes() // §5.3.6.2
    {
        var console = new VirtioConsole(new ConsolePort(_ => { }), new ConsolePort(_ => { }, "agent"));
        console.SetSize(100, 40);
        console.SetOpen(1, open: true);
        using var driver = Start(console);
        var receive = driver.SetUp(2, 32);
        var transmit = driver.SetUp(3);
        driver.Ready();
        Assert.Equal(100ul, driver.Device(0, 2));
        Assert.Equal(2ul, driver.Device(4, 4));
        for (var i = 0; i < 16; i++) receive.Add(indirect: false, new DriverBuffer(Buffer + ((ulong)i * 64), 64, true));

        Control(uint.MaxValue, 0, 1);
        Assert.Equal([(0u, 1, 0, ""), (1u, 1, 0, "")], Answers());
        Control(0, 3, 1);
        Assert.Equal([(0u, 4, 1, ""), (0u, 5, 0, "\x28\0\x64\0"), (0u, 6, 1, "")], Answers());
        Control(1, 3, 1);
        Assert.Equal([(1u, 7, 1, "agent"), (1u, 6, 1, "")], Answers());
        Control(9, 3, 1);
        Assert.Empty(Answers());

        void Control(uint port, ushort what, ushort value)
        {
            driver.Memory.Write(Message, port);
            driver.Memory.Write(Message + 4, what);
            driver.Memory.Write(Message + 6, value);
            transmit.Do(indirect: false, new DriverBuffer(Message, 8, false));
        }

        List<(uint Port, int What, int Value, string More)> Answers()
        {
            var answers = new List<(uint, int, int, string)>();
            while (receive.Take() is var (id, written))
            {
                // Buffers were given in the order of their identifiers, or against it.
                var at = Buffer + (_order.IndexOf(id) is var place and >= 0 ? (ulong)place * 64 : (ulong)_order.Count * 64);
                _order.Add(id);
                answers.Add((driver.Memory.Read<uint>(at), driver.Memory.Read<ushort>(at + 4), driver.Memory.Read<ushort>(at + 6), Encoding.Latin1.GetString(driver.Memory.Span(at + 8, (int)written - 8))));
            }

            return answers;
        }
    }

    [Fact]
    public void An_emergency_write_is_output_before_anything_is_set_up() // §5.3.4
    {
        var output = new List<byte>();
        using var driver = new TestDriver(new VirtioConsole(new ConsolePort(data => output.AddRange(data.ToArray()))));
        driver.Function.Write(0x2008, 4, '!');
        Assert.Equal("!"u8, output.ToArray());
    }

    private readonly List<ushort> _order = [];
}
