using Holon.Jvm.ClassFile;
using Holon.Jvm.Heap;

namespace Holon.Jvm.Runtime;

/// <summary>What the machine knows of one class loader: the classes it defined or began to load, its packages' modules.</summary>
internal sealed class LoaderData(JavaMachine machine, JObject? loader)
{
    /// <summary>What belongs to its classes. Those of the class library's loaders, and of the one for the class path, last as long as the machine.</summary>
    public readonly ClassMemory Memory = new(machine, loader == null || loader.Class() is { Loader.IsBoot: true } c && c.Name.StartsWith("jdk/internal/loader/ClassLoaders$", StringComparison.Ordinal));

    /// <summary>Names that were agreed on with other loaders: see <see cref="LoadingConstraints"/>, which locks it.</summary>
    public readonly Dictionary<string, LoadingConstraints.Agreement> Agreements = [];

    /// <summary>Hidden classes that live as long as the loader.</summary>
    private readonly List<JClass> _hidden = [];
    private readonly Dictionary<string, JClass> _classes = [];

    [ThreadStatic]
    private static HashSet<(LoaderData, string)>? _loading;

    /// <summary>The java.lang.ClassLoader; null for the boot loader.</summary>
    public readonly JObject? Loader = loader;

    /// <summary>java.lang.Module of each package that a named module of this loader has; slashes in names.</summary>
    public readonly Dictionary<string, JObject> Modules = [];

    private readonly HashSet<string> _moduleNames = [];

    public JObject? UnnamedModule;

    /// <summary>Takes a named module in; otherwise why it cannot be taken.</summary>
    public string? DefineModule(JObject module, string name, IReadOnlyList<string> packages)
    {
        // Its packages may have classes of the unnamed module already. The class library's come first of all.
        var occupied = machine.Booted ? AllClasses().Where(c => !c.IsArray && c.Loader == this).Select(c => c.Package).ToHashSet() : [];
        lock (Modules)
        {
            if (_moduleNames.Contains(name)) return $"Module {name} is already defined";
            foreach (var package in packages)
            {
                if (Modules.TryGetValue(package, out var other)) return $"Package {package} for module {name} is already in another module, {machine.Modules.NameOf(other)}, defined to the class loader";
                if (occupied.Contains(package)) return $"Package {package} for module {name} is already in the unnamed module defined to the class loader";
            }
            _moduleNames.Add(name);
            foreach (var package in packages) Modules[package] = module;
        }
        return null;
    }

    /// <summary>The named module that a package of this loader is in.</summary>
    public JObject? NamedModuleOf(string package)
    {
        lock (Modules) return Modules.GetValueOrDefault(package);
    }

    public bool IsBoot => Loader == null;

    /// <summary>Whether this loader keeps a class of another one from being unloaded: it is one's own, a parent's, or one that it found by name.</summary>
    public bool Keeps(JClass c)
    {
        if (c.Memory.IsPermanent) return true;
        // A hidden class of its own that is not in the loader's memory keeps only itself.
        if (c.Memory != c.Loader.Memory) return false;
        if (c.Loader == this) return true;
        for (var parent = Loader; parent != null; parent = parent.Ref(machine.Known.LoaderParent) as JObject)
        {
            if (parent == c.Loader.Loader) return true;
        }
        return FindLoaded(c.Name) == c;
    }

    /// <summary>Whether its classes are accessors that java.lang.reflect generates: they are trusted and may access everything.</summary>
    public bool IsForAccessors => Loader?.Class() is { Name: "jdk/internal/reflect/DelegatingClassLoader", Loader.IsBoot: true };

    public JClass? FindLoaded(string name)
    {
        lock (_classes) return _classes.GetValueOrDefault(name);
    }

    public JClass[] AllClasses()
    {
        lock (_classes) return [.. _classes.Values];
    }

    /// <summary>Loads a class or array class by internal name, or raises NoClassDefFoundError or what the loader raised.</summary>
    public JClass Load(JThread thread, string name) => Find(thread, name) ?? throw thread.Error("java/lang/NoClassDefFoundError", name);

    /// <summary>Loads a superclass or superinterface; a class that is being made from its bytes further up is its own ancestor.</summary>
    public JClass LoadSupertype(JThread thread, string name)
    {
        if (_loading != null && _loading.Contains((this, name))) throw thread.Error("java/lang/ClassCircularityError", name);
        return LoadNamed(thread, name);
    }

    /// <summary>Loads a class that another one names: a loader's ClassNotFoundException becomes the NoClassDefFoundError's cause.</summary>
    public JClass LoadNamed(JThread thread, string name)
    {
        try
        {
            return Load(thread, name);
        }
        catch (JavaThrow e) when (e.Throwable.Class().Name == "java/lang/ClassNotFoundException")
        {
            throw thread.Error("java/lang/NoClassDefFoundError", name, e.Throwable);
        }
    }

    /// <summary>The type of a field descriptor.</summary>
    public JClass LoadDescriptor(JThread thread, string descriptor) => descriptor[0] switch
    {
        'L' => LoadNamed(thread, descriptor[1..^1]),
        '[' => LoadNamed(thread, descriptor),
        _ => machine.PrimitiveClass(descriptor[0]),
    };

    /// <summary>Loads a class; null when the boot loader has none of that name.</summary>
    public JClass? Find(JThread thread, string name)
    {
        if (FindLoaded(name) is { } known) return known;
        if (name[0] == '[')
        {
            if (!Descriptor.IsField(name)) return null;
            return name[1] is 'L' ? Find(thread, name[2..^1])?.ArrayClass : name[1] == '[' ? Find(thread, name[1..])?.ArrayClass : machine.PrimitiveClass(name[1]).ArrayClass;
        }
        return IsBoot ? FindInImage(thread, name) : LoadByJava(thread, name);
    }

