using System.Runtime.CompilerServices;
using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>System.arraycopy.</summary>
internal static class ArrayCopy
{
    public static void Run(Args a) => Copy(a.Thread, a.Ref(0), a.Int(1), a.Ref(2), a.Int(3), a.Int(4));

    public static void Copy(JThread t, object? source, int from, object? target, int to, int length)
    {
        if (source == null || target == null) throw t.Error("java/lang/NullPointerException", null);
        if (CopyPlain(source, from, target, to, length)) return;
        if (!ObjectExtensions.IsArray(source)) throw t.Error("java/lang/ArrayStoreException", $"arraycopy: source type {t.Machine.ClassOf(source).JavaName} is not an array");
        if (!ObjectExtensions.IsArray(target)) throw t.Error("java/lang/ArrayStoreException", $"arraycopy: destination type {t.Machine.ClassOf(target).JavaName} is not an array");
        if (source.GetType() != target.GetType()) throw t.Error("java/lang/ArrayStoreException", $"arraycopy: type mismatch: can not copy {Kind(t, source)} into {Kind(t, target)}");
        Check(t, from, to, length, source, target);
        if (source is object?[] references) CopyReferences(t, references, from, (object?[])target, to, length);
        else Array.Copy((Array)source, from, (Array)target, to, length);
    }

    /// <summary>Arrays of the same type of primitives, or of the same class, within their bounds; false for everything else.</summary>
    private static bool CopyPlain(object source, int from, object target, int to, int length)
    {
        if (source.GetType() == typeof(byte[]) && target.GetType() == typeof(byte[])) return CopyBytes(Unsafe.As<byte[]>(source), from, Unsafe.As<byte[]>(target), to, length);
        if (source.GetType() != typeof(object[]) || target.GetType() != typeof(object[])) return false;
        var a = Unsafe.As<object?[]>(source);
        var b = Unsafe.As<object?[]>(target);
        if (a[0] != b[0] || (from | to | length) < 0 || (uint)from + (uint)length > (uint)a.Length - 1 || (uint)to + (uint)length > (uint)b.Length - 1) return false;
        Array.Copy(a, from + 1, b, to + 1, length);
        return true;
    }

    private static bool CopyBytes(byte[] source, int from, byte[] target, int to, int length)
    {
        if ((from | to | length) < 0 || (uint)from + (uint)length > (uint)source.Length || (uint)to + (uint)length > (uint)target.Length) return false;
        Buffer.BlockCopy(source, from, target, to, length);
        return true;
    }

    private static void CopyReferences(JThread t, object?[] source, int from, object?[] target, int to, int length)
    {
        var sourceElement = Unsafe.As<JClass>(source[0]!).Element!;
        var targetElement = Unsafe.As<JClass>(target[0]!).Element!;
        if (sourceElement == targetElement || sourceElement.IsSubclassOf(targetElement))
        {
            Array.Copy(source, from + 1, target, to + 1, length);
            return;
        }
        for (var i = 0; i < length; i++)
        {
            var value = source[from + 1 + i];
            if (value != null && !Types.CanStore(t, target, value))
                throw t.Error("java/lang/ArrayStoreException", $"arraycopy: element type mismatch: can not cast one of the elements of {sourceElement.JavaName}[] to the type of the destination array, {targetElement.JavaName}");
            target[to + 1 + i] = value;
        }
    }

    private static void Check(JThread t, int from, int to, int length, object source, object target)
    {
        var sourceLength = ObjectExtensions.ArrayLength(source);
        var targetLength = ObjectExtensions.ArrayLength(target);
        var kind = source is object[]? "object array" : Kind(t, source)[..^2];
        string? message = null;
        if (from < 0) message = $"source index {from} out of bounds for {kind}[{sourceLength}]";
        else if (to < 0) message = $"destination index {to} out of bounds for {kind}[{targetLength}]";
        else if (length < 0) message = $"length {length} is negative";
        else if ((uint)from + (uint)length > (uint)sourceLength) message = $"last source index {(uint)from + (uint)length} out of bounds for {kind}[{sourceLength}]";
        else if ((uint)to + (uint)length > (uint)targetLength) message = $"last destination index {(uint)to + (uint)length} out of bounds for {kind}[{targetLength}]";
        if (message != null) throw t.Error("java/lang/ArrayIndexOutOfBoundsException", "arraycopy: " + message);
    }

    private static string Kind(JThread t, object array) => array is object[]? "object array[]" : Messages.ExternalType(t.Machine.ClassOf(array).Name);
}
