using System.IO.Compression;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>java.util.zip.Inflater and Deflater. A stream's address is a number in the machine's table of handles.</summary>
internal static unsafe class ZipNatives
{
    public static void Register(Func<string, NativeClass> of)
    {
        of("java/util/zip/Inflater")
            .Long("init(Z)J", a => a.Machine.NewHandle(new InflateStream(a.Bool(0))))
            .Void("setDictionary(J[BII)V", a => a.Machine.Handle<InflateStream>(a.Long(0)).SetDictionary(a.Bytes(2).AsSpan(a.Int(3), a.Int(4))))
            .Void("setDictionaryBuffer(JJI)V", a => a.Machine.Handle<InflateStream>(a.Long(0)).SetDictionary(new Span<byte>((void*)a.Long(2), a.Int(4))))
            .Long("inflateBytesBytes(J[BII[BII)J", a => Inflate(a, a.Bytes(3).AsSpan(a.Int(4), a.Int(5)), a.Bytes(6).AsSpan(a.Int(7), a.Int(8))))
            .Long("inflateBytesBuffer(J[BIIJI)J", a => Inflate(a, a.Bytes(3).AsSpan(a.Int(4), a.Int(5)), new Span<byte>((void*)a.Long(6), a.Int(8))))
            .Long("inflateBufferBytes(JJI[BII)J", a => Inflate(a, new Span<byte>((void*)a.Long(3), a.Int(5)), a.Bytes(6).AsSpan(a.Int(7), a.Int(8))))
            .Long("inflateBufferBuffer(JJIJI)J", a => Inflate(a, new Span<byte>((void*)a.Long(3), a.Int(5)), new Span<byte>((void*)a.Long(6), a.Int(8))))
            .Int("getAdler(J)I", a => a.Machine.Handle<InflateStream>(a.Long(0)).Adler)
            .Void("reset(J)V", a => a.Machine.ResetHandle<InflateStream>(a.Long(0)))
            .Void("end(J)V", a => a.Machine.FreeHandle(a.Long(0)));
        of("java/util/zip/Deflater")
            .Long("init(IIZ)J", a => a.Machine.NewHandle(new DeflateState(a.Int(0), a.Bool(2))))
            .Long("deflateBytesBytes(J[BII[BIIII)J", a => Deflate(a, a.Bytes(3).AsSpan(a.Int(4), a.Int(5)), a.Bytes(6).AsSpan(a.Int(7), a.Int(8)), a.Int(9), a.Int(10)))
            .Long("deflateBufferBytes(JJI[BIIII)J", a => Deflate(a, new Span<byte>((void*)a.Long(3), a.Int(5)), a.Bytes(6).AsSpan(a.Int(7), a.Int(8)), a.Int(9), a.Int(10)))
            .Long("deflateBytesBuffer(J[BIIJIII)J", a => Deflate(a, a.Bytes(3).AsSpan(a.Int(4), a.Int(5)), new Span<byte>((void*)a.Long(6), a.Int(8)), a.Int(9), a.Int(10)))
            .Long("deflateBufferBuffer(JJIJIII)J", a => Deflate(a, new Span<byte>((void*)a.Long(3), a.Int(5)), new Span<byte>((void*)a.Long(6), a.Int(8)), a.Int(9), a.Int(10)))
            .Void("setDictionary(J[BII)V", a => a.Machine.Handle<DeflateState>(a.Long(0)).SetDictionary(a.Bytes(2).AsSpan(a.Int(3), a.Int(4))))
            .Void("setDictionaryBuffer(JJI)V", a => a.Machine.Handle<DeflateState>(a.Long(0)).SetDictionary(new Span<byte>((void*)a.Long(2), a.Int(4))))
            .Int("getAdler(J)I", a => a.Machine.Handle<DeflateState>(a.Long(0)).Adler)
            .Void("reset(J)V", a => a.Machine.ResetHandle<DeflateState>(a.Long(0)))
            .Void("end(J)V", a => a.Machine.FreeHandle(a.Long(0)));
    }

