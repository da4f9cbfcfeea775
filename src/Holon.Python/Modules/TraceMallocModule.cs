namespace Holon.Python.Modules;

/// <summary>_tracemalloc: .NET's memory has no record of who asked for it, so nothing is ever being traced.</summary>
internal static class TraceMallocModule
{
    public static void Fill(ModuleBuilder m)
    {
        m.Def("start", "nframe=1, /", _ => throw Err.NotImplemented("this machine cannot trace who asks for memory; --limit-memory bounds it"));
        foreach (var name in new[] { "stop", "clear_traces", "reset_peak" })
            m.Def0(name, () => Values.None);
        m.Def0("is_tracing", () => Values.False);
        m.Def0("_get_traces", () => new PyList());
        m.Def1("_get_object_traceback", _ => Values.None);
        m.Def0("get_traceback_limit", () => PyInt.One);
        m.Def0("get_traced_memory", () => new PyTuple(PyInt.Zero, PyInt.Zero));
        m.Def0("get_tracemalloc_memory", () => PyInt.Zero);
    }
}
