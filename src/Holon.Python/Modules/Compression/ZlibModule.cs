using ICSharpCode.SharpZipLib;
using ICSharpCode.SharpZipLib.Checksum;
using ICSharpCode.SharpZipLib.Zip.Compression;

namespace Holon.Python.Modules.Compression;

/// <summary>zlib, on SharpZipLib's inflater and deflater, which take input as it comes.</summary>
internal static class ZlibModule
{
    private const int Deflated = 8, MaxBits = 15, SyncFlush = 2, FullFlush = 3, Finish = 4;

    private sealed class Types
    {
        public PyType Error { get; } = Make();

        private static PyType Make()
        {
            var dict = new PyDict();
            dict.Set("__module__", new PyStr("zlib"));
            return ClassBuilder.Build(PyType.TypeType, new PyStr("error"), new PyTuple(ExceptionTypes.Exception), dict, [], null);
        }
    }

    private static PyError Error(string message) => Err.Of(PyThread.Current.Machine.State<Types>("zlib").Error, message);

    /// <summary>What surrounds the compressed data: nothing, zlib's two checks, or gzip's header and trailer.</summary>
    private enum Wrapper
    {
        Raw,
        Zlib,
        Gzip,
        Detect,
    }

    private static Wrapper WrapperOf(int bits, bool decompress) => bits switch
    {
        >= -15 and <= -8 => Wrapper.Raw,
        >= 8 and <= 15 => Wrapper.Zlib,
        0 when decompress => Wrapper.Zlib,
        >= 24 and <= 31 => Wrapper.Gzip,
        >= 40 and <= 47 when decompress => Wrapper.Detect,
        _ => throw Err.Value("Invalid initialization option"),
    };

    private sealed class PyCompressor(Wrapper wrapper, int level, int strategy, byte[]? dictionary) : PyObject
    {
        private readonly Deflater deflater = Make(wrapper, level, strategy, dictionary);
        private readonly Crc32 crc = new();
        private long size;
        private bool begun, finished;

        private static Deflater Make(Wrapper wrapper, int level, int strategy, byte[]? dictionary)
        {
            var made = new Deflater(level, wrapper != Wrapper.Zlib);
            made.SetStrategy(strategy switch { 1 => DeflateStrategy.Filtered, 2 => DeflateStrategy.HuffmanOnly, _ => DeflateStrategy.Default });
            if (dictionary is not null && wrapper == Wrapper.Zlib)
                made.SetDictionary(dictionary);
            return made;
        }

        public byte[] Compress(byte[] data, int flush)
        {
            if (finished)
                throw Error("Error -2 while compressing data: inconsistent stream state");
            var output = new MemoryStream();
            if (wrapper == Wrapper.Gzip && !begun)
                output.Write([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, (byte)(level == 9 ? 2 : level == 1 ? 4 : 0), 3]);
            begun = true;
            if (wrapper == Wrapper.Gzip)
            {
                crc.Update(data);
                size += data.Length;
            }
            deflater.SetInput(data);
            if (flush == Finish)
                deflater.Finish();
            else if (flush != 0)
                deflater.Flush();
            var buffer = new byte[16384];
            while (deflater.Deflate(buffer) is > 0 and var n)
            {
                output.Write(buffer, 0, n);
                PyThread.Current.Machine.Limits.CheckSize(output.Length);
            }
            if (flush == Finish)
            {
                finished = true;
                if (wrapper == Wrapper.Gzip)
                {
                    output.Write(BitConverter.GetBytes((uint)crc.Value));
                    output.Write(BitConverter.GetBytes((uint)size));
                }
            }
            return output.ToArray();
        }

        public override PyType Type => Compressor;
    }

