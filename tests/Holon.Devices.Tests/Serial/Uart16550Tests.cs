using CsCheck;
using Holon.Devices.Serial;
using Holon.Devices.State;

namespace Holon.Devices.Tests.Serial;

/// <summary>PC16550D data sheet.</summary>
public sealed class Uart16550Tests
{
    private readonly FakeLine _irq = new();
    private readonly List<byte> _output = [];
    private readonly Uart16550 _uart;

    public Uart16550Tests()
    {
        _uart = new Uart16550(_irq, _output.Add);
        _uart.Write(4, 1, 0x0B); // DTR, RTS, OUT2
    }

    [Fact]
    public void Bytes_written_are_transmitted() // and the line status says at once that there is room
    {
        _uart.Write(0, 1, 'H');
        _uart.Write(0, 1, 'i');
        Assert.Equal("Hi"u8.ToArray(), _output);
        Assert.Equal(0x60ul, _uart.Read(5, 1));
    }

    [Fact]
    public void Enabling_the_transmit_interrupt_while_empty_raises_it_at_once() // table V; Linux's probe relies on it
    {
        _uart.Write(1, 1, 0x02);
        Assert.True(_irq.Asserted);
        Assert.Equal(0x02ul, _uart.Read(2, 1)); // and reading IIR acknowledges it
        Assert.False(_irq.Asserted);
        Assert.Equal(0x01ul, _uart.Read(2, 1));
        _uart.Write(0, 1, 'x');
        Assert.True(_irq.Asserted);
    }

    [Fact]
    public void Withdrawing_the_request_to_send_holds_the_input_back_until_it_returns() // hardware flow control, as Linux drives it
    {
        var offered = 0;
        _uart.RoomAvailable = () => offered++;
        _uart.Write(4, 1, 0x09);
        Assert.Equal(0, _uart.Receive("x"u8));
        Assert.Equal(0, offered);
        _uart.Write(4, 1, 0x0B);
        Assert.Equal(1, offered);
        Assert.Equal(1, _uart.Receive("x"u8));
        _uart.Write(4, 1, 0x00);
        Assert.Equal((ulong)'x', _uart.Read(0, 1));
        Assert.Equal(1, _uart.Receive("y"u8)); // firmware sets neither signal and reads all the same
    }

    [Fact]
    public void The_interrupt_passes_only_with_OUT2()
    {
        _uart.Write(4, 1, 0x03);
        _uart.Write(1, 1, 0x02);
        Assert.False(_irq.Asserted);
        _uart.Write(4, 1, 0x0B);
        Assert.True(_irq.Asserted);
    }

    [Fact]
    public void Without_FIFO_one_byte_is_taken_at_a_time()
    {
        var offered = 0;
        _uart.RoomAvailable = () => offered++;
        Assert.Equal(1, _uart.Receive("ab"u8));
        Assert.Equal(0x61ul, _uart.Read(5, 1));
        Assert.Equal((ulong)'a', _uart.Read(0, 1));
        Assert.Equal(1, offered);
        Assert.Equal(0x60ul, _uart.Read(5, 1));
    }

    [Fact]
    public void The_FIFO_takes_sixteen_and_interrupts_by_trigger_level()
    {
        _uart.Write(2, 1, 0x81); // trigger at 8
        _uart.Write(1, 1, 0x01);
        Assert.Equal(7, _uart.Receive("1234567"u8));
        Assert.Equal(0xCCul, _uart.Read(2, 1)); // time-out: below the trigger, nothing more comes
        Assert.Equal(9, _uart.Receive("89abcdefghi"u8));
        Assert.Equal(0xC4ul, _uart.Read(2, 1));
        Assert.True(_irq.Asserted);
        var offered = false;
        _uart.RoomAvailable = () => offered = true;
        foreach (var expected in "123456789abcdefg"u8.ToArray()) Assert.Equal(expected, _uart.Read(0, 1));
        Assert.True(offered);
        Assert.False(_irq.Asserted);
        Assert.Equal(0ul, _uart.Read(0, 1));
    }

