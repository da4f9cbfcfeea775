using Holon.Memory;

namespace Holon.SystemMachine.Boot;

/// <summary>Page tables that map the first 4 GiB to themselves with 2 MiB pages, which every 64-bit processor has (SDM vol. 3 §4.5).</summary>
internal static class IdentityPageTables
{
    private const int Directories = 4, Entries = 512;
    private const ulong PresentWritable = 3, LargePage = 1 << 7;

    /// <summary>Puts the tables into conventional memory.</summary>
    /// <returns>The address of the top table, for CR3.</returns>
    public static ulong Place(GuestLayout layout)
    {
        const int Tables = 2 + Directories;
        var memory = layout.Memory;
        var top = layout.AllocateLow(Tables * GuestMemory.PageSize, GuestMemory.PageSize, "the page tables");
        var pointers = top + GuestMemory.PageSize;
        var directories = pointers + GuestMemory.PageSize;
        memory.Span(top, 2 * GuestMemory.PageSize).Clear();
        memory.Write(top, pointers | PresentWritable);
        for (var i = 0ul; i < Directories; i++) memory.Write(pointers + (i * 8), (directories + (i * GuestMemory.PageSize)) | PresentWritable);
        for (var i = 0ul; i < Directories * Entries; i++) memory.Write(directories + (i * 8), (i << 21) | PresentWritable | LargePage);
        return top;
    }
}
