using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Holon.Jvm.Compiler;
using Holon.Jvm.Heap;
using Holon.Machines;

namespace Holon.Jvm.Runtime;

/// <summary>A Java virtual machine. Several live in one process and share nothing but code of our own.</summary>
public sealed unsafe partial class JavaMachine : IDisposable
{
    internal readonly JavaMachineOptions Options;
    internal readonly JImage Image;
    internal readonly Natives.OpenFiles OpenFiles = new();
    internal readonly BootPath BootPath;
    internal readonly Agents Agents;
    internal readonly LoaderData BootLoader;
    internal readonly ReferenceTracker References;
    internal readonly ClassUnloading Unloading;

    /// <summary>Compiles hot methods; null when everything is interpreted.</summary>
    internal readonly JitCompiler? Compiler;
    internal readonly Dictionary<string, long> HiddenSlots = [];
    internal JClass ObjectClass = null!;
    internal JClass[] ArrayInterfaces = [];
    internal Known Known = null!;
    internal readonly Modules Modules;
    internal readonly Natives.FileGrants Files;
    internal readonly GrantedHosts Net;

    /// <summary>Whether its sockets are of IPv6, and so of both: as on HotSpot where the host has it, unless the program asks for IPv4 only.</summary>
    internal readonly bool UsesIPv6;
    internal readonly LoadingConstraints Constraints = new();

    /// <summary>What a command line wants logged; null for a machine inside a C# program.</summary>
    internal Diagnostics.MachineLog? MachineLog { get; init; }

    /// <summary>The process's signals, when the machine is the whole process.</summary>
    internal ProcessSignals? Signals;
    internal volatile bool Ending;

    /// <summary>What java.lang.management shows.</summary>
    internal readonly DateTimeOffset StartedAt = DateTimeOffset.UtcNow;
    internal readonly Dictionary<string, JObject> ManagementBeans = [];
    internal long ThreadsStarted = 1;

    /// <summary>How often it was asked which threads own what others wait for.</summary>
    internal long OwnersAsked;
    internal int PeakThreads = 1;
    internal int ExitCode;

    private readonly Dictionary<char, JClass> _primitives = [];
    private readonly ConditionalWeakTable<JObject, LoaderData> _loaders = [];
    private readonly List<WeakReference<LoaderData>> _loaderList = [];
    private readonly WeakStrings _interned = new();
    private readonly List<JClass> _mirrorsWithoutModule = [];
    private HashSet<string>? _bootModules;
    private int _hidden;

    internal JavaMachine(JavaMachineOptions options)
    {
        Options = options;
        Unloading = new ClassUnloading(this);
        References = new ReferenceTracker(this);
        if (HeapBound > 0) Samples = new HeapSamples(HeapBound);
        Image = JImage.Open(Path.Combine(options.JavaHome, "lib", "modules"));
        BootPath = new BootPath(options);
        BootLoader = new LoaderData(this, null);
        Agents = new Agents(this);
        if (options.Tier != ExecutionTier.Interpreter) Compiler = new JitCompiler(this);
        Modules = new Modules(this);
        Files = new Natives.FileGrants(options);
        Net = new GrantedHosts(options.Grants.Net);
        UsesIPv6 = Natives.AddressNatives.HostHasIPv6 && options.Properties.GetValueOrDefault("java.net.preferIPv4Stack")?.Equals("true", StringComparison.OrdinalIgnoreCase) != true;
        foreach (var (letter, name) in (ReadOnlySpan<(char, string)>)[('Z', "boolean"), ('B', "byte"), ('C', "char"), ('S', "short"), ('I', "int"), ('J', "long"), ('F', "float"), ('D', "double"), ('V', "void")])
            _primitives[letter] = new JClass(this, name, letter);
    }

    internal JClass PrimitiveClass(char letter) => _primitives[letter];

    internal JClass PrimitiveArray(char letter) => _primitives[letter].ArrayClass;

