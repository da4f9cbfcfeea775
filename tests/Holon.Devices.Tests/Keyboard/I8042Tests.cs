using CsCheck;
using Holon.Devices.Keyboard;
using Holon.Devices.State;

namespace Holon.Devices.Tests.Keyboard;

/// <summary>IBM PS/2 Hardware Interface Technical Reference, and what Linux and SeaBIOS do with it.</summary>
public sealed class I8042Tests
{
    private readonly FakeLine _keyboardIrq = new(), _auxiliaryIrq = new();
    private readonly I8042 _controller;
    private int _resets;
    private bool _a20 = true;

    public I8042Tests() => _controller = new I8042(_keyboardIrq, _auxiliaryIrq, open => _a20 = open, () => _resets++);

    private byte Status => (byte)_controller.Command.Read(0, 1);

    private void Command(byte value) => _controller.Command.Write(0, 1, value);

    private void Data(byte value) => _controller.Data.Write(0, 1, value);

    private List<byte> Drain()
    {
        var bytes = new List<byte>();
        while ((Status & 1) != 0) bytes.Add((byte)_controller.Data.Read(0, 1));
        return bytes;
    }

    [Fact]
    public void Self_test_and_interface_tests_pass()
    {
        Assert.Equal(0x10, Status);
        Command(0xAA);
        Assert.Equal([0x55], Drain());
        Assert.Equal(0x1C, Status);
        Command(0xAB);
        Assert.Equal([0x00], Drain());
    }

    [Fact]
    public void Linux_finds_the_auxiliary_port() // drivers/input/serio/i8042.c, i8042_check_aux
    {
        Command(0x20);
        var mode = Drain()[0];
        Command(0xD3);
        Data(0x5A);
        Assert.Equal(0x21, Status & 0x21);
        Assert.True(_auxiliaryIrq.Asserted);
        Assert.Equal([0x5A], Drain());
        Command(0xA7);
        Command(0x20);
        Assert.Equal(mode | 0x20, Drain()[0]);
        Command(0xA8);
        Command(0x20);
        Assert.Equal(mode & ~0x20, Drain()[0]);
    }

    [Fact]
    public void The_keyboard_answers_reset_and_identify()
    {
        Command(0x60);
        Data(0x01); // no translation
        Data(0xFF);
        Assert.Equal([0xFA, 0xAA], Drain());
        Data(0xF2);
        Assert.Equal([0xFA, 0xAB, 0x83], Drain());
        Data(0xED);
        Assert.Equal([0xFA], Drain());
        Data(0x02);
        Assert.Equal([0xFA], Drain());
        Assert.Equal(2, _controller.Leds);
        Data(0xEE);
        Assert.Equal([0xEE], Drain());
    }

    [Fact]
    public void The_mouse_answers_reset_and_identify_and_moves()
    {
        foreach (var (command, answer) in new (byte, byte[])[] { (0xFF, [0xFA, 0xAA, 0x00]), (0xF2, [0xFA, 0x00]), (0xF4, [0xFA]) })
        {
            Command(0xD4);
            Data(command);
            Assert.Equal(answer, Drain());
        }

        _controller.MoveMouse(-2, 3, 1);
        Assert.Equal(0x21, Status & 0x21);
        Assert.Equal([0x19, 0xFE, 0x03], Drain());
    }

    [Fact]
    public void Keys_are_translated_to_set_1_and_interrupt_one_by_one()
    {
        Assert.True(_controller.Type([0x1C, 0xF0, 0x1C, 0xE0, 0x75])); // A pressed and released, cursor up
        Assert.True(_keyboardIrq.Asserted);
        Assert.Equal([0x1E, 0x9E, 0xE0, 0x48], Drain());
        Assert.Equal(4, _keyboardIrq.Edges);
        Assert.False(_keyboardIrq.Asserted);
    }

    [Fact]
    public void A_disabled_interface_holds_bytes_back()
    {
        Command(0xAD);
        Assert.True(_controller.Type([0x1C]));
        Assert.Equal(0, Status & 1);
        Command(0xAE);
        Assert.Equal([0x1E], Drain());
    }

    [Fact]
    public void More_keys_than_the_queue_holds_are_refused()
    {
        Assert.False(_controller.Type(new byte[17]));
        Assert.True(_controller.Type(new byte[16]));
        Assert.False(_controller.Type(new byte[16]));
    }

    [Fact]
    public void Reset_lines()
    {
        Command(0xFE);
        Assert.Equal(1, _resets);
        Command(0xFF);
        Assert.Equal(1, _resets);
        _controller.SystemControl.Write(0, 1, 1);
        _controller.SystemControl.Write(0, 1, 1);
        Assert.Equal(2, _resets);
        Command(0xD1);
        Data(0xFE);
        Assert.Equal(3, _resets);
    }

    [Fact]
    public void The_A20_gate_is_closed_only_when_both_let_go()
    {
        Command(0xD1);
        Data(0xDD);
        Assert.False(_a20);
        _controller.SystemControl.Write(0, 1, 2);
        Assert.True(_a20);
        _controller.SystemControl.Write(0, 1, 0);
        Assert.False(_a20);
        Command(0xD1);
        Data(0xDF);
        Assert.True(_a20);
        Command(0xD0);
        Assert.Equal([0xDF], Drain());
    }

    [Fact]
    public void Saved_state_goes_on()
    {
        _controller.Type([0xF0, 0x1C]);
        var writer = new DeviceStateWriter();
        _controller.Save(writer);
        var irq = new FakeLine();
        var restored = new I8042(irq, new FakeLine(), _ => { }, () => { });
        restored.Load(new DeviceStateReader(writer.Written, "test"));
        Assert.True(irq.Asserted);
        Assert.Equal(0x9Eul, restored.Data.Read(0, 1));
    }

    [Fact]
    public void Any_sequence_of_accesses_leaves_it_working() =>
        Gen.Select(Gen.Int[0, 6], Gen.Byte, Gen.Int[0, 9]).Array.Sample(operations =>
        {
            var controller = new I8042(new FakeLine(), new FakeLine(), _ => { }, () => { });
            foreach (var (kind, value, size) in operations)
            {
                switch (kind)
                {
                    case 0: controller.Data.Write(0, size, value); break;
                    case 1: controller.Command.Write(0, size, value); break;
                    case 2: controller.Data.Read(0, size); break;
                    case 3: controller.SystemControl.Write(0, size, value); break;
                    case 4: controller.Type([value, value]); break;
                    case 5: controller.MoveMouse(value - 128, value, value); break;
                    default: controller.Command.Read(0, size); break;
                }
            }

            controller.Command.Write(0, 1, 0xAA);
            Assert.Equal(0x55ul, controller.Data.Read(0, 1));
        });
}
