namespace Holon.Python.Objects;

/// <summary>A dict: entries in insertion order, and an index of open addressing into them, as CPython's compact dict.</summary>
internal class PyDict : PyObject
{
    private const int Free = -1;
    private const int Dummy = -2;

    private struct Entry
    {
        public PyObject? Key;
        public PyObject? Value;
        public long Hash;
    }

    private Entry[] entries;
    private int[] index;
    private int used;
    private uint number;

    // Places of the index that are not free: entries and removed ones. Searches end at a free place, so some must always be left.
    private int filled;

    public PyDict()
    {
        entries = [];
        index = [];
    }

    /// <summary>With names that differ from each other; there is a value for each of them.</summary>
    public PyDict(ReadOnlySpan<PyStr> names, ReadOnlySpan<PyObject?> values)
        : this()
    {
        if (names.IsEmpty)
            return;
        Allocate(names.Length);
        for (var i = 0; i < names.Length; i++)
            AddEntry(names[i], values[i]!, names[i].Hash);
    }

    public int Count { get; private set; }

    /// <summary>Changes when a key is added or removed; replacing a value leaves it.</summary>
    public long KeysVersion;

    public override PyType Type => DictType.Type;

    public sealed override ref uint IdNumber => ref number;

    /// <summary>Upper bound of entry numbers, for iterators; an entry may be a removed one.</summary>
    public int EntryCount => used;

    public bool EntryAt(int number, out PyObject key, out PyObject value)
    {
        ref var entry = ref entries[number];
        key = entry.Key!;
        value = entry.Value!;
        return entry.Key is not null;
    }

