using Holon.Jvm.ClassFile;
using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>java.lang.Class, ClassLoader, Module and the boot loader.</summary>
internal static class ClassNatives
{
    public static void Register(Func<string, NativeClass> of)
    {
        RegisterClass(of("java/lang/Class"));
        RegisterMembers(of("java/lang/Class"));
        of("java/lang/ClassLoader")
            .Ref("defineClass1(Ljava/lang/ClassLoader;Ljava/lang/String;[BIILjava/security/ProtectionDomain;Ljava/lang/String;)Ljava/lang/Class;", a =>
                Define(a, (JObject?)a.Ref(0), a.String(1), a.Bytes(2).AsSpan(a.Int(3), a.Int(4)), (JObject?)a.Ref(5), a.String(6)))
            .Ref("defineClass2(Ljava/lang/ClassLoader;Ljava/lang/String;Ljava/nio/ByteBuffer;IILjava/security/ProtectionDomain;Ljava/lang/String;)Ljava/lang/Class;", DefineFromBuffer)
            .Ref("defineClass0(Ljava/lang/ClassLoader;Ljava/lang/Class;Ljava/lang/String;[BIILjava/security/ProtectionDomain;ZILjava/lang/Object;)Ljava/lang/Class;", DefineHidden)
            .Ref("findBootstrapClass(Ljava/lang/String;)Ljava/lang/Class;", a => a.Machine.BootLoader.Find(a.Thread, a.String(0)!.Replace('.', '/'))?.Mirror)
            .Ref("findLoadedClass0(Ljava/lang/String;)Ljava/lang/Class;", a => a.Machine.LoaderOf(a.Object(0)).FindLoaded(a.String(1)!.Replace('.', '/'))?.Mirror)
            .Ref("retrieveDirectives()Ljava/lang/AssertionStatusDirectives;", Directives);

        of("java/lang/Module")
            .Void("defineModule0(Ljava/lang/Module;ZLjava/lang/String;Ljava/lang/String;[Ljava/lang/Object;)V", DefineModule)
            .Void("addReads0(Ljava/lang/Module;Ljava/lang/Module;)V", a => a.Machine.Modules.AddReads(a.Thread, a.Ref(0), a.Ref(1)))
            .Void("addExports0(Ljava/lang/Module;Ljava/lang/String;Ljava/lang/Module;)V", a => a.Machine.Modules.AddExportsTo(a.Thread, a.Ref(0), a.String(1), a.Ref(2)))
            .Void("addExportsToAll0(Ljava/lang/Module;Ljava/lang/String;)V", a => a.Machine.Modules.AddExports(a.Thread, a.Ref(0), a.String(1), null))
            .Void("addExportsToAllUnnamed0(Ljava/lang/Module;Ljava/lang/String;)V", a => a.Machine.Modules.AddExports(a.Thread, a.Ref(0), a.String(1), null, true));

        of("jdk/internal/loader/BootLoader")
            .Ref("getSystemPackageNames()[Ljava/lang/String;", a => a.Machine.NewStringArray([.. a.Machine.BootLoader.AllClasses().Where(c => !c.IsArray).Select(c => c.Package.Replace('/', '.')).Distinct()]))
            .Ref("getSystemPackageLocation(Ljava/lang/String;)Ljava/lang/String;", a => a.String(0)!.Replace('.', '/') is var package && Array.Find(a.Machine.BootLoader.AllClasses(), c => !c.IsArray && c.Package == package) is { } c ? a.Machine.NewString(c.Source) : null)
            .Void("setBootLoaderUnnamedModule0(Ljava/lang/Module;)V", a => a.Machine.BootLoader.UnnamedModule = a.Object(0));

        of("jdk/internal/loader/NativeLibraries")
            .Bool("load(Ljdk/internal/loader/NativeLibraries$NativeLibraryImpl;Ljava/lang/String;ZZZ)Z", LoadLibrary)
            .Void("unload(Ljava/lang/String;ZZJ)V", _ => { })
            .Ref("findBuiltinLib(Ljava/lang/String;)Ljava/lang/String;", a => IsOurs(a.String(0)!) ? a.Ref(0) : null)
            .Long("findEntry0(Ljdk/internal/loader/NativeLibraries$NativeLibraryImpl;Ljava/lang/String;)J", _ => 0);
    }

    /// <summary>The JDK's own libraries are here, in C#; there are no others.</summary>
    private static bool LoadLibrary(Args a)
    {
        if (!IsOurs(Path.GetFileName(a.String(1)!))) return false;
        var implementation = a.Object(0);
        var c = implementation.Class();
        implementation.Field<long>(Known.Offset(c, "handle")) = 1;
        implementation.Field<int>(Known.Offset(c, "jniVersion")) = 0x000A0000;
        return true;
    }

