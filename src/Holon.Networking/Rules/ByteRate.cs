using System.Globalization;
using Holon.Machines;

namespace Holon.Networking;

/// <summary>A rate limit.</summary>
/// <param name="BytesPerSecond">Bytes a second.</param>
public readonly record struct ByteRate(long BytesPerSecond)
{
    /// <summary>Reads bits a second as people write them: <c>10M</c> is ten million bits, as <c>100k</c>, <c>1.5G</c>.</summary>
    /// <exception cref="HolonException">It cannot be read.</exception>
    public static ByteRate Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var digits = text.AsSpan().TrimEnd("kKMG");
        var factor = text[digits.Length..] switch { "" => 1.0, "k" or "K" => 1e3, "M" => 1e6, "G" => 1e9, _ => 0 };
        if (factor == 0 || !double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            || number * factor is < 8000 or > 1e13)
            throw new HolonException($"The rate '{text}' cannot be read; write bits a second as 500k, 10M or 1.5G, from 8k on.");
        return new((long)(number * factor / 8));
    }
}

/// <summary>
/// A token bucket: what may pass is what has flowed in. It may go into debt by one frame, so that frames of 64 KiB pass at low rates too.
/// </summary>
internal sealed class TokenBucket(ByteRate rate)
{
    private readonly long _capacity = Math.Max(rate.BytesPerSecond / 20, 16 * 1024); // a burst of 50 ms

    private double _tokens = Math.Max(rate.BytesPerSecond / 20, 16 * 1024);
    private long _filledAt;

    /// <summary>When something may pass; not later than now when it may at once.</summary>
    public long OpensAt(long now)
    {
        Fill(now);
        return _tokens > 0 ? now : now + (long)((1 - _tokens) * 1e9 / rate.BytesPerSecond) + 1;
    }

    /// <summary>Takes what has passed.</summary>
    public void Take(int bytes) => _tokens -= bytes;

    private void Fill(long now)
    {
        if (_filledAt != 0) _tokens = Math.Min(_tokens + ((now - _filledAt) * 1e-9 * rate.BytesPerSecond), _capacity);
        _filledAt = now;
    }
}
