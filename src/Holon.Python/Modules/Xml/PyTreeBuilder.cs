namespace Holon.Python.Modules.Xml;

/// <summary>Builds a tree of elements from starts, ends and text, and reports events to a queue if one listens.</summary>
internal sealed class PyTreeBuilder(PyType type) : PyExtensible(type)
{
    private static readonly PyStr TextName = Names.Intern("text"), TailName = Names.Intern("tail"), AppendName = Names.Intern("append");

    private readonly Stack<PyObject> stack = [];
    private readonly List<PyObject> data = [];
    private PyObject current = Values.None, last = Values.None;
    private PyObject? tailOf;
    private PyObject? root;

    public PyObject? ElementFactory { get; set; }

    public PyObject? CommentFactory { get; set; }

    public PyObject? InstructionFactory { get; set; }

    public bool InsertsComments { get; set; }

    public bool InsertsInstructions { get; set; }

    /// <summary>The queue's <c>append</c>, and the events to report by name, each with the object that stands for it.</summary>
    public PyObject? Events { get; set; }

    public Dictionary<string, PyObject> Reported { get; } = [];

    private void Report(string name, PyObject value)
    {
        if (Events is not null && Reported.TryGetValue(name, out var shown))
            Calls.Call(Events, new PyTuple(shown, value));
    }

    private void Flush()
    {
        if (data.Count == 0)
            return;
        var element = tailOf ?? last;
        var joined = data.Count == 1 ? data[0] : Calls.CallMethod(PyStr.Empty, "join", new PyList(data.ToArray()));
        data.Clear();
        if (PyElement.Is(element))
        {
            var plain = (PyElement)element;
            var before = tailOf is null ? plain.Text : plain.Tail;
            var after = before == Values.None ? joined : Ops.Binary(before, joined, NumberOp.Add);
            if (tailOf is null)
                plain.Text = after;
            else
                plain.Tail = after;
            return;
        }
        var name = tailOf is null ? TextName : TailName;
        var previous = Attributes.Get(element, name);
        Attributes.Set(element, name, previous == Values.None ? joined : Ops.Binary(previous, joined, NumberOp.Add));
    }

    private static void AddTo(PyObject parent, PyObject child)
    {
        if (PyElement.Is(parent))
            ((PyElement)parent).Add(PyElement.Of(child));
        else
            Calls.CallMethod(parent, AppendName, child);
    }

    public PyObject Start(PyObject tag, PyDict? attributes)
    {
        Flush();
        var node = ElementFactory is null ? new PyElement(ElementType.Type, tag, attributes) : Calls.Call(ElementFactory, tag, attributes ?? new PyDict());
        tailOf = null;
        if (current != Values.None)
            AddTo(current, node);
        else if (root is not null)
            throw new PyError((PyException)Calls.Call(ElementTreeModule.State.ParseError, new PyStr("multiple elements on top level")));
        else
            root = node;
        stack.Push(current);
        current = last = node;
        Report("start", node);
        return node;
    }

    public void AddText(PyObject text)
    {
        // Text before the root is nobody's.
        if (last != Values.None)
            data.Add(text);
    }

    public PyObject End()
    {
        Flush();
        if (stack.Count == 0)
            throw Err.Index("pop from empty stack");
        tailOf = last = current;
        current = stack.Pop();
        Report("end", last);
        return last;
    }

    private void Insert(PyObject node, bool inserts)
    {
        Flush();
        if (inserts && current != Values.None)
            AddTo(current, node);
        tailOf = node;
    }

    public PyObject Comment(PyObject text)
    {
        var comment = text;
        if (CommentFactory is not null)
        {
            comment = Calls.Call(CommentFactory, text);
            if (InsertsComments)
                Insert(comment, true);
        }
        Report("comment", comment);
        return comment;
    }

    public PyObject Instruction(PyObject target, PyObject text)
    {
        PyObject instruction;
        if (InstructionFactory is not null)
        {
            instruction = Calls.Call(InstructionFactory, target, text);
            if (InsertsInstructions)
                Insert(instruction, true);
        }
        else
        {
            instruction = new PyTuple(target, text);
        }
        Report("pi", instruction);
        return instruction;
    }

    public void StartNamespace(PyObject prefix, PyObject uri) => Report("start-ns", new PyTuple(prefix, uri));

    public void EndNamespace() => Report("end-ns", Values.None);

    public PyObject Close() => root ?? Values.None;

    private static PyTreeBuilder B(PyObject o) => (PyTreeBuilder)o;

    public static readonly PyType BuilderType = new("TreeBuilder", PyType.Object, t =>
    {
        t.New = (type, _, _) => new PyTreeBuilder(type);
        var signature = Signature.Parse("element_factory=None, *, comment_factory=None, pi_factory=None, insert_comments=False, insert_pis=False");
        t.Init = (o, args, names) =>
        {
            var a = signature.Bind(new NativeCode { Name = "TreeBuilder" }, args, names);
            var state = ElementTreeModule.State;
            B(o).ElementFactory = Args.IsNone(a[0]) ? null : a[0];
            B(o).CommentFactory = Args.IsNone(a[1]) ? state.CommentFactory : a[1];
            B(o).InstructionFactory = Args.IsNone(a[2]) ? state.InstructionFactory : a[2];
            B(o).InsertsComments = Ops.IsTrue(a[3]!);
            B(o).InsertsInstructions = Ops.IsTrue(a[4]!);
        };
        t.Def1("data", (o, text) =>
        {
            B(o).AddText(text);
            return Values.None;
        });
        t.Def("start", "tag, attrs, /", (o, a) => B(o).Start(a[0]!, a[1] as PyDict ?? throw Err.Type($"start() argument 2 must be dict, not {Args.TypeName(a[1])}")));
        t.Def1("end", (o, _) => B(o).End());
        t.Def1("comment", (o, text) => B(o).Comment(text));
        t.Def("pi", "target, text=None, /", (o, a) => B(o).Instruction(a[0]!, a[1]!));
        t.Def0("close", o => B(o).Close());
    }, "xml.etree.ElementTree");
}