    private static bool IsOurs(string library) => library is "libjava.so" or "libnet.so" or "libnio.so" or "libzip.so" or "libjimage.so" or "libverify.so" or "libextnet.so"
        or "libprefs.so" or "libmanagement.so" or "libmanagement_ext.so" or "libinstrument.so" or "librmi.so";

    private static void RegisterClass(NativeClass c) => c
        .Ref("forName0(Ljava/lang/String;ZLjava/lang/ClassLoader;Ljava/lang/Class;)Ljava/lang/Class;", ForName)
        .Bool("isInstance(Ljava/lang/Object;)Z", a => a.Ref(1) is { } o && a.Machine.ClassOf(o).IsSubclassOf(a.Class(0)))
        .Bool("isAssignableFrom(Ljava/lang/Class;)Z", a => a.Class(1).IsSubclassOf(a.Class(0)))
        .Bool("isInterface()Z", a => a.Class(0).IsInterface)
        .Bool("isArray()Z", a => a.Class(0).IsArray)
        .Bool("isHidden()Z", a => a.Class(0).IsHidden)
        .Bool("isPrimitive()Z", a => a.Class(0).IsPrimitive)
        .Ref("initClassName()Ljava/lang/String;", a =>
        {
            var name = a.Machine.Intern(a.Class(0).JavaName);
            a.Object(0).Ref(a.Machine.Known.ClassName) = name;
            return name;
        })
        .Ref("getSuperclass()Ljava/lang/Class;", a => a.Class(0) is { IsInterface: false } k ? k.Super?.Mirror : null)
        .Ref("getInterfaces0()[Ljava/lang/Class;", a => Mirrors(a, a.Class(0).Interfaces))
        .Int("getModifiers()I", a => Modifiers(a.Class(0)))
        .Ref("getSigners()[Ljava/lang/Object;", a => a.Class(0).Signers)
        .Void("setSigners([Ljava/lang/Object;)V", a => a.Class(0).Signers = (object?[]?)a.Ref(1))
        .Ref("getProtectionDomain0()Ljava/security/ProtectionDomain;", a => a.Class(0).ProtectionDomain)
        .Ref("getPrimitiveClass(Ljava/lang/String;)Ljava/lang/Class;", a => a.Machine.PrimitiveClass(a.String(0) switch
        {
            "boolean" => 'Z',
            "byte" => 'B',
            "char" => 'C',
            "short" => 'S',
            "int" => 'I',
            "long" => 'J',
            "float" => 'F',
            "double" => 'D',
            _ => 'V',
        }).Mirror)
        .Bool("desiredAssertionStatus0(Ljava/lang/Class;)Z", a => a.Machine.Options.Assertions.Enabled(a.Class(0).JavaName, a.Class(0).Loader.IsBoot))
        .Ref("getNestHost0()Ljava/lang/Class;", a => Access.NestHost(a.Class(0)).Mirror)
        .Ref("getNestMembers0()[Ljava/lang/Class;", NestMembers)
        .Ref("getPermittedSubclasses0()[Ljava/lang/Class;", a => a.Class(0) is { File.PermittedSubclasses: { } list } k ? Mirrors(a, LoadAll(a, k, list)) : null)
        .Bool("isRecord0()Z", a => a.Class(0) is { File.IsRecord: true });

    private static void RegisterMembers(NativeClass c) => c
        .Ref("getDeclaredFields0(Z)[Ljava/lang/reflect/Field;", a => ReflectNatives.Fields(a, Linked(a), a.Bool(1)))
        .Ref("getDeclaredMethods0(Z)[Ljava/lang/reflect/Method;", a => ReflectNatives.Methods(a, Linked(a), a.Bool(1)))
        .Ref("getDeclaredConstructors0(Z)[Ljava/lang/reflect/Constructor;", a => ReflectNatives.Constructors(a, Linked(a), a.Bool(1)))
        .Ref("getRecordComponents0()[Ljava/lang/reflect/RecordComponent;", ReflectNatives.RecordComponents)
        .Ref("getGenericSignature0()Ljava/lang/String;", a => a.Machine.NewStringOrNull(a.Class(0).File?.Signature))
        .Ref("getRawAnnotations()[B", a => a.Class(0).File?.Annotations)
        .Ref("getRawTypeAnnotations()[B", a => a.Class(0).File?.TypeAnnotations)
        .Ref("getConstantPool()Ljdk/internal/reflect/ConstantPool;", a =>
        {
            var pool = a.Machine.BootLoader.Load(a.Thread, "jdk/internal/reflect/ConstantPool");
            Initialization.Initialize(a.Thread, pool);
            var o = pool.Allocate();
            o.Ref(Known.Offset(pool, "constantPoolOop")) = a.Ref(0);
            return o;
        })
        .Ref("getDeclaringClass0()Ljava/lang/Class;", a => Declaring(a, a.Class(0))?.Mirror)
        .Ref("getSimpleBinaryName0()Ljava/lang/String;", a => OwnRow(a.Class(0)) is { Name: > 0 } row ? a.Machine.NewString(a.Class(0).Pool.Utf8(row.Name)) : null)
        .Ref("getEnclosingMethod0()[Ljava/lang/Object;", EnclosingMethod)
        .Ref("getDeclaredClasses0()[Ljava/lang/Class;", DeclaredClasses);

