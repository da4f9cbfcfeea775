using Holon.Jvm.Compiler;
using Holon.Jvm.Interpreter;

namespace Holon.Jvm.Natives;

/// <summary>
/// jdk.test.whitebox.WhiteBox, through which OpenJDK's tests look into the machine: the part that means something in any Java machine. A program has the
/// class only when it brings it on the boot class path, and its natives only with <c>-XX:+WhiteBoxAPI</c>.
/// </summary>
internal static class WhiteBoxNatives
{
    public const string ClassName = "jdk/test/whitebox/WhiteBox";

    /// <summary>HotSpot's number for code of its optimizing compiler.</summary>
    private const int FullyOptimized = 4;

    public static void Register(Func<string, NativeClass> of)
    {
        var c = of(ClassName)
            .Void("fullGC()V", a => LangNatives.Collect(a.Thread))
            .Void("youngGC()V", a => LangNatives.Collect(a.Thread))
            .Bool("isInStringTable(Ljava/lang/String;)Z", a => a.Machine.IsInterned(a.String(1)!))
            .Int("countAliveClasses0(Ljava/lang/String;)I", a => a.String(1) is { } name ? a.Machine.LoadedClasses().Where(c => c.Name == name).Distinct().Count() : 0)
            .Void("addToBootstrapClassLoaderSearch0(Ljava/lang/String;)V", a => a.Machine.BootPath.Append(a.String(1)!))
            .Ref("getBooleanVMFlag(Ljava/lang/String;)Ljava/lang/Boolean;", Flag);
        RegisterModules(c);
        RegisterCompiler(c);
    }

    private static void RegisterModules(NativeClass c) => c
        .Void("DefineModule(Ljava/lang/Object;ZLjava/lang/String;Ljava/lang/String;[Ljava/lang/Object;)V", a => a.Machine.Modules.Define(a.Thread, a.Ref(1), a.Bool(2), a.String(3), a.String(4), ClassNatives.Packages(a, 5)))
        .Void("AddModuleExports(Ljava/lang/Object;Ljava/lang/String;Ljava/lang/Object;)V", a => a.Machine.Modules.AddExportsTo(a.Thread, a.Ref(1), a.String(2), a.Ref(3)))
        .Void("AddReadsModule(Ljava/lang/Object;Ljava/lang/Object;)V", a => a.Machine.Modules.AddReads(a.Thread, a.Ref(1), a.Ref(2)))
        .Void("AddModuleExportsToAll(Ljava/lang/Object;Ljava/lang/String;)V", a => a.Machine.Modules.AddExports(a.Thread, a.Ref(1), a.String(2), null))
        .Void("AddModuleExportsToAllUnnamed(Ljava/lang/Object;Ljava/lang/String;)V", a => a.Machine.Modules.AddExports(a.Thread, a.Ref(1), a.String(2), null, true));

    private static void RegisterCompiler(NativeClass c) => c
        .Bool("isMethodCompiled0(Ljava/lang/reflect/Executable;Z)Z", a => IsCompiled(a))
        .Int("getMethodCompilationLevel0(Ljava/lang/reflect/Executable;Z)I", a => IsCompiled(a) ? FullyOptimized : 0)
        .Bool("isMethodCompilable0(Ljava/lang/reflect/Executable;IZ)Z", a => a.Machine.Compiler != null && State(a) is not { Refused: true })
        .Bool("isMethodQueuedForCompilation0(Ljava/lang/reflect/Executable;)Z", a => State(a) is { IsQueued: true })
        // It is compiled at once; a number in bytecode asks for code of a loop, which only the interpreter can enter.
        .Bool("enqueueMethodForCompilation0(Ljava/lang/reflect/Executable;II)Z", a => a.Int(3) < 0 && a.Machine.Compiler?.CompileNow(ReflectNatives.MethodOf(a, a.Object(1))) == true);

    private static CompilationState? State(Args a) => ReflectNatives.MethodOf(a, a.Object(1)).Compilation;

    /// <summary>The second argument tells whether code of loops is meant.</summary>
    private static bool IsCompiled(Args a)
    {
        if (State(a) is not { } state) return false;
        lock (state.Loops) return a.Bool(2) ? state.Loops.Count > 0 : state.Code != null;
    }

    /// <summary>An option as the command line set it; null for those that it does not name.</summary>
    private static object? Flag(Args a)
    {
        var name = a.String(1);
        bool? value = null;
        foreach (var word in a.Machine.Options.Arguments)
        {
            if (word == "-XX:+" + name) value = true;
            else if (word == "-XX:-" + name || word == "-Xbatch" && name == "BackgroundCompilation") value = false;
        }
        return value is { } known ? Boxes.Box(a.Thread, 'Z', known ? 1 : 0) : null;
    }
}
