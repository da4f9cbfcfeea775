namespace Holon.Python.Modules;

/// <summary>pickle.PickleBuffer.</summary>
internal static class PickleBufferType
{
    private sealed class PyPickleBuffer(PyObject source) : PyObject, IBuffer
    {
        private PyMemoryView? view = MemoryViewType.Of(source);

        public PyMemoryView View => view ?? throw Err.Value("operation forbidden on released PickleBuffer object");

        public ReadOnlySpan<byte> Bytes => View.Bytes;

        public Span<byte> Writable => View.Writable;

        public void Release()
        {
            if (view is not null)
                Calls.CallMethod(view, "release");
            view = null;
        }

        public override PyType Type => PickleBufferType.Type;
    }

    public static PyMemoryView ViewOf(PyObject o) => ((PyPickleBuffer)o).View;

    public static readonly PyType Type = new("PickleBuffer", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.New = (_, args, names) =>
        {
            Args.Between("PickleBuffer", args, names, 1, 1);
            return new PyPickleBuffer(args[0] is PyPickleBuffer other ? other.View : args[0]);
        };
        t.Def0("raw", o =>
        {
            var view = ((PyPickleBuffer)o).View;
            return view.AsBytes() ?? throw Err.Buffer("cannot extract raw buffer from non-contiguous buffer");
        });
        t.Def0("release", o =>
        {
            ((PyPickleBuffer)o).Release();
            return Values.None;
        });
    }, "pickle");
}
