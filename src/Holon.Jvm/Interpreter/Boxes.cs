using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Interpreter;

/// <summary>Boxes of primitives, for reflection and bootstrap arguments.</summary>
internal static class Boxes
{
    public static string ClassName(char kind) => "java/lang/" + kind switch
    {
        'Z' => "Boolean",
        'B' => "Byte",
        'C' => "Character",
        'S' => "Short",
        'I' => "Integer",
        'J' => "Long",
        'F' => "Float",
        _ => "Double",
    };

    public static object Box(JThread t, char kind, long bits)
    {
        var c = t.Machine.BootLoader.Load(t, ClassName(kind));
        return t.Call(c.DeclaredMethod("valueOf", $"({kind})L{c.Name};")!, new Value(bits, null)).Ref!;
    }

    /// <summary>The value in a box, and its kind; 'V' when the object is none.</summary>
    public static Value Unbox(JThread t, object box, out char kind)
    {
        var c = t.Machine.ClassOf(box);
        kind = c.Name switch
        {
            "java/lang/Boolean" => 'Z',
            "java/lang/Byte" => 'B',
            "java/lang/Character" => 'C',
            "java/lang/Short" => 'S',
            "java/lang/Integer" => 'I',
            "java/lang/Long" => 'J',
            "java/lang/Float" => 'F',
            "java/lang/Double" => 'D',
            _ => 'V',
        };
        return kind == 'V' ? default : Fields.Get(kind, ref JObject.At(box, c.DeclaredField("value", kind.ToString())!.Offset));
    }

    /// <summary>Widening (JLS §5.1.2); false when there is none from one kind to the other.</summary>
    public static bool Widen(ref Value value, char from, char to)
    {
        if (from == to) return true;
        switch (to)
        {
            case 'S' when from == 'B':
            case 'I' when from is 'B' or 'S' or 'C':
            case 'J' when from is 'B' or 'S' or 'C' or 'I':
                return true;
            case 'F' when from is 'B' or 'S' or 'C' or 'I' or 'J':
                value = Value.Of(from == 'J' ? (float)value.Bits : (float)value.Int);
                return true;
            case 'D' when from is 'B' or 'S' or 'C' or 'I' or 'J':
                value = Value.Of((double)value.Bits);
                return true;
            case 'D' when from == 'F':
                value = Value.Of((double)value.Float);
                return true;
            default:
                return false;
        }
    }
}
