using System.Runtime.InteropServices;
using Holon.Jvm.Runtime;
using Holon.Machines;

namespace Holon.Jvm.Natives;

/// <summary>
/// Which files a machine may touch. A path is judged by what it really leads to, symbolic links followed; what does not exist yet, by
/// the folder that it would be in. The class library and the class path can always be read.
/// </summary>
internal sealed unsafe class FileGrants
{
    private const int Denied = 13; // EACCES

    private readonly string[] _read, _write;
    private readonly bool _all;

    public FileGrants(JavaMachineOptions options)
    {
        var grants = options.Grants;
        _all = grants.Read.Contains("/") && grants.Write.Contains("/");
        _write = [.. grants.Write.Select(Canonical)];
        _read = _all ? [] : [.. _write, .. grants.Read.Concat(options.ClassPath).Select(Canonical), Canonical(options.JavaHome), "/etc/java-17-openjdk", "/dev/random", "/dev/urandom"];
    }

    /// <summary>Whether every file may be read and written.</summary>
    public bool AllowsAll => _all;

    /// <summary>Says no as the C library would: the error is the one for the calling code to report.</summary>
    public bool Allows(byte* path, bool write, bool followLast = true)
    {
        if (_all) return true;
        var text = Marshal.PtrToStringUTF8((nint)path) ?? "";
        if (!followLast) text = Path.Combine(Canonical(Path.GetDirectoryName(Path.GetFullPath(text)) ?? "/"), Path.GetFileName(text));
        else text = Canonical(text);
        if (MachineGrants.IsUnder(write ? _write : _read, text)) return true;
        Marshal.SetLastPInvokeError(Denied);
        return false;
    }

    /// <summary>Opens a file. With grants for some folders only, no link on the way may lead elsewhere, even one that appears meanwhile.</summary>
    public int Open(byte* path, int flags, int mode)
    {
        var write = (flags & 3) != Libc.ReadOnly || (flags & (Libc.Create | Libc.Truncate)) != 0;
        if (_all) return Libc.Open(path, flags, mode);
        if (!Allows(path, write)) return -1;
        var real = Canonical(Marshal.PtrToStringUTF8((nint)path) ?? "");
        // The path is free of links by now; a link in it was put there since.
        fixed (byte* p = Libc.Path(real)) return Libc.OpenWithoutLinks(p, flags, mode);
    }

    private static string Canonical(string path) => FileNatives.Canonicalize(path.Length == 0 ? "." : path);
}
