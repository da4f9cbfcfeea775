using System.Runtime.InteropServices;

namespace Holon.SystemMachine.Images;

/// <summary>Further names of files on the host.</summary>
internal static partial class HostLinks
{
    /// <summary>Gives a file another name, under which it stays when the first is removed.</summary>
    /// <returns>False when the host cannot, as between file systems.</returns>
    public static bool TryLink(string file, string name) => OperatingSystem.IsLinux() && Link(file, name) == 0;

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string existing, string name);
}
