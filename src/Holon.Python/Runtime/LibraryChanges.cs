namespace Holon.Python.Runtime;

/// <summary>What modules of the library take for granted on Linux and a machine has otherwise. It is changed as soon as they are imported; their files stay as they are.</summary>
internal static class LibraryChanges
{
    private static readonly PyStr MultiprocessingContext = new("multiprocessing.context");
    private static readonly PyStr CTypes = new("ctypes");

    /// <summary>CPython's C interface, which is not here; that it is missing is what packages look for.</summary>
    private static readonly PyStr PythonApi = new("pythonapi");

    /// <summary>Changes a module that has just been imported under a name, if there is something to change.</summary>
    public static void Apply(PyStr name, PyObject module)
    {
        if (name.Equals(MultiprocessingContext))
            StartBySpawn(module);
        else if (name.Equals(CTypes) && Attributes.TryGet(module, PythonApi) is not null)
            Attributes.Set(module, PythonApi, null);
    }

    /// <summary>Without fork the start method that nobody has chosen is spawn, as on systems that cannot fork safely.</summary>
    private static void StartBySpawn(PyObject context)
    {
        var spawn = Ops.GetItem(Attributes.Get(context, new PyStr("_concrete_contexts")), new PyStr("spawn"));
        Attributes.Set(context, new PyStr("_default_context"), Calls.Call(Attributes.Get(context, new PyStr("DefaultContext")), spawn));
    }
}