    internal static JObject NewObject(JThread t, JClass c)
    {
        if (--t.Budget < 0) t.Safepoint();
        var o = c.Allocate();
        t.Allocated(o, c.InstanceBytes);
        return o;
    }

    // Strings ---------------------------------------------------------------------------------------------------------

    internal JObject NewString(string text)
    {
        var latin1 = true;
        foreach (var c in text)
        {
            if (c <= 0xFF) continue;
            latin1 = false;
            break;
        }
        var bytes = new byte[latin1 ? text.Length : text.Length * 2];
        if (latin1) System.Text.Encoding.Latin1.GetBytes(text, bytes);
        else MemoryMarshal.AsBytes(text.AsSpan()).CopyTo(bytes);
        var o = Known.String.Allocate();
        o.Ref(Known.StringValue) = bytes;
        o.Field<byte>(Known.StringCoder) = latin1 ? (byte)0 : (byte)1;
        return o;
    }

    internal JObject? NewStringOrNull(string? text) => text == null ? null : NewString(text);

    internal string? StringOf(object? o)
    {
        if (o is not JObject s) return null;
        var bytes = (byte[])s.Ref(Known.StringValue)!;
        return s.Field<byte>(Known.StringCoder) == 0 ? System.Text.Encoding.Latin1.GetString(bytes) : new string(MemoryMarshal.Cast<byte, char>(bytes));
    }

    internal JObject Intern(string text)
    {
        return _interned.GetOrAdd(text, this, static (text, machine) => machine.NewString(text));
    }

    internal JObject Intern(JObject s)
    {
        return _interned.GetOrAdd(StringOf(s)!, s, static (_, s) => s);
    }

    internal bool IsInterned(string text) => _interned.Contains(text);

    internal object?[] NewStringArray(IReadOnlyList<string?> strings)
    {
        var array = new object?[strings.Count + 1];
        array[0] = Known.String.ArrayClass;
        for (var i = 0; i < strings.Count; i++) array[i + 1] = NewStringOrNull(strings[i]);
        return array;
    }

    internal static object?[] NewArray(JClass element, IReadOnlyList<object?> items)
    {
        var array = new object?[items.Count + 1];
        array[0] = element.ArrayClass;
        for (var i = 0; i < items.Count; i++) array[i + 1] = items[i];
        return array;
    }

    internal string? ThrowableMessage(JObject throwable) => StringOf(throwable.Ref(Known.ThrowableMessage));

    // Classes, loaders, modules ---------------------------------------------------------------------------------------

    internal JObject NewMirror(JClass c)
    {
        lock (c.InitLock)
        {
            if (c.MirrorObject != null) return c.MirrorObject;
            var mirror = ClassClass.Allocate();
            _mirrorSlot = HiddenSlots["java/lang/Class"];
            mirror.Ref(HiddenSlots["java/lang/Class"]) = c;
            if (Known != null) FillMirror(c, mirror);
            lock (_mirrorsWithoutModule)
            {
                if (Known == null || mirror.Ref(Known.ClassModule) == null) _mirrorsWithoutModule.Add(c);
            }
            c.MirrorObject = mirror;
            return mirror;
        }
    }

    private JClass ClassClass => Known?.Class ?? BootLoader.FindLoaded("java/lang/Class")!;

    private void FillMirror(JClass c, JObject mirror)
    {
        mirror.Ref(Known.ClassLoaderField) = c.Loader.Loader;
        if (c.Element != null) mirror.Ref(Known.ClassComponent) = c.Element.Mirror;
        mirror.Ref(Known.ClassModule) = ModuleOf(c);
        if (c.ClassData != null) mirror.Ref(Known.ClassData) = c.ClassData;
    }

    /// <summary>Where a java.lang.Class has its class; read often.</summary>
    private long _mirrorSlot;

    internal JClass ClassOfMirror(object mirror) => Unsafe.As<JClass>(JObject.At<object>(mirror, _mirrorSlot));

