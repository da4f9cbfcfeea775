namespace Holon.Python.Modules;

/// <summary>sys.stdin, stdout and stderr.</summary>
internal static class StandardStreams
{
    public static void Open(Machine machine)
    {
        var io = machine.ImportModule("io");
        var wanted = machine.Options.StandardEncoding?.Split(':') ?? [];
        var encoding = wanted is [{ Length: > 0 } name0, ..] ? name0 : "utf-8";
        var errors = wanted is [_, { Length: > 0 } handler] ? handler : wanted.Length > 0 ? "strict" : null;
        foreach (var (name, descriptor, mode) in new[] { ("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w") })
        {
            PyObject stream;
            try
            {
                var raw = Calls.CallNamed(Attributes.Get(io, "open"), [PyInt.Of(descriptor), new PyStr(mode + "b"), PyInt.Of(-1), Values.False], new PyTuple(new PyStr("closefd")));
                var isTerminal = Ops.IsTrue(Calls.CallMethod(raw, "isatty"));
                stream = Calls.CallNamed(Attributes.Get(io, "TextIOWrapper"), [raw, new PyStr(encoding), new PyStr(name == "stderr" ? "backslashreplace" : errors ?? "strict"), new PyStr("\n"), Values.Bool(isTerminal || name == "stderr"), Values.Bool(machine.Options.Unbuffered && name != "stdin")],
                    new PyTuple(new PyStr("encoding"), new PyStr("errors"), new PyStr("newline"), new PyStr("line_buffering"), new PyStr("write_through")));
                Attributes.Set(stream, "mode", new PyStr(mode));
            }
            catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.OSError))
            {
                stream = Values.None;
            }
            machine.Sys.Dict.Set(name, stream);
            machine.Sys.Dict.Set($"__{name}__", stream);
        }
    }
}
