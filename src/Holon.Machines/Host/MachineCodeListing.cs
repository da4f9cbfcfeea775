using System.Diagnostics;

namespace Holon.Machines.Host;

/// <summary>
/// The machine code that .NET's compiler makes of methods, for the commands that show it. The compiler writes down what it is told to at the start of a process
/// (DOTNET_JitDisasm in the runtime's docs/design/coreclr/jit/viewing-jit-dumps.md), so the command starts itself again.
/// </summary>
public static class MachineCodeListing
{
    private const string File = "DOTNET_JitStdOutFile";

    /// <summary>This is the process that was started again.</summary>
    public static bool IsKept => Environment.GetEnvironmentVariable(File) is not null;

    /// <summary>Starts this program again, and prints what its compiler has written when it has ended.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="methods">Which methods, as DOTNET_JitDisasm names them.</param>
    /// <returns>Its exit code.</returns>
    public static int Run(IEnumerable<string> arguments, string methods)
    {
        var file = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!, arguments);
            start.Environment["DOTNET_JitDisasm"] = methods;
            start.Environment[File] = file;
            using var child = Process.Start(start)!;
            child.WaitForExit();
            Console.Out.Write(System.IO.File.ReadAllText(file));
            return child.ExitCode;
        }
        finally
        {
            System.IO.File.Delete(file);
        }
    }
}
