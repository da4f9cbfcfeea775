using System.Buffers.Binary;
using System.Text;
using CsCheck;
using Holon.Devices.FwCfg;
using Holon.Devices.State;
using Holon.Memory;

namespace Holon.Devices.Tests.FwCfg;

/// <summary>QEMU's docs/specs/fw_cfg.rst.</summary>
public sealed class FwCfgDeviceTests
{
    private static byte[] ReadItem(FwCfgDevice device, ushort key, int length)
    {
        device.Write(0, 2, key);
        return [.. Enumerable.Range(0, length).Select(_ => (byte)device.Read(1, 1))];
    }

    private static uint Dma(FwCfgDevice device, GuestMemory memory, uint control, uint length, ulong address, ulong descriptor = 0x100)
    {
        var fields = memory.Span(descriptor, 16);
        BinaryPrimitives.WriteUInt32BigEndian(fields, control);
        BinaryPrimitives.WriteUInt32BigEndian(fields[4..], length);
        BinaryPrimitives.WriteUInt64BigEndian(fields[8..], address);
        device.Write(4, 4, 0);
        device.Write(8, 4, BinaryPrimitives.ReverseEndianness((uint)descriptor));
        return BinaryPrimitives.ReadUInt32BigEndian(fields);
    }

    [Fact]
    public void It_is_recognized()
    {
        Assert.Equal("QEMU"u8.ToArray(), ReadItem(new FwCfgDevice(null), FwCfgKey.Signature, 4));
        Assert.Equal([1, 0, 0, 0], ReadItem(new FwCfgDevice(null), FwCfgKey.Identification, 4));
    }

    [Fact]
    public void Items_are_read_byte_by_byte_and_end_in_zeros()
    {
        var device = new FwCfgDevice(null);
        device.Add(FwCfgKey.ProcessorCount, (ushort)0x1234);
        Assert.Equal([0x34, 0x12, 0, 0], ReadItem(device, FwCfgKey.ProcessorCount, 4));
        Assert.Equal([0], ReadItem(device, 0x1ABC, 1));
    }

    [Fact]
    public void Files_are_listed_by_name()
    {
        var device = new FwCfgDevice(null);
        device.AddFile("etc/e820", new byte[] { 9, 8, 7 });
        device.AddFile("bootorder", new byte[] { 1 });
        var directory = ReadItem(device, FwCfgKey.FileDirectory, 4 + (2 * 64));
        Assert.Equal(2u, BinaryPrimitives.ReadUInt32BigEndian(directory));
        Assert.Equal("bootorder", Encoding.ASCII.GetString(directory, 12, 9));
        Assert.Equal(3u, BinaryPrimitives.ReadUInt32BigEndian(directory.AsSpan(68)));
        var key = BinaryPrimitives.ReadUInt16BigEndian(directory.AsSpan(72));
        Assert.Equal([9, 8, 7], ReadItem(device, key, 3));
        Assert.Throws<ArgumentException>(() => device.AddFile(new string('x', 56), default));
    }

    [Fact]
    public void DMA_selects_reads_and_skips()
    {
        using var memory = new GuestMemory(new MemoryRange(0, 1 << 20));
        var device = new FwCfgDevice(memory);
        Assert.Equal(BinaryPrimitives.ReverseEndianness(0x51454D5520434647ul), device.Read(4, 8));
        Assert.Equal((ulong)'Q', device.Read(4, 1));
        device.Add(0x8003, new byte[] { 1, 2, 3, 4, 5 });
        memory.Span(0x1000, 16).Fill(0xEE);
        Assert.Equal(0u, Dma(device, memory, (0x8003u << 16) | 8 | 2, 2, 0x1000));
        Assert.Equal([1, 2, 0xEE], memory.Span(0x1000, 3).ToArray());
        Assert.Equal(0u, Dma(device, memory, 4, 1, 0));
        Assert.Equal(0u, Dma(device, memory, 2, 4, 0x1000));
        Assert.Equal([4, 5, 0, 0, 0xEE], memory.Span(0x1000, 5).ToArray());
    }

    [Fact]
    public void DMA_outside_memory_or_to_items_is_an_error()
    {
        using var memory = new GuestMemory(new MemoryRange(0, 1 << 20));
        var device = new FwCfgDevice(memory);
        Assert.Equal(1u, Dma(device, memory, 2, 16, (1 << 20) - 8));
        Assert.Equal(1u, Dma(device, memory, 2, uint.MaxValue, 0));
        Assert.Equal(1u, Dma(device, memory, 2, 16, ulong.MaxValue - 4));
        Assert.Equal(1u, Dma(device, memory, 16, 1, 0x1000));
    }

    [Fact]
    public void Saved_state_goes_on()
    {
        var device = new FwCfgDevice(null);
        ReadItem(device, FwCfgKey.Signature, 2);
        var writer = new DeviceStateWriter();
        device.Save(writer);
        var restored = new FwCfgDevice(null);
        restored.Load(new DeviceStateReader(writer.Written, "test"));
        Assert.Equal((ulong)'M', restored.Read(1, 1));
    }

    [Fact]
    public void Any_sequence_of_accesses_leaves_it_working() =>
        Gen.Select(Gen.ULong[0, 14], Gen.Int[0, 9], Gen.OneOf(Gen.ULong, Gen.ULong[0, 0x30]), Gen.Bool, Gen.UInt).Array.Sample(operations =>
        {
            using var memory = new GuestMemory(new MemoryRange(0, 1 << 16));
            var device = new FwCfgDevice(memory);
            foreach (var (offset, size, value, write, control) in operations)
            {
                if (offset == 14) Dma(device, memory, control & 0x3F001F, control, value, value & 0x0FF0);
                else if (write) device.Write(offset, size, value);
                else device.Read(offset, size);
            }

            Assert.Equal("QEMU"u8.ToArray(), ReadItem(device, FwCfgKey.Signature, 4));
        }, iter: 50);
}
