using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>
/// jdk.internal.misc.Unsafe. An offset counts from the object's address; without an object, and for static fields, it is an absolute
/// address. SAFETY: as in every JVM, only the class library can call these, and it vouches for its offsets.
/// </summary>
internal static unsafe class UnsafeNatives
{
    /// <summary>Offsets from here on are absolute addresses: no object is that large.</summary>
    internal const long FirstAddress = 1L << 36;

    private static ref T Ref<T>(Args a)
    {
        var o = a.Ref(1);
        var offset = a.Long(2);
        return ref o == null || offset >= FirstAddress ? ref Unsafe.AsRef<T>((void*)offset) : ref JObject.At<T>(o, offset);
    }

    public static void Register(Func<string, NativeClass> of)
    {
        var u = of("jdk/internal/misc/Unsafe");
        foreach (var suffix in (ReadOnlySpan<string>)["", "Volatile"])
        {
            var fence = suffix.Length > 0;
            u.Int($"getInt{suffix}(Ljava/lang/Object;J)I", a => Volatile.Read(ref Ref<int>(a)))
                .Long($"getLong{suffix}(Ljava/lang/Object;J)J", a => Volatile.Read(ref Ref<long>(a)))
                .Int($"getShort{suffix}(Ljava/lang/Object;J)S", a => Volatile.Read(ref Ref<short>(a)))
                .Int($"getChar{suffix}(Ljava/lang/Object;J)C", a => Volatile.Read(ref Ref<ushort>(a)))
                .Int($"getByte{suffix}(Ljava/lang/Object;J)B", a => Volatile.Read(ref Ref<sbyte>(a)))
                .Int($"getBoolean{suffix}(Ljava/lang/Object;J)Z", a => Volatile.Read(ref Ref<byte>(a)) != 0 ? 1 : 0)
                .Float($"getFloat{suffix}(Ljava/lang/Object;J)F", a => Volatile.Read(ref Ref<float>(a)))
                .Double($"getDouble{suffix}(Ljava/lang/Object;J)D", a => Volatile.Read(ref Ref<double>(a)))
                .Ref($"getReference{suffix}(Ljava/lang/Object;J)Ljava/lang/Object;", a => Volatile.Read(ref Ref<object?>(a)));
            u.Void($"putInt{suffix}(Ljava/lang/Object;JI)V", a => Put(a, a.Int(4), fence))
                .Void($"putLong{suffix}(Ljava/lang/Object;JJ)V", a => Put(a, a.Long(4), fence))
                .Void($"putShort{suffix}(Ljava/lang/Object;JS)V", a => Put(a, (short)a.Int(4), fence))
                .Void($"putChar{suffix}(Ljava/lang/Object;JC)V", a => Put(a, (ushort)a.Int(4), fence))
                .Void($"putByte{suffix}(Ljava/lang/Object;JB)V", a => Put(a, (byte)a.Int(4), fence))
                .Void($"putBoolean{suffix}(Ljava/lang/Object;JZ)V", a => Put(a, (byte)(a.Int(4) & 1), fence))
                .Void($"putFloat{suffix}(Ljava/lang/Object;JF)V", a => Put(a, a.Float(4), fence))
                .Void($"putDouble{suffix}(Ljava/lang/Object;JD)V", a => Put(a, a.Double(4), fence))
                .Void($"putReference{suffix}(Ljava/lang/Object;JLjava/lang/Object;)V", a =>
                {
                    Volatile.Write(ref Ref<object?>(a), a.Ref(4));
                    if (fence) Interlocked.MemoryBarrier();
                });
        }
        u.Bool("compareAndSetInt(Ljava/lang/Object;JII)Z", a => Interlocked.CompareExchange(ref Ref<int>(a), a.Int(5), a.Int(4)) == a.Int(4))
            .Bool("compareAndSetLong(Ljava/lang/Object;JJJ)Z", a => Interlocked.CompareExchange(ref Ref<long>(a), a.Long(6), a.Long(4)) == a.Long(4))
            .Bool("compareAndSetReference(Ljava/lang/Object;JLjava/lang/Object;Ljava/lang/Object;)Z", a => ReferenceEquals(Interlocked.CompareExchange(ref Ref<object?>(a), a.Ref(5), a.Ref(4)), a.Ref(4)))
            .Int("compareAndExchangeInt(Ljava/lang/Object;JII)I", a => Interlocked.CompareExchange(ref Ref<int>(a), a.Int(5), a.Int(4)))
            .Long("compareAndExchangeLong(Ljava/lang/Object;JJJ)J", a => Interlocked.CompareExchange(ref Ref<long>(a), a.Long(6), a.Long(4)))
            .Ref("compareAndExchangeReference(Ljava/lang/Object;JLjava/lang/Object;Ljava/lang/Object;)Ljava/lang/Object;", a => Interlocked.CompareExchange(ref Ref<object?>(a), a.Ref(5), a.Ref(4)))
            // Java loops of compare-and-set in the class library; one host instruction here.
            .Int("getAndAddInt(Ljava/lang/Object;JI)I", a => Interlocked.Add(ref Ref<int>(a), a.Int(4)) - a.Int(4))
            .Long("getAndAddLong(Ljava/lang/Object;JJ)J", a => Interlocked.Add(ref Ref<long>(a), a.Long(4)) - a.Long(4))
            .Void("loadFence()V", _ => Interlocked.MemoryBarrier())
            .Void("storeFence()V", _ => Interlocked.MemoryBarrier())
            .Void("fullFence()V", _ => Interlocked.MemoryBarrier());
        RegisterMemory(u);
        RegisterClasses(u);
        u.Void("park(ZJ)V", a => a.Thread.Park(a.Bool(1), a.Long(2)))
            .Void("unpark(Ljava/lang/Object;)V", a =>
            {
                if (a.Ref(1) is JObject thread) a.Machine.ThreadOf(thread)?.Unpark();
            })
            .Void("throwException(Ljava/lang/Throwable;)V", a => throw new JavaThrow(a.Object(1)))
            .Int("getLoadAverage0([DI)I", _ => -1)
            .Int("addressSize0()I", _ => 8)
            .Int("pageSize()I", _ => Environment.SystemPageSize)
            .Bool("isBigEndian0()Z", _ => false)
            .Bool("unalignedAccess0()Z", _ => true);
    }

