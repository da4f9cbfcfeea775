using Holon.Devices;
using Holon.SystemMachine.Bus;

namespace Holon.SystemMachine.Tests.Bus;

public sealed class PortSpaceTests
{
    private readonly PortSpace _ports = new();

    [Fact]
    public void Nobody_answers_with_all_ones()
    {
        Assert.Equal((0xFFu, 0xFFFFu, 0xFFFFFFFFu), (_ports.Read(0x80, 1), _ports.Read(0x80, 2), _ports.Read(0xFFFF, 4)));
        _ports.Write(0x80, 1, 0);
    }

    [Fact]
    public void Who_came_first_keeps_a_port()
    {
        _ports.Map(0x100, 4, new Constant(1), null);
        var late = new Constant(2);
        _ports.Map(0x102, 4, late, null);
        Assert.Equal([1u, 1u, 2u, 2u], [_ports.Read(0x102, 1), _ports.Read(0x103, 1), _ports.Read(0x104, 1), _ports.Read(0x105, 1)]);
        _ports.Unmap(0x102, late);
        Assert.Equal([1u, 0xFFu], [_ports.Read(0x103, 1), _ports.Read(0x104, 1)]);
    }

    [Fact]
    public void Mapping_again_and_again_does_not_grow_without_bound()
    {
        var device = new Constant(7);
        for (var i = 0; i < 100_000; i++)
        {
            _ports.Map((ushort)i, 1, device, null);
            _ports.Unmap((ushort)i, device);
        }

        _ports.Map(0x10, 1, device, null);
        Assert.Equal(7u, _ports.Read(0x10, 1));
    }

    private sealed class Constant(ulong value) : IBusDevice
    {
        public ulong Read(ulong offset, int size) => value;

        public void Write(ulong offset, int size, ulong written)
        {
        }
    }
}
