using Holon.Jvm.ClassFile;

namespace Holon.Jvm.Runtime;

/// <summary>A field of a loaded class.</summary>
internal sealed class JField(JClass owner, FieldInfo info, int index)
{
    public readonly JClass Class = owner;
    public readonly FieldInfo Info = info;

    /// <summary>Its place in its class, which reflection calls its slot.</summary>
    public readonly int Index = index;

    public string Name => Info.Name;
    public string Descriptor => Info.Descriptor;
    public Acc Flags => Info.Flags;
    public bool IsStatic => (Info.Flags & Acc.Static) != 0;
    public bool IsVolatile => (Info.Flags & Acc.Volatile) != 0;

    /// <summary>B, C, D, F, I, J, S, Z, or R for references.</summary>
    public char Kind => Info.Descriptor[0] is 'L' or '[' ? 'R' : Info.Descriptor[0];

    /// <summary>Offset in the object; for static fields, the absolute address.</summary>
    public long Offset;

    /// <summary>The referent of java.lang.ref.Reference is held in a holder that the collector can see through.</summary>
    public bool IsReferent;

    public override string ToString() => $"{Class.Name}.{Name}:{Descriptor}";
}
