using Holon.Python.Compiler.Ast;

namespace Holon.Python.Modules;

/// <summary>_ast: the classes of syntax trees. They are ordinary classes of each machine, since <c>ast.py</c> changes them.</summary>
internal static class AstModule
{
    private const int TypeComments = 0x1000, TopLevelAwait = 0x2000, OnlyAst = 0x400;

    private static readonly PyStr FieldsName = Names.Intern("_fields"), AttributesName = Names.Intern("_attributes");

    /// <summary><c>ast.AST</c>, the base of all.</summary>
    private static readonly PyType Base = new("AST", PyType.Object, t =>
    {
        t.HasDict = true;
        t.Init = Init;
        t.Constant("_fields", PyTuple.Empty);
        t.Constant("_attributes", PyTuple.Empty);
        t.Constant("__match_args__", PyTuple.Empty);
        t.Def0("__reduce__", o => new PyTuple(o.Type, PyTuple.Empty, o.Data.ToDict()));
        ObjectType.DefineDict(t);
    }, "ast");

    private static void Init(PyObject self, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var fields = Attributes.TryGet(self.Type, FieldsName) is { } list ? Ops.ToArray(list) : [];
        var count = args.Length - (names?.Count ?? 0);
        if (count > fields.Length)
            throw Err.Type($"{self.Type.FullName} constructor takes at most {fields.Length} positional argument{(fields.Length == 1 ? "" : "s")}");
        for (var i = 0; i < count; i++)
            Attributes.Set(self, Args.Name(fields[i]), args[i]);
        for (var i = 0; i < (names?.Count ?? 0); i++)
        {
            var name = (PyStr)names![i];
            for (var k = 0; k < count; k++)
            {
                if (Ops.Eq(fields[k], name))
                    throw Err.Type($"{self.Type.FullName} got multiple values for argument '{name}'");
            }
            Attributes.Set(self, name, args[count + i]);
        }
    }

    /// <summary>The classes of one machine.</summary>
    internal sealed class Classes
    {
        public Dictionary<string, PyType> ByName { get; } = [];

        /// <summary>The instances of classes without fields, such as <c>Load()</c>.</summary>
        public Dictionary<string, PyObject> Singletons { get; } = [];

        public Dictionary<string, SchemaType> Types { get; } = Schema.Types.ToDictionary(t => t.Name);

        public Dictionary<string, (SchemaType Type, SchemaConstructor Constructor)> Constructors { get; } = [];

        public Classes()
        {
            foreach (var type in Schema.Types)
            {
                var attributes = Text(type.Attributes);
                if (!type.IsProduct)
                {
                    var doc = $"{type.Name} = " + string.Join($"\n{new string(' ', type.Name.Length)} | ", type.Constructors.Select(Describe));
                    ByName[type.Name] = Make(type.Name, AstModule.Base, [], attributes, type.Attributes, doc);
                }
                foreach (var constructor in type.Constructors)
                {
                    var made = Make(constructor.Name, type.IsProduct ? AstModule.Base : ByName[type.Name], constructor.Fields, type.IsProduct ? attributes : null, type.IsProduct ? type.Attributes : [], Describe(constructor));
                    ByName[constructor.Name] = made;
                    Constructors[constructor.Name] = (type, constructor);
                    if (type.IsEnum)
                        Singletons[constructor.Name] = Calls.Call(made);
                }
            }
        }

        private static PyTuple Text(SchemaField[] fields) => new([.. fields.Select(f => (PyObject)new PyStr(f.Name))]);

        private static string Describe(SchemaConstructor c) =>
            c.Fields.Length == 0 ? c.Name : $"{c.Name}({string.Join(", ", c.Fields.Select(f => $"{f.Type}{(f.IsSequence ? "*" : f.IsOptional ? "?" : "")} {f.Name}"))})";

        private static PyType Make(string name, PyType parent, SchemaField[] fields, PyTuple? attributes, SchemaField[] attributeFields, string doc)
        {
            var dict = new PyDict();
            dict.Set("_fields", Text(fields));
            dict.Set("__module__", new PyStr("ast"));
            dict.Set("__doc__", new PyStr(doc));
            dict.Set("__match_args__", Text(fields));
            if (attributes is not null)
                dict.Set("_attributes", attributes);
            foreach (var field in fields.Concat(attributeFields).Where(f => f.IsOptional))
                dict.Set(field.Name, Values.None);
            return ClassBuilder.Build(PyType.TypeType, new PyStr(name), new PyTuple(parent), dict, [], null);
        }
    }

    public static Classes Of(Machine machine) => machine.State<Classes>("_ast");

    public static bool IsTree(PyObject o) => o.Type.IsSubtypeOf(Base);

    public static void Fill(ModuleBuilder m)
    {
        var classes = Of(m.Machine);
        m.Set("AST", Base);
        foreach (var (name, type) in classes.ByName)
            m.Set(name, type);
        m.Set("PyCF_ONLY_AST", OnlyAst);
        m.Set("PyCF_TYPE_COMMENTS", TypeComments);
        m.Set("PyCF_ALLOW_TOP_LEVEL_AWAIT", TopLevelAwait);
    }
}
