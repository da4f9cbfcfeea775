using System.Globalization;

namespace Holon.Bench;

/// <summary>A benchmark's options: <c>--flag</c>, <c>--name VALUE</c> and <c>--list VALUE…</c>.</summary>
/// <param name="words">The command line behind the benchmark's name.</param>
internal sealed class Options(IReadOnlyList<string> words)
{
    private readonly List<string> _left = [.. words];

    /// <summary>Takes a flag.</summary>
    public bool Flag(string name) => _left.Remove(name);

    /// <summary>Takes an option with a value.</summary>
    public string? Value(string name)
    {
        var at = _left.IndexOf(name);
        if (at < 0) return null;
        if (at + 1 >= _left.Count || _left[at + 1].StartsWith('-')) throw new BenchException($"{name} needs a value.");
        var value = _left[at + 1];
        _left.RemoveRange(at, 2);
        return value;
    }

    /// <summary>Takes an option whose value is a number above 0.</summary>
    public int Number(string name, int otherwise) => Value(name) is not { } text ? otherwise
        : int.TryParse(text, CultureInfo.InvariantCulture, out var number) && number > 0 ? number
        : throw new BenchException($"{name} is a number above 0, not '{text}'.");

    /// <summary>Takes an option with several values, up to the next option.</summary>
    public IReadOnlyList<string> Values(string name)
    {
        var at = _left.IndexOf(name);
        if (at < 0) return [];
        var values = _left.Skip(at + 1).TakeWhile(word => !word.StartsWith('-')).ToList();
        if (values.Count == 0) throw new BenchException($"{name} needs a value.");
        _left.RemoveRange(at, values.Count + 1);
        return values;
    }

    /// <summary>To be called when all options were taken.</summary>
    public void End(string usage)
    {
        if (_left.Count > 0) throw new BenchException($"there is no option '{_left[0]}'; usage: ./holon bench {usage}");
    }
}
