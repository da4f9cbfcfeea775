namespace Holon.Python.Modules.Xml;

/// <summary>xml.etree's Element; its attributes and children are made when there are some.</summary>
internal sealed class PyElement(PyType type, PyObject tag, PyDict? attributes) : PyExtensible(type)
{
    private PyDict? attributes = attributes;

    public PyObject Tag { get; set; } = tag;

    public PyObject Text { get; set; } = Values.None;

    public PyObject Tail { get; set; } = Values.None;

    public PyList? Children { get; set; }

    public PyDict Attributes
    {
        get => attributes ??= new PyDict();
        set => attributes = value;
    }

    public bool HasAttributes => attributes is { Count: > 0 };

    public int Count => Children?.Count ?? 0;

    public void Add(PyElement child) => (Children ??= new PyList()).Add(child);

    public void Clear()
    {
        attributes = null;
        Children = null;
        Text = Tail = Values.None;
    }

    public static bool Is(PyObject o) => o.GetType() == typeof(PyElement) && o.Type == ElementType.Type;

    public static PyElement Of(PyObject o) => o as PyElement ?? throw Err.Type($"expected an Element, not \"{o.Type.FullName}\"");
}

/// <summary>The elements below one, in document order, that have a tag, or their text. What changes meanwhile may or may not be seen.</summary>
internal sealed class PyElementIterator(PyElement root, PyObject? tag, bool givesText) : PyIterator(ElementType.IteratorType)
{
    private readonly Stack<(PyElement Parent, int Next)> open = [];
    private PyElement? root = root;

    public override PyObject? Next()
    {
        while (true)
        {
            PyElement element;
            if (root is not null)
            {
                (element, root) = (root, null);
            }
            else if (!open.TryPop(out var place))
            {
                return null;
            }
            else if (place.Next >= place.Parent.Count)
            {
                // The text behind an element is the parent's, so the outermost one's does not count.
                var tail = place.Parent.Tail;
                if (givesText && open.Count > 0 && Ops.IsTrue(tail))
                    return tail;
                continue;
            }
            else
            {
                element = PyElement.Of(place.Parent.Children![place.Next]);
                open.Push((place.Parent, place.Next + 1));
            }
            open.Push((element, 0));
            if (givesText)
            {
                var text = element.Text;
                if (Ops.IsTrue(text))
                    return text;
            }
            else if (tag is null || Ops.Eq(element.Tag, tag))
            {
                return element;
            }
        }
    }
}
