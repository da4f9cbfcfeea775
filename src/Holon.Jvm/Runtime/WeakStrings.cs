using Holon.Jvm.Heap;

namespace Holon.Jvm.Runtime;

/// <summary>The interned strings of a machine. It keeps none alive: constants of unloaded classes would stay for ever.</summary>
internal sealed class WeakStrings
{
    private readonly Dictionary<string, WeakReference<JObject>> _strings = [];
    private int _pruneAt = 1 << 14;

    public bool Contains(string text)
    {
        lock (_strings) return _strings.TryGetValue(text, out var weak) && weak.TryGetTarget(out _);
    }

    /// <summary>The string of a text; when there is none in use, what <paramref name="make"/> gives becomes it.</summary>
    public JObject GetOrAdd<T>(string text, T argument, Func<string, T, JObject> make)
    {
        lock (_strings)
        {
            if (_strings.TryGetValue(text, out var weak))
            {
                if (weak.TryGetTarget(out var known)) return known;
                var again = make(text, argument);
                weak.SetTarget(again);
                return again;
            }
            if (_strings.Count >= _pruneAt)
            {
                foreach (var (dead, _) in _strings.Where(pair => !pair.Value.TryGetTarget(out _)).ToArray()) _strings.Remove(dead);
                _pruneAt = Math.Max(1 << 14, _strings.Count * 2);
            }
            var made = make(text, argument);
            _strings[text] = new WeakReference<JObject>(made, trackResurrection: true);
            return made;
        }
    }
}
