using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;
using Holon.Jvm.Heap;
using Holon.Jvm.Natives;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Compiler;

/// <summary>A C# method that stands for a Java method in compiled code.</summary>
internal sealed record Intrinsic(MethodInfo Method, bool MayThrow, bool TakesThread);

/// <summary>
/// Methods of the class library that compiled code calls as C#, with their arguments as they are: no slots, no frame. Small ones are
/// inlined by RyuJIT. The parameters follow the Java method's, the receiver first; a leading <see cref="JThread"/> is passed
/// when asked for. Those marked may leave an exception in the thread.
/// </summary>
internal static unsafe class Intrinsics
{
    [AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
    private sealed class ForAttribute(string name) : Attribute
    {
        public string Name { get; } = name;

        public bool MayThrow { get; set; }
    }

    private static readonly Dictionary<string, Intrinsic> Table = Build();

    public static Intrinsic? Find(JMethod method)
    {
        if (!method.Class.Loader.IsBoot || !Classes.Contains(method.Class.Name)) return null;
        return Table.GetValueOrDefault($"{method.Class.Name}.{method.Name}{method.Desc}");
    }

    private static readonly HashSet<string> Classes = [.. Table.Keys.Select(k => k[..k.IndexOf('.')])];

    private static Dictionary<string, Intrinsic> Build()
    {
        var table = new Dictionary<string, Intrinsic>();
        foreach (var method in typeof(Intrinsics).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly))
        {
            var takesThread = method.GetParameters() is [{ ParameterType: var first }, ..] && first == typeof(JThread);
            foreach (var attribute in method.GetCustomAttributes<ForAttribute>()) table[attribute.Name] = new Intrinsic(method, attribute.MayThrow, takesThread);
        }
        return table;
    }

    // java.lang.Math --------------------------------------------------------------------------------------------------

    [For("java/lang/Math.sqrt(D)D"), For("java/lang/StrictMath.sqrt(D)D")]
    public static double Sqrt(double a) => Math.Sqrt(a);

    [For("java/lang/Math.abs(D)D")]
    public static double Abs(double a) => Math.Abs(a);

    [For("java/lang/Math.abs(F)F")]
    public static float Abs(float a) => Math.Abs(a);

    [For("java/lang/Math.abs(I)I")]
    public static int Abs(int a) => a < 0 ? -a : a;

    [For("java/lang/Math.abs(J)J")]
    public static long Abs(long a) => a < 0 ? -a : a;

    [For("java/lang/Math.max(II)I")]
    public static int Max(int a, int b) => a >= b ? a : b;

    [For("java/lang/Math.min(II)I")]
    public static int Min(int a, int b) => a <= b ? a : b;

    [For("java/lang/Math.max(JJ)J")]
    public static long Max(long a, long b) => a >= b ? a : b;

    [For("java/lang/Math.min(JJ)J")]
    public static long Min(long a, long b) => a <= b ? a : b;

    [For("java/lang/Math.max(DD)D")]
    public static double Max(double a, double b) => Math.Max(a, b);

    [For("java/lang/Math.min(DD)D")]
    public static double Min(double a, double b) => Math.Min(a, b);

    [For("java/lang/Math.floor(D)D"), For("java/lang/StrictMath.floor(D)D")]
    public static double Floor(double a) => Math.Floor(a);

    [For("java/lang/Math.ceil(D)D"), For("java/lang/StrictMath.ceil(D)D")]
    public static double Ceil(double a) => Math.Ceiling(a);

    [For("java/lang/Math.multiplyHigh(JJ)J")]
    public static long MultiplyHigh(long a, long b) => Math.BigMul(a, b, out _);

    // Bits ------------------------------------------------------------------------------------------------------------

    [For("java/lang/Integer.bitCount(I)I")]
    public static int BitCount(int a) => BitOperations.PopCount((uint)a);

    [For("java/lang/Long.bitCount(J)I")]
    public static int BitCount(long a) => BitOperations.PopCount((ulong)a);

