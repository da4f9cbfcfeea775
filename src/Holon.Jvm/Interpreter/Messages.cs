using System.Text;
using Holon.Jvm.ClassFile;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Interpreter;

/// <summary>Exceptions that operations raise, with HotSpot's words.</summary>
internal static unsafe class Messages
{
    public static JObject NullPointer(JThread t, Frame* frame) => t.NewThrowable("java/lang/NullPointerException", null);

    public static JObject OutOfBounds(JThread t, object array, int index) =>
        t.NewThrowable("java/lang/ArrayIndexOutOfBoundsException", $"Index {index} out of bounds for length {ObjectExtensions.ArrayLength(array)}");

    public static JObject ArrayStore(JThread t, object value) => t.NewThrowable("java/lang/ArrayStoreException", ExternalType(t.Machine.ClassOf(value)));

    public static JObject ClassCast(JThread t, object value, JClass target)
    {
        var from = t.Machine.ClassOf(value);
        return t.NewThrowable("java/lang/ClassCastException", $"class {from.JavaName} cannot be cast to class {target.JavaName} ({t.Machine.JointDescription(from, target)})");
    }

    /// <summary>A call by a table has come to a method without code.</summary>
    public static JavaThrow AbstractMethod(JThread t, JMethod method) =>
        t.Error("java/lang/AbstractMethodError", $"Missing implementation of resolved method '{Declared(method)}.");

    /// <summary>The method that was resolved, and what a receiver of the class has for it (null: nothing), which cannot be called.</summary>
    public static JavaThrow AbstractMethod(JThread t, JMethod resolved, JMethod? selected, JClass receiver)
    {
        var text = $"Receiver class {receiver.JavaName} does not define or inherit an implementation of the resolved method '{Declared(resolved)}.";
        if (selected is { Class.IsInterface: false }) text += $" Selected method is '{(selected.IsAbstract ? "abstract " : "")}{External(selected)}'.";
        return t.Error("java/lang/AbstractMethodError", text);
    }

    private static string Declared(JMethod m) => $"{(m.IsAbstract ? "abstract " : "")}{External(m, true)}' of {m.Class.KindName} {m.Class.JavaName}";

    private static string ExternalType(JClass c) => ExternalType(c.TypeDescriptor);

    /// <summary>A descriptor's type as Java programs write it.</summary>
    public static string ExternalType(string descriptor)
    {
        var dimensions = descriptor.LastIndexOf('[') + 1;
        var name = descriptor[dimensions] switch
        {
            'B' => "byte",
            'C' => "char",
            'D' => "double",
            'F' => "float",
            'I' => "int",
            'J' => "long",
            'S' => "short",
            'Z' => "boolean",
            'V' => "void",
            _ => descriptor[(dimensions + 1)..^1].Replace('/', '.'),
        };
        return name + string.Concat(Enumerable.Repeat("[]", dimensions));
    }

    public static string External(JMethod m, bool nameOnly = false) => External(nameOnly ? null : m.Class, m.Name, m.Desc);

    /// <summary>A method as HotSpot's messages show it: <c>void java.lang.Object.wait(long, int)</c>.</summary>
    public static string External(JClass? c, string name, string descriptor)
    {
        var (parameters, result) = Descriptor.Parse(descriptor);
        return new StringBuilder(ExternalType(result)).Append(' ').Append(c == null ? "" : c.JavaName + ".").Append(name)
            .Append('(').AppendJoin(", ", parameters.Select(ExternalType)).Append(')').ToString();
    }
}
