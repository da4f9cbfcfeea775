namespace Holon.Oracle;

/// <summary>
/// The user-mode address space in which every case runs, on the host as in an engine under test. Two code pages, filled
/// with INT3; a data window of two writable pages and one read-only page; nothing else is mapped, so that pointers just
/// outside the window fault.
/// </summary>
/// <remarks>Host/worker.c has the same numbers. Everything is below 2 GiB, within reach of 32-bit displacements and addresses.</remarks>
public static class AddressLayout
{
    /// <summary>First byte of the code pages; readable and executable.</summary>
    public const ulong Code = 0x1000_0000;

    /// <summary>Bytes of code pages.</summary>
    public const int CodeSize = 0x2000;

    /// <summary>What fills the code pages around the instruction: INT3.</summary>
    public const byte CodeFiller = 0xCC;

    /// <summary>First byte of the data window; not executable.</summary>
    public const ulong Window = 0x2000_0000;

    /// <summary>Bytes of the data window.</summary>
    public const int WindowSize = 0x3000;

    /// <summary>Bytes of the data window that may be written; the rest is read-only.</summary>
    public const int WindowWritable = 0x2000;

    /// <summary>Bytes of a page.</summary>
    public const int PageSize = 0x1000;
}
