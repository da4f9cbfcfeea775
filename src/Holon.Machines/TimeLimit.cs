using System.Buffers;
using System.Globalization;

namespace Holon.Machines;

/// <summary>Durations as people write them: <c>500ms</c>, <c>30s</c>, <c>5m</c>, <c>1h</c>.</summary>
public static class TimeLimit
{
    /// <summary>The longest that can be asked for. It is what the host's timers can count.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(24);

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789.");

    /// <summary>Reads a duration: a number, with a decimal point if need be, and one of <c>ms s m h</c>; a bare number is seconds.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out TimeSpan duration)
    {
        duration = default;
        text = text.Trim();
        var digits = text.LastIndexOfAny(Digits) + 1;
        var suffix = text[digits..].Trim();
        if (!double.TryParse(text[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count)) return false;
        var unit = suffix switch
        {
            "ms" => 0.001,
            "" or "s" => 1,
            "m" or "min" => 60,
            "h" => 3600,
            _ => double.NaN,
        };
        var seconds = count * unit;
        if (!(seconds > 0 && seconds <= Longest.TotalSeconds)) return false;
        duration = TimeSpan.FromSeconds(seconds);
        return true;
    }

    /// <summary>Reads a duration.</summary>
    /// <exception cref="HolonException">It is not one.</exception>
    public static TimeSpan Parse(string text) => TryParse(text, out var duration)
        ? duration
        : throw new HolonException($"'{text}' is not a duration; write a number with ms, s, m or h, such as 30s (at most {Longest.TotalDays:0} days).");

    /// <summary>The form people write, such as <c>1.5s</c>.</summary>
    public static string Format(TimeSpan duration) => duration switch
    {
        { TotalHours: >= 1 } when duration.TotalHours % 1 == 0 => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalHours}h"),
        { TotalMinutes: >= 1 } when duration.TotalMinutes % 1 == 0 => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMinutes}m"),
        { TotalSeconds: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds}s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMilliseconds}ms"),
    };
}
