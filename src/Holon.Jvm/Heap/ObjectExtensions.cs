using System.Runtime.CompilerServices;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Heap;

/// <summary>What Java objects are, seen from C#.</summary>
internal static unsafe class ObjectExtensions
{
    /// <summary>The class of an object that is not an array.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static JClass Class(this JObject o) => ((Klass*)o.Klass)->Managed;

    public static ref T Field<T>(this JObject o, long offset) => ref JObject.At<T>(o, offset);

    public static ref object? Ref(this JObject o, long offset) => ref JObject.At<object?>(o, offset);

    /// <summary>The class of anything, arrays included.</summary>
    public static JClass ClassOf(this JavaMachine machine, object o)
    {
        var word = JObject.Word(o);
        return (ulong)word >= (ulong)JObject.SmallestKlass ? ((Klass*)word)->Managed : ArrayClassOf(machine, o);
    }

    private static JClass ArrayClassOf(JavaMachine machine, object array) => array switch
    {
        object[] references => Unsafe.As<JClass>(references[0]),
        _ => machine.PrimitiveArray(array.GetType() switch
        {
            var t when t == typeof(byte[]) => 'B',
            var t when t == typeof(char[]) => 'C',
            var t when t == typeof(int[]) => 'I',
            var t when t == typeof(long[]) => 'J',
            var t when t == typeof(bool[]) => 'Z',
            var t when t == typeof(short[]) => 'S',
            var t when t == typeof(float[]) => 'F',
            _ => 'D',
        }),
    };

    /// <summary>Length of a Java array.</summary>
    public static int ArrayLength(object array) => array is object[] references ? references.Length - 1 : Unsafe.As<Array>(array).Length;

    public static bool IsArray(object o) => (ulong)JObject.Word(o) < (ulong)JObject.SmallestKlass;
}
