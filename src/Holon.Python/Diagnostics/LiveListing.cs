using Holon.Python.Tier1;

namespace Holon.Python.Diagnostics;

/// <summary>
/// <c>dis-live</c>: what became of a function while a program ran: each source line, its bytecode with what the inline caches have learnt, and the
/// CIL that tier 1 makes of it. RyuJIT's machine code is written by the runtime itself.
/// </summary>
internal static class LiveListing
{
    /// <summary>Writes about a function: <c>name</c> or <c>Class.name</c> of the program, or with the name of a module in front.</summary>
    public static void Write(Machine machine, string name, TextWriter to)
    {
        if (Find(machine, name) is not { } function)
        {
            to.WriteLine($"The program has no Python function {name}; name it as function, Class.method or module.function.");
            return;
        }
        var code = function.Code;
        var tier = code.Entry is not null ? "1: compiled" : code.Compiled?.Loops.Any(l => l is not null) == true ? "1 in loops, 0 elsewhere" : "0: interpreted";
        to.WriteLine(FormattableString.Invariant($"{code.QualName} ({code.Filename}:{code.FirstLine})"));
        to.WriteLine(FormattableString.Invariant($"  tier {tier}; {code.Compiled?.Recompilations ?? 0} times compiled again, {code.Compiled?.Generic.Count ?? 0} places no longer guess"));
        if (!code.IsPrepared)
        {
            to.WriteLine("  was never called");
            return;
        }
        var cil = Compile(function, out var problem).ToLookup(line => line.Pc, line => line.Text);
        if (problem is not null)
            to.WriteLine("  not compiled as a whole: " + problem);
        var source = Source(code.Filename.Value);
        var shown = -1;
        foreach (var line in cil[Cil.Before])
            to.WriteLine("                    " + line);
        for (var pc = 0; pc < code.Instructions.Length - 1; pc++)
        {
            var line = code.LineOf(code.UnitOf[pc]);
            if (line != shown && line > 0)
            {
                shown = line;
                to.WriteLine(FormattableString.Invariant($"{line,5}  {(line <= source.Length ? source[line - 1] : "")}"));
            }
            to.WriteLine(Describe(code, pc));
            foreach (var text in cil[pc])
                to.WriteLine("                    " + text);
        }
        foreach (var line in cil[Cil.After])
            to.WriteLine("                    " + line);
    }

    private static PyFunction? Find(Machine machine, string name)
    {
        var parts = name.Split('.');
        for (var length = parts.Length - 1; length >= 0; length--)
        {
            var module = machine.Modules.Get(length == 0 ? "__main__" : string.Join('.', parts[..length])) as PyModule;
            PyObject? found = module;
            foreach (var part in parts[length..])
                found = found switch { null => null, PyType type => type.Lookup(machine.Intern(part)), _ => Attributes.TryGet(found, machine.Intern(part)) };
            if (found is not null and not PyFunction)
                found = Attributes.TryGet(found, machine.Intern("__func__")) ?? Attributes.TryGet(found, machine.Intern("__wrapped__")) ?? Attributes.TryGet(found, machine.Intern("fget"));
            if (found is PyFunction function)
                return function;
        }
        return null;
    }

    private static List<(int Pc, string Text)> Compile(PyFunction function, out string? problem)
    {
        var listing = new List<(int, string)>();
        problem = null;
        try
        {
            if (function.Code.ParameterCount > CodeCompiler.MaxArguments)
                throw new NotCompiledException("too many parameters");
            MachineCode.Make(CodeCompiler.Function(function.Code.Compiled ?? new CompiledCode(function.Code, function.Globals, function.Builtins), listing));
        }
        catch (NotCompiledException error)
        {
            problem = error.Message;
            listing.Clear();
        }
        return listing;
    }

    private static string[] Source(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return [];
        }
    }

    private static string Describe(PyCode code, int pc)
    {
        var instruction = code.Instructions[pc];
        var unit = code.UnitOf[pc];
        var original = (Opcode)code.Code[unit * 2];
        var operand = original switch
        {
            Opcode.LoadConst => Ops.Repr(code.Consts[instruction.Arg]).ToString(),
            Opcode.LoadFast or Opcode.StoreFast or Opcode.DeleteFast or Opcode.LoadDeref or Opcode.StoreDeref or Opcode.LoadClosure or Opcode.MakeCell => code.LocalsPlusNames[instruction.Arg].Value,
            Opcode.LoadGlobal => code.NameList[instruction.Arg >> 1].Value,
            Opcode.LoadAttr or Opcode.StoreAttr or Opcode.LoadMethod or Opcode.LoadName or Opcode.StoreName or Opcode.StoreGlobal => code.NameList[instruction.Arg].Value,
            _ => "",
        };
        var text = FormattableString.Invariant($"       {unit * 2,5} {original,-22} {instruction.Arg,5} {operand}").TrimEnd();
        if (instruction.Op != original)
            text += $"   -> {instruction.Op}";
        if (instruction.Seen != 0)
            text += $"   [{(Seen)(instruction.Seen & 3)}, {(Seen)(instruction.Seen >> 2 & 3)}]";
        for (var cache = code.Caches[pc]; cache is not null; cache = cache.More)
        {
            if (cache.Guard is not null)
                text += FormattableString.Invariant($"   {{{Guard(cache.Guard)} v{cache.Version}: {(cache.Value is PyFunction method ? method.QualName.Value : "place " + cache.Index)}}}");
        }
        return instruction.Misses == 0 ? text : text + FormattableString.Invariant($"   {instruction.Misses} misses");
    }

    private static string Guard(object guard) => guard switch
    {
        Shape shape => "shape of " + shape.Type.Name,
        PyType type => "class " + type.Name,
        PyDict => "namespace",
        _ => guard.GetType().Name,
    };
}
