namespace Holon.Python.Runtime;

/// <summary>compile, exec and eval.</summary>
internal static class Execution
{
    private const int OnlyAst = 0x400, SourceIsUtf8 = 0x100;

    /// <summary>What compile() gives: a code object, or with the flag <c>PyCF_ONLY_AST</c> a tree.</summary>
    public static PyObject Compile(PyObject source, string filename, string mode, int flags = 0, int optimize = -1, int featureVersion = -1)
    {
        var machine = PyThread.Current.Machine;
        if (mode is not ("exec" or "eval" or "single" or "func_type"))
            throw Err.Value("compile() mode must be 'exec', 'eval' or 'single'");
        if (mode == "func_type" && (flags & OnlyAst) == 0)
            throw Err.Value("compile() mode 'func_type' requires flag PyCF_ONLY_AST");
        if (optimize is < -1 or > 2)
            throw Err.Value("compile(): invalid optimize value");
        var compiler = machine.Options.Compiler ?? throw Err.Of(ExceptionTypes.NotImplementedError, "this machine has no compiler; it runs compiled modules (.pyc) only");
        if (optimize < 0)
            optimize = machine.Options.Optimize;
        try
        {
            if (Modules.AstModule.IsTree(source))
            {
                if ((flags & OnlyAst) != 0)
                    return source;
                var tree = new Modules.AstConverter(machine).ToTree(source, mode);
                return MarshalReader.Load(SourceCompiler.Compile(tree, filename, mode, flags, optimize));
            }
            var bytes = SourceBytes(source, "compile", "string, bytes or AST");
            if (source is PyStr)
                flags |= SourceIsUtf8;
            if ((flags & OnlyAst) != 0)
                return new Modules.AstConverter(machine).ToPython(SourceCompiler.Parse(bytes, filename, mode, flags, optimize, featureVersion < 0 ? 11 : featureVersion));
            return MarshalReader.Load(compiler.Compile(bytes, filename, mode, flags, optimize));
        }
        catch (SourceSyntaxException error)
        {
            throw ToPython(error, filename);
        }
    }

    /// <summary>Source text as the compiler takes it.</summary>
    public static byte[] SourceBytes(PyObject source, string function, string expected)
    {
        var bytes = source switch
        {
            PyStr text => Codecs.EncodeUtf8(text, "strict"),
            IBuffer buffer => buffer.Bytes.ToArray(),
            _ => throw Err.Type($"{function}() arg 1 must be a {expected} object"),
        };
        return bytes.Contains((byte)0) ? throw Err.Value("source code string cannot contain null bytes") : bytes;
    }

    public static PyError ToPython(SourceSyntaxException error, string filename)
    {
        var type = ExceptionTypes.All.FirstOrDefault(t => t.Name == error.Kind) ?? ExceptionTypes.SyntaxError;
        if (!type.IsSubtypeOf(ExceptionTypes.SyntaxError) || error.Line is null)
            return Err.Of(type, error.Message);
        PyObject Number(int? n) => n is { } v ? PyInt.Of(v) : Values.None;
        var details = new PyTuple(PyStr.FromUtf16(filename), Number(error.Line), Number(error.Offset), error.Text is null ? Values.None : PyStr.FromUtf16(error.Text), Number(error.EndLine), Number(error.EndOffset));
        return new PyError((PyException)Calls.Call(type, PyStr.FromUtf16(error.Message), details));
    }

    public static PyObject? Exec(PyObject?[] a, string mode)
    {
        var thread = PyThread.Current;
        var globals = a[1] as PyDict;
        PyObject locals;
        if (Args.IsNone(a[1]))
        {
            globals = thread.Frame?.Globals ?? throw Err.System("globals and locals cannot be NULL");
            locals = Args.IsNone(a[2]) ? thread.Frame.GetLocals() : a[2]!;
        }
        else
        {
            if (globals is null)
                throw Err.Type(mode == "eval" ? "globals must be a dict" : $"exec() globals must be a dict, not {a[1]!.Type.FullName}");
            locals = Args.IsNone(a[2]) ? globals : a[2]!;
        }
        if (locals.Type.GetItem is null)
            throw Err.Type(mode == "eval" ? "locals must be a mapping" : $"locals must be a mapping or None, not {locals.Type.FullName}");
        if (!globals.Contains(Names.Builtins))
            globals.Set(Names.Builtins, thread.Frame?.Builtins is { } b && b != thread.Machine.Builtins.Dict ? b : mode == "eval" ? thread.Machine.Builtins.Dict : thread.Machine.Builtins.Dict);
        var source = a[0]!;
        if (source is not PyCode code)
        {
            if (source is not (PyStr or IBuffer))
                throw Err.Type($"{mode}() arg 1 must be a string, bytes or code object");
            if (mode == "eval")
                source = source is PyStr text ? Calls.CallMethod(text, "lstrip", new PyStr(" \t")) : source;
            code = (PyCode)Compile(source, "<string>", mode, InheritedFlags(thread));
        }
        PyObject?[]? closure = null;
        if (code.FreeCount > 0)
        {
            if (a[3] is not PyTuple cells || cells.Count != code.FreeCount)
                throw Err.Type(mode == "eval" ? "code object passed to eval() may not contain free variables" : "code object requires a closure of exactly length " + code.FreeCount);
            closure = [.. cells.Items];
        }
        var result = EvaluationLoop.RunCode(code, globals, locals, closure);
        return result is null || mode == "eval" ? result : Values.None;
    }

    /// <summary>The <c>__future__</c> features of the code that calls.</summary>
    public static int InheritedFlags(PyThread thread) => (int)(thread.Frame?.Code.Flags ?? 0) & FutureMask;

    private const int FutureMask = 0x1fe0000;
}
