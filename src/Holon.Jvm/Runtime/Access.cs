using Holon.Jvm.ClassFile;

namespace Holon.Jvm.Runtime;

/// <summary>Access control between classes and members (JVMS §5.4.4).</summary>
internal static class Access
{
    public static bool CanAccessClass(JClass from, JClass to)
    {
        to = to.ElementOfElements;
        if (to.IsPrimitive || from == to || from.SamePackage(to) || from.Loader.IsForAccessors) return true;
        return (to.Flags & Acc.Public) != 0 && from.Machine.Modules.Obstacle(from, to) == null;
    }

    /// <summary>The message of the IllegalAccessError when <see cref="CanAccessClass"/> says no.</summary>
    public static string DeniedMessage(JClass from, JClass to, string otherwise)
    {
        to = to.ElementOfElements;
        return ((to.Flags & Acc.Public) != 0 ? from.Machine.Modules.Obstacle(from, to) : null) ?? otherwise;
    }

    /// <summary>Whether code of <paramref name="from"/> may use a member that <paramref name="owner"/> declares, through a reference to <paramref name="via"/>.</summary>
    public static bool CanAccessMember(JClass from, JClass owner, Acc flags, JClass via)
    {
        if ((flags & Acc.Public) != 0 || from == owner || from.Loader.IsForAccessors) return true;
        if ((flags & Acc.Private) != 0) return AreNestMates(from, owner);
        if (from.SamePackage(owner)) return true;
        if ((flags & Acc.Protected) == 0 || !from.IsSubclassOf(owner)) return false;
        return (flags & Acc.Static) != 0 || via.IsArray || via.IsSubclassOf(from) || from.IsSubclassOf(via);
    }

    public static bool AreNestMates(JClass a, JClass b) => a == b || NestHost(a) == NestHost(b);

    /// <summary>The nest host (JVMS §5.4.4); a class whose claim is not returned by its host is its own.</summary>
    public static JClass NestHost(JClass c)
    {
        if (c.NestHostClass != null) return c.NestHostClass;
        var host = c;
        if (c.File is { NestHost: > 0 } file)
        {
            var thread = JThread.Current;
            try
            {
                var claimed = c.Loader.Find(thread, file.Pool.ClassName(file.NestHost));
                if (claimed?.File != null && claimed.SamePackage(c) && claimed.File.NestMembers.Any(i => claimed.Pool.ClassName(i) == c.Name)) host = claimed;
            }
            catch (JavaThrow)
            {
                host = c;
            }
        }
        return c.NestHostClass = host;
    }
}
