using System.Text;

namespace Holon.Cli.Terminal;

/// <summary>Tells people at a terminal what they are waiting for while a guest boots, on a line that goes away before the guest speaks.</summary>
internal sealed class BootNotice : IDisposable
{
    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(0.5);

    private readonly Lock _gate = new();
    private readonly Timer _timer;
    private readonly byte[] _text;
    private bool _shown, _over;

    /// <summary>Shows the notice in a moment, if standard error is a terminal.</summary>
    public BootNotice(string name)
    {
        _text = Encoding.UTF8.GetBytes($"\r\x1b[2Kholon: {name} is starting (Ctrl-A X ends it)");
        _timer = new Timer(_ => Show(), null, HostTerminal.IsTerminal(HostTerminal.StandardError) ? Delay : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Takes it away, for good.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_shown && !_over) Descriptor.TryWrite(HostTerminal.StandardError, "\r\x1b[2K"u8);
            _over = true;
        }

        _timer.Dispose();
    }

    private void Show()
    {
        lock (_gate)
        {
            if (_over) return;
            _shown = true;
            Descriptor.TryWrite(HostTerminal.StandardError, _text);
        }
    }
}
