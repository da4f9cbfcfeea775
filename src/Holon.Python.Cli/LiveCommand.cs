using Holon.Machines;
using Holon.Machines.Host;

namespace Holon.Python.Cli;

/// <summary><c>dis-live</c>: runs a program and then shows what became of one of its functions.</summary>
internal static class LiveCommand
{
    /// <summary>Everything but the last word is python's command line; the last names the function.</summary>
    public static int Run(string[] args)
    {
        if (args.Length < 2 || args[0] is "-h" or "--help")
        {
            throw new HolonException("dis-live needs a program and a function of it: ./holon dis-live [python's options] script.py [arguments] function,"
                + " for example ./holon dis-live app.py Parser.parse. It runs the program and then shows the function's bytecode, caches, CIL and machine code.");
        }
        var function = args[^1];
        return MachineCodeListing.IsKept ? CommandLine.Run(args[..^1], function) : MachineCodeListing.Run(["dis-live", .. args], function[(function.LastIndexOf('.') + 1)..]);
    }
}
