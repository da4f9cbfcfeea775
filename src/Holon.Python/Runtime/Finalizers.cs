namespace Holon.Python.Runtime;

/// <summary>Something that is told when an object that it does not keep alive has died.</summary>
internal interface IDeathListener
{
    /// <summary>On the main thread, between two instructions.</summary>
    void TargetDied();
}

/// <summary>
/// What is to happen when objects die: calls of <c>__del__</c> and of weak references' callbacks, after the garbage collector has found them dead; and
/// which weak references an object has. One notice for each such object: the object refers to it where it has room for that; otherwise it is an entry of one table, of
/// which .NET's collector looks at all again and again.
/// </summary>
internal sealed class Finalizers(Machine machine)
{
    private readonly ConditionalWeakTable<PyObject, DeathNotice> notices = [];
    private long deaths;

    /// <summary>How many objects have died of which somebody had to be told.</summary>
    public long Deaths => Interlocked.Read(ref deaths);

    /// <summary>One more.</summary>
    public void CountDeath() => Interlocked.Increment(ref deaths);

    /// <summary>The object's <c>__del__</c> is to be called.</summary>
    public void Watch(PyObject o)
    {
        var notice = NoticeOf(o);
        if (!notice.CallsDel)
            notice.Add(() => CallDel(o));
        notice.CallsDel = true;
    }

    /// <summary>The last thing to do for an object, which lives on until it is done.</summary>
    public void OnDeath(PyObject o, Action action) => NoticeOf(o).Add(action);

    /// <summary>Tells a listener of an object's death, as long as somebody else keeps the listener alive.</summary>
    public void Listen(PyObject o, IDeathListener listener) => NoticeOf(o).Add(listener);

    /// <summary>Who listens and lives.</summary>
    public IEnumerable<IDeathListener> ListenersOf(PyObject o) => Find(o)?.Listeners ?? [];

    private DeathNotice? Find(PyObject o)
    {
        ref var notes = ref o.Notes;
        if (!Unsafe.IsNullRef(ref notes) && Identities.IsOwn(o))
            return notes?.DeathNotice;
        return notices.TryGetValue(o, out var notice) ? notice : null;
    }

    private DeathNotice NoticeOf(PyObject o)
    {
        ref var notes = ref o.Notes;
        if (Unsafe.IsNullRef(ref notes) || !Identities.IsOwn(o))
            return notices.GetValue(o, _ => new DeathNotice(machine));
        notes ??= new ObjectNotes();
        return notes.DeathNotice ??= new DeathNotice(machine);
    }

    private static void CallDel(PyObject o)
    {
        try
        {
            Calls.Special(o, Names.Del);
        }
        catch (PyError error)
        {
            ErrorPrinter.Unraisable(error.Value, Attributes.TryGet(o.Type, Names.Del) ?? o);
        }
    }
}
