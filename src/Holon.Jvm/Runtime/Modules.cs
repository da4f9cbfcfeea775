using System.Runtime.CompilerServices;
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
        public bool IsOpen, ReadsUnnamed;
        public readonly HashSet<long> Reads = [];
        public readonly Dictionary<string, Exports> Packages = [];
    }

    /// <summary>Modules go with their loaders, so nothing here keeps one.</summary>
    private readonly ConditionalWeakTable<JObject, Entry> _entries = [];

    private long _last;

    private Entry Of(JObject module) => _entries.GetValue(module, _ => new Entry(++_last));

    public void SetOpen(JObject module)
    {
        lock (_entries) Of(module).IsOpen = true;
    }

    /// <summary>A module reads another; null stands for all unnamed ones.</summary>
    public void AddReads(JObject module, JObject? read)
    {
        lock (_entries)
        {
            if (read == null) Of(module).ReadsUnnamed = true;
            else Of(module).Reads.Add(Of(read).Number);
        }
    }

    /// <summary>A package is exported to a module, to all unnamed ones, or to everybody.</summary>
    public void AddExports(JObject module, string package, JObject? to, bool toUnnamed = false)
    {
        // Opening the class library to the program would hand it jdk.internal.misc.Unsafe.
        if (machine.Booted && !machine.Options.Grants.Unsafe && (to == null || NameOf(to) == null) && NameOf(module) is { } name && (name.StartsWith("java.", StringComparison.Ordinal) || name.StartsWith("jdk.", StringComparison.Ordinal)))
            throw JThread.Current.Error("java/lang/SecurityException", $"opening module {name} is not granted to this machine");
        lock (_entries)
        {
            var packages = Of(module).Packages;
            package = package.Replace('.', '/');
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
