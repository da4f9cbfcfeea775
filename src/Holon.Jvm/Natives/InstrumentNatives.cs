using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>What Java agents may ask and do (sun.instrument.InstrumentationImpl).</summary>
internal static class InstrumentNatives
{
    public static void Register(Func<string, NativeClass> of) => of("sun/instrument/InstrumentationImpl")
        .Bool("isModifiableClass0(JLjava/lang/Class;)Z", a => a.Class(3) is { IsArray: false, IsPrimitive: false, IsHidden: false })
        .Bool("isRetransformClassesSupported0(J)Z", _ => false)
        .Void("setHasTransformers(JZ)V", a => a.Machine.Agents.SetTransforms(a.Long(1), false, a.Bool(3)))
        .Void("setHasRetransformableTransformers(JZ)V", a => a.Machine.Agents.SetTransforms(a.Long(1), true, a.Bool(3)))
        .Void("retransformClasses0(J[Ljava/lang/Class;)V", a => throw Unsupported(a, "retransformation"))
        .Void("redefineClasses0(J[Ljava/lang/instrument/ClassDefinition;)V", a => throw Unsupported(a, "redefinition"))
        .Void("setNativeMethodPrefixes(J[Ljava/lang/String;Z)V", _ => { })
        .Ref("getAllLoadedClasses0(J)[Ljava/lang/Class;", a => Mirrors(a, a.Machine.LoadedClasses()))
        .Ref("getInitiatedClasses0(JLjava/lang/ClassLoader;)[Ljava/lang/Class;", a => Mirrors(a, a.Machine.LoaderOf((JObject?)a.Ref(3)).AllClasses()))
        .Long("getObjectSize0(JLjava/lang/Object;)J", a => ObjectSizes.Of(a.Ref(3) ?? throw a.Thread.Error("java/lang/NullPointerException", null)))
        .Void("appendToClassLoaderSearch0(JLjava/lang/String;Z)V", Append);

    private static JavaThrow Unsupported(Args a, string what) => a.Thread.Error("java/lang/UnsupportedOperationException", what + " of loaded classes is not supported");

    private static object?[] Mirrors(Args a, JClass[] classes) => JavaMachine.NewArray(a.Machine.Known.Class, [.. classes.Distinct().Select(c => c.Mirror)]);

    private static void Append(Args a)
    {
        var jar = a.String(3)!;
        if (a.Bool(4)) a.Machine.BootPath.Append(jar);
        else AppendToClassPath(a.Thread, jar);
    }

    /// <summary>Lets the system class loader find classes in one more jar.</summary>
    public static void AppendToClassPath(JThread t, string jar)
    {
        var loader = (JObject)t.Call(t.Machine.Known.ClassLoader.DeclaredMethod("getSystemClassLoader", "()Ljava/lang/ClassLoader;")!).Ref!;
        for (var c = loader.Class(); c != null; c = c.Super)
        {
            if (c.DeclaredMethod("appendToClassPathForInstrumentation", "(Ljava/lang/String;)V") is not { } append) continue;
            t.Call(append, Value.Of(loader), Value.Of(t.Machine.NewString(jar)));
            return;
        }
        throw t.Error("java/lang/InternalError", "the system class loader does not support adding jar files");
    }
}
