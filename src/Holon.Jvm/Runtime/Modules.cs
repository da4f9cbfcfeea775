using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Holon.Jvm.ClassFile;
using Holon.Jvm.Heap;

namespace Holon.Jvm.Runtime;

/// <summary>
/// What modules read and export, as java.lang.Module tells the machine. Code may name a public class of another module only when
/// its own module reads that one and the package is exported to it (JVMS §5.4.4): this keeps jdk.internal.misc.Unsafe out of reach.
/// </summary>
internal sealed class Modules(JavaMachine machine)
{
    private sealed class Exports
    {
        public bool ToAll, ToUnnamed;
        public readonly HashSet<long> To = [];
    }

    /// <summary>What is known of a module. Others name it by its number, which keeps nothing alive and cannot die before it.</summary>
    private sealed class Entry(long number)
    {
        public readonly long Number = number;
        public bool IsDefined, IsOpen, ReadsUnnamed;
        public string? ShownVersion;
        public readonly HashSet<long> Reads = [];
        public readonly Dictionary<string, Exports> Packages = [];
    }

    /// <summary>Modules go with their loaders, so nothing here keeps one.</summary>
    private readonly ConditionalWeakTable<JObject, Entry> _entries = [];

    private long _last;

    private Entry Of(JObject module) => _entries.GetValue(module, _ => new Entry(++_last));

    /// <summary>
    /// A module and its packages, with dots or slashes, belong to their loader from now on. What java.lang.Module asks for it has looked at itself; the
    /// machine looks again and refuses with HotSpot's exceptions.
    /// </summary>
    public void Define(JThread thread, [NotNull] object? wanted, bool isOpen, string? version, string? location, IEnumerable<string?> packages)
    {
        if (wanted == null) throw thread.Error("java/lang/NullPointerException", "Null module object");
        var module = ModuleOf(thread, wanted);
        var name = NameOf(module) ?? throw thread.Error("java/lang/IllegalArgumentException", "Module name cannot be null");
        var loader = module.Ref(machine.Known.ModuleLoader) as JObject;
        if (name == "java.base" && loader != null) throw thread.Error("java/lang/IllegalArgumentException", "Class loader must be the boot class loader");
        var mayHaveJava = loader == null || JavaMachine.IsPlatformLoader(loader);
        var names = new List<string>();
        foreach (var package in packages)
        {
            if (package == null) throw thread.Error("java/lang/IllegalArgumentException", "Bad package name");
            var slashed = package.Replace('.', '/');
            if (!Descriptor.IsBinaryName(slashed)) throw thread.Error("java/lang/IllegalArgumentException", $"Invalid package name: {slashed} for module: {name}");
            if (!mayHaveJava && (slashed == "java" || slashed.StartsWith("java/", StringComparison.Ordinal)))
                throw thread.Error("java/lang/IllegalArgumentException", $"Class loader (instance of): {machine.LoaderName(loader!)} tried to define prohibited package name: {slashed.Replace('/', '.')}");
            names.Add(slashed);
        }
        if (machine.LoaderOf(loader).DefineModule(module, name, names) is { } refusal) throw thread.Error("java/lang/IllegalStateException", refusal);
        lock (_entries)
        {
            Of(module).IsDefined = true;
            Of(module).IsOpen = isOpen;
            Of(module).ShownVersion = IsJdk(version, location) ? null : version;
        }
        if (name == "java.base") machine.BaseDefined(module);
    }

    /// <summary>Modules of the JDK go without a version in messages.</summary>
    private bool IsJdk(string? version, string? location) =>
        location != null && (location.StartsWith("jrt:/java.", StringComparison.Ordinal) || location.StartsWith("jrt:/jdk.", StringComparison.Ordinal) && version == machine.Version);

    /// <summary>A class's module as messages name it: <c>unnamed module</c>, <c>module java.base</c>, <c>module m@1.2</c>.</summary>
    public string Describe(JClass c)
    {
        if (machine.ModuleOf(c) is not { } module) return "module java.base";
        if (NameOf(module) is not { } name) return "unnamed module";
        lock (_entries) return Of(module).ShownVersion is { } version ? $"module {name}@{version}" : "module " + name;
    }

    /// <summary>An object that says it is a module; IllegalArgumentException when it is none.</summary>
    private JObject ModuleOf(JThread thread, object o)
    {
        if (machine.ClassOf(o) != machine.Known.Module) throw thread.Error("java/lang/IllegalArgumentException", "module is not an instance of type java.lang.Module");
        return Unsafe.As<JObject>(o);
    }

