namespace Holon.Cli.Terminal;

/// <summary>What a key pressed after Ctrl-A asks for.</summary>
internal enum EscapeAction
{
    /// <summary>Nothing: the byte is the guest's.</summary>
    None,

    /// <summary>The byte began or was an escape that means nothing; it goes nowhere.</summary>
    Swallow,

    /// <summary>End the machine.</summary>
    End,

    /// <summary>Leave the machine, which goes on.</summary>
    Detach,

    /// <summary>List the keys.</summary>
    Help,
}

/// <summary>Finds the keys meant for Holon among those meant for the guest.</summary>
internal sealed class EscapeKeys
{
    /// <summary>Ctrl-A, which begins an escape; twice it is sent once.</summary>
    public const byte Prefix = 0x01;

    private readonly EscapeAction _leave;
    private bool _escaped;

    /// <summary>Keys of a terminal.</summary>
    /// <param name="leave">The way out: <see cref="EscapeAction.End"/>, by X, or <see cref="EscapeAction.Detach"/>, by D.</param>
    public EscapeKeys(EscapeAction leave = EscapeAction.End) => _leave = leave;

    /// <summary>What Ctrl-A H shows.</summary>
    public string Help => (_leave == EscapeAction.End ? "Ctrl-A X  ends the machine\r\n" : "Ctrl-A D  leaves the machine, which goes on\r\n") + "Ctrl-A H  lists these keys\r\nCtrl-A A  sends Ctrl-A (so does Ctrl-A Ctrl-A)\r\n";

    /// <summary>Takes the next byte from the terminal.</summary>
    /// <param name="key">The byte.</param>
    /// <param name="forwarded">For <see cref="EscapeAction.None"/>: the byte to send to the guest.</param>
    public EscapeAction Next(byte key, out byte forwarded)
    {
        forwarded = key;
        if (!_escaped)
        {
            _escaped = key == Prefix;
            return _escaped ? EscapeAction.Swallow : EscapeAction.None;
        }

        _escaped = false;
        if (key is (byte)'a' or (byte)'A') forwarded = Prefix;
        return key switch
        {
            (byte)'x' or (byte)'X' when _leave == EscapeAction.End => EscapeAction.End,
            (byte)'d' or (byte)'D' when _leave == EscapeAction.Detach => EscapeAction.Detach,
            (byte)'h' or (byte)'H' or (byte)'?' => EscapeAction.Help,
            (byte)'a' or (byte)'A' or Prefix => EscapeAction.None,
            _ => EscapeAction.Swallow,
        };
    }
}
