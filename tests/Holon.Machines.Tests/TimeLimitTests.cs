using CsCheck;

namespace Holon.Machines.Tests;

public sealed class TimeLimitTests
{
    [Theory]
    [InlineData("500ms", 0.5)]
    [InlineData("30s", 30)]
    [InlineData("1.5s", 1.5)]
    [InlineData("5m", 300)]
    [InlineData("1h", 3600)]
    [InlineData("7", 7)]
    public void Durations_are_read_as_people_write_them(string text, double seconds) => Assert.Equal(seconds, TimeLimit.Parse(text).TotalSeconds);

    [Theory]
    [InlineData("")]
    [InlineData("0s")]
    [InlineData("-1s")]
    [InlineData("5 weeks")]
    [InlineData("1..5s")]
    [InlineData("1000h")]
    public void Anything_else_is_refused_by_name(string text) =>
        Assert.Contains($"'{text}'", Assert.Throws<HolonException>(() => TimeLimit.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Text_and_back_is_the_same_duration() =>
        Gen.Int[1, 80_000_000].Sample(milliseconds =>
            Math.Abs((TimeLimit.Parse(TimeLimit.Format(TimeSpan.FromMilliseconds(milliseconds))) - TimeSpan.FromMilliseconds(milliseconds)).TotalMilliseconds) < 1e-3);

    [Fact]
    public void No_text_makes_it_throw() => Gen.String.Sample(text => !TimeLimit.TryParse(text, out var duration) || duration <= TimeLimit.Longest);
}
