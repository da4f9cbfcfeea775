using System.Diagnostics;

namespace Holon.Storage.Tests;

/// <summary>qemu-img and qemu-io, the programs that others use for the same files.</summary>
internal static class Qemu
{
    private static readonly bool IsThere = File.Exists("/usr/bin/qemu-img") && File.Exists("/usr/bin/qemu-io");

    /// <summary>Skips a test where the programs are missing.</summary>
    public static void Require() => Assert.SkipUnless(IsThere, "qemu-img is not installed; it comes with: apt-get install qemu-utils");

    /// <summary>Runs qemu-img and wants it to succeed.</summary>
    public static string Img(params string[] arguments)
    {
        var (code, output) = Run("qemu-img", arguments);
        Assert.True(code == 0, $"qemu-img {string.Join(' ', arguments)}: {code}\n{output}");
        return output;
    }

    /// <summary>Runs commands of qemu-io on an image and wants them to succeed.</summary>
    public static string Io(string image, string format, params string[] commands)
    {
        List<string> arguments = ["-f", format];
        foreach (var command in commands) arguments.AddRange(["-c", command]);
        arguments.Add(image);
        var (code, output) = Run("qemu-io", [.. arguments]);
        Assert.True(code == 0, $"qemu-io {string.Join(' ', arguments)}: {code}\n{output}");
        Assert.DoesNotContain("failed", output, StringComparison.Ordinal);
        return output;
    }

    /// <summary>Wants qemu-img to find nothing wrong, not even a leak.</summary>
    public static void AssertClean(string image)
    {
        var (code, output) = Run("qemu-img", ["check", "-f", "qcow2", image]);
        Assert.True(code == 0, output);
    }

    public static (int Code, string Output) Run(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + error.Result);
    }
}
