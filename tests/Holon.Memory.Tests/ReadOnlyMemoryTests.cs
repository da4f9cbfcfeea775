namespace Holon.Memory.Tests;

public sealed class ReadOnlyMemoryTests
{
    [Fact]
    public void Ranges_become_read_only_and_writable_again_and_say_so()
    {
        using var memory = new GuestMemory(new MemoryRange(0, 0x10000));
        var changes = 0;
        memory.ReadOnlyChanged += () => changes++;
        memory.SetReadOnly(new MemoryRange(0x4000, 0x2000), true);
        memory.SetReadOnly(new MemoryRange(0x4000, 0x2000), true);
        Assert.Equal((1, false, true, true, false), (changes, memory.IsReadOnly(0x3FFF), memory.IsReadOnly(0x4000), memory.IsReadOnly(0x5FFF), memory.IsReadOnly(0x6000)));
        memory.Write(0x4000, 1); // loaders write all the same
        Assert.Equal(1, memory.Read<int>(0x4000));
        memory.SetReadOnly(new MemoryRange(0x4000, 0x2000), false);
        Assert.Equal((2, false), (changes, memory.IsReadOnly(0x4000)));
    }

    [Fact]
    public void Only_whole_pages_can_be_read_only()
    {
        using var memory = new GuestMemory(new MemoryRange(0, 0x10000));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.SetReadOnly(new MemoryRange(0x800, 0x1000), true));
    }
}
