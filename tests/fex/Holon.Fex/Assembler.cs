using System.Diagnostics;

namespace Holon.Fex;

/// <summary>Makes flat code of a test's file with nasm.</summary>
/// <param name="suite">The suite's folder, which has the files that tests include.</param>
/// <param name="output">Where the code goes.</param>
internal sealed class Assembler(string suite, string output)
{
    // Tests of 32-bit code count on where this leaves them, and all may use the page of an instruction behind their own.
    private static readonly string _prologue32 = $"BITS 32\norg {FexGuest.Code}\nmov eax, {FexGuest.UserData32}\nmov ds, ax\nmov es, ax";

    /// <summary>Assembles a test.</summary>
    /// <exception cref="FormatException">nasm refuses it.</exception>
    public byte[] Assemble(FexTest test)
    {
        var name = Path.Combine(output, test.Name.Replace('/', '_'));
        var (source, binary) = ($"{name}.asm", $"{name}.bin");
        var prologue = test.Is32Bit ? _prologue32 : "BITS 64";
        File.WriteAllText(source, $"{prologue}\n{File.ReadAllText(test.Source)}\nret\n");
        var start = new ProcessStartInfo("nasm") { RedirectStandardError = true };
        foreach (var argument in (ReadOnlySpan<string>)["-f", "bin", "-w-all", "-i", Path.Combine(suite, "Includes") + "/", "-o", binary, source]) start.ArgumentList.Add(argument);
        using var nasm = Process.Start(start) ?? throw new InvalidOperationException("nasm did not start.");
        var errors = nasm.StandardError.ReadToEnd();
        nasm.WaitForExit();
        if (nasm.ExitCode != 0) throw new FormatException($"nasm refuses it: {errors.Split('\n')[0]}");
        return File.ReadAllBytes(binary);
    }
}
