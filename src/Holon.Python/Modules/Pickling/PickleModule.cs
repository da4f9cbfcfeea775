namespace Holon.Python.Modules.Pickling;

/// <summary>_pickle: CPython's fast twin of pickle.py.</summary>
internal static class PickleModule
{
    public static void Fill(ModuleBuilder m)
    {
        var state = m.Machine.State<PickleState>("_pickle");
        state.Load();
        m.Set("PickleError", state.PickleError);
        m.Set("PicklingError", state.PicklingError);
        m.Set("UnpicklingError", state.UnpicklingError);
        m.Set("Pickler", PicklerType.Type);
        m.Set("Unpickler", UnpicklerType.Type);
        m.Set("PickleBuffer", PickleBufferType.Type);
        m.Def("dumps", "obj, protocol=None, *, fix_imports=True, buffer_callback=None", a =>
        {
            var pickler = new PyPickler(PicklerType.Type);
            pickler.Open(a[1]!, Ops.IsTrue(a[2]!), a[3]!);
            pickler.Dump(a[0]!);
            return pickler.Output.ToBytes();
        });
        m.Def("dump", "obj, file, protocol=None, *, fix_imports=True, buffer_callback=None", a =>
        {
            var pickler = new PyPickler(PicklerType.Type);
            pickler.Open(a[2]!, Ops.IsTrue(a[3]!), a[4]!);
            pickler.SetFile(a[1]!);
            pickler.Dump(a[0]!);
            return Values.None;
        });
        m.Def("loads", "data, /, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=?", a =>
        {
            var unpickler = new PyUnpickler(UnpicklerType.Type);
            unpickler.Input.SetBytes(Buffers.Bytes(a[0]!));
            unpickler.Open(a[1]!, a[2]!, a[3]!, a[4]);
            return unpickler.Load();
        });
        m.Def("load", "file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=?", a =>
        {
            var unpickler = new PyUnpickler(UnpicklerType.Type);
            unpickler.Input.SetFile(a[0]!);
            unpickler.Open(a[1]!, a[2]!, a[3]!, a[4]);
            return unpickler.Load();
        });
    }
}
