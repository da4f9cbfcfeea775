using ICSharpCode.SharpZipLib;
using ICSharpCode.SharpZipLib.BZip2;

namespace Holon.Python.Modules.Compression;

/// <summary>_bz2, on SharpZipLib's streams: the decompressor waits until it has a whole stream.</summary>
internal static class Bz2Module
{
    private sealed class PyCompressor(int level) : PyObject
    {
        private readonly MemoryStream input = new();

        public bool IsFinished { get; private set; }

        public void Add(byte[] data)
        {
            if (IsFinished)
                throw Err.Value("Compressor has been flushed");
            input.Write(data);
            PyThread.Current.Machine.Limits.CheckSize(input.Length);
        }

        public byte[] Finish()
        {
            if (IsFinished)
                throw Err.Value("Repeated call to flush()");
            IsFinished = true;
            var output = new MemoryStream();
            using (var stream = new BZip2OutputStream(output, level) { IsStreamOwner = false })
                stream.Write(input.GetBuffer(), 0, (int)input.Length);
            return output.ToArray();
        }

        public override PyType Type => Compressor;
    }

    private static readonly PyType Compressor = new("BZ2Compressor", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.New = (_, args, names) =>
        {
            Args.Between("BZ2Compressor", args, names, 0, 1);
            var level = args.Length == 0 ? 9 : Args.Int(args[0]);
            return level is >= 1 and <= 9 ? new PyCompressor(level) : throw Err.Value("compresslevel must be between 1 and 9");
        };
        t.Def1("compress", (o, data) =>
        {
            ((PyCompressor)o).Add(Buffers.Bytes(data));
            return PyBytes.Empty;
        });
        t.Def0("flush", o => new PyBytes(((PyCompressor)o).Finish()));
    }, "_bz2");

    private sealed class PyDecompressor : PyObject
    {
        private readonly MemoryStream input = new();
        private MemoryStream? output;
        private ulong window;
        private bool mayEnd;

        public bool IsAtEnd => output is not null && output.Position == output.Length;

        public byte[] Unused { get; private set; } = [];

        public bool NeedsInput => output is null;

        public byte[] Decompress(byte[] data, long most)
        {
            if (IsAtEnd)
                throw Err.Of(ExceptionTypes.EOFError, "End of stream already reached");
            if (output is null)
            {
                input.Position = input.Length;
                input.Write(data);
                PyThread.Current.Machine.Limits.CheckSize(input.Length);
                var magic = input.GetBuffer().AsSpan(0, (int)Math.Min(3, input.Length));
                if (!"BZh"u8.StartsWith(magic))
                    throw Err.Of(ExceptionTypes.OSError, "Invalid data stream");
                if (SeesEnd(data))
                    TryWhole();
            }
            if (output is null)
                return [];
            var size = (int)(most < 0 ? output.Length - output.Position : Math.Min(most, output.Length - output.Position));
            var result = new byte[size];
            output.ReadExactly(result);
            return result;
        }

        /// <summary>A stream ends with a mark of 48 bits, at any bit: until it has been seen there is no use in trying.</summary>
        private bool SeesEnd(byte[] data)
        {
            const ulong mark = 0x1772_4538_5090, mask = (1UL << 48) - 1;
            for (var i = 0; i < data.Length && !mayEnd; i++)
            {
                window = window << 8 | data[i];
                for (var shift = 0; shift < 8; shift++)
                    mayEnd |= (window >> shift & mask) == mark;
            }
            return mayEnd;
        }

        private void TryWhole()
        {
            input.Position = 0;
            var counted = new CountingStream(input);
            var all = new MemoryStream();
            try
            {
                using var stream = new BZip2InputStream(counted) { IsStreamOwner = false };
                var buffer = new byte[65536];
                while (stream.Read(buffer, 0, buffer.Length) is > 0 and var n)
                {
                    all.Write(buffer, 0, n);
                    PyThread.Current.Machine.Limits.CheckSize(all.Length);
                }
            }
            catch (Exception) when (counted.ReachedEnd)
            {
                return; // more is needed
            }
            catch (Exception error) when (error is SharpZipBaseException or IndexOutOfRangeException or EndOfStreamException)
            {
                throw Err.Of(ExceptionTypes.OSError, "Invalid data stream");
            }
            if (counted.ReachedEnd)
                return;
            all.Position = 0;
            output = all;
            Unused = input.GetBuffer()[(int)counted.Count..(int)input.Length];
        }

        public override PyType Type => Decompressor;
    }

    /// <summary>Counts what is read, and notes a read beyond the end.</summary>
    private sealed class CountingStream(Stream inner) : Stream
    {
        public long Count { get; private set; }

        public bool ReachedEnd { get; private set; }

        public override int ReadByte()
        {
            var b = inner.ReadByte();
            if (b < 0)
                ReachedEnd = true;
            else
                Count++;
            return b;
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var n = inner.Read(buffer, offset, count);
            Count += n;
            ReachedEnd |= n < count;
            return n;
        }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => inner.Length;

        public override long Position
        {
            get => Count;
            set => throw new NotSupportedException();
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }

    private static readonly PyType Decompressor = new("BZ2Decompressor", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.New = (_, args, names) =>
        {
            Args.Between("BZ2Decompressor", args, names, 0, 0);
            return new PyDecompressor();
        };
        t.Def("decompress", "data, max_length=-1", (o, a) => new PyBytes(((PyDecompressor)o).Decompress(Buffers.Bytes(a[0]), Args.Long(a[1]!))));
        t.Member("eof", o => Values.Bool(((PyDecompressor)o).IsAtEnd));
        t.Member("needs_input", o => Values.Bool(((PyDecompressor)o).NeedsInput));
        t.Getter("unused_data", o => new PyBytes(((PyDecompressor)o).IsAtEnd ? ((PyDecompressor)o).Unused : []));
    }, "_bz2");

    public static void Fill(ModuleBuilder m) => m.Types(Compressor, Decompressor);
}
