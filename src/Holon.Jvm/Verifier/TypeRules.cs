using Holon.Jvm.ClassFile;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Verifier;

/// <summary>Which types may stand for which (JVMS §4.10.1.2), loading no more classes than HotSpot does.</summary>
internal sealed class TypeRules(JThread thread, JClass current)
{
    public JClass Current => current;

    public VType CurrentType { get; } = VType.Of(current.File!.Name);

    /// <summary>A class that the verified one names; what its loader raises goes on to whoever links the class.</summary>
    public JClass Load(string name) => name == current.File!.Name ? current : current.Loader.LoadNamed(thread, name);

    public bool IsAssignable(VType from, VType to, bool isProtectedAccess = false)
    {
        if (to.Kind == VKind.Top || from == to) return true;
        if (to.Kind != VKind.Reference) return false;
        if (from.Kind == VKind.Null) return true;
        return from.Kind == VKind.Reference && IsAssignableName(from.Name!, to.Name!, isProtectedAccess);
    }

    private bool IsAssignableName(string from, string to, bool isProtectedAccess)
    {
        if (from == to || to == "java/lang/Object") return true;
        var fromArray = from[0] == '[';
        if (to[0] == '[')
        {
            if (!fromArray || from[1] is not ('L' or '[') || to[1] is not ('L' or '[')) return false;
            return IsAssignableName(VType.OfDescriptor(from[1..]).Name!, VType.OfDescriptor(to[1..]).Name!, isProtectedAccess);
        }
        var target = Load(to);
        // Interfaces are treated as Object: invokeinterface looks at its receiver when it runs.
        if (target.IsInterface && (!isProtectedAccess || from != "java/lang/Object"))
            return !fromArray || to is "java/lang/Cloneable" or "java/io/Serializable" && target.Loader.IsBoot;
        return !fromArray && Load(from).IsSubclassOf(target);
    }

    /// <summary>What two references are both (the older verifier's merging, JVMS §4.10.2.2); Top when they have nothing in common.</summary>
    public VType Merge(VType a, VType b)
    {
        if (a == b) return a;
        if (a.Kind == VKind.Null && b.Kind is VKind.Reference or VKind.Null) return b;
        if (b.Kind == VKind.Null && a.Kind == VKind.Reference) return a;
        if (a.Kind != VKind.Reference || b.Kind != VKind.Reference) return VType.Top;
        return VType.Of(MergeNames(a.Name!, b.Name!));
    }

    private string MergeNames(string a, string b)
    {
        const string Object = "java/lang/Object";
        if (a == b) return a;
        if (a == Object || b == Object) return Object;
        if (a[0] == '[' && b[0] == '[')
        {
            if (a[1] is 'L' or '[' && b[1] is 'L' or '[')
            {
                var merged = MergeNames(VType.OfDescriptor(a[1..]).Name!, VType.OfDescriptor(b[1..]).Name!);
                return merged[0] == '[' ? "[" + merged : $"[L{merged};";
            }
            return Object; // of numbers, and different: only Object remains
        }
        if (a[0] == '[' || b[0] == '[')
        {
            var other = a[0] == '[' ? b : a;
            return Load(other).IsInterface && other is "java/lang/Cloneable" or "java/io/Serializable" ? other : Object;
        }
        JClass first = Load(a), second = Load(b);
        if (first.IsInterface || second.IsInterface) return Object;
        for (JClass? c = first; c != null; c = c.Super)
        {
            if (second.IsSubclassOf(c)) return c == current ? current.File!.Name : c.Name;
        }
        return Object;
    }

    /// <summary>Whether the class or a superclass has this name.</summary>
    public bool IsNamedInSupers(string name)
    {
        if (name == current.File!.Name) return true;
        for (var c = current.Super; c != null; c = c.Super)
        {
            if (c.Name == name) return true;
        }
        return false;
    }

    /// <summary>Whether a member of a superclass is protected and of another package, so that only objects of the current class may be used (§4.10.1.8).</summary>
    public bool IsProtectedElsewhere(string className, string name, string descriptor, bool isMethod)
    {
        if (!IsNamedInSupers(className)) return false;
        var c = Load(className);
        if (!current.IsSubclassOf(c)) return false;
        var (owner, flags) = isMethod
            ? c.FindClassMethod(name, descriptor) is { } m ? (m.Class, m.Flags) : (null, Acc.None)
            : c.FindField(name, descriptor) is { } f ? (f.Class, f.Flags) : (null, Acc.None);
        return owner != null && (flags & Acc.Protected) != 0 && !current.SamePackage(owner);
    }
}
