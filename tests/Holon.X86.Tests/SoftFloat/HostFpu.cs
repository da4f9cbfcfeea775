using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Holon.X86.Tests.SoftFloat;

/// <summary>One operation for the host's processor; the layout is host-fpu.c's.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct HostRequest(int Operation, uint Control, int Immediate, UInt128 A, UInt128 B, UInt128 C)
{
    // 4 + 4 + 4 + padding to the 16-byte alignment of UInt128
    public override string ToString() =>
        $"op {Operation} imm {Immediate} control {Control:X4} a {A:X20} b {B:X20} c {C:X20}";
}

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct HostReply(UInt128 Result, UInt128 Second, uint Flags, uint Extra, uint Faulted, uint Padding);

/// <summary>Runs operations on the host's own FPU by way of a small C program, compiled where a compiler is at hand.</summary>
internal static class HostFpu
{
    private static readonly Lazy<(string? Path, string Reason)> Program = new(Compile);

    /// <summary>How often each operation is tried; the environment variable HOLON_FPU_CASES raises it for a long run.</summary>
    public static int CasesPerOperation { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("HOLON_FPU_CASES"), out var cases) ? cases : 1000;

    public static HostReply[] Run(ReadOnlySpan<HostRequest> requests)
    {
        var (path, reason) = Program.Value;
        if (path is null) Assert.Skip(reason);
        using var process = Process.Start(new ProcessStartInfo(path) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        var input = MemoryMarshal.AsBytes(requests).ToArray();
        var writing = Task.Run(() =>
        {
            process.StandardInput.BaseStream.Write(input);
            process.StandardInput.Close();
        });
        var replies = new HostReply[requests.Length];
        process.StandardOutput.BaseStream.ReadExactly(MemoryMarshal.AsBytes(replies.AsSpan()));
        writing.GetAwaiter().GetResult();
        process.WaitForExit();
        return replies;
    }

    /// <summary>Compares an operation with the host on many operands and fails with the first differences.</summary>
    public static void Compare(IEnumerable<HostRequest> requests, Func<HostRequest, HostReply, string?> difference)
    {
        foreach (var chunk in requests.Chunk(1 << 18))
        {
            var replies = Run(chunk);
            var failures = new List<string>();
            for (var i = 0; i < chunk.Length && failures.Count < 12; i++)
            {
                if (difference(chunk[i], replies[i]) is { } text) failures.Add($"{chunk[i]}: {text}");
            }

            Assert.True(failures.Count == 0, string.Join('\n', failures));
        }
    }

    private static (string?, string) Compile()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64 || !OperatingSystem.IsLinux()) return (null, "The host is not Linux on x86-64.");
        if (!System.Runtime.Intrinsics.X86.Fma.IsSupported) return (null, "The host's processor has no FMA.");
        var folder = Directory.CreateTempSubdirectory("holon-fpu-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        var path = Path.Combine(folder, "host-fpu");
        var source = Path.Combine(AppContext.BaseDirectory, "SoftFloat", "host-fpu.c");
        try
        {
            using var compiler = Process.Start("gcc", ["-O1", "-o", path, source]);
            compiler.WaitForExit();
            return compiler.ExitCode == 0 ? (path, "") : (null, "gcc could not compile host-fpu.c.");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (null, "gcc is not installed.");
        }
    }
}