    internal JObject? ModuleOf(JClass c)
    {
        c = c.ElementOfElements;
        if (c.IsPrimitive) return JavaBase;
        var loader = c.Loader;
        lock (loader.Modules)
        {
            if (loader.Modules.TryGetValue(c.Package, out var module)) return module;
        }
        return loader.IsBoot ? loader.UnnamedModule == null || c.Source == "jrt:/java.base" ? JavaBase : loader.UnnamedModule : (JObject?)loader.Loader!.Ref(Known.LoaderUnnamedModule);
    }

    /// <summary>The module of a class that a loader is about to define.</summary>
    internal JObject? ModuleOf(LoaderData loader, string name)
    {
        lock (loader.Modules)
        {
            if (loader.Modules.TryGetValue(name.LastIndexOf('/') is var i && i >= 0 ? name[..i] : "", out var module)) return module;
        }
        return loader.IsBoot ? loader.UnnamedModule : (JObject?)loader.Loader!.Ref(Known.LoaderUnnamedModule);
    }

    internal JObject? JavaBase;

    /// <summary>Whether the class library could not make its layer of modules from the options; it has told why on standard error.</summary>
    internal bool BootLayerFailed;

    /// <summary>The version of java.base, for stack traces.</summary>
    internal string? Version;

    /// <summary>java.base is there: classes that were loaded before it get it as their module.</summary>
    internal void BaseDefined(JObject module)
    {
        JavaBase = module;
        lock (_mirrorsWithoutModule)
        {
            foreach (var c in _mirrorsWithoutModule) c.MirrorObject!.Ref(Known.ClassModule) = module;
            _mirrorsWithoutModule.Clear();
        }
    }

    internal LoaderData LoaderOf(JObject? loader)
    {
        if (loader == null) return BootLoader;
        lock (_loaders)
        {
            if (_loaders.TryGetValue(loader, out var known)) return known;
            var data = new LoaderData(this, loader);
            _loaders.Add(loader, data);
            // Half of them dead: that pays for looking through all.
            if (_loaderList.Count >= _pruneLoadersAt)
            {
                _loaderList.RemoveAll(weak => !weak.TryGetTarget(out _));
                _pruneLoadersAt = Math.Max(64, _loaderList.Count * 2);
            }
            _loaderList.Add(new WeakReference<LoaderData>(data, trackResurrection: true));
            return data;
        }
    }

    private int _pruneLoadersAt = 64;

    /// <summary>
    /// All classes that any loader in use has. The table of loaders would give some that the collector has found unreachable already.
    /// </summary>
    internal JClass[] LoadedClasses()
    {
        lock (_loaders) return [.. BootLoader.AllClasses(), .. _loaderList.SelectMany(weak => weak.TryGetTarget(out var loader) ? loader.AllClasses() : [])];
    }

    /// <summary>How many classes were defined, unloaded ones and hidden ones included.</summary>
    internal long ClassesDefined => Interlocked.Read(ref _classesDefined);

    private long _classesDefined;

    internal static bool IsPlatformLoader(JObject loader) => loader.Class().Name == "jdk/internal/loader/ClassLoaders$PlatformClassLoader";

    /// <summary>Modules whose classes the boot loader finds: those that OpenJDK's build assigns to it; until the boot layer is there, java.base.</summary>
    internal bool IsBootModule(string module)
    {
        _bootModules ??= new HashSet<string>(BootModuleNames, StringComparer.Ordinal);
        return _bootModules.Contains(module);
    }

    private static readonly string[] BootModuleNames =
    [
        "java.base", "java.datatransfer", "java.desktop", "java.instrument", "java.logging", "java.management", "java.management.rmi", "java.naming",
        "java.prefs", "java.rmi", "java.security.sasl", "java.xml", "jdk.incubator.foreign", "jdk.internal.vm.ci", "jdk.jfr", "jdk.management",
        "jdk.management.agent", "jdk.management.jfr", "jdk.naming.rmi", "jdk.net", "jdk.nio.mapmode", "jdk.sctp", "jdk.unsupported",
    ];

