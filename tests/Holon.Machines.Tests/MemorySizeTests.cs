using CsCheck;

namespace Holon.Machines.Tests;

public sealed class MemorySizeTests
{
    [Theory]
    [InlineData("512M", 512 * MemorySize.MiB)]
    [InlineData("1g", MemorySize.GiB)]
    [InlineData("64 KiB", 65536)]
    [InlineData("4096", 4096)]
    [InlineData("2GB", 2 * MemorySize.GiB)]
    [InlineData("0", 0)]
    public void Amounts_are_read_as_people_write_them(string text, ulong bytes) => Assert.Equal(bytes, MemorySize.Parse(text).Bytes);

    [Theory]
    [InlineData("")]
    [InlineData("M")]
    [InlineData("-1M")]
    [InlineData("1.5G")]
    [InlineData("512X")]
    [InlineData("512MM")]
    [InlineData("99999999999999999999")]
    [InlineData("17179869184G")]
    public void Anything_else_is_refused_by_name(string text) =>
        Assert.Contains($"'{text}'", Assert.Throws<HolonException>(() => MemorySize.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Text_and_back_is_the_same_amount() =>
        Gen.ULong.Sample(bytes => MemorySize.Parse(new MemorySize(bytes).ToString()).Bytes == bytes);

    [Fact]
    public void No_text_makes_it_throw() => Gen.String.Sample(text => !MemorySize.TryParse(text, out var size) || MemorySize.Parse(size.ToString()) == size);
}