    private static void Put<T>(Args a, T value, bool fence)
        where T : unmanaged
    {
        Unsafe.WriteUnaligned(ref Unsafe.As<T, byte>(ref Ref<T>(a)), value);
        if (fence) Interlocked.MemoryBarrier();
    }

    private static void RegisterMemory(NativeClass u)
    {
        u.Long("allocateMemory0(J)J", a => a.Machine.AllocateForJava(a.Thread, a.Long(1)))
            .Long("reallocateMemory0(JJ)J", a => a.Machine.ReallocateForJava(a.Thread, a.Long(1), a.Long(3)))
            .Void("freeMemory0(J)V", a => a.Machine.FreeForJava(a.Long(1)))
            .Void("setMemory0(Ljava/lang/Object;JJB)V", a =>
            {
                ref var start = ref Ref<byte>(a);
                for (long left = a.Long(4), at = 0; left > 0;)
                {
                    var part = (int)Math.Min(left, 1 << 30);
                    MemoryMarshal.CreateSpan(ref Unsafe.AddByteOffset(ref start, (nint)at), part).Fill((byte)a.Int(6));
                    at += part;
                    left -= part;
                }
            })
            .Void("copyMemory0(Ljava/lang/Object;JLjava/lang/Object;JJ)V", a =>
            {
                ref var from = ref Ref<byte>(a);
                ref var to = ref At(a.Ref(4), a.Long(5));
                for (long left = a.Long(7), at = 0; left > 0;)
                {
                    var part = (int)Math.Min(left, 1 << 30);
                    MemoryMarshal.CreateSpan(ref Unsafe.AddByteOffset(ref from, (nint)at), part).CopyTo(MemoryMarshal.CreateSpan(ref Unsafe.AddByteOffset(ref to, (nint)at), part));
                    at += part;
                    left -= part;
                }
            })
            .Void("copySwapMemory0(Ljava/lang/Object;JLjava/lang/Object;JJJ)V", a =>
            {
                var bytes = (int)a.Long(7);
                var size = (int)a.Long(9);
                var copy = MemoryMarshal.CreateSpan(ref Ref<byte>(a), bytes).ToArray();
                for (var i = 0; i < bytes; i += size) copy.AsSpan(i, size).Reverse();
                copy.CopyTo(MemoryMarshal.CreateSpan(ref At(a.Ref(4), a.Long(5)), bytes));
            });
    }

