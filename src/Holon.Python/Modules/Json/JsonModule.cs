namespace Holon.Python.Modules;

/// <summary>_json: what makes the module json quick.</summary>
internal static class JsonModule
{
    private static PyStr Str(PyObject o) => o as PyStr ?? throw Err.Type($"first argument must be a string, not {o.Type.FullName}");

    public static void Fill(ModuleBuilder m)
    {
        m.Set("make_scanner", JsonScanner.PythonType);
        m.Set("make_encoder", JsonEncoder.PythonType);
        m.Def1("encode_basestring_ascii", o => JsonOutput.Quoted(Str(o), true));
        m.Def1("encode_basestring", o => JsonOutput.Quoted(Str(o), false));
        m.Def("scanstring", "string, end, strict=True, /", a =>
        {
            var text = Str(a[0]!);
            var end = Args.Long(a[1]!);
            var at = (int)Math.Clamp(end, -1, text.Length + 1L);
            var value = JsonText.ScanString(text, ref at, Ops.IsTrue(a[2]!));
            return new PyTuple(value, PyInt.Of(at));
        });
    }
}
