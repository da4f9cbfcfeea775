using Holon.Cli.Commands;

namespace Holon.Cli.Tests.Commands;

public sealed class SuggestionsTests
{
    [Theory]
    [InlineData("rnu", "did you mean 'run'?")]
    [InlineData("imgae", "did you mean 'image'?")]
    [InlineData("snapshot", "look.")]
    public void The_nearest_word_is_offered_when_it_is_near(string written, string expected) =>
        Assert.Equal(expected, Suggestions.Hint(written, ["run", "image", "doctor", "version"], "look"));

    [Theory]
    [InlineData("", "abc", 3)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("same", "same", 0)]
    public void Distances_are_counted_in_letters(string from, string to, int distance) => Assert.Equal(distance, Suggestions.Distance(from, to));
}
