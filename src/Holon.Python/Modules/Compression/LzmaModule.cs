namespace Holon.Python.Modules.Compression;

/// <summary>_lzma, on liblzma.</summary>
internal static class LzmaModule
{
    private static readonly NativeParameters LZMACompressorParameters = new("LZMACompressor", "format=1, check=-1, preset=None, filters=None");
    private static readonly NativeParameters LZMADecompressorParameters = new("LZMADecompressor", "format=0, memlimit=None, filters=None");
    private const int Auto = 0, Xz = 1, Alone = 2, Raw = 3, NoCheckId = 0, Crc64 = 4, UnknownCheck = 16;
    private const uint DefaultPreset = 6;

    public static readonly PyType LzmaError = new("LZMAError", ExceptionTypes.Exception, null, "_lzma");

    public static ulong FilterId(PyObject o) => Ops.Index(o).TryLong(out var id) && id >= 0 ? (ulong)id : throw Err.Overflow("can't convert negative int to unsigned");

    public static PyError Failure(string message) => Err.Of(LzmaError, message);

    public static void Check(int code)
    {
        if (code is LzmaCoder.Ok or LzmaCoder.StreamEnd or LzmaCoder.NoCheck or LzmaCoder.GetCheck)
            return;
        throw code switch
        {
            LzmaCoder.MemoryError => Err.Memory(),
            3 => Failure("Unsupported integrity check"),
            6 => Failure("Memory usage limit exceeded"),
            7 => Failure("Input format not supported by decoder"),
            8 => Failure("Invalid or unsupported options"),
            9 => Failure("Corrupt input data"),
            LzmaCoder.BufferError => Failure("Insufficient buffer space"),
            11 => Failure("Internal error"),
            _ => Failure($"Unrecognized error from liblzma: {code}"),
        };
    }

    private sealed class PyCompressor(LzmaCoder coder) : PyObject
    {
        public bool IsFinished { get; private set; }

        public override PyType Type => Compressor;

        public byte[] Work(ReadOnlySpan<byte> input, int action)
        {
            var output = new MemoryStream();
            var room = new byte[8192];
            while (true)
            {
                var code = coder.Step(input, room, action, out var consumed, out var produced);
                if (code == LzmaCoder.BufferError && input.Length == 0 && produced < room.Length)
                    code = LzmaCoder.Ok;
                Check(code);
                input = input[consumed..];
                output.Write(room, 0, produced);
                PyThread.Current.Machine.Limits.Charge(consumed + produced);
                if (action == LzmaCoder.Run ? input.Length == 0 && produced < room.Length : code == LzmaCoder.StreamEnd)
                    break;
            }
            IsFinished |= action == LzmaCoder.Finish;
            return output.ToArray();
        }
    }

    private static readonly PyType Compressor = new("LZMACompressor", PyType.Object, t =>
    {
        t.New = (_, args, names) =>
        {
            var a = LZMACompressorParameters.Bind(args, names);
            var (format, check) = (Args.Int(a[0]!), Args.Int(a[1]!));
            if (a[2] != Values.None && a[3] != Values.None)
                throw Err.Value("Cannot specify both preset and filter chain");
            if (format != Xz && check is not (-1 or NoCheckId))
                throw Err.Value("Integrity checks are only supported by FORMAT_XZ");
            var preset = a[2] == Values.None ? DefaultPreset : (uint)(Args.Long(a[2]!) is >= 0 and <= uint.MaxValue and var level ? level : throw Err.Overflow("can't convert negative value to unsigned int"));
            var filters = a[3] == Values.None ? null : new LzmaFilters(a[3]!);
            var coder = new LzmaCoder();
            Check(format switch
            {
                Xz => filters is null ? coder.BeEncoder(preset, check < 0 ? Crc64 : check) : coder.BeEncoder(filters, check < 0 ? Crc64 : check),
                Alone => filters is null ? coder.BeAloneEncoder(new LzmaFilters(preset)) : filters.IsSingle && filters.IdOf(0) == LzmaFilters.Lzma1 ? coder.BeAloneEncoder(filters) : throw Err.Value("Invalid filter chain for FORMAT_ALONE - must be a single LZMA1 filter"),
                Raw => coder.BeRawEncoder(filters ?? throw Err.Value("Must specify filters for FORMAT_RAW")),
                _ => throw Err.Value($"Invalid container format: {format}"),
            });
            GC.KeepAlive(filters);
            return new PyCompressor(coder);
        };
        t.Def1("compress", (o, data) => ((PyCompressor)o).IsFinished ? throw Err.Value("Compressor has been flushed") : new PyBytes(((PyCompressor)o).Work(Buffers.Bytes(data), LzmaCoder.Run)));
        t.Def0("flush", o => ((PyCompressor)o).IsFinished ? throw Err.Value("Repeated call to flush()") : new PyBytes(((PyCompressor)o).Work([], LzmaCoder.Finish)));
    }, "_lzma");

    private sealed class PyDecompressor(LzmaCoder coder, int check) : PyObject
    {
        private byte[] left = [];

        public int CheckId { get; private set; } = check;

        public bool IsAtEnd { get; private set; }

        public bool NeedsInput { get; private set; } = true;

        public byte[] Unused { get; private set; } = [];

        public override PyType Type => Decompressor;

