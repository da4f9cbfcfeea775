using System.Runtime.CompilerServices;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Interpreter;

/// <summary>Volatile accesses: sequentially consistent, as Java's are. A store is followed by a full fence.</summary>
internal static unsafe class Fields
{
    public static void Load(int kind, ref byte at, long* p, object?* r)
    {
        switch (kind)
        {
            case 'R': *r = Volatile.Read(ref Unsafe.As<byte, object?>(ref at)); break;
            case 'J' or 'D': *p = Volatile.Read(ref Unsafe.As<byte, long>(ref at)); break;
            case 'I' or 'F': *(int*)p = Volatile.Read(ref Unsafe.As<byte, int>(ref at)); break;
            case 'S': *(int*)p = Volatile.Read(ref Unsafe.As<byte, short>(ref at)); break;
            case 'C': *(int*)p = Volatile.Read(ref Unsafe.As<byte, ushort>(ref at)); break;
            default: *(int*)p = Volatile.Read(ref Unsafe.As<byte, sbyte>(ref at)); break;
        }
    }

    public static void Store(int kind, ref byte at, long* p, object?* r)
    {
        switch (kind)
        {
            case 'R': Volatile.Write(ref Unsafe.As<byte, object?>(ref at), *r); break;
            case 'J' or 'D': Volatile.Write(ref Unsafe.As<byte, long>(ref at), *p); break;
            case 'I' or 'F': Volatile.Write(ref Unsafe.As<byte, int>(ref at), *(int*)p); break;
            case 'S' or 'C': Volatile.Write(ref Unsafe.As<byte, short>(ref at), (short)*p); break;
            default: Volatile.Write(ref at, (byte)*p); break;
        }
        Interlocked.MemoryBarrier();
    }

    /// <summary>Stores a value that C# code holds, by the kind of the field.</summary>
    public static void Put(char kind, ref byte at, Value value)
    {
        switch (kind)
        {
            case 'R': Unsafe.As<byte, object?>(ref at) = value.Ref; break;
            case 'J' or 'D': Unsafe.As<byte, long>(ref at) = value.Bits; break;
            case 'I' or 'F': Unsafe.As<byte, int>(ref at) = (int)value.Bits; break;
            case 'S' or 'C': Unsafe.As<byte, short>(ref at) = (short)value.Bits; break;
            default: at = (byte)value.Bits; break;
        }
    }

    public static Value Get(char kind, ref byte at) => kind switch
    {
        'R' => Value.Of(Unsafe.As<byte, object?>(ref at)),
        'J' or 'D' => Value.Of(Unsafe.As<byte, long>(ref at)),
        'I' or 'F' => Value.Of(Unsafe.As<byte, int>(ref at)),
        'S' => Value.Of(Unsafe.As<byte, short>(ref at)),
        'C' => Value.Of(Unsafe.As<byte, ushort>(ref at)),
        _ => Value.Of((sbyte)at),
    };
}
