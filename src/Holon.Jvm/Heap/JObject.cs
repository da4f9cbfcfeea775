using System.Runtime.CompilerServices;

namespace Holon.Jvm.Heap;

/// <summary>
/// A Java object on the .NET heap. Its first word addresses its <see cref="Klass"/>; fields follow. Java arrays of primitives are
/// .NET arrays; Java arrays of references are <c>object[]</c> whose element 0 is the array's <see cref="Runtime.JClass"/>.
/// The word where an object has its class is an array's length, which no address is as small as.
/// </summary>
internal class JObject
{
    public nint Klass;

    /// <summary>Offset of the class word, and of the first field, from the object's address; those of Unsafe and of fields count alike.</summary>
    public const int KlassOffset = 8, FirstField = 16;

    /// <summary>Offset of the first element of arrays.</summary>
    public const int PrimitiveElements = 16, ReferenceElements = 24;

    /// <summary>Class words below this are lengths of arrays.</summary>
    public const long SmallestKlass = 1L << 32;

    /// <summary>The memory at an offset of an object. The caller vouches that the offset is one of a field or element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref byte At(object o, long offset) => ref Unsafe.AddByteOffset(ref Unsafe.As<Raw>(o).First, (nint)offset - KlassOffset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref T At<T>(object o, long offset) => ref Unsafe.As<byte, T>(ref At(o, offset));

    /// <summary>The word at offset 8: a class's address or an array's length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Word(object o) => Unsafe.As<JObject>(o).Klass;

    private sealed class Raw
    {
        public byte First;
    }
}
