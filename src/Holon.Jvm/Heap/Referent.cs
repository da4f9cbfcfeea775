using Holon.Jvm.Runtime;

namespace Holon.Jvm.Heap;

/// <summary>
/// The referent of a java.lang.ref.Reference. Its field holds a holder that the .NET collector treats as the kind of reference asks:
/// weak and phantom ones do not keep the referent, soft ones keep it until memory is short.
/// </summary>
internal static class Referent
{
    internal sealed class Holder
    {
        public WeakReference<object>? Weak;
        public object? Strong;
    }

    public static object? Get(object reference, long offset)
    {
        if (JObject.At<object?>(reference, offset) is not Holder holder) return null;
        if (holder.Weak == null) return holder.Strong;
        return holder.Weak.TryGetTarget(out var target) ? target : null;
    }

    public static void Set(JThread t, object reference, long offset, object? referent)
    {
        if (referent == null)
        {
            JObject.At<object?>(reference, offset) = null;
            return;
        }
        var machine = t.Machine;
        var c = machine.ClassOf(reference);
        var strong = c.IsSubclassOf(machine.Known.SoftReference) || c.IsSubclassOf(machine.Known.FinalReference);
        JObject.At<object?>(reference, offset) = strong ? new Holder { Strong = referent } : new Holder { Weak = new WeakReference<object>(referent, false) };
        if (!strong) machine.References.Track((JObject)reference, offset);
    }

    public static void Clear(object reference, long offset) => JObject.At<object?>(reference, offset) = null;
}