    private static ref byte At(object? o, long offset) => ref o == null || offset >= FirstAddress ? ref *(byte*)offset : ref JObject.At(o, offset);

    private static void RegisterClasses(NativeClass u)
    {
        u.Long("objectFieldOffset0(Ljava/lang/reflect/Field;)J", a => ReflectNatives.FieldOf(a, a.Object(1)).Offset)
            .Long("objectFieldOffset1(Ljava/lang/Class;Ljava/lang/String;)J", a =>
            {
                var name = a.String(2);
                for (var c = a.Class(1); c != null; c = c.Super)
                {
                    foreach (var f in c.Fields)
                    {
                        if (f.Name == name && !f.IsStatic) return f.Offset;
                    }
                }
                throw a.Thread.Error("java/lang/InternalError", name);
            })
            .Long("staticFieldOffset0(Ljava/lang/reflect/Field;)J", a => ReflectNatives.FieldOf(a, a.Object(1)).Offset)
            .Ref("staticFieldBase0(Ljava/lang/reflect/Field;)Ljava/lang/Object;", a => ReflectNatives.FieldOf(a, a.Object(1)).Class.Mirror)
            .Bool("shouldBeInitialized0(Ljava/lang/Class;)Z", a => a.Class(1).Ptr->Initialized == 0)
            .Void("ensureClassInitialized0(Ljava/lang/Class;)V", a => Initialization.Initialize(a.Thread, a.Class(1)))
            .Int("arrayBaseOffset0(Ljava/lang/Class;)I", a => a.Class(1).Element!.IsPrimitive ? JObject.PrimitiveElements : JObject.ReferenceElements)
            .Int("arrayIndexScale0(Ljava/lang/Class;)I", a => a.Class(1).Element!.Primitive switch
            {
                'Z' or 'B' => 1,
                'C' or 'S' => 2,
                'I' or 'F' => 4,
                _ => 8,
            })
            .Ref("allocateInstance(Ljava/lang/Class;)Ljava/lang/Object;", a => AllocateInstance(a.Thread, a.Class(1)))
            .Ref("defineClass0(Ljava/lang/String;[BIILjava/lang/ClassLoader;Ljava/security/ProtectionDomain;)Ljava/lang/Class;", a =>
                a.Machine.LoaderOf((JObject?)a.Ref(5)).Define(a.Thread, a.String(1)?.Replace('.', '/'), a.Bytes(2).AsSpan(a.Int(3), a.Int(4)), (JObject?)a.Ref(6), "__JVM_DefineClass__").Mirror);
    }

    internal static object AllocateInstance(JThread t, JClass c)
    {
        if (c.IsAbstract || c.IsArray || c.IsPrimitive || c.IsInterface) throw t.Error("java/lang/InstantiationException", c.JavaName);
        Initialization.Initialize(t, c);
        return JavaMachine.NewObject(t, c);
    }
}
