using Holon.Machines;
using Microsoft.Win32.SafeHandles;

namespace Holon.SystemMachine.Boot;

/// <summary>Reads the files that a machine is booted from, with errors that name the file.</summary>
internal static class BootFile
{
    /// <summary>The largest kernel or firmware file that is read: a file of another kind, such as a disk, must not fill the host's memory.</summary>
    public const int MaxKernelLength = 512 << 20;

    /// <summary>Opens and measures a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="role">What it is for, for errors: "kernel", "initrd".</param>
    public static (SafeFileHandle Handle, long Length) Open(string path, string role)
    {
        SafeFileHandle? handle = null;
        try
        {
            if (Directory.Exists(path)) throw new HolonException($"The {role} {path} is a directory; name a file.");
            handle = File.OpenHandle(path);
            var length = RandomAccess.GetLength(handle);
            if (length == 0) throw new HolonException($"The {role} {path} is empty; name another file.");
            return (handle, length);
        }
        catch (Exception error)
        {
            handle?.Dispose();
            throw error switch
            {
                FileNotFoundException or DirectoryNotFoundException => new HolonException($"The {role} {path} does not exist; check the path."),
                UnauthorizedAccessException => new HolonException($"The {role} {path} may not be read by this user; change its permissions or copy it."),
                NotSupportedException => new HolonException($"The {role} {path} is not a regular file; copy it to one."),
                IOException => new HolonException($"The {role} {path} cannot be read; check the disk it is on.", error),
                _ => error,
            };
        }
    }

    /// <summary>Reads a whole kernel or firmware file.</summary>
    public static byte[] ReadAll(string path, string role)
    {
        var (handle, length) = Open(path, role);
        using (handle)
        {
            if (length > MaxKernelLength) throw new HolonException($"The {role} {path} has {length >> 20} MiB, more than the {MaxKernelLength >> 20} MiB a {role} may have; is it a disk image?");
            var content = GC.AllocateUninitializedArray<byte>((int)length);
            for (var offset = 0; offset < content.Length;) offset += Read(handle, path, content.AsSpan(offset), offset);
            return content;
        }
    }

    /// <summary>Reads what is there, at least one byte.</summary>
    public static int Read(SafeFileHandle handle, string path, Span<byte> buffer, long offset)
    {
        int read;
        try
        {
            read = RandomAccess.Read(handle, buffer, offset);
        }
        catch (IOException error)
        {
            throw new HolonException($"The file {path} cannot be read; check the disk it is on.", error);
        }

        return read > 0 ? read : throw new HolonException($"The file {path} became shorter while it was read; try again when nobody changes it.");
    }
}
