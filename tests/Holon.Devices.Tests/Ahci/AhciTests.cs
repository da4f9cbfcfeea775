using CsCheck;
using Holon.Devices.Ahci;
using Holon.Devices.Pci;
using Holon.Devices.Tests.Virtio;
using Holon.Memory;
using Holon.Storage;

namespace Holon.Devices.Tests.Ahci;

/// <summary>Serial ATA AHCI 1.3.1.</summary>
public sealed class AhciTests : IDisposable
{
    private const ulong List = 0x1000, Fis = 0x2000, Table = 0x3000, Data = 0x10000;
    private const ulong Port = 0x100, Status = Port + 0x10, Enable = Port + 0x14, Command = Port + 0x18, TaskFile = Port + 0x20, Active = Port + 0x34, Issue = Port + 0x38;

    private readonly GuestMemory _memory = new(new MemoryRange(0, 4 << 20));
    private readonly FakeLine _line = new();
    private readonly MemoryDisk _disk = new(1 << 20);
    private readonly AhciController _controller;
    private readonly PciBus _bus;

    public AhciTests()
    {
        _controller = new AhciController(_memory, new FakeMessages(), [new AhciDisk(_disk, "S1")]);
        _bus = new PciBus(new FakeAddressSpace(), (_, _) => _line);
        _bus.Attach(_controller, 2);
        _controller.Write(4, 4, 0x8000_0002);
        Start();
    }

    public void Dispose()
    {
        _bus.Detach(2);
        _memory.Dispose();
    }

    private void Start()
    {
        _controller.Write(Port, 4, List);
        _controller.Write(Port + 8, 4, Fis);
        _controller.Write(Enable, 4, 0x7DC0007F);
        _controller.Write(Command, 4, 0x11);
    }

    private void Put(int slot, byte command, long sector, int count, uint bytes, int features = 0)
    {
        var (header, table) = (List + ((ulong)slot * 32), Table + ((ulong)slot * 0x100));
        _memory.Write(header, 5u | (bytes > 0 ? 1u << 16 : 0));
        _memory.Write(header + 8, table);
        _memory.Write(table, [0x27, 0x80, command, (byte)features, (byte)sector, (byte)(sector >> 8), (byte)(sector >> 16), 0x40, (byte)(sector >> 24), 0, 0, (byte)(features >> 8), (byte)count, (byte)(count >> 8)]);
        _memory.Write(table + 0x80, Data + ((ulong)slot * 0x4000));
        _memory.Write(table + 0x8C, bytes - 1);
    }

    private uint Do(byte command, long sector, int count, uint bytes)
    {
        Put(0, command, sector, count, bytes);
        _controller.Write(Status, 4, uint.MaxValue);
        _controller.Write(Issue, 4, 1);
        return (uint)_controller.Read(TaskFile, 4);
    }

    [Fact]
    public void A_disk_is_identified()
    {
        Assert.Equal(0x101ul, _controller.Read(Port + 0x24, 4));
        Assert.Equal(0x50u, Do(0xEC, 0, 0, 512));
        Assert.Equal(2048u, _memory.Read<uint>(Data + 120));
        Assert.Equal("1S"u8, _memory.Span(Data + 20, 2)); // two characters a word, swapped
        Assert.Equal(0, _memory.Span(Data, 512).ToArray().Aggregate((byte)0, (sum, value) => (byte)(sum + value)));
        Assert.Equal(0x5F, _memory.Read<byte>(Fis + 0x20));
        Assert.True(_line.Asserted);
        _controller.Write(Status, 4, uint.MaxValue);
        _controller.Write(8, 4, 1);
        Assert.False(_line.Asserted);
    }

