using System.Runtime.InteropServices;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Heap;

/// <summary>How a java.lang.ref.Reference knows its referent (JLS §12.6.1, package java.lang.ref).</summary>
internal enum ReferenceKind : byte
{
    /// <summary>Holds it until memory is short.</summary>
    Soft,

    /// <summary>Loses it as soon as nothing else reaches it, before it is finalized.</summary>
    Weak,

    /// <summary>Is told when it is to be finalized.</summary>
    Final,

    /// <summary>Loses it after it was finalized.</summary>
    Phantom,
}

/// <summary>
/// The referent of a java.lang.ref.Reference. Its field holds a holder, which knows the referent in the way that its kind asks for.
/// </summary>
internal static class Referent
{
    /// <summary>Between a reference and its referent. The tracker frees the handle when nothing can read it any more.</summary>
    internal sealed class Holder(JObject reference, ReferenceKind kind)
    {
        public readonly JObject Reference = reference;
        public readonly ReferenceKind Kind = kind;

        /// <summary>To the referent; not of a <see cref="ReferenceKind.Final"/> one.</summary>
        public GCHandle Handle;

        /// <summary>Of a soft one: the referent while it is held. Of a final one: the referent once it is to be finalized.</summary>
        public volatile object? Strong;
    }

    public static object? Get(object reference, long offset)
    {
        if (JObject.At<object?>(reference, offset) is not Holder holder) return null;
        if (holder.Strong is { } strong || holder.Kind == ReferenceKind.Final) return holder.Strong;
        strong = holder.Handle.Target;
        // What is asked for again is in use again.
        if (holder.Kind == ReferenceKind.Soft) holder.Strong = strong;
        GC.KeepAlive(holder);
        return strong;
    }

    public static void Set(JThread t, object reference, long offset, object? referent)
    {
        ref var field = ref JObject.At<object?>(reference, offset);
        if (referent == null)
        {
            // What the thread that does this has just finalized.
            if (field is Holder { Kind: ReferenceKind.Final }) t.Finalizes = true;
            field = null;
            return;
        }
        var machine = t.Machine;
        var c = machine.ClassOf(reference);
        var kind = c.IsSubclassOf(machine.Known.SoftReference) ? ReferenceKind.Soft
            : c.IsSubclassOf(machine.Known.PhantomReference) ? ReferenceKind.Phantom
            : c.IsSubclassOf(machine.Known.FinalReference) ? ReferenceKind.Final
            : ReferenceKind.Weak;
        var holder = new Holder((JObject)reference, kind);
        field = holder;
        machine.References.Track(holder, referent);
    }

    public static void Clear(object reference, long offset) => JObject.At<object?>(reference, offset) = null;
}
