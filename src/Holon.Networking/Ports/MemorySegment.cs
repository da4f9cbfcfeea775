using System.Runtime.InteropServices;

namespace Holon.Networking;

/// <summary>A piece of memory that stays in place: guest memory or native memory of the host. Laid out as the system's <c>struct iovec</c>.</summary>
/// <param name="Address">First byte.</param>
/// <param name="Length">Bytes.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct MemorySegment(nint Address, nint Length)
{
    /// <summary>The memory as a span.</summary>
    /// <remarks>Safe as long as whoever made the segment keeps its promise that the memory is mapped for the length.</remarks>
    public unsafe Span<byte> Span => new((void*)Address, (int)Length);
}
