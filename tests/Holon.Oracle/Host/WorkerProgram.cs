using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Holon.Machines;

namespace Holon.Oracle.Host;

/// <summary>The native program that executes instructions: compiled once, kept in the user's cache folder under its source's hash.</summary>
public static class WorkerProgram
{
    private const string CompilerFlags = "-O2 -Wall -fno-stack-protector -fcf-protection=none";

    /// <summary>Why this host cannot be the oracle; null when it can.</summary>
    public static string? MissingRequirement()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return "the host is not x86-64 Linux";
        if (FindCompiler() is null) return "gcc is not installed";
        return !HostFeatures.Has("avx2") ? "the host's processor has no AVX2" : null;
    }

    /// <summary>The program's path; compiles it at first use.</summary>
    /// <exception cref="HolonException">The compiler is missing or refuses.</exception>
    public static string GetPath()
    {
        var source = ReadSource();
        var hash = Convert.ToHexStringLower(SHA256.HashData([.. source, .. System.Text.Encoding.ASCII.GetBytes(CompilerFlags)]))[..16];
        var folder = Path.Combine(CacheFolder(), "holon", "oracle");
        var program = Path.Combine(folder, $"worker-{hash}");
        if (File.Exists(program)) return program;

        Directory.CreateDirectory(folder);
        var unique = $"{program}.{Environment.ProcessId}";
        File.WriteAllBytes($"{unique}.c", source);
        Compile($"{unique}.c", $"{unique}.new");
        File.Delete($"{unique}.c");
        File.Move($"{unique}.new", program, overwrite: true); // atomic: other test processes may be doing the same
        return program;
    }

    private static void Compile(string source, string output)
    {
        var compiler = FindCompiler() ?? throw new HolonException("The oracle's worker needs gcc, which is not installed; install gcc.");
        using var process = Process.Start(new ProcessStartInfo(compiler, $"{CompilerFlags} -o \"{output}\" \"{source}\"") { RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new HolonException($"gcc cannot compile the oracle's worker {source}: {errors}");
    }

    private static byte[] ReadSource()
    {
        using var stream = typeof(WorkerProgram).Assembly.GetManifestResourceStream("worker.c")!;
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return memory.ToArray();
    }

    private static string CacheFolder()
    {
        var configured = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        return !string.IsNullOrEmpty(configured)
            ? configured
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
    }

    private static string? FindCompiler() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Select(folder => Path.Combine(folder, "gcc"))
            .FirstOrDefault(File.Exists);
}
