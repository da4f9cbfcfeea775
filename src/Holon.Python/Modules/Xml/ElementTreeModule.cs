namespace Holon.Python.Modules.Xml;

/// <summary>_elementtree: the fast half of xml.etree.ElementTree.</summary>
internal static class ElementTreeModule
{
    /// <summary>What belongs to one machine.</summary>
    internal sealed class ModuleState
    {
        private PyObject? deepCopy, elementPath;

        public PyType ParseError { get; } = Make();

        public PyObject? CommentFactory { get; set; }

        public PyObject? InstructionFactory { get; set; }

        public PyObject DeepCopy => deepCopy ??= Attributes.Get(PyThread.Current.Machine.ImportModule("copy"), "deepcopy");

        public PyObject ElementPath => elementPath ??= PyThread.Current.Machine.ImportModule("xml.etree.ElementPath");

        private static PyType Make()
        {
            var dict = new PyDict();
            dict.Set("__module__", new PyStr("xml.etree.ElementTree"));
            return ClassBuilder.Build(PyType.TypeType, new PyStr("ParseError"), new PyTuple(ExceptionTypes.SyntaxError), dict, [], null);
        }
    }

    public static ModuleState State => PyThread.Current.Machine.State<ModuleState>("_elementtree");

    private static PyObject? Factory(PyObject given, string what) =>
        given == Values.None ? null : BuiltinsModule.IsCallable(given) ? given : throw Err.Type($"{what} factory must be callable, not {given.Type.FullName}");

    public static void Fill(ModuleBuilder m)
    {
        m.Set("ParseError", State.ParseError);
        m.Set("Element", ElementType.Type);
        m.Set("TreeBuilder", PyTreeBuilder.BuilderType);
        m.Set("XMLParser", PyXmlParser.ParserType);
        m.DefRaw("SubElement", (_, args, names) => ElementType.SubElement(args, names));
        m.Def("_set_factories", "comment_factory, pi_factory, /", a =>
        {
            var (comment, instruction) = (Factory(a[0]!, "Comment"), Factory(a[1]!, "PI"));
            var before = new PyTuple(State.CommentFactory ?? Values.None, State.InstructionFactory ?? Values.None);
            (State.CommentFactory, State.InstructionFactory) = (comment, instruction);
            return before;
        });
    }
}
