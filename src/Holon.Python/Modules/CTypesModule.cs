namespace Holon.Python.Modules;

/// <summary>
/// _ctypes without machine code: C's data types, in <c>Library/ctypes_*.py</c>. This part is their base, which exports the bytes of an object that lies in a piece of memory.
/// </summary>
internal static class CTypesModule
{
    private sealed class PyBlock(PyType type) : PyExtensible(type), IBuffer
    {
        private PyMemoryView memory = MemoryViewType.Of(PyBytes.Empty);
        private int size;

        /// <summary>The piece of memory, an object of the Python part.</summary>
        public PyObject Piece { get; private set; } = Values.None;

        public int Offset { get; private set; }

        public ReadOnlySpan<byte> Bytes => memory.Bytes.Slice(Offset, size);

        public Span<byte> Writable => memory.Writable.Slice(Offset, size);

        public void Attach(PyObject piece, PyObject view, int offset, int length)
        {
            if (view is not PyMemoryView whole || offset < 0 || length < 0 || whole.Bytes.Length - length < offset)
                throw Err.Value("the object would not lie in this memory");
            (Piece, memory, Offset, size) = (piece, whole, offset, length);
        }
    }

    private static readonly PyType BlockType = new("_Block", PyType.Object, t =>
    {
        t.New = (type, _, _) => new PyBlock(type);
        t.Def("_attach_", "piece, view, offset, size, /", (o, a) =>
        {
            ((PyBlock)o).Attach(a[0]!, a[1]!, Args.Int(a[2]!), Args.Int(a[3]!));
            return Values.None;
        });
        t.Member("_piece_", o => ((PyBlock)o).Piece);
        t.Member("_offset_", o => PyInt.Of(((PyBlock)o).Offset));
    }, "_ctypes");

    /// <summary>The files of the Python part, each of which uses those before it.</summary>
    private static readonly string[] Parts = ["ctypes_memory", "ctypes_simple", "ctypes_arrays", "ctypes_records", "ctypes_pointers", "ctypes_functions"];

    public static void Fill(ModuleBuilder m)
    {
        m.Types(BlockType);
        var dict = m.Module.Dict;
        dict.Set(Names.Builtins, m.Machine.Builtins);
        foreach (var part in Parts)
        {
            using var file = typeof(CTypesModule).Assembly.GetManifestResourceStream(part + ".py")!;
            var source = new byte[file.Length];
            file.ReadExactly(source);
            var code = (PyCode)Execution.Compile(new PyBytes(source), $"<built-in {part}>", "exec");
            _ = EvaluationLoop.RunCode(code, dict, dict) ?? throw PyThread.Current.TakeError();
        }
    }
}
