using Holon.Devices.Flash;

namespace Holon.Devices.Tests.Flash;

/// <summary>Common Flash Interface, Intel command set.</summary>
public sealed class ParallelFlashTests
{
    private readonly byte[] _content = [.. Enumerable.Repeat((byte)0xFF, 8192)];
    private readonly List<(long Offset, int Length)> _stored = [];
    private readonly ParallelFlash _flash;

    public ParallelFlashTests() => _flash = new ParallelFlash(_content, (offset, bytes) => _stored.Add((offset, bytes.Length)));

    [Fact]
    public void Firmware_tells_it_from_memory_by_its_status()
    {
        _flash.Write(100, 1, 0x50);
        Assert.Equal(0xFFul, _flash.Read(100, 1));
        _flash.Write(100, 1, 0x70);
        Assert.Equal(0ul, _flash.Read(100, 1));
        _flash.Write(100, 1, 0xFF);
        Assert.Equal(0xFFul, _flash.Read(100, 1));
    }

    [Fact]
    public void Programming_clears_bits_and_erasing_sets_a_block()
    {
        Program(5, 0x0F);
        Program(5, 0xF3);
        Assert.Equal(0x03, _content[5]);
        _flash.Write(4000, 1, 0x20);
        _flash.Write(4000, 1, 0xD0);
        Assert.Equal(0x80ul, _flash.Read(0, 1));
        Assert.Equal(0xFF, _content[5]);
        Assert.Equal([(5, 1), (5, 1), (0, 4096)], _stored);

        void Program(ulong at, byte value)
        {
            _flash.Write(at, 1, 0x10);
            _flash.Write(at, 1, value);
        }
    }
}
