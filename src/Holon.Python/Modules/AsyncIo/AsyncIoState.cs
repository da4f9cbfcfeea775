namespace Holon.Python.Modules.AsyncIo;

/// <summary>What a machine's <c>_asyncio</c> needs of the library's Python code, which is looked up at first use: the library imports this module while it is itself imported.</summary>
internal sealed class AsyncIoState
{
    private readonly Dictionary<(string, string), PyObject> found = [];
    private long lastTaskNumber;

    /// <summary>Which task runs in which loop.</summary>
    public PyDict CurrentTasks { get; } = new();

    public TaskSet AllTasks { get; } = new();

    public Machine Machine { get; } = PyThread.Current.Machine;

    public static AsyncIoState Current => PyThread.Current.Machine.State<AsyncIoState>("_asyncio");

    public PyType CancelledError => (PyType)Library("asyncio.exceptions", "CancelledError");

    public long NextTaskNumber() => ++lastTaskNumber;

    public PyError InvalidState(string message) => new((PyException)Calls.Call(Library("asyncio.exceptions", "InvalidStateError"), PyStr.FromUtf16(message)));

    /// <summary>A function or class of the library.</summary>
    public PyObject Library(string module, string name)
    {
        if (!found.TryGetValue((module, name), out var value))
            found[(module, name)] = value = Attributes.Get(Machine.ImportModule(module), name);
        return value;
    }
}
