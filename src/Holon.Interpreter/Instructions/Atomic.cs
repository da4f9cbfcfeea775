using System.Runtime.CompilerServices;

namespace Holon.Interpreter.Instructions;

/// <summary>The host's atomic operations on guest memory, for LOCK-prefixed instructions.</summary>
internal static unsafe class Atomic
{
    /// <summary>
    /// Held around atomic operations that the host cannot do as one: across two pages, or on a device. They exclude each other, as the bus lock of old did
    /// (SDM vol. 3 §8.1.2.2), but not operations within a page.
    /// </summary>
    public static Lock BusLock { get; } = new();

    /// <summary>Stores a value if memory still holds the one expected. Unaligned addresses within a page are fine on x86 hosts.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryExchange<T>(T* pointer, T expected, T value)
        where T : unmanaged
    {
        if (sizeof(T) == 1) return Interlocked.CompareExchange(ref *(byte*)pointer, Unsafe.BitCast<T, byte>(value), Unsafe.BitCast<T, byte>(expected)) == Unsafe.BitCast<T, byte>(expected);
        if (sizeof(T) == 2) return Interlocked.CompareExchange(ref *(ushort*)pointer, Unsafe.BitCast<T, ushort>(value), Unsafe.BitCast<T, ushort>(expected)) == Unsafe.BitCast<T, ushort>(expected);
        if (sizeof(T) == 4) return Interlocked.CompareExchange(ref *(uint*)pointer, Unsafe.BitCast<T, uint>(value), Unsafe.BitCast<T, uint>(expected)) == Unsafe.BitCast<T, uint>(expected);
        return Interlocked.CompareExchange(ref *(ulong*)pointer, Unsafe.BitCast<T, ulong>(value), Unsafe.BitCast<T, ulong>(expected)) == Unsafe.BitCast<T, ulong>(expected);
    }
}
