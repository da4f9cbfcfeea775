using System.Diagnostics;

namespace Holon.Fex;

/// <summary>Makes flat 64-bit code of a test's file with nasm.</summary>
/// <param name="suite">The suite's folder, which has the files that tests include.</param>
/// <param name="output">Where the code goes.</param>
internal sealed class Assembler(string suite, string output)
{
    /// <summary>Assembles a test.</summary>
    /// <exception cref="FormatException">nasm refuses it.</exception>
    public byte[] Assemble(FexTest test)
    {
        var name = Path.Combine(output, test.Name.Replace('/', '_'));
        var (source, binary) = ($"{name}.asm", $"{name}.bin");
        File.WriteAllText(source, $"BITS 64\n{File.ReadAllText(test.Source)}");
        var start = new ProcessStartInfo("nasm") { RedirectStandardError = true };
        foreach (var argument in (ReadOnlySpan<string>)["-f", "bin", "-w-all", "-i", Path.Combine(suite, "Includes") + "/", "-o", binary, source]) start.ArgumentList.Add(argument);
        using var nasm = Process.Start(start) ?? throw new InvalidOperationException("nasm did not start.");
        var errors = nasm.StandardError.ReadToEnd();
        nasm.WaitForExit();
        if (nasm.ExitCode != 0) throw new FormatException($"nasm refuses it: {errors.Split('\n')[0]}");
        return File.ReadAllBytes(binary);
    }
}
