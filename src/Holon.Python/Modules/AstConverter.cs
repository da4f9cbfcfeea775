using Holon.Python.Compiler;
using Holon.Python.Compiler.Ast;

namespace Holon.Python.Modules;

/// <summary>Syntax trees of the compiler to Python objects and back.</summary>
internal sealed class AstConverter(Machine machine)
{
    private const string RecursionWhere = " during ast construction";

    private static readonly PyStr[] PlaceNames = [Names.Intern("lineno"), Names.Intern("col_offset"), Names.Intern("end_lineno"), Names.Intern("end_col_offset")];

    private readonly AstModule.Classes classes = AstModule.Of(machine);

    // ---- To Python ----

    public PyObject ToPython(object? value)
    {
        switch (value)
        {
            case null:
                return Values.None;
            case string text:
                return machine.Intern(PyStr.FromUtf16(text));
            case int number:
                return PyInt.Of(number);
            case Enum name:
                return classes.Singletons[name.ToString()];
            case Node node:
                return NodeToPython(node);
            case Array items:
                var list = new PyList();
                foreach (var item in items)
                    list.Add(ToPython(item));
                return list;
            default:
                throw Err.System($"a syntax tree holds a {value.GetType().Name}");
        }
    }

    private PyInstance NodeToPython(Node node)
    {
        PyThread.CheckNativeStack();
        var type = classes.ByName[node.ConstructorName];
        var (schema, constructor) = classes.Constructors[node.ConstructorName];
        var made = new PyInstance(type);
        for (var i = 0; i < constructor.Fields.Length; i++)
        {
            var value = node.GetField(i);
            made.Fields.Set(machine.Intern(constructor.Fields[i].Name), constructor.Fields[i].Type == "constant" ? ConstantToPython(value) : ToPython(value));
        }
        if (schema.Attributes.Length > 0)
        {
            var span = node.Span;
            made.Fields.Set(PlaceNames[0], PyInt.Of(span.Line));
            made.Fields.Set(PlaceNames[1], PyInt.Of(span.Column));
            made.Fields.Set(PlaceNames[2], PyInt.Of(span.EndLine));
            made.Fields.Set(PlaceNames[3], PyInt.Of(span.EndColumn));
        }
        return made;
    }

    private PyObject ConstantToPython(object? value) => value switch
    {
        null => Values.None,
        bool b => Values.Bool(b),
        long n => PyInt.Of(n),
        BigInteger n => PyInt.Of(n),
        double d => new PyFloat(d),
        Complex c => new PyComplex(c),
        byte[] bytes => new PyBytes(bytes),
        string text => PyStr.FromUtf16(text),
        CodePointString text => PyStr.FromCodePoints(text.CodePoints),
        EllipsisConstant => PySingleton.Ellipsis,
        TupleConstant tuple => new PyTuple(Array.ConvertAll(tuple.Items, ConstantToPython)),
        FrozenSetConstant set => new PySet(set.Items.Select(ConstantToPython), true),
        _ => throw Err.System($"a constant is a {value.GetType().Name}"),
    };

    // ---- From Python ----

    /// <summary>The tree of a module, for compile() in this mode.</summary>
    public Mod ToTree(PyObject root, string mode)
    {
        var (wanted, word) = mode switch { "exec" => ("Module", "Module"), "eval" => ("Expression", "Expression"), "single" => ("Interactive", "Interactive"), _ => ("FunctionType", "FunctionType") };
        if (!root.Type.IsSubtypeOf(classes.ByName[wanted]))
            throw Err.Type($"expected {word} node, got {root.Type.FullName}");
        return (Mod)ToNode(root, "mod");
    }

    private object ToNode(PyObject o, string typeName)
    {
        var schema = classes.Types[typeName];
        var constructor = Array.Find(schema.Constructors, c => o.Type.IsSubtypeOf(classes.ByName[c.Name]));
        if (schema.IsEnum)
            return constructor is null ? throw Unexpected(typeName, o) : constructor.Make([], default);
        var span = schema.Attributes.Length == 0 || (constructor is null && !o.Type.IsSubtypeOf(classes.ByName[schema.IsProduct ? schema.Constructors[0].Name : typeName])) ? default : Place(o, schema);
        if (constructor is null)
        {
            // A product accepts any object that has its fields.
            constructor = schema.IsProduct && AstModule.IsTree(o) ? schema.Constructors[0] : throw Unexpected(typeName, o);
        }
        var thread = PyThread.Current;
        if (thread.Depth >= machine.RecursionLimit)
            throw Err.Of(ExceptionTypes.RecursionError, $"maximum recursion depth exceeded while traversing '{typeName}' node");
        PyThread.CheckNativeStack();
        thread.Depth++;
        try
        {
            var fields = new object?[constructor.Fields.Length];
            for (var i = 0; i < fields.Length; i++)
                fields[i] = Field(o, constructor, constructor.Fields[i]);
            return constructor.Make(fields, span);
        }
        finally
        {
            thread.LeaveNative();
        }
    }