    /// <summary>Whoever asks for members gets those of a class that is linked.</summary>
    private static JClass Linked(Args a)
    {
        var c = a.Class(0);
        Initialization.Link(a.Thread, c);
        return c;
    }

    private static object?[] Mirrors(Args a, IEnumerable<JClass> classes) => JavaMachine.NewArray(a.Machine.Known.Class, [.. classes.Select(c => c.Mirror)]);

    private static List<JClass> LoadAll(Args a, JClass c, ushort[] indices)
    {
        var list = new List<JClass>();
        foreach (var index in indices)
        {
            try
            {
                list.Add(Resolution.Class(a.Thread, c, index));
            }
            catch (JavaThrow)
            {
                // Those that cannot be loaded are left out, as HotSpot does.
            }
        }
        return list;
    }

    private static object?[] NestMembers(Args a)
    {
        var host = Access.NestHost(a.Class(0));
        IEnumerable<JClass> members = [host];
        if (host.File != null) members = members.Concat(LoadAll(a, host, host.File.NestMembers).Where(m => Access.NestHost(m) == host));
        return Mirrors(a, members);
    }

    private static InnerClass? OwnRow(JClass c)
    {
        if (c.File == null) return null;
        foreach (var row in c.File.InnerClasses)
        {
            if (c.Pool.ClassName(row.Inner) == c.File.Name) return row;
        }
        return null;
    }

    public static int Modifiers(JClass c)
    {
        if (c.File == null) return (int)c.Flags;
        var flags = OwnRow(c) is { } row ? row.Flags : c.Flags;
        return (int)(flags & ~Acc.Super) & 0x7FFF;
    }

    private static JClass? Declaring(Args a, JClass c)
    {
        if (OwnRow(c) is not { Outer: > 0 } row) return null;
        var outer = Resolution.Class(a.Thread, c, row.Outer);
        if (outer.File == null || !outer.File.InnerClasses.Any(r => outer.Pool.ClassName(r.Inner) == c.File!.Name && r.Outer != 0 && outer.Pool.ClassName(r.Outer) == outer.File.Name))
            throw a.Thread.Error("java/lang/IncompatibleClassChangeError", $"{outer.JavaName} and {c.JavaName} disagree on InnerClasses attribute");
        return outer;
    }

    private static object? EnclosingMethod(Args a)
    {
        var c = a.Class(0);
        if (c.File?.EnclosingMethod is not { } enclosing) return null;
        var outer = Resolution.Class(a.Thread, c, enclosing.Class);
        var (name, descriptor) = enclosing.Method == 0 ? (null, null) : c.Pool.NameAndType(enclosing.Method);
        return JavaMachine.NewArray(a.Machine.ObjectClass, [outer.Mirror, a.Machine.NewStringOrNull(name), a.Machine.NewStringOrNull(descriptor)]);
    }

    private static object DeclaredClasses(Args a)
    {
        var c = a.Class(0);
        var list = new List<JClass>();
        foreach (var row in c.File?.InnerClasses ?? [])
        {
            if (row.Outer == 0 || row.Name == 0 || c.Pool.ClassName(row.Outer) != c.File!.Name) continue;
            list.Add(Resolution.Class(a.Thread, c, row.Inner));
        }
        return Mirrors(a, list);
    }

