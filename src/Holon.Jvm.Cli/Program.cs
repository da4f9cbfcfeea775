using Holon.Jvm;
using Holon.Machines;

try
{
    return args is ["javap-live", .. var rest] ? Launcher.RunLive(rest) : Launcher.Run(args);
}
catch (HolonException e)
{
    for (Exception? cause = e; cause != null; cause = cause.InnerException) Console.Error.WriteLine((cause == e ? "holon: " : "  ") + cause.Message);
    return 125;
}
