namespace Holon.Python.Modules;

/// <summary>
/// Files that a program drops without closing them. CPython closes them at once, by reference counts; here the garbage collector tells, and
/// what is still open when the program ends is flushed then.
/// </summary>
internal static partial class IoModule
{
    /// <summary>In this order they are closed: text goes into a buffer, a buffer into a file.</summary>
    private enum Layer
    {
        Text,
        Buffer,
        Raw,
    }

    private sealed class OpenFiles
    {
        private const int Prune = 256;

        private List<(WeakReference<PyObject> File, Layer Layer)> files = [];
        private int next = Prune;

        public void Add(PyObject file, Layer layer)
        {
            if (files.Count >= next)
            {
                files = [.. files.Where(f => f.File.TryGetTarget(out _))];
                next = Math.Max(Prune, files.Count * 2);
            }
            files.Add((new WeakReference<PyObject>(file), layer));
        }

        public IEnumerable<PyObject> Of(Layer layer) =>
            files.Where(f => f.Layer == layer).Select(f => f.File.TryGetTarget(out var file) ? file : null).OfType<PyObject>().ToList();
    }

    private static void Track(PyObject file, Layer layer)
    {
        var machine = PyThread.Current.Machine;
        machine.State<OpenFiles>("_io").Add(file, layer);
        machine.Finalizers.OnDeath(file, () => After((int)layer, machine, () => Quietly(file, "close")));
    }

    /// <summary>Behind what else has been posted, so many times.</summary>
    private static void After(int rounds, Machine machine, Action action)
    {
        if (rounds == 0)
            action();
        else
            machine.Post(() => After(rounds - 1, machine, action));
    }

    /// <summary>When the program ends.</summary>
    public static void FlushAll(Machine machine)
    {
        var files = machine.State<OpenFiles>("_io");
        foreach (var file in files.Of(Layer.Text).Concat(files.Of(Layer.Buffer)))
            Quietly(file, "flush");
    }

    private static void Quietly(PyObject file, string method)
    {
        try
        {
            if (Attributes.TryGet(file, "closed") is { } closed && !Ops.IsTrue(closed))
                Calls.CallMethod(file, method);
        }
        catch (PyError)
        {
            // Nobody is there to be told.
        }
    }
}
