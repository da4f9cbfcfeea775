using Holon.Machines;
using Holon.Python;
using Holon.Python.Cli;

// Deep Python recursion needs more stack than a process's first thread has.
var code = 0;
var thread = new Thread(() => code = Start(args), 512 << 20);
thread.Start();
thread.Join();
return code;

static int Start(string[] args)
{
    try
    {
        return args is ["dis-live", .. var rest] ? LiveCommand.Run(rest) : CommandLine.Run(args);
    }
    catch (HolonException error)
    {
        Console.Error.WriteLine("holon python: " + error.Message);
        return 125;
    }
    catch (PythonException error)
    {
        Console.Error.Write(error.Traceback);
        return 1;
    }
}
