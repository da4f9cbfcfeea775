namespace Holon.Jvm.Runtime;

/// <summary>
/// Loaders that share the name of a class in a linked descriptor have to mean the same class by it (JVMS §5.3.4). The verifier
/// compares names only, so types would be confused without this.
/// </summary>
internal sealed class LoadingConstraints
{
    /// <summary>Loaders that agreed on a name, and the class that it is once one of them has it. It keeps none of them from being unloaded.</summary>
    internal sealed class Agreement
    {
        private readonly List<WeakReference<LoaderData>> _loaders = [];
        private WeakReference<JClass>? _class;
        private int _pruneAt = 16;

        public JClass? Class
        {
            get => _class != null && _class.TryGetTarget(out var c) ? c : null;
            set => _class = value == null ? null : new WeakReference<JClass>(value, trackResurrection: true);
        }

        public IEnumerable<LoaderData> Loaders => _loaders.Select(weak => weak.TryGetTarget(out var loader) ? loader : null).OfType<LoaderData>();

        public void Add(LoaderData loader)
        {
            if (_loaders.Count >= _pruneAt)
            {
                _loaders.RemoveAll(weak => !weak.TryGetTarget(out _));
                _pruneAt = Math.Max(16, _loaders.Count * 2);
            }
            _loaders.Add(new WeakReference<LoaderData>(loader, trackResurrection: true));
        }
    }

    private readonly Lock _lock = new();

    /// <summary>All that any loader in use has. Their weak references are known from here, because the finalizers of Java objects may bring a dead loader back, but not weak references that died with it.</summary>
    private readonly List<Agreement> _agreements = [];
    private int _pruneAt = 256;

    /// <summary>All classes that a descriptor names become the same for both loaders; gives the first that is not, or null.</summary>
    public string? Agree(string descriptor, LoaderData a, LoaderData b)
    {
        if (a == b) return null;
        for (var i = descriptor.IndexOf('L'); i >= 0;)
        {
            var end = descriptor.IndexOf(';', i);
            var name = descriptor[(i + 1)..end];
            // Nobody but the class library may define classes of java.*, and every loader asks it first.
            if (!name.StartsWith("java/", StringComparison.Ordinal) && !AgreeOn(name, a, b)) return name;
            i = descriptor.IndexOf('L', end);
        }
        return null;
    }

    private bool AgreeOn(string name, LoaderData a, LoaderData b)
    {
        lock (_lock)
        {
            var first = Of(name, a);
            var second = Of(name, b);
            if (first == second) return true;
            if (first.Class != null && second.Class != null && first.Class != second.Class) return false;
            first.Class ??= second.Class;
            foreach (var loader in second.Loaders)
            {
                first.Add(loader);
                loader.Agreements[name] = first;
            }
            return true;
        }
    }

    private Agreement Of(string name, LoaderData loader)
    {
        if (loader.Agreements.TryGetValue(name, out var known)) return known;
        var agreement = new Agreement { Class = loader.FindLoaded(name) };
        agreement.Add(loader);
        loader.Agreements[name] = agreement;
        if (_agreements.Count >= _pruneAt)
        {
            _agreements.RemoveAll(known => !known.Loaders.Any());
            _pruneAt = Math.Max(256, _agreements.Count * 2);
        }
        _agreements.Add(agreement);
        return agreement;
    }

    /// <summary>A loader found a class; false when it agreed on another one.</summary>
    public bool Allows(string name, LoaderData loader, JClass found)
    {
        lock (_lock)
        {
            if (!loader.Agreements.TryGetValue(name, out var agreement)) return true;
            agreement.Class ??= found;
            return agreement.Class == found;
        }
    }

    /// <summary>Raises LinkageError when a field of one class, used from another, is of a class that is not the same for both.</summary>
    public void CheckField(JThread t, JClass from, JClass owner, string name, string descriptor)
    {
        if (Agree(descriptor, from.Loader, owner.Loader) is not { } different) return;
        throw Violation(t, from, owner, $"when resolving field \"{name}\" of type {External(different)}, the class loader {Describe(t, from.Loader)} of the current class, {from.JavaName}, and the class loader {Describe(t, owner.Loader)} for the field's defining {owner.KindName}, {owner.JavaName}, have different Class objects for type {External(different)}");
    }

    /// <summary>The same for a method and what its descriptor names.</summary>
    public void CheckMethod(JThread t, JClass from, JClass owner, string name, string descriptor)
    {
        if (Agree(descriptor, from.Loader, owner.Loader) is not { } different) return;
        throw Violation(t, from, owner, $"when resolving method '{Interpreter.Messages.External(owner, name, descriptor)}' the class loader {Describe(t, from.Loader)} of the current class, {from.Name}, and the class loader {Describe(t, owner.Loader)} for the method's defining class, {owner.Name}, have different Class objects for the type {different} used in the signature");
    }

    /// <summary>The same for a method that overrides one of a superclass.</summary>
    public void CheckOverriding(JThread t, JClass c, JClass super, JMethod method)
    {
        if (Agree(method.Desc, c.Loader, super.Loader) is not { } different) return;
        throw Violation(t, c, super, $"for class {c.JavaName}: when selecting overriding method '{Interpreter.Messages.External(c, method.Name, method.Desc)}' the class loader {Describe(t, c.Loader)} of the selected method's type {c.JavaName}, and the class loader {Describe(t, super.Loader)} for its super type {super.JavaName} have different Class objects for the type {External(different)} used in the signature");
    }

    private static JavaThrow Violation(JThread t, JClass a, JClass b, string what) =>
        t.Error("java/lang/LinkageError", $"loader constraint violation{(what.StartsWith("for", StringComparison.Ordinal) ? " " : ": ")}{what} ({t.Machine.PlaceOf(a)}; {t.Machine.PlaceOf(b)})");

    private static string External(string name) => name.Replace('/', '.');

    private static string Describe(JThread t, LoaderData loader) => loader.IsBoot ? "'bootstrap'" : t.Machine.LoaderName(loader.Loader!);
}
