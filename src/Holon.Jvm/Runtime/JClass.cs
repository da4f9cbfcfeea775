using System.Runtime.CompilerServices;
using Holon.Jvm.ClassFile;
using Holon.Jvm.Heap;
using Holon.Jvm.Natives;

namespace Holon.Jvm.Runtime;

/// <summary>How far a class has come (JVMS §5.5).</summary>
internal enum ClassState
{
    Loaded,
    Linked,
    BeingInitialized,
    Initialized,
    Erroneous,
}

/// <summary>A loaded class, interface, array class or primitive type of one machine.</summary>
internal sealed unsafe class JClass
{
    public readonly JavaMachine Machine;

    /// <summary>Internal name: <c>java/lang/String</c>, <c>[I</c>, or a primitive's Java name.</summary>
    public readonly string Name;
    public readonly LoaderData Loader;

    /// <summary>What is freed when it is unloaded: its loader's, or its own when it is a hidden class that its loader does not keep.</summary>
    public readonly ClassMemory Memory;
    public readonly ClassFileModel? File;
    public readonly Klass* Ptr;
    public Acc Flags;
    public JClass? Super;
    public JClass[] Interfaces = [];
    public JField[] Fields = [];
    public JMethod[] Methods = [];

    /// <summary>Virtual methods by index, inherited ones and those that interfaces give included.</summary>
    public JMethod[] VTable = [];

    /// <summary>Of an array class: the class of its elements. Of a primitive type: its descriptor's letter.</summary>
    public readonly JClass? Element;
    public readonly char Primitive;
    private JClass? _array;

    /// <summary>Slots of its instances, R or P, and where free bytes are left among the last ones.</summary>
    public string Pattern = "";

    /// <summary>Bytes of an instance: .NET's header and type, the class word, the fields.</summary>
    public int InstanceBytes => 24 + Pattern.Length * 8;
    public List<(int Offset, int Size)> Gaps = [];

    /// <summary>Its java.lang.Class; null until that class is loaded.</summary>
    public JObject? MirrorObject;
    public JObject? ProtectionDomain;
    public object? ClassData;
    public object?[]? Signers;

    public volatile ClassState State;
    public JThread? Initializer;
    public readonly object InitLock = new();
    public JObject? InitializationError;

    public bool IsHidden;
    public JClass? NestHostClass;

    /// <summary>Why the nest host that the class file names is not its host.</summary>
    public string? NestHostError;

    /// <summary>How the JVM named the source of a class: what class loading logs show.</summary>
    public string Source = "jrt:/java.base";

    private Dictionary<(string, string), JMethod>? _declared;
    private Dictionary<(string, string), int>? _vtableIndex;
    private readonly Dictionary<JMethod, JMethod?> _interfaceTargets = [];

    /// <summary>A class or interface from a class file.</summary>
    public JClass(JavaMachine machine, LoaderData loader, ClassFileModel file, string name, ClassMemory memory)
    {
        Machine = machine;
        Loader = loader;
        Memory = memory;
        File = file;
        Name = name;
        Flags = file.Flags;
        Ptr = Memory.NewKlass(this);
    }

    /// <summary>An array class.</summary>
    private JClass(JClass element)
    {
        Machine = element.Machine;
        Loader = element.Loader;
        Memory = element.Memory;
        Element = element;
        Name = element.Primitive != 0 ? "[" + element.Primitive : element.IsArray ? "[" + element.Name : "[L" + element.Name + ";";
        Flags = element.ElementOfElements.Flags & (Acc.Public | Acc.Private | Acc.Protected) | Acc.Final | Acc.Abstract;
        Super = Machine.ObjectClass;
        Interfaces = Machine.ArrayInterfaces;
        VTable = Super.VTable;
        State = ClassState.Initialized;
        Ptr = Memory.NewKlass(this);
        Ptr->VTable = Super.Ptr->VTable;
        Ptr->Depth = -1;
        Ptr->Initialized = 1;
    }

    /// <summary>A primitive type.</summary>
    public JClass(JavaMachine machine, string name, char letter)
    {
        Machine = machine;
        Loader = machine.BootLoader;
        Memory = Loader.Memory;
        Name = name;
        Primitive = letter;
        Flags = Acc.Public | Acc.Final | Acc.Abstract;
        State = ClassState.Initialized;
        Ptr = Memory.NewKlass(this);
        Ptr->Depth = -1;
        Ptr->Initialized = 1;
    }

    public bool IsArray => Element != null;
    public bool IsPrimitive => Primitive != 0;
    public bool IsInterface => (Flags & Acc.Interface) != 0;
    public bool IsAbstract => (Flags & Acc.Abstract) != 0;

    /// <summary>What messages call it.</summary>
    public string KindName => IsInterface ? "interface" : IsAbstract ? "abstract class" : "class";
    public ConstantPool Pool => File!.Pool;