    private static PyError Unexpected(string type, PyObject o) => Err.Type($"expected some sort of {type}, but got {Ops.Repr(o)}");

    private SourceSpan Place(PyObject o, SchemaType schema)
    {
        Span<int> place = stackalloc int[4];
        for (var i = 0; i < 4; i++)
        {
            var value = Attributes.TryGet(o, PlaceNames[i]);
            var optional = schema.Attributes[i].IsOptional;
            if (value is null || (optional && value == Values.None))
            {
                if (!optional)
                    throw Err.Type($"required field \"{PlaceNames[i]}\" missing from {(schema.IsProduct ? schema.Constructors[0].Name : schema.Name)}");
                place[i] = i == 2 ? place[0] : place[1];
                continue;
            }
            place[i] = Int(value);
        }
        return new SourceSpan(place[0], place[1], place[2], place[3]);
    }

    private object? Field(PyObject o, SchemaConstructor constructor, SchemaField field)
    {
        var value = Attributes.TryGet(o, machine.Intern(field.Name));
        if (field.IsSequence)
        {
            if (value is null)
                throw Missing(constructor, field);
            if (value is not PyList list)
                throw Err.Type($"{constructor.Name} field \"{field.Name}\" must be a list, not a {value.Type.FullName}");
            var items = new object?[list.Count];
            for (var i = 0; i < items.Length; i++)
            {
                items[i] = list[i] == Values.None && !field.Type.StartsWith("identifier", StringComparison.Ordinal) && !classes.Types[field.Type].IsEnum ? null : Single(list[i], field);
                if (list.Count != items.Length)
                    throw Err.Runtime($"{constructor.Name} field \"{field.Name}\" changed size during iteration");
            }
            return items;
        }
        if (field.Type == "constant")
            return value is null ? throw Missing(constructor, field) : Constant(value);
        if (value is null || value == Values.None)
        {
            if (field is { IsOptional: true })
                return field.Type == "int" ? 0 : null;
            if (value is null)
                throw Missing(constructor, field);
            // The validator says what is wrong with a missing expression, in CPython's words.
            if (field.Type is not ("int" or "identifier" or "string") && classes.Types[field.Type] is { IsEnum: false, IsProduct: false })
                throw Err.Value($"field '{field.Name}' is required for {constructor.Name}");
        }
        return Single(value, field);
    }

    private static PyError Missing(SchemaConstructor constructor, SchemaField field) => Err.Type($"required field \"{field.Name}\" missing from {constructor.Name}");

    private object Single(PyObject value, SchemaField field) => field.Type switch
    {
        "identifier" => value is PyStr name ? name.Value : throw Err.Type("AST identifier must be of type str"),
        "string" => value is PyStr text ? text.Value : throw Err.Type("AST string must be of type str"),
        "int" => Int(value),
        _ => ToNode(value, field.Type),
    };

    private static int Int(PyObject value)
    {
        if (value is not PyInt)
            throw Err.Value($"invalid integer value: {Ops.Repr(value)}");
        return Args.Int(value);
    }

    private static object? Constant(PyObject value)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw Err.Of(ExceptionTypes.RecursionError, "maximum recursion depth exceeded" + RecursionWhere);
        return value switch
        {
            PyBool b => ConstantValue.Of(b.IsTrue),
            _ when value == Values.None => null,
            _ when value == PySingleton.Ellipsis => ConstantValue.Ellipsis,
            _ when value.Type == IntType.Type => ConstantValue.Of(((PyInt)value).ToBig()),
            _ when value.Type == FloatType.Type => ((PyFloat)value).Value,
            _ when value.Type == ComplexType.Type => ((PyComplex)value).Value,
            _ when value.Type == BytesType.Type => ((PyBytes)value).Content,
            _ when value.Type == StrType.Type => Text((PyStr)value),
            _ when value.Type == TupleType.Type => new TupleConstant(Array.ConvertAll(((PyTuple)value).Items, Constant)),
            _ when value.Type == SetTypes.Frozen => new FrozenSetConstant([.. ((PySet)value).Items().Select(Constant)]),
            _ => throw Err.Type($"got an invalid type in Constant: {value.Type.FullName}"),
        };
    }

    private static object Text(PyStr text)
    {
        var plain = text.Value;
        return PyStr.FromUtf16(plain).Equals(text) ? plain : new CodePointString(text.ToCodePoints());
    }
}
