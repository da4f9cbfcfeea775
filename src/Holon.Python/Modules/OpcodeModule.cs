namespace Holon.Python.Modules;

/// <summary>_opcode: what instructions do to the stack.</summary>
internal static class OpcodeModule
{
    private const int HaveArgument = 90;

    public static void Fill(ModuleBuilder m)
    {
        m.Def("stack_effect", "opcode, oparg=None, /, *, jump=None", a =>
        {
            var opcode = Args.Int(a[0]!);
            if (opcode >= HaveArgument && a[1] == Values.None)
                throw Err.Value("stack_effect: opcode requires oparg but oparg was not specified");
            if (opcode < HaveArgument && a[1] != Values.None)
                throw Err.Value("stack_effect: opcode does not permit oparg but oparg was specified");
            if (a[2] != Values.None && a[2] != Values.True && a[2] != Values.False)
                throw Err.Value("stack_effect: jump must be False, True or None");
            var argument = a[1] == Values.None ? 0 : Args.Int(a[1]!);
            try
            {
                var (stays, jumps) = (Compiler.StackEffect.Of(opcode, argument, false), Compiler.StackEffect.Of(opcode, argument, true));
                return PyInt.Of(a[2] == Values.None ? Math.Max(stays, jumps) : a[2] == Values.True ? jumps : stays);
            }
            catch (Compiler.PythonCompileException)
            {
                throw Err.Value("invalid opcode or oparg");
            }
        });
        m.Def0("get_specialization_stats", () => Values.None);
    }
}
