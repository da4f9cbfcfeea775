using System.Diagnostics;
using Holon.Machines;

namespace Holon.Python.Cli;

/// <summary><c>dis-live</c>: runs a program and then shows what became of one of its functions.</summary>
internal static class LiveCommand
{
    private const string MachineCodeFile = "DOTNET_JitStdOutFile";

    /// <summary>Everything but the last word is python's command line; the last names the function.</summary>
    public static int Run(string[] args)
    {
        if (args.Length < 2 || args[0] is "-h" or "--help")
        {
            throw new HolonException("dis-live needs a program and a function of it: ./holon dis-live [python's options] script.py [arguments] function,"
                + " for example ./holon dis-live app.py Parser.parse. It runs the program and then shows the function's bytecode, caches, CIL and machine code.");
        }
        var function = args[^1];
        return Environment.GetEnvironmentVariable(MachineCodeFile) is null ? RunWithMachineCode(args, function) : CommandLine.Run(args[..^1], function);
    }

    // RyuJIT writes down the machine code of what it is told at the start of a process, so this starts another one.
    private static int RunWithMachineCode(string[] args, string function)
    {
        var file = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!, ["dis-live", .. args]);
            start.Environment["DOTNET_JitDisasm"] = function[(function.LastIndexOf('.') + 1)..];
            start.Environment[MachineCodeFile] = file;
            using var child = Process.Start(start)!;
            child.WaitForExit();
            Console.Out.Write(File.ReadAllText(file));
            return child.ExitCode;
        }
        finally
        {
            File.Delete(file);
        }
    }
}