    public JClass ElementOfElements => Element == null ? this : Element.ElementOfElements;

    /// <summary>Its name with dots, as Java programs see it.</summary>
    public string JavaName => ElementOfElements.IsHidden ? Name.Replace('/', '.').Replace('+', '/') : Name.Replace('/', '.');

    public string Package => Name.LastIndexOf('/') is var i && i >= 0 ? Name[..i] : "";

    /// <summary>Its descriptor as the type of a field.</summary>
    public string TypeDescriptor => IsPrimitive ? Primitive.ToString() : IsArray ? Name : "L" + Name + ";";

    public JClass ArrayClass
    {
        get
        {
            if (_array != null) return _array;
            lock (InitLock) return _array ??= new JClass(this);
        }
    }

    public JObject Mirror => MirrorObject ?? Machine.NewMirror(this);

    /// <summary>A new instance with zeroed fields. The class must be instantiable and linked.</summary>
    public JObject Allocate()
    {
        var o = Unsafe.As<JObject>(RuntimeHelpers.GetUninitializedObject(Ptr->Shape!));
        o.Klass = (nint)Ptr;
        if (Ptr->KeepOffset != 0) JObject.At<object?>(o, Ptr->KeepOffset) = this;
        return o;
    }

    /// <summary>A new array of this array class.</summary>
    public Array AllocateArray(int length)
    {
        switch (Element!.Primitive)
        {
            case 'Z': return new bool[length];
            case 'B': return new byte[length];
            case 'C': return new char[length];
            case 'S': return new short[length];
            case 'I': return new int[length];
            case 'J': return new long[length];
            case 'F': return new float[length];
            case 'D': return new double[length];
        }
        var array = new object?[length + 1];
        array[0] = this;
        return array;
    }

    /// <summary>Whether a value of this type may be used as one of <paramref name="target"/>.</summary>
    public bool IsSubclassOf(JClass target)
    {
        if (this == target) return true;
        if (target.IsInterface) return Implements(target);
        if (target.IsArray)
        {
            return IsArray && (Element == target.Element || !Element!.IsPrimitive && !target.Element!.IsPrimitive && Element.IsSubclassOf(target.Element));
        }
        for (var c = Super; c != null; c = c.Super)
        {
            if (c == target) return true;
        }
        return false;
    }

    private bool Implements(JClass target)
    {
        for (var c = this; c != null; c = c.Super)
        {
            foreach (var i in c.Interfaces)
            {
                if (i == target || i.Implements(target)) return true;
            }
        }
        return false;
    }

    public JMethod? DeclaredMethod(string name, string descriptor)
    {
        var declared = _declared;
        if (declared == null)
        {
            declared = new(Methods.Length);
            foreach (var m in Methods) declared[(m.Name, m.Desc)] = m;
            _declared = declared;
        }
        return declared.GetValueOrDefault((name, descriptor));
    }

    public JField? DeclaredField(string name, string descriptor)
    {
        foreach (var f in Fields)
        {
            if (f.Name == name && f.Descriptor == descriptor) return f;
        }
        return null;
    }

    /// <summary>Field lookup (JVMS §5.4.3.2).</summary>
    public JField? FindField(string name, string descriptor)
    {
        if (DeclaredField(name, descriptor) is { } own) return own;
        foreach (var i in Interfaces)
        {
            if (i.FindField(name, descriptor) is { } inherited) return inherited;
        }
        return Super?.FindField(name, descriptor);
    }

    /// <summary>Lookup in the class and its superclasses only.</summary>
    public JMethod? FindClassMethod(string name, string descriptor)
    {
        for (var c = this; c != null; c = c.Super)
        {
            if (c.DeclaredMethod(name, descriptor) is { } method) return method;
        }
        return null;
    }

    /// <summary>Method lookup (JVMS §5.4.3.3 and §5.4.3.4).</summary>
    public JMethod? FindMethod(string name, string descriptor)
    {
        if (IsInterface)
        {
            if (DeclaredMethod(name, descriptor) is { } own) return own;
            if (Machine.ObjectClass.DeclaredMethod(name, descriptor) is { IsStatic: false } inherited && (inherited.Flags & Acc.Public) != 0) return inherited;
        }
        else if (FindClassMethod(name, descriptor) is { } own)
        {
            return own;
        }
        return FindInterfaceMethod(name, descriptor, out _);
    }

