namespace Holon.Python.Modules;

/// <summary>
/// Modules that are the library's own Python code under the name of CPython's faster twin, so that what asks for that by name finds it.
/// </summary>
internal static class TwinModules
{
    public static void FillDateTime(ModuleBuilder m) => Fill(m, "datetime", "_datetime");

    public static void FillStat(ModuleBuilder m) => Fill(m, "stat", "_stat");

    private static void Fill(ModuleBuilder m, string source, string twin)
    {
        var machine = m.Machine;
        var external = machine.Modules.Get("_frozen_importlib_external") ?? throw Err.Of(ExceptionTypes.ImportError, "importlib is not there yet");
        var file = PyStr.FromUtf16($"{machine.Options.Home}/{source}.py");
        var loader = Calls.Call(Attributes.Get(external, "SourceFileLoader"), new PyStr(source), file);
        var code = (PyCode)Calls.CallMethod(loader, "get_code", new PyStr(source));
        var dict = m.Module.Dict;
        var name = dict.Get(Names.Name)!;
        // The code ends by importing what it is itself about to become: that has to fail, as where there is no twin.
        machine.Modules.Set(twin, Values.None);
        dict.Set(Names.Name, new PyStr(source));
        dict.Set(Names.Builtins, machine.Builtins);
        try
        {
            _ = EvaluationLoop.RunCode(code, dict, dict) ?? throw PyThread.Current.TakeError();
        }
        finally
        {
            machine.Modules.Remove(machine.Intern(twin));
            dict.Set(Names.Name, name);
        }
    }
}
