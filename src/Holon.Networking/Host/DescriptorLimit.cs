using System.Runtime.InteropServices;

namespace Holon.Networking.Host;

/// <summary>Each connection of a guest is a descriptor, and the usual soft limit of 1024 is for programs that use <c>select</c>.</summary>
internal static unsafe partial class DescriptorLimit
{
    private const int Descriptors = 7;

    [StructLayout(LayoutKind.Sequential)]
    private struct Limit
    {
        public ulong Soft, Hard;
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int Get(int resource, Limit* limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int Set(int resource, Limit* limit);

    /// <summary>Raises the soft limit as far as it goes without privilege.</summary>
    public static void Raise()
    {
        Limit limit;
        if (Get(Descriptors, &limit) != 0 || limit.Soft >= limit.Hard) return;
        limit.Soft = Math.Min(limit.Hard, 1 << 20);
        _ = Set(Descriptors, &limit);
    }
}
