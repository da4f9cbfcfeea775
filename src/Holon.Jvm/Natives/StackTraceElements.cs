using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>Fills java.lang.StackTraceElement objects.</summary>
internal static unsafe class StackTraceElements
{
    public static void FillArray(JThread t, object?[] elements, JObject throwable) => FillArray(t, elements, StackTraces.Pairs(throwable.Ref(t.Machine.Known.ThrowableBacktrace))!);

    public static void FillArray(JThread t, object?[] elements, long[] pairs)
    {
        for (var i = 0; i + 1 < elements.Length && i * 2 < pairs.Length; i++)
            Fill(t, (JObject)elements[i + 1]!, new StackTraces.Entry(((MethodSlot*)pairs[i * 2])->Managed, (int)pairs[i * 2 + 1]));
    }

    public static void Fill(JThread t, JObject element, StackTraces.Entry entry)
    {
        var machine = t.Machine;
        var c = element.Class();
        void Set(string field, object? value) => element.Ref(Known.Offset(c, field)) = value;
        var owner = entry.Method.Class;
        Set("declaringClassObject", owner.Mirror);
        Set("declaringClass", machine.Intern(owner.JavaName));
        Set("methodName", machine.Intern(entry.Method.Name));
        Set("fileName", owner.File?.SourceFile is { } file ? machine.Intern(file) : null);
        if (owner.Loader.Loader is { } loader) Set("classLoaderName", loader.Ref(machine.Known.LoaderName));
        if (machine.ModuleOf(owner) is { } module && module.Ref(Known.Offset(machine.Known.Module, "name")) is { } name)
        {
            Set("moduleName", name);
            if (machine.Version != null) Set("moduleVersion", machine.Intern(machine.Version));
        }
        element.Field<int>(Known.Offset(c, "lineNumber")) = entry.Line;
    }

    public static void FillFromInfo(JThread t, JObject element, JObject info)
    {
        var c = info.Class();
        var member = info.Ref(Known.Offset(c, "memberName"));
        var target = member == null ? null : MethodHandles.Target(t, member);
        if (target == null) return;
        Fill(t, element, new StackTraces.Entry(target->Managed, info.Field<int>(Known.Offset(c, "bci"))));
    }

    /// <summary>A new element.</summary>
    public static JObject New(JThread t, StackTraces.Entry entry)
    {
        var element = t.Machine.BootLoader.Load(t, "java/lang/StackTraceElement").Allocate();
        Fill(t, element, entry);
        return element;
    }
}
