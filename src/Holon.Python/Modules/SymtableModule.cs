using Holon.Python.Compiler;

namespace Holon.Python.Modules;

/// <summary>_symtable: the compiler's symbol tables, for the module symtable.</summary>
internal static class SymtableModule
{
    private static readonly PyType Entry = new("symtable entry", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.HasDict = true;
        t.Repr = o => PyStr.FromUtf16($"<symtable entry {Attributes.Get(o, "name")}({Attributes.Get(o, "id")}), line {Attributes.Get(o, "lineno")}>");
    }, "_symtable");

    public static void Fill(ModuleBuilder m)
    {
        foreach (var (name, value) in new[]
        {
            ("USE", 16), ("DEF_GLOBAL", 1), ("DEF_NONLOCAL", 8), ("DEF_LOCAL", 2), ("DEF_PARAM", 4), ("DEF_FREE", 32), ("DEF_FREE_CLASS", 64), ("DEF_IMPORT", 128), ("DEF_BOUND", 134), ("DEF_ANNOT", 256),
            ("TYPE_FUNCTION", 0), ("TYPE_CLASS", 1), ("TYPE_MODULE", 2), ("LOCAL", 1), ("GLOBAL_EXPLICIT", 2), ("GLOBAL_IMPLICIT", 3), ("FREE", 4), ("CELL", 5), ("SCOPE_OFF", 11), ("SCOPE_MASK", 15),
        })
            m.Set(name, value);
        m.Def("symtable", "source, filename, startstr, /", a =>
        {
            var mode = Args.Str(a[2], "symtable").Value;
            if (mode is not ("exec" or "eval" or "single"))
                throw Err.Value("symtable() arg 3 must be 'exec' or 'eval' or 'single'");
            var filename = FileSystemCodec.Path(a[1]!);
            try
            {
                return ToPython(SourceCompiler.Symbols(Execution.SourceBytes(a[0]!, "symtable", "string or bytes"), filename, mode, 0).Top);
            }
            catch (SourceSyntaxException error)
            {
                throw Execution.ToPython(error, filename);
            }
        });
    }

    private static PyInstance ToPython(SymbolScope scope)
    {
        var made = new PyInstance(Entry);
        void Set(string name, PyObject value) => made.Fields.Set(Names.Intern(name), value);
        Set("id", Ops.Id(made));
        Set("name", PyStr.FromUtf16(scope.Name));
        Set("lineno", PyInt.Of(scope.Span.Line));
        Set("type", PyInt.Of((int)scope.Type));
        Set("nested", PyInt.Of(scope.IsNested ? 1 : 0));
        var symbols = new PyDict();
        foreach (var (name, flags) in scope.Symbols)
            symbols.Set(PyStr.FromUtf16(name), PyInt.Of((long)flags));
        Set("symbols", symbols);
        Set("varnames", new PyList(scope.VarNames.Select(p => (PyObject)PyStr.FromUtf16(p))));
        Set("children", new PyList(scope.Children.Select(c => (PyObject)ToPython(c))));
        return made;
    }
}