    [For("java/lang/Integer.numberOfLeadingZeros(I)I")]
    public static int LeadingZeros(int a) => BitOperations.LeadingZeroCount((uint)a);

    [For("java/lang/Long.numberOfLeadingZeros(J)I")]
    public static int LeadingZeros(long a) => BitOperations.LeadingZeroCount((ulong)a);

    [For("java/lang/Integer.numberOfTrailingZeros(I)I")]
    public static int TrailingZeros(int a) => BitOperations.TrailingZeroCount(a);

    [For("java/lang/Long.numberOfTrailingZeros(J)I")]
    public static int TrailingZeros(long a) => BitOperations.TrailingZeroCount(a);

    [For("java/lang/Integer.rotateLeft(II)I")]
    public static int RotateLeft(int a, int by) => (int)BitOperations.RotateLeft((uint)a, by);

    [For("java/lang/Integer.rotateRight(II)I")]
    public static int RotateRight(int a, int by) => (int)BitOperations.RotateRight((uint)a, by);

    [For("java/lang/Long.rotateLeft(JI)J")]
    public static long RotateLeft(long a, int by) => (long)BitOperations.RotateLeft((ulong)a, by);

    [For("java/lang/Long.rotateRight(JI)J")]
    public static long RotateRight(long a, int by) => (long)BitOperations.RotateRight((ulong)a, by);

    [For("java/lang/Integer.reverseBytes(I)I")]
    public static int ReverseBytes(int a) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(a);

    [For("java/lang/Long.reverseBytes(J)J")]
    public static long ReverseBytes(long a) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(a);

    [For("java/lang/Float.floatToRawIntBits(F)I")]
    public static int FloatBits(float a) => BitConverter.SingleToInt32Bits(a);

    [For("java/lang/Float.intBitsToFloat(I)F")]
    public static float FloatOf(int a) => BitConverter.Int32BitsToSingle(a);

    [For("java/lang/Double.doubleToRawLongBits(D)J")]
    public static long DoubleBits(double a) => BitConverter.DoubleToInt64Bits(a);

    [For("java/lang/Double.longBitsToDouble(J)D")]
    public static double DoubleOf(long a) => BitConverter.Int64BitsToDouble(a);

    // java.lang ------------------------------------------------------------------------------------------------------

    [For("java/lang/Object.getClass()Ljava/lang/Class;")]
    public static object GetClass(JThread t, object o) => t.Machine.ClassOf(o).Mirror;

    [For("java/lang/Class.isPrimitive()Z")]
    public static int IsPrimitive(JThread t, object mirror) => t.Machine.ClassOfMirror(mirror).IsPrimitive ? 1 : 0;

    [For("java/lang/Class.isArray()Z")]
    public static int IsArray(JThread t, object mirror) => t.Machine.ClassOfMirror(mirror).IsArray ? 1 : 0;

    [For("java/lang/Class.isInterface()Z")]
    public static int IsInterface(JThread t, object mirror) => t.Machine.ClassOfMirror(mirror).IsInterface ? 1 : 0;

    [For("java/lang/Class.isInstance(Ljava/lang/Object;)Z")]
    public static int IsInstance(JThread t, object mirror, object? o) => o != null && CompiledRuntime.IsInstance(t, o, (nint)t.Machine.ClassOfMirror(mirror).Ptr) ? 1 : 0;

    [For("java/lang/Object.hashCode()I"), For("java/lang/System.identityHashCode(Ljava/lang/Object;)I")]
    public static int HashCode(object? o) => o == null ? 0 : RuntimeHelpers.GetHashCode(o);

    [For("java/lang/Thread.currentThread()Ljava/lang/Thread;")]
    public static object CurrentThread(JThread t) => t.JavaObject!;

    [For("java/lang/System.nanoTime()J")]
    public static long NanoTime() => (long)(System.Diagnostics.Stopwatch.GetTimestamp() * (1e9 / System.Diagnostics.Stopwatch.Frequency));