    private static object ForName(Args a)
    {
        var name = a.String(0) ?? throw a.Thread.Error("java/lang/NullPointerException", null);
        var internalName = name.Replace('.', '/');
        if (name.Contains('/') || name.Length == 0 || !(internalName[0] == '[' ? Descriptor.IsField(internalName) : Descriptor.IsBinaryName(internalName)))
            throw a.Thread.Error("java/lang/ClassNotFoundException", name);
        JClass? c;
        try
        {
            c = a.Machine.LoaderOf((JObject?)a.Ref(2)).Find(a.Thread, internalName);
        }
        catch (JavaThrow e) when (e.Throwable.Class().Name == "java/lang/NoClassDefFoundError" && a.Machine.ThrowableMessage(e.Throwable) == internalName)
        {
            throw a.Thread.Error("java/lang/ClassNotFoundException", name, e.Throwable);
        }
        if (c == null) throw a.Thread.Error("java/lang/ClassNotFoundException", name);
        if (a.Bool(1)) Initialization.Initialize(a.Thread, c);
        return c.Mirror;
    }

    private static JObject Define(Args a, JObject? loader, string? name, ReadOnlySpan<byte> bytes, JObject? domain, string? source) =>
        a.Machine.LoaderOf(loader).Define(a.Thread, name?.Replace('.', '/'), bytes, domain, source ?? "__JVM_DefineClass__").Mirror;

    private static unsafe object DefineFromBuffer(Args a)
    {
        var buffer = a.Object(2);
        var address = buffer.Field<long>(Known.Offset(a.Machine.BootLoader.Load(a.Thread, "java/nio/Buffer"), "address"));
        // SAFETY: only direct buffers come here (ClassLoader.defineClass), whose memory the caller keeps alive.
        var bytes = new ReadOnlySpan<byte>((byte*)address + a.Int(3), a.Int(4)).ToArray();
        return Define(a, (JObject?)a.Ref(0), a.String(1), bytes, (JObject?)a.Ref(5), a.String(6));
    }

    /// <summary>Lookup.defineHiddenClass and what the class library itself defines for lambdas.</summary>
    private static object DefineHidden(Args a)
    {
        const int Nestmate = 1, Hidden = 2, Strong = 4;
        var flags = a.Int(8);
        var name = a.String(2)?.Replace('.', '/');
        var lookup = a.Class(1);
        var bytes = a.Bytes(3).AsSpan(a.Int(4), a.Int(5));
        var loader = a.Machine.LoaderOf((JObject?)a.Ref(0));
        var hidden = (flags & Hidden) != 0;
        var c = loader.Define(a.Thread, name, bytes, (JObject?)a.Ref(6), lookup.Source, hidden ? a.Machine.NextHiddenName(name ?? "hidden") : null, hidden && (flags & Strong) == 0);
        c.ClassData = a.Ref(9);
        if ((flags & Nestmate) != 0) c.NestHostClass = Access.NestHost(lookup);
        else if (hidden) c.NestHostClass = c;
        if (c.ClassData != null) c.Mirror.Ref(a.Machine.Known.ClassData) = c.ClassData;
        if (a.Bool(7)) Initialization.Initialize(a.Thread, c);
        else Initialization.Link(a.Thread, c);
        return c.Mirror;
    }

    private static object Directives(Args a)
    {
        var c = a.Machine.BootLoader.Load(a.Thread, "java/lang/AssertionStatusDirectives");
        var o = c.Allocate();
        var rules = a.Machine.Options.Assertions;
        o.Ref(Known.Offset(c, "classes")) = a.Machine.NewStringArray([.. rules.Classes.Select(r => r.Name)]);
        o.Ref(Known.Offset(c, "packages")) = a.Machine.NewStringArray([.. rules.Packages.Select(r => r.Name.Length == 0 ? null : r.Name)]);
        o.Ref(Known.Offset(c, "classEnabled")) = rules.Classes.Select(r => r.Enabled).ToArray();
        o.Ref(Known.Offset(c, "packageEnabled")) = rules.Packages.Select(r => r.Enabled).ToArray();
        o.Field<byte>(Known.Offset(c, "deflt")) = rules.Default ? (byte)1 : (byte)0;
        return o;
    }

    private static void DefineModule(Args a)
    {
        if (a.Machine.JavaBase == null) a.Machine.Version ??= a.String(2); // java.base is the first
        a.Machine.Modules.Define(a.Thread, a.Ref(0), a.Bool(1), a.String(2), a.String(3), Packages(a, 4));
    }

    /// <summary>Names in an array; null for what is no string.</summary>
    public static IEnumerable<string?> Packages(Args a, int slot) =>
        ((object?[]?)a.Ref(slot) ?? [null]).Skip(1).Select(p => p != null && a.Machine.ClassOf(p) == a.Machine.Known.String ? a.Machine.StringOf(p) : null).ToArray();
}
