using CsCheck;

namespace Holon.Memory.Tests;

public sealed unsafe class GuestMemoryTests
{
    private const ulong Page = GuestMemory.PageSize, High = 1ul << 32;

    [Fact]
    public void Memory_is_zero_at_first()
    {
        using var memory = new GuestMemory(new MemoryRange(0, 16 * Page));
        Assert.False(memory.Span(0, (int)(16 * Page)).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void Regions_are_apart_and_keep_what_is_written()
    {
        using var memory = TwoRegions();
        Assert.Equal(6 * Page, memory.Size);
        Assert.Equal((High + (2 * Page)) / Page, memory.PageCount);
        Assert.Equal([new MemoryRange(0, 4 * Page), new MemoryRange(High, 2 * Page)], memory.Regions);
        memory.Write((4 * Page) - 8, 0x1122334455667788ul);
        memory.Write(High, 0x99AABBCCu);
        Assert.Equal(0x1122334455667788ul, memory.Read<ulong>((4 * Page) - 8));
        Assert.Equal(0x99AABBCCu, memory.Read<uint>(High));
        Assert.Equal(0x88, memory.Span((4 * Page) - 8, 1)[0]); // little-endian
    }

    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(0, 0x4000, true)]
    [InlineData(0, 0x4001, false)]
    [InlineData(0x4000, 0, true)] // nothing at the end of a region
    [InlineData(0x4000, 1, false)]
    [InlineData(0x3FFF, 2, false)]
    [InlineData(0x100000000, 0x2000, true)]
    [InlineData(0xFFFFFFFF, 1, false)]
    [InlineData(0x100002000, 1, false)]
    [InlineData(ulong.MaxValue, 1, false)]
    [InlineData(1, ulong.MaxValue, false)] // a range that wraps around
    [InlineData(0x100000000, ulong.MaxValue, false)]
    public void A_range_is_memory_only_when_all_of_it_is_in_one_region(ulong address, ulong length, bool contained)
    {
        using var memory = TwoRegions();
        Assert.Equal(contained, memory.Contains(address, length));
        if (length > int.MaxValue) return;
        if (contained) Assert.Equal((int)length, memory.Span(address, (int)length).Length);
        else Assert.Throws<ArgumentOutOfRangeException>(() => memory.Span(address, (int)length).Length);
    }

    [Fact]
    public void Values_are_refused_where_there_is_no_memory_for_all_of_them()
    {
        using var memory = TwoRegions();
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Read<uint>((4 * Page) - 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Write((4 * Page) - 3, 1u));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Write(ulong.MaxValue, (byte)1));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Span(0, -1).Length);
        Assert.Equal(0, memory.Read<byte>((4 * Page) - 3)); // not even a part was written
    }

    [Fact]
    public void Page_pointers_exist_for_memory_only_and_point_at_it()
    {
        using var memory = TwoRegions();
        memory.Write(High + Page, (byte)0x42);
        Assert.Equal(0x42, *memory.PagePointer(High + Page));
        Assert.True(memory.PagePointer(High + Page) == memory.PagePointer(High + Page + 0xFFF));
        Assert.True(memory.PagePointer(4 * Page) == null);
        Assert.True(memory.PagePointer(High - 1) == null);
        Assert.True(memory.PagePointer(ulong.MaxValue) == null);
        *memory.PagePointer(0) = 7;
        Assert.Equal(7, memory.Read<byte>(0));
    }

    [Theory]
    [InlineData(0x0ul, 0x0ul)]
    [InlineData(0x800ul, 0x1000ul)]
    [InlineData(0x1000ul, 0x1800ul)]
    public void Misaligned_and_empty_regions_are_refused(ulong start, ulong length) =>
        Assert.Throws<ArgumentException>(() => new GuestMemory(new MemoryRange(start, length)));

    [Fact]
    public void Overlapping_and_unordered_regions_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new GuestMemory(new(0, 2 * Page), new MemoryRange(Page, Page)));
        Assert.Throws<ArgumentException>(() => new GuestMemory(new(High, Page), new MemoryRange(0, Page)));
        Assert.Throws<OverflowException>(() => new GuestMemory(new MemoryRange(ulong.MaxValue - Page + 1, 2 * Page)));
    }

    [Fact]
    public void Much_memory_costs_nothing_until_it_is_touched()
    {
        using var memory = new GuestMemory(new MemoryRange(0, 1ul << 38)); // 256 GiB
        memory.Write((1ul << 38) - 8, 5ul);
        Assert.Equal(5ul, memory.Read<ulong>((1ul << 38) - 8));
    }

    [Fact]
    public void It_can_be_given_back_twice()
    {
        var memory = TwoRegions();
        memory.Dispose();
        memory.Dispose();
    }

    [Fact]
    public void Any_writes_read_back_as_a_plain_array_would() =>
        Gen.Select(Gen.Int[0, 0x3FFF], Gen.Byte.Array[0, 300]).Array[0, 20].Sample(writes =>
        {
            using var memory = TwoRegions();
            var model = new byte[0x4000];
            foreach (var (at, data) in writes)
            {
                var fits = at + data.Length <= model.Length;
                if (!fits)
                {
                    Assert.Throws<ArgumentOutOfRangeException>(() => memory.Write((ulong)at, data));
                    continue;
                }

                memory.Write((ulong)at, data);
                data.CopyTo(model, at);
            }

            Assert.True(memory.Span(0, model.Length).SequenceEqual(model));
        }, iter: 200);

    private static GuestMemory TwoRegions() => new(new(0, 4 * Page), new MemoryRange(High, 2 * Page));
}
