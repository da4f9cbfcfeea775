using CsCheck;
using Holon.Machines;
using Holon.Memory;
using Holon.SystemMachine.Boot;
using Holon.SystemMachine.Boot.Bios;

namespace Holon.SystemMachine.Tests.Boot;

public sealed class GuestLayoutTests
{
    [Fact]
    public void Allocations_never_overlap_and_always_lie_in_memory()
    {
        using var memory = TestKernels.NewMemory(2);
        Gen.Select(Gen.Bool, Gen.Int[1, 300_000], Gen.Int[0, 12].Select(bits => 1u << bits)).Array[1, 40].Sample(requests =>
        {
            var layout = new GuestLayout(memory);
            var taken = new List<MemoryRange>();
            foreach (var (low, length, alignment) in requests)
            {
                try
                {
                    var start = low ? layout.AllocateLow(length, alignment, "it") : layout.AllocateHigh((ulong)length, alignment, ulong.MaxValue, "it");
                    var range = new MemoryRange(start, (ulong)length);
                    Assert.Equal(0ul, start % alignment);
                    Assert.True(memory.Contains(start, range.Length));
                    Assert.True(low ? start >= 0x1000 && range.End <= 0x9FC00 : start >= 0x100000);
                    Assert.DoesNotContain(taken, other => range.Start < other.End && other.Start < range.End);
                    taken.Add(range);
                }
                catch (HolonException)
                {
                    // Full.
                }
            }
        }, iter: 200, threads: 1);
    }

    [Fact]
    public void Conventional_memory_can_be_used_to_its_last_byte()
    {
        using var memory = TestKernels.NewMemory(2);
        var layout = new GuestLayout(memory);
        Assert.Equal(0x1000ul, layout.AllocateLow(0x9FC00 - 0x1000, 1, "it"));
        Assert.Throws<HolonException>(() => { layout.AllocateLow(1, 1, "it"); });
        layout.Claim(0x100000, 0x100000, "all");
        Assert.Contains("overlap all", Assert.Throws<HolonException>(() => layout.Claim(0x1FFFFF, 1, "more")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reserved_ranges_cut_the_memory_map()
    {
        using var memory = TestKernels.NewMemory(4);
        var map = BootMemoryMap.Build(memory, [new(0x200000, 0x1000), new(0x3FF000, 0x1000)]);
        Assert.Equal(
        [
            new(new(0, 0x9FC00), MemoryKind.Usable), new(new(0x9FC00, 0x60400), MemoryKind.Reserved),
            new(new(0x100000, 0x100000), MemoryKind.Usable), new(new(0x200000, 0x1000), MemoryKind.Reserved),
            new(new(0x201000, 0x1FE000), MemoryKind.Usable), new MemoryMapEntry(new(0x3FF000, 0x1000), MemoryKind.Reserved),
        ], map);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(128)]
    [InlineData(256)]
    public void Firmware_lies_below_4_gib_and_below_1_mib(int kibibytes)
    {
        var rom = new byte[kibibytes << 10];
        for (var i = 0; i < rom.Length; i++) rom[i] = (byte)(i >> 8);
        rom[^16] = 0xEA;
        using var memory = new GuestMemory(new MemoryRange(0, 2 << 20), BiosRom.RangeOf(rom.Length));
        BiosRom.Load(memory, rom);
        Assert.Equal(0xEA, memory.Read<byte>(0xFFFFFFF0));
        Assert.Equal(0xEA, memory.Read<byte>(0xFFFF0));
        Assert.Equal(rom, memory.Span((1ul << 32) - (ulong)rom.Length, rom.Length));
        Assert.Equal(rom.AsSpan(rom.Length - Math.Min(rom.Length, 0x20000)), memory.Span(0x100000 - (ulong)Math.Min(rom.Length, 0x20000), Math.Min(rom.Length, 0x20000)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(65535)]
    [InlineData((16 << 20) + 65536)]
    public void Firmware_of_another_length_is_refused(int length) => Assert.Throws<HolonException>(() => { BiosRom.RangeOf(length); });
}