    private static long Inflate(Args a, ReadOnlySpan<byte> input, Span<byte> output)
    {
        var stream = a.Machine.Handle<InflateStream>(a.Long(1));
        int consumed = 0, produced = 0;
        try
        {
            stream.Run(input, output, out consumed, out produced);
        }
        catch (InvalidDataException e)
        {
            var inflater = a.Object(0);
            inflater.Field<int>(Known.Offset(inflater.Class(), "inputConsumed")) = consumed;
            inflater.Field<int>(Known.Offset(inflater.Class(), "outputConsumed")) = produced;
            throw a.Thread.Error("java/util/zip/DataFormatException", e.Message);
        }
        return (uint)consumed | (long)produced << 31 | (stream.Finished ? 1L << 62 : 0) | (stream.NeedsDictionary ? 1L << 63 : 0);
    }

    private static long Deflate(Args a, ReadOnlySpan<byte> input, Span<byte> output, int flush, int parameters)
    {
        var state = a.Machine.Handle<DeflateState>(a.Long(1));
        if ((parameters & 1) != 0) state.SetLevel(parameters >> 3);
        state.Write(input);
        if (flush == 4) state.Finish();
        else if (flush != 0) state.Flush();
        var produced = state.Read(output);
        return (uint)input.Length | (long)produced << 31 | (state.IsDone ? 1L << 62 : 0);
    }

    /// <summary>A compressor: .NET's, with its output kept until Java fetches it.</summary>
    internal sealed class DeflateState(int level, bool raw) : IDisposable
    {
        private readonly MemoryStream _sink = new();
        private Stream? _stream;
        private int _level = level;
        private long _read;
        private bool _finished;
        private int? _dictionary;

        public bool Raw => raw;

        public int Level => _level;

        public int Adler { get; private set; } = 1;

        public bool IsDone => _finished && _read == _sink.Length;

        public void Dispose()
        {
            _stream?.Dispose();
            _sink.Dispose();
        }

        public void SetLevel(int level)
        {
            if (_stream == null) _level = level; // later changes take effect with the next stream, which only affects its size
        }

        private Stream Open()
        {
            var options = new ZLibCompressionOptions { CompressionLevel = _level is >= 0 and <= 9 ? _level : 6 };
            if (_stream != null) return _stream;
            if (_dictionary is { } dictionary)
            {
                // RFC 1950 §2.2: deflate, level 2, FDICT, the dictionary's checksum.
                _sink.Write([0x78, 0xBB, (byte)(dictionary >> 24), (byte)(dictionary >> 16), (byte)(dictionary >> 8), (byte)dictionary]);
                Adler = 1;
            }
            return _stream = raw || _dictionary != null ? new DeflateStream(_sink, options, true) : new ZLibStream(_sink, options, true);
        }

        /// <summary>.NET's compressor knows no dictionaries. A stream that names one and refers to nothing in it is right, if longer.</summary>
        public void SetDictionary(ReadOnlySpan<byte> dictionary)
        {
            if (!raw && _stream == null) _dictionary = Adler = Checksums.Adler32(1, dictionary);
        }

        public void Write(ReadOnlySpan<byte> data)
        {
            if (data.IsEmpty || _finished) return;
            var stream = Open();
            Adler = Checksums.Adler32(Adler, data);
            stream.Write(data);
        }

        public void Flush()
        {
            if (!_finished) Open().Flush();
        }

        public void Finish()
        {
            if (_finished) return;
            // An empty stream has to have its frame all the same, which .NET's leaves out.
            if (_dictionary != null) Open();
            if (_stream == null) _sink.Write(raw ? [3, 0] : [0x78, 0x9C, 3, 0, 0, 0, 0, 1]);
            else _stream.Dispose();
            if (_dictionary != null) _sink.Write([(byte)(Adler >> 24), (byte)(Adler >> 16), (byte)(Adler >> 8), (byte)Adler]);
            _finished = true;
        }

        public int Read(Span<byte> output)
        {
            var count = (int)Math.Min(output.Length, _sink.Length - _read);
            _sink.GetBuffer().AsSpan((int)_read, count).CopyTo(output);
            _read += count;
            if (_read == _sink.Length && !_finished)
            {
                _sink.SetLength(0);
                _read = 0;
            }
            return count;
        }
    }
}
