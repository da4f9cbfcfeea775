using System.Runtime.InteropServices;

namespace Holon.Storage.Host;

/// <summary>Memory outside of the managed heap, aligned to a page so that direct transfers can use it.</summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private const nuint PageSize = 4096;

    [ThreadStatic]
    private static NativeBuffer? t_scratch;

    /// <summary>Reserves memory; its content is not cleared.</summary>
    public NativeBuffer(int length)
    {
        Length = length;
        Pointer = (byte*)NativeMemory.AlignedAlloc((nuint)length, PageSize); // safe: freed once, by Dispose or the finalizer
    }

    /// <summary>Gives the memory back when it was forgotten: scratch buffers end with their threads.</summary>
    ~NativeBuffer() => NativeMemory.AlignedFree(Pointer);

    /// <summary>Bytes.</summary>
    public int Length { get; }

    /// <summary>First byte.</summary>
    public byte* Pointer { get; }

    /// <summary>The content.</summary>
    public Span<byte> Span => new(Pointer, Length);

    /// <summary>The first bytes as the memory of a transfer.</summary>
    public BlockBuffer First(int length) => new((nint)Pointer, Math.Min(length, Length));

    /// <summary>A buffer of this thread, at least so long, for use until the caller returns; callers do not nest.</summary>
    public static NativeBuffer Scratch(int length)
    {
        if (t_scratch is { } scratch && scratch.Length >= length) return scratch;
        t_scratch?.Dispose();
        return t_scratch = new NativeBuffer(Math.Max(length, 128 * 1024));
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        NativeMemory.AlignedFree(Pointer);
        GC.SuppressFinalize(this);
    }
}
