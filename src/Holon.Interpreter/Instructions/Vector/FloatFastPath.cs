using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>
/// When host arithmetic may be used for a whole vector. Numbers are ordinary when they are zero or normal: then no operation on
/// them is invalid or finds a denormal, and an ordinary result of normal size means neither overflow nor underflow.
/// </summary>
internal static class FloatFastPath
{
    private const uint Rounding = 3 << 13, PrecisionMask = 1 << 12, PrecisionFlag = 1 << 5;

    /// <summary>Rounding is to nearest, as the host's, and one more inexact result changes nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Applies(uint mxcsr) => (mxcsr & (Rounding | PrecisionMask | PrecisionFlag)) == (PrecisionMask | PrecisionFlag);

    /// <summary>Elements that are zero or normal, as a mask. T is float or double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Ordinary<T>(Vector128<T> value) => Normal(value) | Zero(value);

    /// <summary>Elements that are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Zero<T>(Vector128<T> value) => Vector128.Equals(value, Vector128<T>.Zero);

    /// <summary>Elements that are normal and not the smallest, to which a tiny number may have been rounded.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Normal<T>(Vector128<T> value)
    {
        var magnitude = Vector128.Abs(value);
        return Vector128.GreaterThan(magnitude, Smallest<T>()) & Vector128.LessThan(magnitude, Infinity<T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool All<T>(Vector128<T> mask) => mask.AsByte().ExtractMostSignificantBits() == 0xFFFF;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<T> Smallest<T>() => typeof(T) == typeof(float)
        ? Vector128.Create(0x00800000u).As<uint, T>()
        : Vector128.Create(0x0010000000000000ul).As<ulong, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<T> Infinity<T>() => typeof(T) == typeof(float)
        ? Vector128.Create(0x7F800000u).As<uint, T>()
        : Vector128.Create(0x7FF0000000000000ul).As<ulong, T>();
}
