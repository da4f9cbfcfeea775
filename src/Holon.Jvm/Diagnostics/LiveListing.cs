using System.Globalization;
using Holon.Jvm.Compiler;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Diagnostics;

/// <summary>
/// <c>javap-live</c>: what became of a method while a program ran. Each bytecode instruction with the operation that the interpreter
/// runs for it and the CIL that the compiler makes of it, what was inlined there included; then RyuJIT's machine code.
/// </summary>
internal static unsafe class LiveListing
{
    /// <summary>Writes about all methods of a name: <c>pack.Type.method</c>.</summary>
    public static void Write(JavaMachine machine, JThread t, string name, TextWriter to)
    {
        t.Attach();
        var (className, methodName) = Split(name);
        var found = machine.LoadedClasses().Where(c => c.JavaName == className || c.JavaName.EndsWith("." + className, StringComparison.Ordinal)).SelectMany(c => c.Methods).Where(m => m.Name == methodName).ToList();
        if (found.Count == 0) throw new Machines.HolonException($"No class that the program loaded has a method {name}; name it as Class.method, and have the program call it.");
        foreach (var method in found) Write(machine, method, to);
    }

    /// <summary>A class and a method of it, apart at the last dot.</summary>
    public static (string Class, string Method) Split(string name)
    {
        var dot = name.LastIndexOf('.');
        return dot > 0 ? (name[..dot].Replace('/', '.'), name[(dot + 1)..]) : throw new Machines.HolonException($"'{name}' is no method; write Class.method.");
    }

    private static void Write(JavaMachine machine, JMethod method, TextWriter to)
    {
        var state = method.Compilation;
        to.WriteLine(FormattableString.Invariant($"{Messages.External(method)}"));
        to.WriteLine(FormattableString.Invariant($"  tier {(state?.Code != null ? "1: compiled" : state is { Loops.Count: > 0 } ? "1 in loops, 0 elsewhere" : "0: interpreted")}; {method.Slot->Calls} counted calls, {state?.Compilations ?? 0} compilations, {state?.Code?.Traps ?? 0} returns to the interpreter"));
        if (method.Decoded == null)
        {
            to.WriteLine(method.Info.Code == null ? "  has no bytecode" : "  was never called");
            return;
        }
        var listing = machine.Compiler == null ? null : Compile(machine, method);
        var lines = (listing ?? []).ToLookup(line => line.Depth == 0 ? line.Bci : line.OuterBci);
        foreach (var line in lines[-1]) to.WriteLine("              " + line.Text);
        for (var bci = 0; bci < method.Info.Code!.Bytes.Length; bci += BytecodeReader.Length(method.Info.Code.Bytes, bci))
        {
            to.WriteLine(FormattableString.Invariant($"  {bci,5}: {BytecodeText.At(method, bci)}"));
            for (var i = 0; i < method.Decoded.Count; i++)
            {
                if (method.Decoded.Bci[i] == bci) to.WriteLine("          " + Describe(method.Decoded.Code[i]));
            }
            foreach (var line in lines[bci]) to.WriteLine($"              {new string('>', line.Depth)}{(line.Depth > 0 ? $" {line.Method.Name}@{line.Bci}: " : "")}{line.Text}");
        }
        to.WriteLine();
    }

    private static List<CilLine>? Compile(JavaMachine machine, JMethod method)
    {
        method.Compilation ??= new CompilationState();
        return MethodCompiler.Compile(machine, method, -1, true)?.Listing;
    }

    private static string Describe(Insn n) => string.Create(CultureInfo.InvariantCulture, $"{n.Op} a={n.A} b={n.B} c={n.C} {(n.Op is >= Op.Goto and <= Op.IfAcmpNe ? $"by {n.Distance}, {n.Constant}" : n.Imm == 0 ? "" : $"0x{n.Imm:x}")}");
}
