using System.Runtime.InteropServices;
using Holon.Machines;

namespace Holon.Memory;

/// <summary>The host's calls for memory, with errors that users can act on. Linux only; see mmap(2), memfd_create(2).</summary>
public static unsafe partial class HostMemory
{
    private const int ProtRead = 1, ProtWrite = 2, MapShare = 1, MapPrivate = 2, MapFixed = 0x10, MapAnonymous = 0x20, MapNoReserve = 0x4000, MapPopulate = 0x8000, CloseOnExec = 1;

    /// <summary>Makes an anonymous file of a size, with no pages taken yet.</summary>
    /// <exception cref="HolonException">The host refuses.</exception>
    public static int CreateAnonymousFile(string name, ulong size)
    {
        var descriptor = MemfdCreate(name, CloseOnExec);
        if (descriptor < 0) throw Refused("an anonymous memory file", size);
        if (Ftruncate(descriptor, checked((long)size)) == 0) return descriptor;
        var error = Refused("an anonymous memory file", size);
        Close(descriptor);
        throw error;
    }

    /// <summary>Maps a file shared and writable.</summary>
    /// <exception cref="HolonException">The host refuses.</exception>
    public static byte* MapShared(int descriptor, ulong size)
    {
        var address = Mmap(0, checked((nuint)size), ProtRead | ProtWrite, MapShare | MapNoReserve, descriptor, 0);
        return address != -1 ? (byte*)address : throw Refused("address space", size);
    }

    /// <summary>Reserves address space in which nothing can be accessed; null when the host refuses.</summary>
    public static byte* TryReserve(ulong size)
    {
        var address = Mmap(0, checked((nuint)size), 0, MapPrivate | MapAnonymous | MapNoReserve, -1, 0);
        return address != -1 ? (byte*)address : null;
    }

    /// <summary>Maps a part of a file shared and writable at an address of a reservation, with its pages present.</summary>
    /// <returns>False when the host refuses: it bounds how many mappings there may be.</returns>
    public static bool TryMapAt(byte* address, int descriptor, ulong offset, ulong size) =>
        Mmap((nint)address, checked((nuint)size), ProtRead | ProtWrite, MapShare | MapFixed | MapPopulate, descriptor, (long)offset) != -1;

    /// <summary>Makes a part of a reservation what it was at first.</summary>
    public static void ReserveAgain(byte* address, ulong size) => _ = Mmap((nint)address, checked((nuint)size), 0, MapPrivate | MapFixed | MapAnonymous | MapNoReserve, -1, 0);

    /// <summary>Undoes <see cref="MapShared"/> and <see cref="TryReserve"/>.</summary>
    public static void Unmap(byte* address, ulong size) => _ = Munmap((nint)address, (nuint)size);

    /// <summary>Gives the pages of a range of a file back; it reads as zeroes afterwards. A host that refuses keeps them.</summary>
    public static void PunchHole(int descriptor, ulong offset, ulong length)
    {
        const int KeepSize = 1, Punch = 2;
        if (length > 0) _ = Fallocate(descriptor, KeepSize | Punch, (long)offset, (long)length);
    }

    /// <summary>Bytes of a file that the host keeps, in memory or elsewhere; 0 when it does not tell. See statx(2).</summary>
    public static ulong AllocatedBytes(int descriptor)
    {
        const int emptyPath = 0x1000, blocks = 0x400, blocksOffset = 48, sectorBytes = 512;
        var status = stackalloc byte[256]; // struct statx has that size, everywhere and for ever
        return Statx(descriptor, "", emptyPath, blocks, status) == 0 ? *(ulong*)(status + blocksOffset) * sectorBytes : 0;
    }

    /// <summary>Closes a descriptor.</summary>
    public static void Close(int descriptor) => _ = CloseDescriptor(descriptor);

    private static HolonException Refused(string what, ulong size) =>
        new($"The host refused {size >> 20} MiB of guest memory ({what}: {Marshal.GetLastPInvokeErrorMessage()}); use a smaller --memory.");

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemfdCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int Ftruncate(int descriptor, long size);

    [LibraryImport("libc", EntryPoint = "fallocate")]
    private static partial int Fallocate(int descriptor, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Mmap(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Munmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, byte* status);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseDescriptor(int descriptor);
}
