using CsCheck;
using Holon.Devices.State;
using Holon.Machines;

namespace Holon.Devices.Tests.State;

public sealed class DeviceStateTests
{
    private static ReadOnlyMemory<byte> Sample()
    {
        var writer = new DeviceStateWriter();
        writer.BeginSection("outer", 2);
        writer.Write(0x1122334455667788ul);
        writer.BeginSection("inner", 1);
        writer.Write(true);
        writer.WriteBytes([1, 2, 3]);
        writer.EndSection();
        writer.Write((ushort)7);
        writer.EndSection();
        return writer.Written;
    }

    private static void Read(ReadOnlyMemory<byte> data)
    {
        var reader = new DeviceStateReader(data, "test.state");
        reader.BeginSection("outer", 2);
        reader.ReadUInt64();
        reader.BeginSection("inner", 1);
        reader.ReadBoolean();
        Span<byte> bytes = stackalloc byte[3];
        reader.ReadBytes(bytes);
        reader.EndSection();
        reader.ReadUInt16();
        reader.EndSection();
    }

    [Fact]
    public void What_was_written_is_read_back()
    {
        var reader = new DeviceStateReader(Sample(), "test.state");
        Assert.Equal(2, reader.BeginSection("outer", 3));
        Assert.Equal(0x1122334455667788ul, reader.ReadUInt64());
        reader.BeginSection("inner", 1);
        Assert.True(reader.ReadBoolean());
        var bytes = new byte[3];
        reader.ReadBytes(bytes);
        Assert.Equal([1, 2, 3], bytes);
        reader.EndSection();
        Assert.Equal(7, reader.ReadUInt16());
        reader.EndSection();
    }

    [Fact]
    public void A_newer_version_is_refused_by_name()
    {
        var error = Assert.Throws<HolonException>(() => new DeviceStateReader(Sample(), "test.state").BeginSection("outer", 1));
        Assert.Contains("outer", error.Message, StringComparison.Ordinal);
        Assert.Contains("test.state", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_section_not_read_to_its_end_is_damage()
    {
        var reader = new DeviceStateReader(Sample(), "test.state");
        reader.BeginSection("outer", 2);
        Assert.Throws<HolonException>(reader.EndSection);
    }

    [Fact]
    public void Damaged_data_gives_only_clear_errors() => Gen.Select(Gen.Int[0, 60], Gen.Byte, Gen.Int[0, 80]).Sample((position, value, length) =>
    {
        var data = Sample().ToArray();
        if (position < data.Length) data[position] = value;
        try
        {
            Read(data.AsMemory(0, Math.Min(length, data.Length)));
        }
        catch (HolonException)
        {
        }
    });
}
