using CsCheck;

namespace Holon.Devices.Tests;

public sealed class RegisterMapTests
{
    private ulong _word = 0x1234, _byte = 0xAB;

    private RegisterMap Map => new(
        new Register(0, 2, "W", () => _word, value => _word = value),
        new Register(2, 1, "B", () => _byte, value => _byte = value),
        new Register(4, 4, "RO", () => 0xCAFEBABE));

    [Fact]
    public void Exact_accesses_reach_the_register() => Assert.Equal(0x1234ul, Map.Read(0, 2));

    [Fact]
    public void Wide_accesses_are_split_and_holes_read_as_ones() => Assert.Equal(0xCAFEBABE_FFAB1234ul, Map.Read(0, 8));

    [Fact]
    public void Narrow_accesses_get_their_part() => Assert.Equal(0xFEBAul, Map.Read(5, 2));

    [Fact]
    public void Narrow_writes_keep_the_other_bytes()
    {
        Map.Write(1, 1, 0x99);
        Assert.Equal(0x9934ul, _word);
    }

    [Fact]
    public void Narrow_writes_of_trigger_registers_write_zero_elsewhere()
    {
        var written = 0ul;
        new RegisterMap(new Register(0, 2, "STS", () => 0xFFFF, value => written = value, PartialWrite.Zero)).Write(1, 1, 0x80);
        Assert.Equal(0x8000ul, written);
    }

    [Fact]
    public void Overlapping_registers_are_refused() =>
        Assert.Throws<ArgumentException>(() => new RegisterMap(new Register(0, 4, "A"), new Register(2, 1, "B")));

    [Fact]
    public void Any_access_is_answered() => Gen.Select(Gen.ULong, Gen.Int, Gen.ULong).Sample((offset, size, value) =>
    {
        Map.Write(offset, size, value);
        Map.Read(offset, size);
    });
}
