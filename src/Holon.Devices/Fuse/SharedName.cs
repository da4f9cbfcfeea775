namespace Holon.Devices.Fuse;

/// <summary>Names of files as guests give them.</summary>
internal static class SharedName
{
    /// <summary>Whether it names one file of a folder: no path, not the folder itself, not the one above.</summary>
    public static bool IsOne(ReadOnlySpan<byte> name) =>
        name.Length is > 0 and <= FuseLimits.NameLength && !name.ContainsAny((byte)'/', (byte)0) && !name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8);

    /// <summary>A copy with the zero byte that system calls want.</summary>
    public static byte[] Keep(ReadOnlySpan<byte> name)
    {
        var copy = new byte[name.Length + 1];
        name.CopyTo(copy);
        return copy;
    }
}
