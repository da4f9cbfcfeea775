using System.Runtime.InteropServices;

namespace Holon.Python.Modules.Compression;

/// <summary>A chain of liblzma's filters, from Python's list of dictionaries (lzma/lzma12.h, lzma/delta.h, lzma/bcj.h).</summary>
internal sealed unsafe class LzmaFilters
{
    public const ulong Lzma1 = 0x4000000000000001, Lzma2 = 0x21, Delta = 3;

    private const int Most = 4, FilterSize = 16, OptionsSize = 256;

    private static readonly (string Name, int Offset)[] LzmaFields = [("dict_size", 0), ("lc", 20), ("lp", 24), ("pb", 28), ("mode", 32), ("nice_len", 36), ("mf", 40), ("depth", 44)];

    // The chain, its end, and room for the options of each.
    private readonly byte* memory = (byte*)NativeMemory.AllocZeroed((Most + 1) * FilterSize + Most * OptionsSize);

    public LzmaFilters(PyObject filters)
    {
        if (filters.Type.GetItem is null || filters.Type.Len is null)
            throw Err.Type($"object of type '{filters.Type.FullName}' has no len()");
        var count = Ops.Len(filters);
        if (count > Most)
            throw Err.Value($"Too many filters - liblzma supports a maximum of {Most}");
        for (var i = 0; i < count; i++)
            Set(i, Ops.GetItem(filters, PyInt.Of(i)));
        End((int)count);
    }

    public LzmaFilters(uint preset)
    {
        if (LzmaCoder.SetPreset(Options(0), preset) != 0)
            throw LzmaModule.Failure($"Invalid compression preset: {preset}");
        Put(0, Lzma1, Options(0));
        End(1);
    }

    ~LzmaFilters() => NativeMemory.Free(memory);

    public void* Chain => memory;

    public void* FirstOptions => *(void**)(memory + 8);

    private byte* Options(int index) => memory + (Most + 1) * FilterSize + index * OptionsSize;

    private void Put(int index, ulong id, void* options)
    {
        *(ulong*)(memory + index * FilterSize) = id;
        *(void**)(memory + index * FilterSize + 8) = options;
    }

    private void End(int count) => Put(count, ulong.MaxValue, null);

    public ulong IdOf(int index) => *(ulong*)(memory + index * FilterSize);

    public bool IsSingle => IdOf(1) == ulong.MaxValue;

    private void Set(int index, PyObject filter)
    {
        if (filter.Type.GetItem is null || filter is PyList or PyTuple or PyStr or PyBytes)
            throw Err.Type("Filter specifier must be a dict or dict-like object");
        var items = new Dictionary<string, PyObject>();
        foreach (var key in Ops.Each(Calls.CallMethod(filter, "keys")))
            items[key is PyStr name ? name.Value : ""] = Ops.GetItem(filter, key);
        if (!items.Remove("id", out var given))
            throw Err.Value("Filter specifier must have an \"id\" entry");
        var id = LzmaModule.FilterId(given);
        switch (id)
        {
            case Lzma1 or Lzma2:
                const uint defaultPreset = 6;
                var preset = items.Remove("preset", out var level) ? Number(level) : defaultPreset;
                if (LzmaCoder.SetPreset(Options(index), preset) != 0)
                    throw LzmaModule.Failure($"Invalid compression preset: {preset}");
                foreach (var (name, offset) in LzmaFields)
                {
                    if (items.Remove(name, out var value))
                        *(uint*)(Options(index) + offset) = Number(value);
                }
                if (items.Count > 0)
                    throw Err.Value("Invalid filter specifier for LZMA filter");
                Put(index, id, Options(index));
                break;
            case Delta:
                *(uint*)(Options(index) + 4) = items.Remove("dist", out var distance) ? Number(distance) : 1;
                if (items.Count > 0)
                    throw Err.Value("Invalid filter specifier for delta filter");
                Put(index, id, Options(index));
                break;
            case >= 4 and <= 9:
                var start = items.Remove("start_offset", out var offsetValue) ? Number(offsetValue) : 0;
                if (items.Count > 0)
                    throw Err.Value("Invalid filter specifier for BCJ filter");
                *(uint*)Options(index) = start;
                Put(index, id, Options(index));
                break;
            default:
                throw Err.Value($"Invalid filter ID: {id}");
        }
    }

    private static uint Number(PyObject value)
    {
        var number = Ops.Index(value);
        return number.TryLong(out var n) && n is >= 0 and <= uint.MaxValue ? (uint)n : throw Err.Overflow(number.IsNegative ? "can't convert negative int to unsigned" : "Value too large for uint32_t type");
    }

    /// <summary>The options of a filter as a container stores them.</summary>
    public byte[] Encode()
    {
        LzmaModule.Check(LzmaCoder.PropertiesSize(out var size, memory));
        var result = new byte[size];
        LzmaModule.Check(LzmaCoder.PropertiesEncode(memory, result));
        GC.KeepAlive(this);
        return result;
    }

    public static PyDict Decode(ulong id, byte[] encoded)
    {
        var filter = stackalloc ulong[2];
        filter[0] = id;
        LzmaModule.Check(LzmaCoder.PropertiesDecode(filter, 0, encoded, (nuint)encoded.Length));
        var options = (byte*)filter[1];
        var result = new PyDict();
        result.Set("id", PyInt.Of(id));
        switch (id)
        {
            case Lzma1:
                foreach (var name in new[] { "dict_size", "lc", "lp", "pb" })
                    result.Set(name, PyInt.Of(*(uint*)(options + LzmaFields.First(f => f.Name == name).Offset)));
                break;
            case Lzma2:
                result.Set("dict_size", PyInt.Of(*(uint*)options));
                break;
            case Delta:
                result.Set("dist", PyInt.Of(*(uint*)(options + 4)));
                break;
            default:
                if (options != null)
                    result.Set("start_offset", PyInt.Of(*(uint*)options));
                break;
        }
        LzmaCoder.Free((nint)options);
        return result;
    }
}
