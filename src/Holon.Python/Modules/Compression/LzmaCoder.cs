using System.Runtime.InteropServices;

namespace Holon.Python.Modules.Compression;

/// <summary>One stream of liblzma, which packs or unpacks piece by piece (lzma/base.h, lzma/container.h).</summary>
internal sealed unsafe partial class LzmaCoder
{
    public const int Ok = 0, StreamEnd = 1, NoCheck = 2, GetCheck = 4, MemoryError = 5, BufferError = 10;
    public const int Run = 0, Finish = 3;

    private const string Library = "liblzma.so.5";

    [StructLayout(LayoutKind.Sequential)]
    private struct State
    {
        public byte* NextIn;
        public nuint AvailableIn;
        public ulong TotalIn;
        public byte* NextOut;
        public nuint AvailableOut;
        public ulong TotalOut;
        public nint Allocator, Internal, Reserved1, Reserved2, Reserved3, Reserved4;
        public ulong SeekPosition, Reserved5;
        public nuint Reserved6, Reserved7;
        public int Reserved8, Reserved9;
    }

    /// <summary>The library keeps the address, so the structure does not move.</summary>
    private readonly State* state = (State*)NativeMemory.AllocZeroed((nuint)sizeof(State));

    ~LzmaCoder()
    {
        EndStream(state);
        NativeMemory.Free(state);
    }

    [LibraryImport(Library, EntryPoint = "lzma_easy_encoder")]
    private static partial int EasyEncoder(State* state, uint preset, int check);

    [LibraryImport(Library, EntryPoint = "lzma_stream_encoder")]
    private static partial int StreamEncoder(State* state, void* filters, int check);

    [LibraryImport(Library, EntryPoint = "lzma_alone_encoder")]
    private static partial int AloneEncoder(State* state, void* options);

    [LibraryImport(Library, EntryPoint = "lzma_raw_encoder")]
    private static partial int RawEncoder(State* state, void* filters);

    [LibraryImport(Library, EntryPoint = "lzma_stream_decoder")]
    private static partial int StreamDecoder(State* state, ulong memory, uint flags);

    [LibraryImport(Library, EntryPoint = "lzma_alone_decoder")]
    private static partial int AloneDecoder(State* state, ulong memory);

    [LibraryImport(Library, EntryPoint = "lzma_auto_decoder")]
    private static partial int AutoDecoder(State* state, ulong memory, uint flags);

    [LibraryImport(Library, EntryPoint = "lzma_raw_decoder")]
    private static partial int RawDecoder(State* state, void* filters);

    [LibraryImport(Library, EntryPoint = "lzma_code")]
    private static partial int Code(State* state, int action);

    [LibraryImport(Library, EntryPoint = "lzma_end")]
    private static partial void EndStream(State* state);

    [LibraryImport(Library, EntryPoint = "lzma_get_check")]
    private static partial int CheckOf(State* state);

    [LibraryImport(Library, EntryPoint = "lzma_check_is_supported")]
    public static partial byte IsCheckSupported(int check);

    [LibraryImport(Library, EntryPoint = "lzma_lzma_preset")]
    public static partial byte SetPreset(void* options, uint preset);

    [LibraryImport(Library, EntryPoint = "lzma_properties_size")]
    public static partial int PropertiesSize(out uint size, void* filter);

    [LibraryImport(Library, EntryPoint = "lzma_properties_encode")]
    public static partial int PropertiesEncode(void* filter, Span<byte> properties);

    [LibraryImport(Library, EntryPoint = "lzma_properties_decode")]
    public static partial int PropertiesDecode(void* filter, nint allocator, ReadOnlySpan<byte> properties, nuint size);

    [LibraryImport("libc", EntryPoint = "free")]
    public static partial void Free(nint memory);

    public int Check => CheckOf(state);

    public int BeEncoder(uint preset, int check) => EasyEncoder(state, preset, check);

    public int BeEncoder(LzmaFilters filters, int check) => StreamEncoder(state, filters.Chain, check);

    public int BeAloneEncoder(LzmaFilters filters) => AloneEncoder(state, filters.FirstOptions);

    public int BeRawEncoder(LzmaFilters filters) => RawEncoder(state, filters.Chain);

    private const uint TellNoCheck = 1, TellAnyCheck = 4;

    public int BeDecoder(ulong memory) => StreamDecoder(state, memory, TellNoCheck | TellAnyCheck);

    public int BeAloneDecoder(ulong memory) => AloneDecoder(state, memory);

    public int BeAutoDecoder(ulong memory) => AutoDecoder(state, memory, TellNoCheck | TellAnyCheck);

    public int BeRawDecoder(LzmaFilters filters) => RawDecoder(state, filters.Chain);

    /// <summary>Works on some input and output; says how much of both has been used.</summary>
    public int Step(ReadOnlySpan<byte> input, Span<byte> output, int action, out int consumed, out int produced)
    {
        int result;
        fixed (byte* from = input, to = output)
        {
            // A null pointer with a length of zero is fine for the library.
            state->NextIn = from;
            state->AvailableIn = (nuint)input.Length;
            state->NextOut = to;
            state->AvailableOut = (nuint)output.Length;
            result = Code(state, action);
            (consumed, produced) = (input.Length - (int)state->AvailableIn, output.Length - (int)state->AvailableOut);
        }
        GC.KeepAlive(this);
        return result;
    }
}
