namespace Holon.Python.Modules;

/// <summary>
/// _datetime: the library's own datetime.py under the name of CPython's faster twin, so that what asks for that by name finds it.
/// </summary>
internal static class DateTimeModule
{
    public static void Fill(ModuleBuilder m)
    {
        var machine = m.Machine;
        var external = machine.Modules.Get("_frozen_importlib_external") ?? throw Err.Of(ExceptionTypes.ImportError, "importlib is not there yet");
        var file = PyStr.FromUtf16(machine.Options.Home + "/datetime.py");
        var loader = Calls.Call(Attributes.Get(external, "SourceFileLoader"), new PyStr("datetime"), file);
        var code = (PyCode)Calls.CallMethod(loader, "get_code", new PyStr("datetime"));
        var dict = m.Module.Dict;
        var name = dict.Get(Names.Name)!;
        // The code ends by importing what it is itself about to become: that has to fail, as where there is no twin.
        machine.Modules.Set("_datetime", Values.None);
        dict.Set(Names.Name, new PyStr("datetime"));
        dict.Set(Names.Builtins, machine.Builtins);
        try
        {
            _ = EvaluationLoop.RunCode(code, dict, dict) ?? throw PyThread.Current.TakeError();
        }
        finally
        {
            machine.Modules.Remove(Names.Intern("_datetime"));
            dict.Set(Names.Name, name);
        }
    }
}