    /// <summary>A module that was defined, or an unnamed one: what never was defined counts as its loader's unnamed module, as in HotSpot.</summary>
    private JObject DefinedOf(JThread thread, object? o, string what)
    {
        if (o == null) throw thread.Error("java/lang/NullPointerException", what + " is null");
        var module = ModuleOf(thread, o);
        lock (_entries)
        {
            if (NameOf(module) == null || Of(module).IsDefined) return module;
        }
        return (module.Ref(machine.Known.ModuleLoader) is JObject loader ? loader.Ref(machine.Known.LoaderUnnamedModule) as JObject : machine.BootLoader.UnnamedModule) ?? module;
    }

    /// <summary>A module reads another; null stands for all unnamed ones.</summary>
    public void AddReads(JThread thread, object? from, object? to)
    {
        var module = DefinedOf(thread, from, "from_module");
        var read = to == null ? null : DefinedOf(thread, to, "to_module");
        lock (_entries)
        {
            if (read == null) Of(module).ReadsUnnamed = true;
            else Of(module).Reads.Add(Of(read).Number);
        }
    }

    /// <summary>Exports a package to one module.</summary>
    public void AddExportsTo(JThread thread, object? from, string? package, object? to) =>
        AddExports(thread, from, package, DefinedOf(thread, to, "to_module"));

    /// <summary>Exports a package to a module, to all unnamed ones, or to everybody.</summary>
    public void AddExports(JThread thread, object? from, string? package, JObject? to, bool toUnnamed = false)
    {
        if (package == null) throw thread.Error("java/lang/NullPointerException", "package is null");
        var module = DefinedOf(thread, from, "from_module");
        if (NameOf(module) is not { } name) return; // everything of an unnamed module is exported
        // Opening the class library to the program would hand it jdk.internal.misc.Unsafe.
        if (machine.Booted && !machine.Options.Grants.Unsafe && (to == null || NameOf(to) == null) && (name.StartsWith("java.", StringComparison.Ordinal) || name.StartsWith("jdk.", StringComparison.Ordinal)))
            throw thread.Error("java/lang/SecurityException", $"opening module {name} is not granted to this machine");
        package = package.Replace('.', '/');
        if (machine.LoaderOf(module.Ref(machine.Known.ModuleLoader) as JObject).NamedModuleOf(package) == null) throw thread.Error("java/lang/IllegalArgumentException", $"Package {package} not found in from_module {name}");
        lock (_entries)
        {
            var packages = Of(module).Packages;
            if (!packages.TryGetValue(package, out var exports)) packages[package] = exports = new Exports();
            if (toUnnamed) exports.ToUnnamed = true;
            else if (to == null) exports.ToAll = true;
            else exports.To.Add(Of(to).Number);
        }
    }

    public string? NameOf(JObject module) => machine.StringOf(module.Ref(machine.Known.ModuleName));

    /// <summary>Why code of one class may not name another, or null when it may.</summary>
    public string? Obstacle(JClass from, JClass to)
    {
        // The class library is trusted, and before its module system is there nothing else runs.
        if (from.Loader.IsBoot || machine.JavaBase == null || machine.ModuleOf(from) is not { } source || machine.ModuleOf(to) is not { } target || source == target) return null;
        var sourceName = NameOf(source);
        var targetName = NameOf(target);
        lock (_entries)
        {
            if (sourceName != null && target != machine.JavaBase && !(targetName == null && Of(source).ReadsUnnamed) && !Of(source).Reads.Contains(Of(target).Number))
                return $"class {from.JavaName} (in module {sourceName}) cannot access class {to.JavaName} (in {Named(target, targetName)}) because module {sourceName} does not read {Named(target, targetName)}";
            if (targetName == null || Of(target).IsOpen) return null;
            if (Of(target).Packages.TryGetValue(to.Package, out var exports) && (exports.ToAll || sourceName == null && exports.ToUnnamed || exports.To.Contains(Of(source).Number))) return null;
        }
        return $"class {from.JavaName} (in {Named(source, sourceName)}) cannot access class {to.JavaName} (in {Named(target, targetName)}) because module {targetName} does not export {to.Package.Replace('/', '.')} to {Named(source, sourceName)}";
    }

    private static string Named(JObject module, string? name) => name == null ? $"unnamed module @0x{RuntimeHelpers.GetHashCode(module):x}" : "module " + name;
}
