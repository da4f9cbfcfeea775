using System.Text;

namespace Holon.Python.Compiler;

/// <summary>Identifiers, one string for each: read from source bytes without making a string that is there already.</summary>
internal sealed class NameTable
{
    private (uint Hash, byte[] Bytes, string Name)[] _entries = new (uint, byte[], string)[256];
    private int _count;

    /// <summary>The identifier that these UTF-8 bytes spell, normalized.</summary>
    public string Intern(ReadOnlySpan<byte> bytes, CompilerHost host)
    {
        var hash = 2166136261u;
        foreach (var b in bytes)
            hash = (hash ^ b) * 16777619;
        var mask = _entries.Length - 1;
        var i = (int)hash & mask;
        for (; _entries[i].Bytes != null; i = (i + 1) & mask)
        {
            if (_entries[i].Hash == hash && bytes.SequenceEqual(_entries[i].Bytes))
                return _entries[i].Name;
        }

        var name = Utf8.DecodeStrict(bytes);
        if (!Ascii.IsValid(name))
            name = host.NormalizeIdentifier(name);
        _entries[i] = (hash, bytes.ToArray(), name);
        if (++_count * 2 > _entries.Length)
            Grow();
        return name;
    }

    private void Grow()
    {
        var old = _entries;
        _entries = new (uint, byte[], string)[old.Length * 2];
        var mask = _entries.Length - 1;
        foreach (var entry in old)
        {
            if (entry.Bytes == null)
                continue;
            var i = (int)entry.Hash & mask;
            while (_entries[i].Bytes != null)
                i = (i + 1) & mask;
            _entries[i] = entry;
        }
    }
}
