using Holon.Machines;
using Holon.Memory;
using Microsoft.Win32.SafeHandles;

namespace Holon.SystemMachine.Boot;

/// <summary>A file that a guest finds in its memory: an initrd, or a module of a Multiboot kernel.</summary>
/// <param name="Path">The file.</param>
/// <param name="Arguments">Its command line, which only Multiboot modules have.</param>
public sealed record BootModule(string Path, string Arguments = "");

/// <summary>Files that are open and measured, so that they can be placed before they are read.</summary>
internal sealed class OpenModules : IDisposable
{
    private readonly List<(BootModule Module, SafeFileHandle? Handle, ReadOnlyMemory<byte> Bytes, ulong Length)> _files = [];

    /// <summary>Opens and measures files.</summary>
    /// <param name="modules">The files.</param>
    /// <param name="extra">One more that is not in a file, after the others; empty for none.</param>
    /// <exception cref="HolonException">One is missing, unreadable or empty.</exception>
    public OpenModules(IReadOnlyList<BootModule> modules, ReadOnlyMemory<byte> extra = default)
    {
        try
        {
            foreach (var module in modules)
            {
                var (handle, length) = BootFile.Open(module.Path, "initrd");
                _files.Add((module, handle, default, (ulong)length));
            }

            if (!extra.IsEmpty) _files.Add((new BootModule("(made for this run)"), null, extra, (ulong)extra.Length));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>How many files.</summary>
    public int Count => _files.Count;

    /// <summary>Bytes that all files take one after the other, each at a multiple of four, as Linux wants archives in one initrd.</summary>
    public ulong ConcatenatedLength
    {
        get
        {
            var length = 0ul;
            foreach (var file in _files) length = Pad(length) + file.Length;
            return length;
        }
    }

    /// <summary>The file with a number.</summary>
    public BootModule this[int index] => _files[index].Module;

    /// <summary>Bytes in a file.</summary>
    public ulong LengthOf(int index) => _files[index].Length;

    /// <summary>Reads all files into memory, one after the other.</summary>
    public void CopyConcatenated(GuestMemory memory, ulong address)
    {
        var offset = 0ul;
        for (var i = 0; i < _files.Count; i++)
        {
            var padded = Pad(offset);
            memory.Span(address + offset, (int)(padded - offset)).Clear();
            CopyTo(i, memory, address + padded);
            offset = padded + _files[i].Length;
        }
    }

    /// <summary>Reads one file into memory.</summary>
    /// <exception cref="HolonException">It cannot be read, or became shorter since it was measured.</exception>
    public void CopyTo(int index, GuestMemory memory, ulong address)
    {
        const int Chunk = 1 << 24;
        var (module, handle, bytes, length) = _files[index];
        if (handle is null)
        {
            memory.Write(address, bytes.Span);
            return;
        }

        for (var offset = 0ul; offset < length;)
        {
            var span = memory.Span(address + offset, (int)Math.Min(length - offset, Chunk));
            offset += (ulong)BootFile.Read(handle, module.Path, span, (long)offset);
        }

        memory.CodePages.NotifyWrite(address, length);
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (var file in _files) file.Handle?.Dispose();
    }

    private static ulong Pad(ulong length) => (length + 3) & ~3ul;
}