    [For("java/lang/System.arraycopy(Ljava/lang/Object;ILjava/lang/Object;II)V", MayThrow = true)]
    public static void ArrayCopy(JThread t, object? source, int from, object? target, int to, int length)
    {
        try
        {
            Natives.ArrayCopy.Copy(t, source, from, target, to, length);
        }
        catch (JavaThrow e)
        {
            t.Exception = e.Throwable;
        }
    }

    [For("jdk/internal/misc/Unsafe.allocateInstance(Ljava/lang/Class;)Ljava/lang/Object;", MayThrow = true)]
    public static object? AllocateInstance(JThread t, object u, object? mirror)
    {
        if (mirror != null && t.Machine.ClassOfMirror(mirror) is { IsPrimitive: false, IsArray: false } c && c.Ptr->Initialized != 0 && c.Ptr->Shape != null && !t.Machine.IsCounted) return c.Allocate();
        try
        {
            return UnsafeNatives.AllocateInstance(t, t.Machine.ClassOfMirror(mirror ?? throw t.Error("java/lang/NullPointerException", null)));
        }
        catch (JavaThrow e)
        {
            t.Exception = e.Throwable;
            return null;
        }
    }

    [For("jdk/internal/misc/Unsafe.allocateUninitializedArray0(Ljava/lang/Class;I)Ljava/lang/Object;", MayThrow = true)]
    public static object? AllocateUninitializedArray(JThread t, object u, object mirror, int length)
    {
        var kind = t.Machine.ClassOfMirror(mirror).Primitive;
        return kind == 'B' && (uint)length < 4096 && !t.Machine.IsCounted ? GC.AllocateUninitializedArray<byte>(length) : CompiledRuntime.NewPrimitiveArray(t, kind, length);
    }

    // jdk.internal.misc.Unsafe ----------------------------------------------------------------------------------------
    // SAFETY: only the class library can call these, and it vouches for its offsets.

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref T At<T>(object? o, long offset) => ref o == null || offset >= UnsafeNatives.FirstAddress ? ref Unsafe.AsRef<T>((void*)offset) : ref JObject.At<T>(o, offset);

    [For("jdk/internal/misc/Unsafe.getInt(Ljava/lang/Object;J)I")]
    public static int GetInt(object u, object? o, long offset) => At<int>(o, offset);

    [For("jdk/internal/misc/Unsafe.getLong(Ljava/lang/Object;J)J")]
    public static long GetLong(object u, object? o, long offset) => At<long>(o, offset);

    [For("jdk/internal/misc/Unsafe.getByte(Ljava/lang/Object;J)B")]
    public static int GetByte(object u, object? o, long offset) => At<sbyte>(o, offset);

    [For("jdk/internal/misc/Unsafe.getShort(Ljava/lang/Object;J)S")]
    public static int GetShort(object u, object? o, long offset) => At<short>(o, offset);

    [For("jdk/internal/misc/Unsafe.getChar(Ljava/lang/Object;J)C")]
    public static int GetChar(object u, object? o, long offset) => At<ushort>(o, offset);

    [For("jdk/internal/misc/Unsafe.getReference(Ljava/lang/Object;J)Ljava/lang/Object;")]
    public static object? GetReference(object u, object? o, long offset) => At<object?>(o, offset);

    [For("jdk/internal/misc/Unsafe.getIntVolatile(Ljava/lang/Object;J)I"), For("jdk/internal/misc/Unsafe.getIntAcquire(Ljava/lang/Object;J)I")]
    public static int GetIntVolatile(object u, object? o, long offset) => Volatile.Read(ref At<int>(o, offset));

    [For("jdk/internal/misc/Unsafe.getLongVolatile(Ljava/lang/Object;J)J"), For("jdk/internal/misc/Unsafe.getLongAcquire(Ljava/lang/Object;J)J")]
    public static long GetLongVolatile(object u, object? o, long offset) => Volatile.Read(ref At<long>(o, offset));

