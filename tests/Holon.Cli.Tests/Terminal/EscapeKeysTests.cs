using System.Text;
using Holon.Cli.Terminal;

namespace Holon.Cli.Tests.Terminal;

public sealed class EscapeKeysTests
{
    [Theory]
    [InlineData("ls\r\u0003", "ls\r\u0003")]
    [InlineData("\u0001\u0001", "\u0001")]
    [InlineData("\u0001ab", "\u0001b")]
    [InlineData("\u0001zq", "q")]
    [InlineData("\u0001hq", "q[help]")]
    [InlineData("\u0001xq", "q[end]")]
    public void Keys_after_Ctrl_A_are_ours_and_all_others_the_guests(string typed, string expected)
    {
        var keys = new EscapeKeys();
        var forwarded = new StringBuilder();
        var actions = new StringBuilder();
        foreach (var key in Encoding.ASCII.GetBytes(typed))
        {
            switch (keys.Next(key, out var value))
            {
                case EscapeAction.None:
                    forwarded.Append((char)value);
                    break;
                case EscapeAction.Help:
                    actions.Append("[help]");
                    break;
                case EscapeAction.End:
                    actions.Append("[end]");
                    break;
            }
        }

        Assert.Equal(expected, forwarded.ToString() + actions);
    }

    [Fact]
    public void A_terminal_that_can_be_left_has_another_way_out()
    {
        var keys = new EscapeKeys(EscapeAction.Detach);
        Assert.Equal(
            [EscapeAction.Swallow, EscapeAction.Swallow, EscapeAction.Swallow, EscapeAction.Detach],
            "\u0001x\u0001d".Select(key => keys.Next((byte)key, out _)));
        Assert.Contains("Ctrl-A D", keys.Help, StringComparison.Ordinal);
    }
}
