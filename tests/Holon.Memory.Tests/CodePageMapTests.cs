namespace Holon.Memory.Tests;

public sealed class CodePageMapTests
{
    private readonly List<(ulong Address, ulong Length)> _told = [];

    [Fact]
    public void Pages_hold_code_while_they_are_marked()
    {
        var map = new CodePageMap(4);
        Assert.False(map.HasCode(2));
        map.Mark(2);
        Assert.True(map.HasCode(2));
        Assert.False(map.HasCode(1));
        map.Clear(2);
        Assert.False(map.HasCode(2));
    }

    [Fact]
    public void Pages_beyond_memory_hold_none() => Assert.False(new CodePageMap(4).HasCode(ulong.MaxValue));

    [Theory]
    [InlineData(0x1000, 0x1000, false)] // the page before
    [InlineData(0x1FFF, 1, false)]
    [InlineData(0x1FFF, 2, true)] // reaches into it
    [InlineData(0x2000, 1, true)]
    [InlineData(0x2FFF, 1, true)]
    [InlineData(0x3000, 1, false)]
    [InlineData(0x2000, 0, false)] // nothing
    [InlineData(0x0000, 0x10000, true)] // over it, and beyond the end of memory
    public void Writers_from_outside_are_reported_when_they_touch_code(ulong address, ulong length, bool told)
    {
        var map = new CodePageMap(8);
        map.CodeOverwritten += (start, count) => _told.Add((start, count));
        map.Mark(2);
        map.NotifyWrite(address, length);
        Assert.Equal(told ? [(address, length)] : [], _told);
    }

    [Fact]
    public void A_write_over_many_pages_of_code_is_reported_once()
    {
        var map = new CodePageMap(8);
        map.CodeOverwritten += (start, count) => _told.Add((start, count));
        for (var page = 0ul; page < 8; page++) map.Mark(page);
        map.NotifyWrite(0, 0x8000);
        Assert.Single(_told);
    }

    [Fact]
    public void Guest_memory_reports_what_is_written_through_it()
    {
        using var memory = new GuestMemory(new MemoryRange(0, 0x4000));
        memory.CodePages.CodeOverwritten += (start, count) => _told.Add((start, count));
        memory.CodePages.Mark(1);
        memory.Write(0, 5ul);
        memory.Write(0x1ff8, 5ul);
        memory.Write(0x1ffc, [1, 2, 3, 4, 5, 6, 7, 8]);
        Assert.Equal([(0x1FF8ul, 8ul), (0x1FFCul, 8ul)], _told);
    }
}