    [For("jdk/internal/misc/Unsafe.getReferenceVolatile(Ljava/lang/Object;J)Ljava/lang/Object;"), For("jdk/internal/misc/Unsafe.getReferenceAcquire(Ljava/lang/Object;J)Ljava/lang/Object;")]
    public static object? GetReferenceVolatile(object u, object? o, long offset) => Volatile.Read(ref At<object?>(o, offset));

    [For("jdk/internal/misc/Unsafe.putInt(Ljava/lang/Object;JI)V")]
    public static void PutInt(object u, object? o, long offset, int value) => At<int>(o, offset) = value;

    [For("jdk/internal/misc/Unsafe.putLong(Ljava/lang/Object;JJ)V")]
    public static void PutLong(object u, object? o, long offset, long value) => At<long>(o, offset) = value;

    [For("jdk/internal/misc/Unsafe.putByte(Ljava/lang/Object;JB)V")]
    public static void PutByte(object u, object? o, long offset, int value) => At<byte>(o, offset) = (byte)value;

    [For("jdk/internal/misc/Unsafe.putReference(Ljava/lang/Object;JLjava/lang/Object;)V")]
    public static void PutReference(object u, object? o, long offset, object? value) => At<object?>(o, offset) = value;

    [For("jdk/internal/misc/Unsafe.putReferenceRelease(Ljava/lang/Object;JLjava/lang/Object;)V")]
    public static void PutReferenceRelease(object u, object? o, long offset, object? value) => Volatile.Write(ref At<object?>(o, offset), value);

    [For("jdk/internal/misc/Unsafe.putIntRelease(Ljava/lang/Object;JI)V")]
    public static void PutIntRelease(object u, object? o, long offset, int value) => Volatile.Write(ref At<int>(o, offset), value);

    [For("jdk/internal/misc/Unsafe.putIntVolatile(Ljava/lang/Object;JI)V")]
    public static void PutIntVolatile(object u, object? o, long offset, int value) => Interlocked.Exchange(ref At<int>(o, offset), value);

    [For("jdk/internal/misc/Unsafe.putReferenceVolatile(Ljava/lang/Object;JLjava/lang/Object;)V")]
    public static void PutReferenceVolatile(object u, object? o, long offset, object? value) => Interlocked.Exchange(ref At<object?>(o, offset), value);

    [For("jdk/internal/misc/Unsafe.compareAndSetInt(Ljava/lang/Object;JII)Z")]
    public static int CompareAndSetInt(object u, object? o, long offset, int expected, int value) => Interlocked.CompareExchange(ref At<int>(o, offset), value, expected) == expected ? 1 : 0;

    [For("jdk/internal/misc/Unsafe.compareAndSetLong(Ljava/lang/Object;JJJ)Z")]
    public static int CompareAndSetLong(object u, object? o, long offset, long expected, long value) => Interlocked.CompareExchange(ref At<long>(o, offset), value, expected) == expected ? 1 : 0;

    [For("jdk/internal/misc/Unsafe.compareAndSetReference(Ljava/lang/Object;JLjava/lang/Object;Ljava/lang/Object;)Z")]
    public static int CompareAndSetReference(object u, object? o, long offset, object? expected, object? value) => ReferenceEquals(Interlocked.CompareExchange(ref At<object?>(o, offset), value, expected), expected) ? 1 : 0;

    [For("jdk/internal/misc/Unsafe.getAndAddInt(Ljava/lang/Object;JI)I")]
    public static int GetAndAddInt(object u, object? o, long offset, int by) => Interlocked.Add(ref At<int>(o, offset), by) - by;

    [For("jdk/internal/misc/Unsafe.getAndAddLong(Ljava/lang/Object;JJ)J")]
    public static long GetAndAddLong(object u, object? o, long offset, long by) => Interlocked.Add(ref At<long>(o, offset), by) - by;
}
