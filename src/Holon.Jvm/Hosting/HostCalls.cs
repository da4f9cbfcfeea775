using Holon.Jvm.ClassFile;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Hosting;

/// <summary>Choice of methods by arguments, and values on their way between C# and Java.</summary>
internal static class HostCalls
{
    /// <summary>A method's result and its kind.</summary>
    public readonly record struct Result(Value Value, char Kind);

    public static Result Call(JThread t, JClass c, string name, object? receiver, object?[] arguments)
    {
        var method = Find(t, c, name, receiver != null, arguments) ?? throw new MissingMethodException($"{c.JavaName} has no public {(receiver == null ? "static " : "")}method {name} for {arguments.Length} such arguments.");
        var values = Values(t, method, receiver, arguments);
        return new Result(receiver == null || method.IsPrivate ? t.Call(method, values) : t.CallVirtual(method, values), method.ReturnKind);
    }

    public static JObject New(JThread t, JClass c, object?[] arguments)
    {
        if (c.IsAbstract || c.IsInterface || c.IsArray || c.IsPrimitive || c == t.Machine.Known.Class) throw new MissingMethodException($"{c.JavaName} has no instances of its own.");
        Initialization.Initialize(t, c);
        var method = Array.Find(c.Methods, m => m.Name == "<init>" && (m.Flags & Acc.Public) != 0 && Fits(t, m, arguments)) ?? throw new MissingMethodException($"{c.JavaName} has no public constructor for {arguments.Length} such arguments.");
        var o = JavaMachine.NewObject(t, c);
        t.Call(method, Values(t, method, o, arguments));
        return o;
    }

    private static JMethod? Find(JThread t, JClass c, string name, bool isInstance, object?[] arguments)
    {
        for (JClass? k = c; k != null; k = k.Super)
        {
            if (Array.Find(k.Methods, m => m.Name == name && m.IsStatic != isInstance && (m.Flags & Acc.Public) != 0 && Fits(t, m, arguments)) is { } method) return method;
        }
        return isInstance ? Array.Find(c.VTable, m => m.Name == name && (m.Flags & Acc.Public) != 0 && Fits(t, m, arguments)) : null;
    }

    private static bool Fits(JThread t, JMethod m, object?[] arguments)
    {
        if (m.Parameters.Length != arguments.Length) return false;
        var types = Descriptor.Parse(m.Desc).Parameters;
        for (var i = 0; i < arguments.Length; i++)
        {
            if (!Fits(t, m.Class, types[i], arguments[i])) return false;
        }
        return true;
    }

    private static bool Fits(JThread t, JClass c, string type, object? argument) => argument switch
    {
        null => type[0] is 'L' or '[',
        bool => type == "Z",
        sbyte => type is "B" or "S" or "I" or "J",
        byte => type is "B" or "S" or "I" or "J",
        char => type is "C" or "I" or "J",
        short => type is "S" or "I" or "J",
        int => type is "I" or "J" or "D",
        long => type is "J",
        float => type is "F" or "D",
        double => type == "D",
        string => type is "Ljava/lang/String;" or "Ljava/lang/Object;" or "Ljava/lang/CharSequence;",
        byte[] or sbyte[] => type is "[B",
        int[] => type is "[I",
        long[] => type is "[J",
        char[] => type is "[C",
        double[] => type is "[D",
        string[] => type is "[Ljava/lang/String;",
        JavaObject o => type[0] is 'L' or '[' && o.Machine == t.Machine && t.Machine.ClassOf(o.Value).IsSubclassOf(c.Loader.LoadDescriptor(t, type)),
        _ => throw new ArgumentException($"A {argument.GetType()} has no counterpart in Java; give a number, a string, an array of numbers or a JavaObject."),
    };

    private static Value[] Values(JThread t, JMethod m, object? receiver, object?[] arguments)
    {
        var values = new List<Value>();
        if (receiver != null) values.Add(Value.Of(receiver));
        for (var i = 0; i < arguments.Length; i++) values.Add(ToJava(t.Machine, arguments[i], m.Parameters[i]));
        return [.. values];
    }

    /// <summary>Arrays are copied: neither side sees the other's changes.</summary>
    private static Value ToJava(JavaMachine machine, object? argument, char kind) => argument switch
    {
        null => Value.Of((object?)null),
        bool b => Value.Of(b),
        char c => Value.Of((int)c),
        float f => kind == 'D' ? Value.Of((double)f) : Value.Of(f),
        double d => Value.Of(d),
        int n when kind == 'D' => Value.Of((double)n),
        byte n => kind == 'B' ? Value.Of((int)(sbyte)n) : Value.Of((int)n),
        sbyte or short or int or long => Value.Of(System.Convert.ToInt64(argument, System.Globalization.CultureInfo.InvariantCulture)),
        string s => Value.Of(machine.NewString(s)),
        sbyte[] b => Value.Of(Array.ConvertAll(b, x => (byte)x)),
        string[] s => Value.Of(machine.NewStringArray(s)),
        Array a => Value.Of(a.Clone()),
        JavaObject o => Value.Of(o.Value),
        _ => throw new ArgumentException($"A {argument.GetType()} has no counterpart in Java."),
    };

    public static T? Convert<T>(JavaMachine machine, Result result)
    {
        var value = result.Value;
        object? converted = result.Kind switch
        {
            'V' => null,
            'Z' => value.Int != 0,
            'B' => (sbyte)value.Int,
            'C' => (char)value.Int,
            'S' => (short)value.Int,
            'I' => value.Int,
            'J' => value.Bits,
            'F' => value.Float,
            'D' => value.Double,
            _ => FromJava(machine, value.Ref, typeof(T)),
        };
        if (converted is null or T) return (T?)converted;
        var target = Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T);
        if (converted is IConvertible && target.IsPrimitive) return (T)System.Convert.ChangeType(converted, target, System.Globalization.CultureInfo.InvariantCulture);
        throw new InvalidCastException($"The Java result cannot be given as {typeof(T)}; ask for a {converted.GetType()}.");
    }

    private static object? FromJava(JavaMachine machine, object? o, Type wanted)
    {
        if (o == null) return null;
        if (wanted == typeof(JavaObject)) return new JavaObject(machine, o);
        if (o is object?[] references && wanted == typeof(string[])) return references.Skip(1).Select(machine.StringOf).ToArray();
        if (o is Array array and not object?[]) return array.Clone();
        return machine.ClassOf(o) == machine.Known.String ? machine.StringOf(o) : new JavaObject(machine, o);
    }
}
