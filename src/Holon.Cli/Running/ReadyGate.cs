using Holon.SystemMachine.Images;

namespace Holon.Cli.Running;

/// <summary>
/// Parts what a guest prints while it boots from what its command prints: the guest's init sends a mark between the two
/// (<see cref="GuestSession.ReadyMark"/>). The end of the first part is kept for the message when the guest never gets there.
/// </summary>
internal sealed class ReadyGate
{
    /// <summary>How much of what the guest printed while booting is kept: a panic with its call trace fits.</summary>
    private const int MaxBootLog = 64 * 1024;

    private readonly List<byte> _bootLog = [];
    private int _matched;

    /// <summary>True once the mark has been seen.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Takes the next bytes the guest printed.</summary>
    /// <returns>How many of them came before the command's own output: all, or up to the end of the mark.</returns>
    public int Take(ReadOnlySpan<byte> data)
    {
        if (IsOpen) return 0;
        var mark = GuestSession.ReadyMark;
        for (var i = 0; i < data.Length; i++)
        {
            // The mark's first byte occurs in it once more, right before the last: a match that fails there may have begun there.
            if (data[i] == mark[_matched]) _matched++;
            else if (_matched == mark.Length - 1 && data[i] == mark[1]) _matched = 2;
            else _matched = data[i] == mark[0] ? 1 : 0;
            _bootLog.Add(data[i]);
            if (_matched < mark.Length) continue;
            IsOpen = true;
            _bootLog.RemoveRange(Math.Max(0, _bootLog.Count - mark.Length), Math.Min(mark.Length, _bootLog.Count));
            return i + 1;
        }

        if (_bootLog.Count > 2 * MaxBootLog) _bootLog.RemoveRange(0, _bootLog.Count - MaxBootLog);
        return data.Length;
    }

    /// <summary>The last lines that the guest printed while it booted.</summary>
    public IReadOnlyList<string> LastLines(int count) =>
        [.. System.Text.Encoding.UTF8.GetString([.. _bootLog]).Split('\n').Select(line => line.TrimEnd('\r')).Where(line => line.Length > 0).TakeLast(count)];
}