        public byte[] Work(byte[] data, long most)
        {
            if (IsAtEnd)
                throw Err.Of(ExceptionTypes.EOFError, "Already at end of stream");
            byte[] all = left.Length == 0 ? data : [.. left, .. data];
            var input = all.AsSpan();
            var output = new MemoryStream();
            var room = new byte[32768];
            var isFull = false;
            while (true)
            {
                var size = most < 0 ? room.Length : (int)Math.Min(room.Length, most - output.Length);
                var code = coder.Step(input, room.AsSpan(0, size), LzmaCoder.Run, out var consumed, out var produced);
                // No room or no input is no error here: more of it may come.
                if (code == LzmaCoder.BufferError && (input.Length == 0 || size == 0))
                    code = LzmaCoder.Ok;
                Check(code);
                if (code is LzmaCoder.GetCheck or LzmaCoder.NoCheck)
                    CheckId = coder.Check;
                input = input[consumed..];
                output.Write(room, 0, produced);
                PyThread.Current.Machine.Limits.Charge(consumed + produced);
                PyThread.Current.Machine.Limits.CheckSize(output.Length);
                if (code == LzmaCoder.StreamEnd)
                {
                    IsAtEnd = true;
                    break;
                }
                isFull = produced == size;
                if (isFull ? most >= 0 && output.Length == most : input.Length == 0)
                    break;
            }
            left = IsAtEnd ? [] : input.ToArray();
            if (IsAtEnd)
                Unused = input.ToArray();
            NeedsInput = !IsAtEnd && left.Length == 0 && !isFull;
            return output.ToArray();
        }
    }

    private static readonly PyType Decompressor = new("LZMADecompressor", PyType.Object, t =>
    {
        t.New = (_, args, names) =>
        {
            var a = LZMADecompressorParameters.Bind(args, names);
            var format = Args.Int(a[0]!);
            if (a[1] != Values.None && format == Raw)
                throw Err.Value("Cannot specify memory limit with FORMAT_RAW");
            if (format == Raw && a[2] == Values.None)
                throw Err.Value("Must specify filters for FORMAT_RAW");
            if (format != Raw && a[2] != Values.None)
                throw Err.Value("Cannot specify filters except with FORMAT_RAW");
            // A stream says how much memory it takes to unpack it.
            var bound = (ulong)(PyThread.Current.Machine.Options.MemoryLimit ?? long.MaxValue);
            var memory = a[1] == Values.None ? bound : Math.Min(bound, (ulong)Args.Long(a[1]!));
            var coder = new LzmaCoder();
            var filters = a[2] == Values.None ? null : new LzmaFilters(a[2]!);
            Check(format switch
            {
                Auto => coder.BeAutoDecoder(memory),
                Xz => coder.BeDecoder(memory),
                Alone => coder.BeAloneDecoder(memory),
                Raw => coder.BeRawDecoder(filters!),
                _ => throw Err.Value($"Invalid container format: {format}"),
            });
            GC.KeepAlive(filters);
            return new PyDecompressor(coder, format is Alone or Raw ? NoCheckId : UnknownCheck);
        };
        t.Def("decompress", "data, max_length=-1", (o, a) => new PyBytes(((PyDecompressor)o).Work(Buffers.Bytes(a[0]), Args.Long(a[1]!))));
        t.Member("check", o => PyInt.Of(((PyDecompressor)o).CheckId));
        t.Member("eof", o => Values.Bool(((PyDecompressor)o).IsAtEnd));
        t.Member("needs_input", o => Values.Bool(((PyDecompressor)o).NeedsInput));
        t.Member("unused_data", o => new PyBytes(((PyDecompressor)o).Unused));
    }, "_lzma");

    public static void Fill(ModuleBuilder m)
    {
        m.Types(Compressor, Decompressor, LzmaError);
        foreach (var (name, value) in new (string, long)[]
        {
            ("FORMAT_AUTO", Auto), ("FORMAT_XZ", Xz), ("FORMAT_ALONE", Alone), ("FORMAT_RAW", Raw), ("CHECK_NONE", 0), ("CHECK_CRC32", 1), ("CHECK_CRC64", Crc64), ("CHECK_SHA256", 10), ("CHECK_ID_MAX", 15), ("CHECK_UNKNOWN", UnknownCheck), ("FILTER_LZMA1", (long)LzmaFilters.Lzma1),
            ("FILTER_LZMA2", (long)LzmaFilters.Lzma2), ("FILTER_DELTA", (long)LzmaFilters.Delta), ("FILTER_X86", 4), ("FILTER_POWERPC", 5), ("FILTER_IA64", 6), ("FILTER_ARM", 7), ("FILTER_ARMTHUMB", 8), ("FILTER_SPARC", 9), ("MF_HC3", 3), ("MF_HC4", 4), ("MF_BT2", 0x12),
            ("MF_BT3", 0x13), ("MF_BT4", 0x14), ("MODE_FAST", 1), ("MODE_NORMAL", 2), ("PRESET_DEFAULT", DefaultPreset), ("PRESET_EXTREME", 0x80000000),
        })
            m.Set(name, value);
        m.Def1("is_check_supported", check => Values.Bool(LzmaCoder.IsCheckSupported(Args.Int(check)) != 0));
        m.Def1("_encode_filter_properties", filter => new PyBytes(new LzmaFilters(new PyTuple(filter)).Encode()));
        m.Def("_decode_filter_properties", "filter_id, encoded_props, /", a => LzmaFilters.Decode(FilterId(a[0]!), Buffers.Bytes(a[1])));
    }
}