    private static readonly PyType Compressor = new("Compress", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Def1("compress", (o, data) => new PyBytes(((PyCompressor)o).Compress(Buffers.Bytes(data), 0)));
        t.Def("flush", "mode=4, /", (o, a) => Args.Int(a[0]!) == 0 ? PyBytes.Empty : new PyBytes(((PyCompressor)o).Compress([], Args.Int(a[0]!))));
        foreach (var name in new[] { "copy", "__copy__" })
            t.Def0(name, _ => throw Err.Of(ExceptionTypes.NotImplementedError, "a compressor cannot be copied"));
        t.Def1("__deepcopy__", (_, _) => throw Err.Of(ExceptionTypes.NotImplementedError, "a compressor cannot be copied"));
    }, "zlib");

    /// <summary>Decompresses one stream; what follows it is unused data.</summary>
    private sealed class PyDecompressor(Wrapper wrapper, byte[]? dictionary) : PyObject
    {
        private readonly List<byte> header = [];
        private readonly List<byte> trailer = [];
        private Inflater? inflater;
        private readonly Crc32 crc = new();
        private Wrapper? known;

        public byte[] UnusedData { get; private set; } = [];

        public byte[] UnconsumedTail { get; private set; } = [];

        public bool IsAtEnd { get; private set; }

        public bool HasInput { get; private set; }

        private readonly List<(byte[] Data, long Most)> history = [];

        private Wrapper Kind => known ?? wrapper;

        public byte[] Decompress(byte[] data, long most)
        {
            history.Add((data, most));
            HasInput |= data.Length > 0;
            UnconsumedTail = [];
            if (IsAtEnd)
            {
                UnusedData = [.. UnusedData, .. data];
                return [];
            }
            if (inflater is null && !ReadHeader(ref data))
                return [];
            var output = new MemoryStream();
            try
            {
                Inflate(data, most, output);
            }
            catch (SharpZipBaseException error)
            {
                throw Error($"Error -3 while decompressing data: {(output.Length == 0 && HasInput ? "incorrect header check" : error.Message.ToLowerInvariant())}");
            }
            return output.ToArray();
        }

        private void Inflate(byte[] data, long most, MemoryStream output)
        {
            if (dictionary is not null && Kind == Wrapper.Raw && inflater!.TotalIn == 0)
                throw Err.Of(ExceptionTypes.NotImplementedError, "zlib: raw streams with a dictionary are not supported");
            // What the inflater has not read yet is the beginning of what the caller gives back.
            var waiting = data.AsMemory(Math.Min(data.Length, inflater!.RemainingInput));
            var buffer = new byte[16384];
            while (!inflater.IsFinished)
            {
                var room = most > 0 ? (int)Math.Min(buffer.Length, most - output.Length) : buffer.Length;
                if (room == 0)
                    break;
                var n = inflater.Inflate(buffer, 0, room);
                if (n > 0)
                {
                    output.Write(buffer, 0, n);
                    if (Kind == Wrapper.Gzip)
                        crc.Update(new ArraySegment<byte>(buffer, 0, n));
                    PyThread.Current.Machine.Limits.CheckSize(output.Length);
                    continue;
                }
                if (inflater.IsNeedingDictionary)
                {
                    if (dictionary is null)
                        throw Error("Error 2 while decompressing data");
                    inflater.SetDictionary(dictionary);
                    continue;
                }
                if (waiting.IsEmpty || !inflater.IsNeedingInput)
                    break;
                inflater.SetInput(waiting.ToArray());
                waiting = default;
            }
            var rest = data[(data.Length - waiting.Length - Math.Min(data.Length, inflater.RemainingInput))..];
            if (!inflater.IsFinished)
            {
                UnconsumedTail = rest;
                return;
            }
            if (Kind == Wrapper.Gzip)
            {
                var take = Math.Min(8 - trailer.Count, rest.Length);
                trailer.AddRange(rest[..take]);
                rest = rest[take..];
                if (trailer.Count < 8)
                    return;
                var end = trailer.ToArray();
                if (BitConverter.ToUInt32(end) != (uint)crc.Value)
                    throw Error("Error -3 while decompressing data: incorrect data check");
                if (BitConverter.ToUInt32(end, 4) != (uint)inflater.TotalOut)
                    throw Error("Error -3 while decompressing data: incorrect length check");
            }
            IsAtEnd = true;
            UnusedData = rest;
        }

        /// <summary>gzip's header, RFC 1952 §2.3.</summary>
        private bool ReadHeader(ref byte[] data)
        {
            header.AddRange(data);
            var h = header.ToArray();
            if (Kind == Wrapper.Detect && h.Length > 0)
                known = h[0] == 0x1f ? Wrapper.Gzip : Wrapper.Zlib;
            if (Kind is Wrapper.Zlib or Wrapper.Raw)
            {
                inflater = new Inflater(Kind == Wrapper.Raw);
                data = h;
                return true;
            }
            if (h.Length >= 2 && (h[0] != 0x1f || h[1] != 0x8b))
                throw Error("Error -3 while decompressing data: incorrect header check");
            if (h.Length < 10)
                return false;
            var at = 10;
            if ((h[3] & 4) != 0)
                at += h.Length >= at + 2 ? 2 + BitConverter.ToUInt16(h, at) : h.Length + 1;
            foreach (var flag in new[] { 8, 16 })
            {
                if ((h[3] & flag) == 0 || at > h.Length)
                    continue;
                var end = Array.IndexOf(h, (byte)0, at);
                at = end < 0 ? h.Length + 1 : end + 1;
            }
            if ((h[3] & 2) != 0)
                at += 2;
            if (at > h.Length)
                return false;
            inflater = new Inflater(true);
            data = h[at..];
            return true;
        }

        /// <summary>The inflater cannot be copied, so a copy reads once more what this has read.</summary>
        public PyDecompressor Copy()
        {
            var copy = new PyDecompressor(wrapper, dictionary);
            foreach (var (data, most) in history)
                copy.Decompress(data, most);
            return copy;
        }

        public override PyType Type => Decompressor;
    }

    private static PyDecompressor D(PyObject o) => (PyDecompressor)o;

    private static readonly PyType Decompressor = new("Decompress", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Def("decompress", "data, /, max_length=0", (o, a) => new PyBytes(D(o).Decompress(Buffers.Bytes(a[0]), Args.Long(a[1]!) is >= 0 and var most ? most : throw Err.Value("max_length must be non-negative"))));
        t.Def("flush", "length=16384, /", (o, a) => Args.Long(a[0]!) > 0 ? new PyBytes(D(o).IsAtEnd ? [] : D(o).Decompress(D(o).UnconsumedTail, 0)) : throw Err.Value("length must be greater than zero"));
        foreach (var name in new[] { "copy", "__copy__" })
            t.Def0(name, o => D(o).Copy());
        t.Def1("__deepcopy__", (o, _) => D(o).Copy());
        t.Member("unused_data", o => new PyBytes(D(o).UnusedData));
        t.Member("unconsumed_tail", o => new PyBytes(D(o).UnconsumedTail));
        t.Member("eof", o => Values.Bool(D(o).IsAtEnd));
    }, "zlib");

    private static int Level(PyObject o) => Args.Int(o) is >= -1 and <= 9 and var level ? level : throw Error("Bad compression level");

    public static void Fill(ModuleBuilder m)
    {
        m.Set("error", m.Machine.State<Types>("zlib").Error);
        foreach (var (name, value) in new[]
        {
            ("DEFLATED", Deflated), ("DEF_BUF_SIZE", 16384), ("DEF_MEM_LEVEL", 8), ("MAX_WBITS", MaxBits), ("Z_BEST_COMPRESSION", 9), ("Z_BEST_SPEED", 1), ("Z_BLOCK", 5), ("Z_DEFAULT_COMPRESSION", -1), ("Z_DEFAULT_STRATEGY", 0), ("Z_FILTERED", 1),
            ("Z_FINISH", Finish), ("Z_FIXED", 4), ("Z_FULL_FLUSH", FullFlush), ("Z_HUFFMAN_ONLY", 2), ("Z_NO_COMPRESSION", 0), ("Z_NO_FLUSH", 0), ("Z_PARTIAL_FLUSH", 1), ("Z_RLE", 3), ("Z_SYNC_FLUSH", SyncFlush), ("Z_TREES", 6),
        })
            m.Set(name, value);
        m.Set("ZLIB_VERSION", "1.2.13");
        m.Set("ZLIB_RUNTIME_VERSION", "1.2.13");
        m.Def("crc32", "data, value=0, /", a => PyInt.Of(BinAsciiModule.Crc32Of(Buffers.Bytes(a[0]), (uint)(Ops.Index(a[1]!).ToBig() & uint.MaxValue))));
        m.Def("adler32", "data, value=1, /", a =>
        {
            var start = (uint)(Ops.Index(a[1]!).ToBig() & uint.MaxValue);
            var (low, high) = (start & 0xffff, start >> 16);
            foreach (var b in Buffers.Bytes(a[0]))
            {
                low = (low + b) % 65521;
                high = (high + low) % 65521;
            }
            return PyInt.Of((long)high << 16 | low);
        });
        m.Def("compress", "data, /, level=-1, wbits=15", a =>
        {
            var data = Buffers.Bytes(a[0]);
            var compressor = new PyCompressor(WrapperOf(Args.Int(a[2]!), false), Level(a[1]!), 0, null);
            return new PyBytes(compressor.Compress(data, Finish));
        });
        m.Def("decompress", "data, /, wbits=15, bufsize=16384", a =>
        {
            if (Args.Long(a[2]!) < 0)
                throw Err.Value("bufsize must be non-negative");
            var decompressor = new PyDecompressor(WrapperOf(Args.Int(a[1]!), true), null);
            var result = decompressor.Decompress(Buffers.Bytes(a[0]), 0);
            return decompressor.IsAtEnd ? new PyBytes(result) : throw Error("Error -5 while decompressing data: incomplete or truncated stream");
        });
        m.Def("compressobj", "level=-1, method=8, wbits=15, memLevel=8, strategy=0, zdict=?", a =>
        {
            if (Args.Int(a[1]!) != Deflated || Args.Int(a[3]!) is < 1 or > 9 || Args.Int(a[0]!) is < -1 or > 9)
                throw Err.Value("Invalid initialization option");
            return new PyCompressor(WrapperOf(Args.Int(a[2]!), false), Args.Int(a[0]!), Args.Int(a[4]!), a[5] is null ? null : a[5] is IBuffer ? Buffers.Bytes(a[5]) : throw Err.Type("zdict argument must support the buffer protocol"));
        });
        m.Def("decompressobj", "wbits=15, zdict=?", a => new PyDecompressor(WrapperOf(Args.Int(a[0]!), true), a[1] is null ? null : a[1] is IBuffer ? Buffers.Bytes(a[1]) : throw Err.Type("zdict argument must support the buffer protocol")));
    }
}
