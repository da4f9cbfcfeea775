namespace Holon.Python.Modules;

/// <summary>_pickle: only PickleBuffer, which pickle.py has no twin of; all else is pickle.py's own.</summary>
internal static class PickleBufferModule
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

        public override PyType Type => BufferType;
    }

    private static readonly PyType BufferType = new("PickleBuffer", PyType.Object, t =>
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
            return view.Step == 1 ? Calls.CallMethod(view, "cast", new PyStr("B")) : throw Err.Buffer("cannot extract raw buffer from non-contiguous buffer");
        });
        t.Def0("release", o =>
        {
            ((PyPickleBuffer)o).Release();
            return Values.None;
        });
    }, "pickle");

    public static void Fill(ModuleBuilder m) => m.Set("PickleBuffer", BufferType);
}
