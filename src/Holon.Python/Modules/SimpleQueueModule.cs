namespace Holon.Python.Modules;

/// <summary>_queue: a queue without bounds that several threads share.</summary>
internal static class SimpleQueueModule
{
    private sealed class State
    {
        public PyType Empty { get; } = Make();

        private static PyType Make()
        {
            var dict = new PyDict();
            dict.Set("__module__", new PyStr("_queue"));
            return ClassBuilder.Build(PyType.TypeType, new PyStr("Empty"), new PyTuple(ExceptionTypes.Exception), dict, [], null);
        }
    }

    private sealed class PyQueue(PyType type) : PyExtensible(type)
    {
        public Queue<PyObject> Items { get; } = [];
    }

    private static PyQueue Q(PyObject o) => (PyQueue)o;

    private static PyObject Get(PyQueue queue, bool blocks, PyObject timeout)
    {
        var thread = PyThread.Current;
        var seconds = !blocks ? 0 : timeout == Values.None ? double.PositiveInfinity : Args.Double(timeout);
        if (blocks && seconds < 0)
            throw Err.Value("'timeout' must be a non-negative number");
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (queue.Items.Count == 0)
        {
            if (clock.Elapsed.TotalSeconds >= seconds)
                throw Err.Of(thread.Machine.State<State>("_queue").Empty);
            Blocking.Sleep(thread, TimeSpan.FromMilliseconds(1));
        }
        return queue.Items.Dequeue();
    }

    private static readonly PyType Type = new("SimpleQueue", PyType.Object, t =>
    {
        t.New = (type, args, names) => new PyQueue(type);
        t.Allocate = type => new PyQueue(type);
        t.Def("put", "item, block=True, timeout=None", (o, a) =>
        {
            Q(o).Items.Enqueue(a[0]!);
            return Values.None;
        });
        t.Def("put_nowait", "item", (o, a) =>
        {
            Q(o).Items.Enqueue(a[0]!);
            return Values.None;
        });
        t.Def("get", "block=True, timeout=None", (o, a) => Get(Q(o), Ops.IsTrue(a[0]!), a[1]!));
        t.Def0("get_nowait", o => Get(Q(o), false, Values.None));
        t.Def0("empty", o => Values.Bool(Q(o).Items.Count == 0));
        t.Def0("qsize", o => PyInt.Of(Q(o).Items.Count));
        t.DefClassGetItem();
    }, "_queue");

    public static void Fill(ModuleBuilder m)
    {
        m.Set("SimpleQueue", Type);
        m.Set("Empty", m.Machine.State<State>("_queue").Empty);
    }
}