    [Fact]
    public void Priorities_of_sources() // table V: line status, data, transmitter, modem
    {
        _uart.Write(2, 1, 0x01);
        _uart.Write(1, 1, 0x0F);
        _uart.Write(4, 1, 0x18); // loopback changes the modem inputs: all four deltas
        _uart.Write(4, 1, 0x0B);
        _uart.ReceiveBreak();
        Assert.Equal(0xC6ul, _uart.Read(2, 1));
        Assert.Equal(0xF1ul, _uart.Read(5, 1));
        Assert.Equal(0xC4ul, _uart.Read(2, 1));
        _uart.Read(0, 1);
        Assert.Equal(0xC2ul, _uart.Read(2, 1));
        Assert.Equal(0xC0ul, _uart.Read(2, 1));
        _uart.Read(6, 1);
        Assert.Equal(0xC1ul, _uart.Read(2, 1));
    }

    [Fact]
    public void Linux_detects_a_16550A() // drivers/tty/serial/8250: scratch, IER, loopback of modem lines, FIFO bits
    {
        _uart.Write(1, 1, 0);
        Assert.Equal(0ul, _uart.Read(1, 1));
        _uart.Write(1, 1, 0x0F);
        Assert.Equal(0x0Ful, _uart.Read(1, 1));
        _uart.Write(1, 1, 0);
        _uart.Write(4, 1, 0x1A);
        Assert.Equal(0x90ul, _uart.Read(6, 1) & 0xF0);
        _uart.Write(4, 1, 0x0B);
        _uart.Write(2, 1, 0x01);
        Assert.Equal(3ul, _uart.Read(2, 1) >> 6);
        _uart.Write(3, 1, 0xBF);
        Assert.NotEqual(0ul, _uart.Read(2, 1)); // no EFR of a 16650
        _uart.Write(3, 1, 0);
        _uart.Write(2, 1, 0x21);
        Assert.Equal(0xC0ul, _uart.Read(2, 1) & 0xE0); // no 64-byte FIFO of a 16750
    }

    [Fact]
    public void Loopback_returns_what_is_sent_and_overruns()
    {
        _uart.Write(4, 1, 0x10);
        _uart.Write(0, 1, 'a');
        _uart.Write(0, 1, 'b');
        Assert.Empty(_output);
        Assert.Equal(0x63ul, _uart.Read(5, 1));
        Assert.Equal((ulong)'a', _uart.Read(0, 1));
        Assert.Equal(0, _uart.Receive("x"u8));
    }

    [Fact]
    public void The_divisor_latch_hides_data_and_IER()
    {
        _uart.Write(3, 1, 0x83);
        _uart.Write(0, 2, 0x0301);
        Assert.Equal(0x0301ul, _uart.Read(0, 2));
        _uart.Write(3, 1, 0x03);
        Assert.Equal(0ul, _uart.Read(1, 1));
        Assert.Empty(_output);
    }

    [Fact]
    public void Clearing_the_FIFO_drops_what_it_held()
    {
        _uart.Write(2, 1, 0x01);
        _uart.Receive("abc"u8);
        _uart.Write(2, 1, 0x03);
        Assert.Equal(0x60ul, _uart.Read(5, 1));
    }

    [Fact]
    public void Saved_state_goes_on()
    {
        _uart.Write(2, 1, 0x81);
        _uart.Write(1, 1, 0x01);
        _uart.Receive("xyz"u8);
        var writer = new DeviceStateWriter();
        _uart.Save(writer);
        var irq = new FakeLine();
        var restored = new Uart16550(irq, _ => { });
        restored.Load(new DeviceStateReader(writer.Written, "test"));
        Assert.True(irq.Asserted);
        Assert.Equal((ulong)'x', restored.Read(0, 1));
    }

    [Fact]
    public void Any_sequence_of_accesses_leaves_it_working() =>
        Gen.Select(Gen.ULong[0, 9], Gen.Int[0, 9], Gen.ULong, Gen.Int[0, 20], Gen.Int[0, 3]).Array.Sample(operations =>
        {
            var output = new List<byte>();
            var uart = new Uart16550(new FakeLine(), output.Add);
            foreach (var (offset, size, value, count, kind) in operations)
            {
                if (kind == 0) Assert.InRange(uart.Receive(new byte[count]), 0, Uart16550.FifoDepth);
                else if (kind == 1) uart.Read(offset, size);
                else uart.Write(offset, kind == 2 ? 1 : size, value);
            }

            uart.Write(4, 1, 0);
            uart.Write(3, 1, 3);
            output.Clear();
            uart.Write(0, 1, 'x');
            Assert.Equal("x"u8.ToArray(), output);
        });
}