    /// <summary>The maximally specific method of the superinterfaces, or any when there is none (§5.4.3.3 steps 2 and 3).</summary>
    public JMethod? FindInterfaceMethod(string name, string descriptor, out IReadOnlyList<JMethod> conflict)
    {
        var candidates = new List<JMethod>();
        CollectInterfaceMethods(name, descriptor, candidates, []);
        conflict = [];
        if (candidates.Count == 0) return null;
        var specific = candidates.Where(m => !candidates.Any(o => o != m && o.Class.IsSubclassOf(m.Class))).ToList();
        var concrete = specific.Where(m => !m.IsAbstract).ToList();
        if (concrete.Count > 1) conflict = specific;
        if (concrete.Count > 0) return concrete[0];
        // Any abstract one would do; it is the one that HotSpot finds first.
        var all = new List<JClass>();
        AppendSuperinterfaces(all);
        return (candidates.Exists(m => !m.IsAbstract) ? specific : candidates).MinBy(m => all.IndexOf(m.Class));
    }

    /// <summary>All superinterfaces in HotSpot's order: those of the superclass, those of its own interfaces, and then these.</summary>
    private void AppendSuperinterfaces(List<JClass> to)
    {
        Super?.AppendSuperinterfaces(to);
        foreach (var i in Interfaces) i.AppendSuperinterfaces(to);
        foreach (var i in Interfaces)
        {
            if (!to.Contains(i)) to.Add(i);
        }
    }

    private void CollectInterfaceMethods(string name, string descriptor, List<JMethod> found, HashSet<JClass> seen)
    {
        Super?.CollectInterfaceMethods(name, descriptor, found, seen);
        foreach (var i in Interfaces)
        {
            if (!seen.Add(i)) continue;
            if (i.DeclaredMethod(name, descriptor) is { IsStatic: false, IsPrivate: false } m) found.Add(m);
            i.CollectInterfaceMethods(name, descriptor, found, seen);
        }
    }

    /// <summary>
    /// HotSpot gives classes whose interfaces have default methods a method of their own for each that is missing, which raises AbstractMethodError: what
    /// stands here for an interface's abstract method that a call by the table has come to, or null.
    /// </summary>
    public JMethod? MissingDefault(JMethod selected)
    {
        if (selected is not { Class.IsInterface: true, IsAbstract: true } || selected.Class == this || !HasDefaultMethods()) return null;
        lock (_interfaceTargets)
        {
            _missingDefaults ??= [];
            if (_missingDefaults.TryGetValue(selected, out var known)) return known;
            var message = $"Method {Name}.{selected.Name}{selected.Desc} is abstract";
            var made = new JMethod(this, new MethodInfo { Flags = Acc.Public, Name = selected.Name, Descriptor = selected.Desc }, -1)
            {
                Native = NativeMethod.Void(a => throw a.Thread.Error("java/lang/AbstractMethodError", message)),
            };
            return _missingDefaults[selected] = made;
        }
    }

    private Dictionary<JMethod, JMethod>? _missingDefaults;

    /// <summary>Whether an interface of the class or of a superclass has an instance method with code.</summary>
    private bool HasDefaultMethods()
    {
        for (var c = this; c != null; c = c.Super)
        {
            if (c.IsInterface && Array.Exists(c.Methods, m => m is { IsStatic: false, IsAbstract: false })) return true;
            if (Array.Exists(c.Interfaces, i => i.HasDefaultMethods())) return true;
        }
        return false;
    }

    /// <summary>Index of the virtual method with this name and descriptor, or -1.</summary>
    public int VTableIndex(string name, string descriptor)
    {
        var map = _vtableIndex;
        if (map == null)
        {
            map = new(VTable.Length);
            for (var i = 0; i < VTable.Length; i++) map[(VTable[i].Name, VTable[i].Desc)] = i;
            _vtableIndex = map;
        }
        return map.TryGetValue((name, descriptor), out var index) ? index : -1;
    }

    /// <summary>What an interface's method is in this class (JVMS §5.4.6), or null when nothing.</summary>
    public JMethod? InterfaceTarget(JMethod method)
    {
        lock (_interfaceTargets)
        {
            if (_interfaceTargets.TryGetValue(method, out var target)) return target;
            target = method.IsPrivate ? method : SelectedInstanceMethod(method.Name, method.Desc);
            // What it does not implement may be unloaded before it.
            if (target != null) _interfaceTargets[method] = target;
            return target;
        }
    }

    /// <summary>
    /// The nearest class's declaration wins, whether it overrides what is nearest in the table or not: of two package-private methods of different
    /// packages one may be overridden and the other one not.
    /// </summary>
    private JMethod? SelectedInstanceMethod(string name, string descriptor)
    {
        for (var c = this; c != null; c = c.Super)
        {
            if (c.DeclaredMethod(name, descriptor) is { IsStatic: false, IsPrivate: false } declared) return declared;
        }
        return VTableIndex(name, descriptor) is >= 0 and var index ? VTable[index] : null;
    }

    public bool SamePackage(JClass other) => Loader == other.Loader && Package == other.Package;

    public override string ToString() => Name;
}