    internal string NextHiddenName(string name) => $"{name}+0x{Interlocked.Increment(ref _hidden):x16}";

    internal string LoaderName(JObject loader) => StringOf(loader.Ref(Known.LoaderNameAndId)) is { } name ? name : loader.Class().JavaName;

    internal string ModuleDescription(JClass c)
    {
        c = c.ElementOfElements;
        return $"{Modules.Describe(c)} of loader {(c.Loader.Loader is { } loader ? LoaderDescription(loader) : "'bootstrap'")}";
    }

    internal string LoaderDescription(JObject loader) => StringOf(loader.Ref(Known.LoaderNameAndId)) is { } name ? name.StartsWith('\'') ? name : name.Contains('@') ? name : $"'{name}'" : loader.Class().JavaName;

    /// <summary>Where a class belongs, as messages about loaders tell it: its module, its loader, and that one's parent.</summary>
    internal string PlaceOf(JClass c)
    {
        var text = $"{c.JavaName} is in {ModuleDescription(c)}";
        if (c.Loader.Loader is not { } loader || loader.Class().Name.StartsWith("jdk/internal/loader/ClassLoaders$", StringComparison.Ordinal)) return text;
        return $"{text}, parent loader {(loader.Ref(Known.LoaderParent) is JObject parent ? LoaderName(parent) : "'bootstrap'")}";
    }

    internal string JointDescription(JClass a, JClass b)
    {
        var first = ModuleDescription(a);
        var second = ModuleDescription(b);
        return first == second ? $"{a.JavaName} and {b.JavaName} are in {first}" : $"{a.JavaName} is in {first}; {b.JavaName} is in {second}";
    }

    internal void OnClassDefined(JClass c)
    {
        Interlocked.Increment(ref _classesDefined);
        if (!c.Memory.IsPermanent) c.Memory.Defined(c.JavaName);
        if (MachineLog is { } log && log.Wants(Diagnostics.MachineLog.ClassLoad, Diagnostics.LogLevel.Info)) log.Write(Diagnostics.MachineLog.ClassLoad, Diagnostics.LogLevel.Info, $"{c.JavaName} source: {c.Source}");
        if (Options.VerboseClass) Options.Log($"[class,load] {c.JavaName} source: {c.Source}");
    }

    internal void OnClassUnloaded(string javaName)
    {
        if (MachineLog is { } log && log.Wants(Diagnostics.MachineLog.ClassUnload, Diagnostics.LogLevel.Info)) log.Write(Diagnostics.MachineLog.ClassUnload, Diagnostics.LogLevel.Info, $"unloading class {javaName}");
    }

    /// <summary>
    /// Ends the machine and frees what it holds outside the collector's reach. When a thread hangs in a system call for more than
    /// <see cref="Patience"/>, that thread frees it as soon as it comes back.
    /// </summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        End(0);
        Compiler?.Dispose();
        _hostThreads?.Stop();
        var until = Environment.TickCount64 + Patience;
        lock (_threads)
        {
            while (_threads.Count > 0 && until - Environment.TickCount64 is > 0 and var left)
            {
                // A thread that was about to wait when the end came did not see it, and one whose monitor was taken could not be woken.
                if (Monitor.Wait(_threads, (int)Math.Min(left, WakingAgain))) continue;
                foreach (var t in _threads) t.Wake();
            }
            _isLeft = _threads.Count > 0;
        }
        if (!_isLeft) Free();
    }

    /// <summary>How long <see cref="Dispose"/> waits for the machine's threads, in milliseconds.</summary>
    private const int Patience = 5000;

    /// <summary>How often it wakes them, in milliseconds.</summary>
    private const int WakingAgain = 20;

    private bool _disposed, _isLeft;

    private void Free()
    {
        _watch?.Dispose();
        Unloading.Close();
        References.Dispose();
        FreeJavaMemory();
        OpenFiles.CloseAll();
        Samples?.Dispose();
        BootPath.Dispose();
    }
}