    private JClass? FindInImage(JThread thread, string name)
    {
        var bytes = machine.Image.FindClass(name, out var module);
        if (name == "sun/misc/Unsafe" && !machine.Options.Grants.Unsafe) return null;
        module ??= ModuleOfPatch(name);
        if (module != null)
        {
            if (!machine.IsBootModule(module)) return null;
            if (machine.BootPath.FindPatch(module, name) is { } patch) bytes = patch;
        }
        var source = "jrt:/" + module;
        if (bytes.IsEmpty)
        {
            // A named module's packages are its own: nothing is added to them.
            if (module != null || machine.BootPath.FindAppended(name, out source) is not { } appended) return null;
            bytes = appended;
        }
        // Transformers run Java code, so they come before the lock.
        if (FindLoaded(name) is { } known) return known;
        bytes = machine.Agents.Transform(thread, this, name, null, bytes);
        lock (this)
        {
            return FindLoaded(name) ?? Define(thread, name, bytes, null, source);
        }
    }

    /// <summary>The boot loader's module of a package that only a patch has.</summary>
    private string? ModuleOfPatch(string name)
    {
        var package = name.LastIndexOf('/') is var i && i >= 0 ? name[..i] : "";
        lock (Modules)
        {
            return Modules.TryGetValue(package, out var module) ? machine.Modules.NameOf(module) : null;
        }
    }

    private JClass LoadByJava(JThread thread, string name)
    {
        var result = (JObject?)thread.CallVirtual(machine.Known.LoadClass, Value.Of(Loader), Value.Of(machine.NewString(name.Replace('/', '.')))).Ref;
        if (result == null) throw thread.Error("java/lang/NoClassDefFoundError", name);
        var found = machine.ClassOfMirror(result);
        if (found.Name != name) throw thread.Error("java/lang/NoClassDefFoundError", $"{name} (wrong name: {found.Name})");
        lock (_classes)
        {
            if (_classes.TryGetValue(name, out var other) && other != found || !machine.Constraints.Allows(name, this, found))
                throw thread.Error("java/lang/LinkageError", $"loader constraint violation: loader {machine.LoaderName(Loader!)} wants to load {found.JavaName}. A different class with the same name was previously loaded. ({machine.PlaceOf(found)})");
            _classes[name] = found;
        }
        return found;
    }

    /// <summary>Makes a class from its bytes (JVMS §5.3.5). A hidden one that is weak may be unloaded before its loader.</summary>
    public JClass Define(JThread thread, string? expectedName, ReadOnlySpan<byte> bytes, JObject? protectionDomain, string source, string? hiddenName = null, bool isWeak = false)
    {
        if (!IsBoot && hiddenName == null) bytes = machine.Agents.Transform(thread, this, expectedName, protectionDomain, bytes);
        ClassFileModel file;
        try
        {
            file = expectedName != null && machine.Image.Holds(bytes) ? machine.Image.Parse(expectedName, bytes) : ClassFileParser.Parse(bytes, expectedName ?? "", machine.Options.EnablePreview);
        }
        catch (ClassFormatException e)
        {
            throw thread.Error(e.Error, e.Message);
        }
        if (expectedName != null && hiddenName == null && file.Name != expectedName) throw thread.Error("java/lang/NoClassDefFoundError", $"{expectedName} (wrong name: {file.Name})");
        if (!IsBoot && file.Name.StartsWith("java/", StringComparison.Ordinal) && !JavaMachine.IsPlatformLoader(Loader!))
            throw thread.Error("java/lang/SecurityException", "Prohibited package name: " + file.Name[..file.Name.LastIndexOf('/')].Replace('/', '.'));
        if (hiddenName == null && FindLoaded(file.Name) is { } duplicate && duplicate.Loader == this)
            throw thread.Error("java/lang/LinkageError", $"loader {(Loader == null ? "'bootstrap'" : machine.LoaderName(Loader))} attempted duplicate {duplicate.KindName} definition for {duplicate.JavaName}. ({machine.PlaceOf(duplicate)})");

        if (hiddenName != null)
        {
            file = file with { Name = hiddenName, Pool = file.Pool.Copy() };
            file.Pool.NameHidden(file.ThisClass, hiddenName);
        }
        var loading = _loading ??= [];
        if (!loading.Add((this, file.Name))) throw thread.Error("java/lang/ClassCircularityError", file.Name);
        JClass result;
        try
        {
            result = new JClass(machine, this, file, hiddenName ?? file.Name, isWeak ? new ClassMemory(machine, false) : Memory) { ProtectionDomain = protectionDomain, Source = source, IsHidden = hiddenName != null };
            ClassBuilder.Build(thread, result);
        }
        finally
        {
            loading.Remove((this, file.Name));
        }
        if (hiddenName == null)
        {
            if (!machine.Constraints.Allows(result.Name, this, result))
                throw thread.Error("java/lang/LinkageError", $"loader constraint violation: loader {(IsBoot ? "'bootstrap'" : machine.LoaderName(Loader!))} wants to load {result.KindName} {result.JavaName}. A different {result.KindName} with the same name was previously loaded. ({machine.PlaceOf(result)})");
            lock (_classes)
            {
                if (!_classes.TryAdd(result.Name, result))
                {
                    if (IsBoot) return _classes[result.Name];
                    throw thread.Error("java/lang/LinkageError", $"loader {machine.LoaderName(Loader!)} attempted duplicate {result.KindName} definition for {result.JavaName}. ({machine.PlaceOf(_classes[result.Name])})");
                }
            }
        }
        else if (!isWeak)
        {
            lock (_hidden) _hidden.Add(result);
        }
        machine.OnClassDefined(result);
        return result;
    }
}
