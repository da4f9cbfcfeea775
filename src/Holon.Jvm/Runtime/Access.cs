using Holon.Jvm.ClassFile;
using Holon.Jvm.Heap;

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

    /// <summary>The nest host (JVMS §5.4.4); a class whose claim is not returned by its host is its own, and <see cref="JClass.NestHostError"/> tells why.</summary>
    public static JClass NestHost(JClass c)
    {
        if (c.NestHostClass != null) return c.NestHostClass;
        var host = c;
        if (c.File is { NestHost: > 0 } file)
        {
            var thread = JThread.Current;
            try
            {
                var claimed = c.Loader.LoadNamed(thread, file.Pool.ClassName(file.NestHost));
                var error = !claimed.SamePackage(c) ? "types are in different packages"
                    : claimed.File == null ? "host is not an instance class"
                    : claimed.File.NestMembers.Any(i => claimed.Pool.ClassName(i) == c.Name) ? null : "current type is not listed as a nest member";
                if (error == null) host = claimed;
                else c.NestHostError = $"Type {c.JavaName} (loader: {LoaderOf(c)}) is not a nest member of type {claimed.JavaName} (loader: {LoaderOf(claimed)}): {error}";
            }
            catch (JavaThrow e) when (!e.Throwable.Class().IsSubclassOf(c.Machine.BootLoader.Load(thread, "java/lang/VirtualMachineError")))
            {
                var message = c.Machine.ThrowableMessage(e.Throwable);
                c.NestHostError = $"Nest host resolution of {c.JavaName} with host {file.Pool.ClassName(file.NestHost)} failed: {e.Throwable.Class().JavaName}{(message == null ? "" : ": " + message)}";
            }
        }
        return c.NestHostClass = host;
    }

    private static string LoaderOf(JClass c) => c.Loader.Loader is { } loader ? c.Machine.LoaderDescription(loader) : "bootstrap";

    /// <summary>What a message about a private member adds when one of the two classes claims a nest that does not have it.</summary>
    public static string NestHostErrors(JClass from, JClass owner, Acc flags)
    {
        if ((flags & Acc.Private) == 0) return "";
        var errors = new[] { from.NestHostError, owner.NestHostError }.Where(e => e != null).ToArray();
        return errors.Length == 0 ? "" : $", ({string.Join(", ", errors)})";
    }
}