    /// <summary>The key with that number and its hash; null if it has been removed.</summary>
    public PyObject? KeyAt(int number, out long hash)
    {
        ref var entry = ref entries[number];
        hash = entry.Hash;
        return entry.Key;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public PyObject? ValueAt(int number) => (uint)number < (uint)entries.Length ? entries[number].Value : null;

    public void SetValueAt(int number, PyObject value) => entries[number].Value = value;

    public PyObject? Get(PyStr name)
    {
        var number = Find(name, name.Hash);
        return number < 0 ? null : entries[number].Value;
    }

    public PyObject? Get(PyObject key)
    {
        var number = Find(key, Ops.Hash(key));
        return number < 0 ? null : entries[number].Value;
    }

    public PyObject? Get(PyObject key, long hash)
    {
        var number = Find(key, hash);
        return number < 0 ? null : entries[number].Value;
    }

    public PyObject? Get(string key) => Get(Names.Find(key) ?? new PyStr(key));

    public bool Contains(PyObject key) => Find(key, Ops.Hash(key)) >= 0;

    public bool Contains(PyObject key, long hash) => Find(key, hash) >= 0;

    public void Set(string key, PyObject value) => Set(PyThread.HasCurrent ? PyThread.Current.Machine.Intern(key) : Names.Intern(key), value);

    public void Set(PyObject key, PyObject value) => Set(key, value, Ops.Hash(key));

    public void Set(PyObject key, PyObject value, long hash)
    {
        var number = Find(key, hash);
        if (number >= 0)
        {
            entries[number].Value = value;
            return;
        }
        AddEntry(key, value, hash);
    }

    public void SetIfAbsent(PyObject key, PyObject value, long hash)
    {
        if (Find(key, hash) < 0)
            AddEntry(key, value, hash);
    }

    private void AddEntry(PyObject key, PyObject value, long hash)
    {
        if (used == entries.Length || filled * 4 >= index.Length * 3)
            Resize();
        entries[used] = new Entry { Key = key, Value = value, Hash = hash };
        Place(hash, used++);
        Count++;
        KeysVersion++;
    }

    /// <summary>Removes a key and gives its value; null if it was not there.</summary>
    public PyObject? Remove(PyObject key) => Remove(key, Ops.Hash(key));

    public PyObject? Remove(PyObject key, long hash)
    {
        var number = Find(key, hash);
        return number < 0 ? null : RemoveEntry(number);
    }

    public PyObject RemoveEntry(int number)
    {
        ref var entry = ref entries[number];
        var mask = index.Length - 1;
        var at = (int)(entry.Hash & mask);
        var perturb = (ulong)entry.Hash;
        while (index[at] != number)
        {
            perturb >>= 5;
            at = (int)(((ulong)at * 5 + perturb + 1) & (ulong)mask);
        }
        index[at] = Dummy;
        var value = entry.Value!;
        entry = default;
        Count--;
        KeysVersion++;
        if (number == used - 1)
        {
            while (used > 0 && entries[used - 1].Key is null)
                used--;
        }
        return value;
    }

    public void Clear()
    {
        entries = [];
        index = [];
        used = 0;
        filled = 0;
        Count = 0;
        KeysVersion++;
    }

    public int FindEntry(PyObject key) => Find(key, Ops.Hash(key));

    private int Find(PyObject key, long hash)
    {
        if (Count == 0)
            return -1;
        if (key.GetType() != typeof(PyStr))
            return key.GetType() == typeof(PyInt) ? FindInt(Unsafe.As<PyInt>(key), hash) : FindGeneric(key, hash);
        var text = Unsafe.As<PyStr>(key);
        var table = index;
        var all = entries;
        var mask = table.Length - 1;
        var at = (int)(hash & mask);
        var perturb = (ulong)hash;
        while (true)
        {
            var number = table[at];
            if (number >= 0)
            {
                ref var entry = ref all[number];
                if (ReferenceEquals(entry.Key, key))
                    return number;
                if (entry.Hash == hash)
                {
                    if (entry.Key!.GetType() != typeof(PyStr))
                        return FindGeneric(key, hash);
                    if (text.Equals(Unsafe.As<PyStr>(entry.Key)))
                        return number;
                }
            }
            else if (number == Free)
            {
                return -1;
            }
            perturb >>= 5;
            at = (int)(((ulong)at * 5 + perturb + 1) & (ulong)mask);
        }
    }

    // As long as the keys with the same hash are ints too, no code of a program runs.
    private int FindInt(PyInt key, long hash)
    {
        var table = index;
        var all = entries;
        var mask = table.Length - 1;
        var at = (int)(hash & mask);
        var perturb = (ulong)hash;
        while (true)
        {
            var number = table[at];
            if (number >= 0)
            {
                ref var entry = ref all[number];
                if (entry.Hash == hash)
                {
                    if (entry.Key!.GetType() != typeof(PyInt))
                        return FindGeneric(key, hash);
                    if (Unsafe.As<PyInt>(entry.Key).Value == key.Value)
                        return number;
                }
            }
            else if (number == Free)
            {
                return -1;
            }
            perturb >>= 5;
            at = (int)(((ulong)at * 5 + perturb + 1) & (ulong)mask);
        }
    }

    private int FindGeneric(PyObject key, long hash)
    {
    Restart:
        var table = index;
        var all = entries;
        if (table.Length == 0)
            return -1;
        var mask = table.Length - 1;
        var at = (int)(hash & mask);
        var perturb = (ulong)hash;
        while (true)
        {
            var number = table[at];
            if (number == Free)
                return -1;
            if (number >= 0)
            {
                var candidate = all[number].Key!;
                if (ReferenceEquals(candidate, key))
                    return number;
                if (all[number].Hash == hash)
                {
                    var equal = Ops.Eq(candidate, key);
                    // __eq__ may have changed the dict.
                    if (table != index || all != entries || !ReferenceEquals(all[number].Key, candidate))
                        goto Restart;
                    if (equal)
                        return number;
                }
            }
            perturb >>= 5;
            at = (int)(((ulong)at * 5 + perturb + 1) & (ulong)mask);
        }
    }

    private void Place(long hash, int number)
    {
        var mask = index.Length - 1;
        var at = (int)(hash & mask);
        var perturb = (ulong)hash;
        while (index[at] >= 0)
        {
            perturb >>= 5;
            at = (int)(((ulong)at * 5 + perturb + 1) & (ulong)mask);
        }
        if (index[at] == Free)
            filled++;
        index[at] = number;
    }

    /// <summary>Makes room for so many keys, if there are none yet.</summary>
    public void Reserve(int count)
    {
        if (used == 0 && count > 5)
            Allocate(count);
    }

    private void Resize()
    {
        var old = entries;
        var oldUsed = used;
        Allocate(Count + (Count >> 1) + 1);
        used = 0;
        filled = 0;
        for (var i = 0; i < oldUsed; i++)
        {
            if (old[i].Key is null)
                continue;
            entries[used] = old[i];
            Place(old[i].Hash, used++);
        }
    }

    // Entries fill at most two thirds of the index.
    private void Allocate(int room)
    {
        var size = 8;
        while (size * 2 / 3 < room)
            size *= 2;
        if (size > 1 << 16)
            PyThread.Current.Machine.Limits.CheckSize(size * 20L);
        entries = new Entry[size * 2 / 3];
        index = new int[size];
        Array.Fill(index, Free);
    }

    public IEnumerable<(PyObject Key, PyObject Value)> Items()
    {
        for (var i = 0; i < used; i++)
        {
            if (entries[i].Key is { } key)
                yield return (key, entries[i].Value!);
        }
    }

    public PyDict Copy()
    {
        var copy = new PyDict();
        copy.CopyFrom(this);
        return copy;
    }

    /// <summary>Becomes a copy of the other dict.</summary>
    public void CopyFrom(PyDict other)
    {
        entries = other.entries.AsSpan().ToArray();
        index = other.index.AsSpan().ToArray();
        used = other.used;
        filled = other.filled;
        Count = other.Count;
        KeysVersion++;
    }

    public void Update(PyDict other)
    {
        if (other.Count == 0)
            return;
        if (Count == 0 && used == 0)
        {
            CopyFrom(other);
            return;
        }
        for (var i = 0; i < other.used; i++)
        {
            var entry = other.entries[i];
            if (entry.Key is not null)
                Set(entry.Key, entry.Value!, entry.Hash);
        }
    }
}

internal class PyDictInstance(PyType type) : PyDict
{
    private InstanceData data = new(type);

    public override PyType Type => data.Shape.Type;

    public override ref InstanceData Data => ref data;
}
