using Holon.Storage.Images;
using Holon.Storage.Qcow2;
using Holon.Storage.Tools;

namespace Holon.Storage.Tests;

/// <summary>Short ways to images.</summary>
internal static class TestImages
{
    /// <summary>Makes a disk and opens it.</summary>
    public static Qcow2Image Create(string path, DiskCreationOptions options)
    {
        DiskCreation.Create(path, options);
        return (Qcow2Image)Open(path);
    }

    public static DiskImage Open(string path, bool readOnly = false) => ImageOpener.Open(path, new DiskOptions { ReadOnly = readOnly });

    /// <summary>Everything that a disk reads as.</summary>
    public static byte[] Content(this DiskImage image)
    {
        var content = new byte[image.Length];
        image.Read(0, content.AsSpan());
        return content;
    }

    /// <summary>Everything that a disk in a file reads as.</summary>
    public static byte[] ContentOf(string path)
    {
        using var image = Open(path, readOnly: true);
        return image.Content();
    }

    /// <summary>Wants our own check to find nothing.</summary>
    public static void AssertClean(string path)
    {
        var result = DiskMaintenance.Check(path);
        Assert.True(result is null || (result.Corruptions == 0 && result.Leaks == 0), string.Join('\n', result?.Messages ?? []));
    }

    /// <summary>Wants two contents to be the same, and says where they are not.</summary>
    public static void AssertSame(byte[] expected, byte[] actual, string context = "")
    {
        Assert.True(expected.Length == actual.Length, $"{context}: there are {actual.Length} bytes and should be {expected.Length}");
        var at = expected.AsSpan().CommonPrefixLength(actual);
        if (at < expected.Length) Assert.Fail($"{context}: byte {at} of {expected.Length} is {actual[at]} and should be {expected[at]}");
    }

    public static byte[] Random(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
