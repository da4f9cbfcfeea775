using Holon.Jvm.Compiler;
using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;

namespace Holon.Jvm.Runtime;

/// <summary>
/// What is freed together when classes are unloaded: the parts of a loader's classes, or of one hidden class, that never move, their statics and constants,
/// decoded code and caches. The loaders of the class library and of the class path have one that lasts as long as the machine. Everything that uses an
/// address in here keeps this object alive by an ordinary reference: instances by a field of their own, frames by a slot, compiled code by
/// what it is made from. When .NET's collector has taken it, <see cref="ClassUnloading"/> clears the addresses that caches still hold, and
/// then frees what it left (<see cref="ClassRemains"/>).
/// </summary>
internal sealed unsafe class ClassMemory
{
    private const int FirstBlock = 1 << 10, LongestBlock = 1 << 18;

    private readonly JavaMachine _machine;
    private readonly ClassRemains _remains;
    private readonly PinnedCells<Klass> _klasses;
    private readonly PinnedCells<MethodSlot> _methods;
    private readonly PinnedCells<object?> _references;
    private readonly Lock _nativeLock = new();
    private readonly List<JClass> _classes = [];
    private readonly List<object> _kept = [];
    private readonly List<nint> _interfaceSites = [], _callCaches = [];
    private byte* _block;
    private int _blockLeft, _nextBlock;

    public ClassMemory(JavaMachine machine, bool isPermanent)
    {
        _machine = machine;
        IsPermanent = isPermanent;
        _remains = machine.Unloading.Register(this);
        _klasses = new(isPermanent ? 64 : 1, 64, Claim);
        _methods = new(isPermanent ? 512 : 4, 512, Claim);
        _references = new(isPermanent ? 512 : 4, 512, Claim);
        _nextBlock = isPermanent ? LongestBlock : FirstBlock;
    }

    /// <summary>Whether it lasts as long as the machine.</summary>
    public bool IsPermanent { get; }

    /// <summary>Classes, array classes included, in the order in which they were made.</summary>
    public JClass[] Classes()
    {
        lock (_classes) return [.. _classes];
    }

    public int ClassCount
    {
        get
        {
            lock (_classes) return _classes.Count;
        }
    }

    public Klass* NewKlass(JClass c)
    {
        var klass = (Klass*)_klasses.New();
        klass->Managed = c;
        if (!IsPermanent) _machine.Unloading.Named((nint)klass, _remains);
        lock (_classes) _classes.Add(c);
        return klass;
    }

    /// <summary>A class of it is defined, and will be told of when it is unloaded.</summary>
    public void Defined(string javaName) => _machine.Unloading.Defined(_remains, javaName);

    private bool Claim(Array chunk, nint start, nint end) => _machine.Unloading.Claim(chunk, start, end, IsPermanent ? null : _remains);

    public MethodSlot* NewMethod() => (MethodSlot*)_methods.New();

    /// <summary>A cell for a reference: a static field or a constant.</summary>
    public object?* NewReference() => (object?*)_references.New();

    public object?* NewReference(object? value)
    {
        var cell = NewReference();
        *cell = value;
        return cell;
    }

    /// <summary>Keeps an object as long as the classes.</summary>
    public void Keep(object o)
    {
        lock (_kept) _kept.Add(o);
    }

    public InterfaceSite* NewInterfaceSite()
    {
        var site = (InterfaceSite*)AllocateNative(sizeof(InterfaceSite));
        lock (_interfaceSites) _interfaceSites.Add((nint)site);
        return site;
    }

    public CallCache* NewCallCache()
    {
        var cache = (CallCache*)AllocateNative(sizeof(CallCache) + (CallCache.MostChanges + 1) * sizeof(KnownTarget));
        cache->Known = cache->Targets;
        lock (_callCaches) _callCaches.Add((nint)cache);
        return cache;
    }

    /// <summary>Native memory, zeroed.</summary>
    public void* AllocateNative(int bytes)
    {
        bytes = (bytes + 15) & ~15;
        lock (_nativeLock)
        {
            if (bytes > _nextBlock / 4) return _remains.NewBlock(bytes);
            if (bytes > _blockLeft)
            {
                _block = (byte*)_remains.NewBlock(_nextBlock);
                _blockLeft = _nextBlock;
                _nextBlock = Math.Min(_nextBlock * 2, LongestBlock);
            }
            var result = _block;
            _block += bytes;
            _blockLeft -= bytes;
            return result;
        }
    }

    /// <summary>Drops what caches in here know of classes that are being unloaded. Caches are read at the same time: an address only ever becomes null.</summary>
    public void Forget(HashSet<nint> dead)
    {
        foreach (var c in Classes())
        {
            // One that is being made has no address yet, or not all of its methods.
            if (c.Ptr == null) continue;
            Forget(ref c.Ptr->LastSuper, dead);
            Forget(ref c.Ptr->LastStranger, dead);
            foreach (JMethod? m in c.Methods)
            {
                if (m?.Decoded is not { } code) continue;
                for (var i = 0; i < code.Count; i++)
                {
                    if (code.Code[i].Op == Op.CallVirtual) Forget(ref *(nint*)&code.Code[i].Imm, dead);
                }
            }
        }
        lock (_interfaceSites)
        {
            foreach (var site in _interfaceSites) Forget(ref ((InterfaceSite*)site)->Receiver, dead);
        }
        lock (_callCaches)
        {
            foreach (var cache in _callCaches)
            {
                for (var i = 0; i <= CallCache.MostChanges; i++) Forget(ref ((CallCache*)cache)->Targets[i].Klass, dead);
            }
        }
    }

    public static void Forget(ref nint address, HashSet<nint> dead)
    {
        var known = Volatile.Read(ref address);
        if (dead.Contains(known)) Interlocked.CompareExchange(ref address, 0, known);
    }
}
