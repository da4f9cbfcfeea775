using CsCheck;
using Holon.Devices;
using Holon.Devices.Serial;

namespace Holon.SystemMachine.Tests;

public sealed class SerialQueueTests
{
    [Fact]
    public void A_guest_reads_every_byte_in_order_however_they_come() =>
        Gen.Select(Gen.Byte.Array[0, 2000], Gen.Int[1, 100].Array[1, 10], Gen.Int[1, 100], Gen.Bool).Sample((data, sizes, reads, fifo) =>
        {
            var (port, queue) = Create(fifo);
            var read = new List<byte>();
            for (var (sent, round) = (0, 0); sent < data.Length; round++)
            {
                sent += queue.Offer(data.AsSpan(sent, Math.Min(sizes[round % sizes.Length], data.Length - sent)));
                for (var i = 0; i < reads; i++) ReadOne(port, read);
            }

            while (ReadOne(port, read))
            {
            }

            return read.SequenceEqual(data);
        });

    [Fact]
    public void A_guest_that_does_not_read_makes_the_sender_wait()
    {
        var (port, queue) = Create(fifo: true);
        Assert.Equal(SerialQueue.Capacity, queue.Offer(new byte[1000]));
        Assert.Equal(0, queue.Offer(new byte[1000]));
        Assert.True(ReadOne(port, []));
        Assert.Equal(0, queue.Offer(new byte[1000]));
    }

    private static (Uart16550 Port, SerialQueue Queue) Create(bool fifo)
    {
        var port = new Uart16550(new NoInterrupt(), _ => { });
        port.Write(2, 1, fifo ? 1u : 0u);
        return (port, new SerialQueue(port));
    }

    private static bool ReadOne(Uart16550 port, List<byte> read)
    {
        if ((port.Read(5, 1) & 1) == 0) return false;
        read.Add((byte)port.Read(0, 1));
        return true;
    }

    private sealed class NoInterrupt : IInterruptLine
    {
        public void Set(bool asserted)
        {
        }
    }
}
