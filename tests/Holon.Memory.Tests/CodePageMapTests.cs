namespace Holon.Memory.Tests;

public sealed class CodePageMapTests
{
    private const ulong AllPieces = ulong.MaxValue;

    [Fact]
    public void Pages_hold_code_while_they_are_marked()
    {
        var map = new CodePageMap(4);
        var number = map.Register(new Holder());
        Assert.False(map.HasCode(2));
        map.Mark(2, number);
        Assert.True(map.HasCode(2));
        Assert.False(map.HasCode(1));
        map.Release(2, number);
        Assert.False(map.HasCode(2));
    }

    [Fact]
    public void Pages_beyond_memory_hold_none() => Assert.False(new CodePageMap(4).HasCode(ulong.MaxValue));

    [Theory]
    [InlineData(0x1000, 0x1000, false)] // the page before
    [InlineData(0x1FFF, 1, false)]
    [InlineData(0x1FFF, 2, true)] // reaches into it
    [InlineData(0x2000, 1, true)]
    [InlineData(0x203F, 1, true)]
    [InlineData(0x2040, 0xFC0, false)] // beside what code was made of
    [InlineData(0x3000, 1, false)]
    [InlineData(0x2000, 0, false)] // nothing
    [InlineData(0x0000, 0x10000, true)] // over it, and beyond the end of memory
    public void Writers_from_outside_are_reported_when_they_touch_code(ulong address, ulong length, bool told)
    {
        var map = new CodePageMap(8);
        var holder = new Holder();
        var number = map.Register(holder);
        map.Mark(2, number);
        map.AddPieces(2, CodePageMap.PiecesOf(0, 20));
        map.NotifyWrite(address, length);
        Assert.Equal(told ? [2ul] : [], holder.Told);
        Assert.Equal(!told, map.HasCode(2));
    }

    [Fact]
    public void Guest_memory_reports_what_is_written_through_it()
    {
        using var memory = new GuestMemory(new MemoryRange(0, 0x4000));
        var holder = new Holder();
        memory.CodePages.Mark(1, memory.CodePages.Register(holder));
        memory.CodePages.AddPieces(1, AllPieces);
        memory.Write(0, 5ul);
        Assert.Empty(holder.Told);
        memory.Write(0x1ffc, [1, 2, 3, 4, 5, 6, 7, 8]);
        Assert.Equal([1ul], holder.Told);
    }

    [Fact]
    public void A_store_of_one_is_told_to_the_others_that_have_code_of_it_and_the_page_taken_from_them()
    {
        var map = new CodePageMap(4);
        var (writer, other, third) = (new Holder(), new Holder(), new Holder());
        var (writing, otherNumber) = (map.Register(writer), map.Register(other));
        map.Register(third);
        map.Mark(1, writing);
        map.Mark(1, otherNumber);
        map.AddPieces(1, CodePageMap.PiecesOf(0x100, 4));
        map.Overwritten(1, CodePageMap.PiecesOf(0x140, 8), writing);
        Assert.Empty(other.Told); // another piece
        map.Overwritten(1, CodePageMap.PiecesOf(0xFC, 8), writing);
        Assert.Equal([1ul], other.Told);
        Assert.Empty(writer.Told);
        Assert.Empty(third.Told);
        Assert.True(map.HasCode(1));
        Assert.False(map.HasCodeOfOthers(1, writing));
    }

    [Fact]
    public void Marking_a_page_waits_for_those_who_may_write_to_it_and_for_nobody_else()
    {
        var map = new CodePageMap(4);
        var (writer, other) = (new Holder { Writable = 3, Answers = 2 }, new Holder { Writable = 2 });
        var number = map.Register(new Holder());
        map.Register(writer);
        map.Register(other);
        map.Mark(3, number);
        Assert.Equal([3ul], writer.Taken);
        Assert.Equal(0, writer.Answers); // asked until it had
        Assert.Empty(other.Taken);
    }

    [Fact]
    public void Numbers_are_given_again_and_sixty_four_fit()
    {
        var map = new CodePageMap(1);
        var numbers = Enumerable.Range(0, CodePageMap.MostHolders).Select(_ => map.Register(new Holder())).ToArray();
        Assert.Equal(Enumerable.Range(0, CodePageMap.MostHolders), numbers);
        Assert.Throws<InvalidOperationException>(() => map.Register(new Holder()));
        map.Mark(0, 63);
        map.Unregister(63);
        Assert.False(map.HasCode(0));
        Assert.Equal(63, map.Register(new Holder()));
        Assert.True(map.IsShared);
    }

    private sealed class Holder : ICodeHolder
    {
        public List<ulong> Told { get; } = [];

        public List<ulong> Taken { get; } = [];

        /// <summary>The page that it may write.</summary>
        public ulong? Writable { get; init; }

        /// <summary>How often it has to be asked until it has given up.</summary>
        public int Answers { get; set; }

        public bool MayWrite(ulong page) => page == Writable;

        public long TakeWrite(ulong page)
        {
            Taken.Add(page);
            return 1;
        }

        public bool HasGivenUp(long number)
        {
            if (Answers == 0) return true;
            Answers--;
            return false;
        }

        public void Overwritten(ulong page) => Told.Add(page);
    }
}