    [Fact]
    public void Writes_and_reads_transfer_and_say_how_much()
    {
        _memory.Span(Data, 1024).Fill(0x5A);
        Assert.Equal(0x50u, Do(0x35, 10, 2, 1024));
        Assert.Equal(0x5A, _disk.Content[(12 * 512) - 1]);
        Assert.Equal(1024u, _memory.Read<uint>(List + 4));
        _memory.Span(Data, 1024).Clear();
        Assert.Equal(0x50u, Do(0xC8, 10, 2, 1024));
        Assert.Equal(0x5A, _memory.Read<byte>(Data + 1023));
        Assert.Equal(0x34, _memory.Read<byte>(Fis + 0x40));
        Assert.Equal(0x50u, Do(0xEA, 0, 0, 0));
        Assert.Equal([BlockOperation.Write, BlockOperation.Read, BlockOperation.Flush], _disk.Operations);
    }

    [Fact]
    public void Queued_commands_end_by_their_tags()
    {
        _disk.Content.AsSpan(512, 512).Fill(1);
        Put(3, 0x60, 1, 3 << 3, 512, features: 1);
        Put(4, 0x60, 0, 4 << 3, 512, features: 1);
        _controller.Write(Active, 4, 0x18);
        _controller.Write(Issue, 4, 0x18);
        Assert.Equal(0ul, _controller.Read(Issue, 4));
        Assert.Equal(0ul, _controller.Read(Active, 4));
        Assert.Equal(1, _memory.Read<byte>(Data + 0xC000));
        Assert.Equal(8ul, _controller.Read(Status, 4) & 8);
    }

    [Theory]
    [InlineData(0x25, 2047, 2, 1024u)] // over the end
    [InlineData(0x25, 0, 2, 512u)] // more than the regions hold
    [InlineData(0xA1, 0, 0, 512u)] // a CD drive's command
    public void Commands_that_cannot_be_stop_the_port_until_it_is_restarted(byte command, long sector, int count, uint bytes)
    {
        Assert.NotEqual(0u, Do(command, sector, count, bytes) & 1);
        Assert.NotEqual(0ul, _controller.Read(Status, 4) & (1 << 30));
        Put(0, 0xEC, 0, 0, 512);
        _controller.Write(Command, 4, 0x10);
        Assert.Equal(0ul, _controller.Read(Command, 4) & 0x8000);
        _controller.Write(Command, 4, 0x11);
        Assert.Equal(0x50u, Do(0xEC, 0, 0, 512));
    }

    [Fact]
    public void A_reset_of_the_controller_and_of_the_link_brings_the_disk_back()
    {
        _controller.Write(4, 4, 1);
        Assert.Equal(0x8000_0000ul, _controller.Read(4, 4));
        _controller.Write(4, 4, 0x8000_0002);
        _controller.Write(Port + 0x2C, 4, 1);
        _controller.Write(Port + 0x2C, 4, 0);
        Assert.Equal(0x123ul, _controller.Read(Port + 0x28, 4));
        Start();
        Assert.Equal(0x50u, Do(0xEC, 0, 0, 512));
    }

    [Fact]
    public void A_full_host_disk_keeps_the_command()
    {
        _disk.WriteStatus = BlockStatus.NoSpace;
        Put(0, 0x35, 0, 1, 512);
        _controller.Write(Issue, 4, 1);
        Assert.Equal(1ul, _controller.Read(Issue, 4));
        _controller.Pause();
        _disk.WriteStatus = null;
        _controller.Continue();
        Assert.Equal(0ul, _controller.Read(Issue, 4));
    }

    [Fact]
    public void Whatever_the_guest_writes_harms_nobody()
    {
        var access = Gen.Select(Gen.Int[0, 0x17F], Gen.UInt, Gen.Bool);
        Gen.Select(access.Array[1, 60], Gen.Byte.Array[0x400]).Sample((accesses, junk) =>
        {
            _memory.Write(List, junk);
            _memory.Write(Table, junk);
            foreach (var (offset, value, aligned) in accesses) _controller.Write((ulong)(aligned ? offset & ~3 : offset), 4, value);
            _controller.Write(4, 4, 1);
            _controller.Write(4, 4, 0x8000_0002);
            Start();
            return Do(0xEC, 0, 0, 512) == 0x50;
        }, iter: 2000, time: Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1" ? 120 : -1, threads: 1);
    }
}
