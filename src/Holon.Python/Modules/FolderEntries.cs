using System.Runtime.InteropServices;

namespace Holon.Python.Modules;

/// <summary>The names in a folder as the kernel has them: bytes that need not be UTF-8.</summary>
internal static unsafe partial class FolderEntries
{
    // struct dirent64, dirent.h.
    private const int KindOffset = 18, NameOffset = 19;

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "opendir")]
    private static partial nint Open(string path);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "readdir64")]
    private static partial byte* Read(nint folder);

    [LibraryImport("libc", EntryPoint = "closedir")]
    private static partial int Close(nint folder);

    /// <summary>A name, and what it is as in a mode (<c>0x4000</c> a folder); 0 when the file system does not say.</summary>
    public readonly record struct Entry(string Name, int Kind);

    /// <summary>The entries without <c>.</c> and <c>..</c>; null when the folder cannot be opened, with the error number set.</summary>
    public static List<Entry>? Of(string path)
    {
        var folder = Open(path);
        if (folder == 0)
            return null;
        var names = new List<Entry>();
        for (var entry = Read(folder); entry is not null; entry = Read(folder))
        {
            // SAFETY: the C library ends each name with a zero and keeps the entry until the next call.
            var name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(entry + NameOffset);
            if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                names.Add(new Entry(FileSystemCodec.Decode(name).Value, entry[KindOffset] << 12));
        }
        _ = Close(folder);
        return names;
    }
}
