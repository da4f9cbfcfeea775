using Holon.Jvm.ClassFile;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Interpreter;

/// <summary>Loadable constants (JVMS §5.4.3.5, §5.4.3.6): strings, classes, method types, method handles, computed constants.</summary>
internal static class Constants
{
    public static Value Load(JThread t, JClass from, int index)
    {
        var entry = from.Pool.Entries[index];
        switch (entry.Tag)
        {
            case CpTag.Class:
                return Value.Of(Resolution.Class(t, from, index).Mirror);
            case CpTag.Integer:
                return Value.Of(Boxes.Box(t, 'I', entry.Bits));
            case CpTag.Float:
                return Value.Of(Boxes.Box(t, 'F', entry.Bits));
            case CpTag.Long:
                return Value.Of(Boxes.Box(t, 'J', entry.Bits));
            case CpTag.Double:
                return Value.Of(Boxes.Box(t, 'D', entry.Bits));
        }
        if (entry.Resolved is ResolvedConstant known) return known.Failure == null ? Value.Of(known.Value) : throw Resolution.Again(t, known.Failure, from.Pool.NameAndType(entry.B).Name);
        object? value;
        try
        {
            value = entry.Tag switch
            {
                CpTag.String => t.Machine.Intern(from.Pool.Name(index, CpTag.String)),
                CpTag.MethodType => MethodHandles.MethodType(t, from, from.Pool.Utf8(entry.A)),
                CpTag.MethodHandle => MethodHandles.Handle(t, from, entry),
                _ => MethodHandles.DynamicConstant(t, from, index),
            };
        }
        catch (JavaThrow e) when (entry.Tag == CpTag.Dynamic)
        {
            // The first result of a computed constant is its result for ever, failures included (§5.4.3).
            from.Pool.Entries[index].Resolved = new ResolvedConstant(null, e.Throwable);
            throw;
        }
        lock (from.Pool)
        {
            if (from.Pool.Entries[index].Resolved is ResolvedConstant first) return Value.Of(first.Value);
            from.Pool.Entries[index].Resolved = new ResolvedConstant(value, null);
        }
        return Value.Of(value);
    }

    private sealed record ResolvedConstant(object? Value, JObject? Failure);
}
