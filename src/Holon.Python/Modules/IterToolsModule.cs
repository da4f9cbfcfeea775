using Holon.Python.Modules.Iterators;

namespace Holon.Python.Modules;

/// <summary>itertools: the classes, with how they are called.</summary>
internal static class IterToolsModule
{
    private delegate PyObject Maker(PyType type, PyObject?[] a);

    private static readonly List<PyType> All = [];

    public static readonly PyType Chain = Define("chain", "*iterables", (c, a) => new PyChain(c, Ops.Iter(a[0]!)), t =>
    {
        t.DefClass("from_iterable", "iterable, /", (cls, a) => new PyChain((PyType)cls, Ops.Iter(a[0]!)));
        t.DefClassGetItem();
    });

    public static readonly PyType Slice = Define("islice", "iterable, start, stop=?, step=?, /", MakeSlice);

    private static readonly PyType[] Others =
    [
        Define("count", "start=0, step=1", (c, a) => new PyCount(c, Number(a[0]!), Number(a[1]!)), t => t.Repr = o => new PyStr(((PyCount)o).Text)),
        Define("cycle", "iterable, /", (c, a) => new PyCycle(c, Ops.Iter(a[0]!))),
        Define("repeat", "object, times=?", (c, a) => new PyRepeat(c, a[0]!, a[1] is null ? -1 : Math.Max(0, Args.Long(a[1]!))), t => t.Repr = o => new PyStr(((PyRepeat)o).Text)),
        Define("accumulate", "iterable, func=None, *, initial=None", (c, a) => new PyAccumulate(c, Ops.Iter(a[0]!), a[1]!, a[2]!)),
        Define("compress", "data, selectors", (c, a) => new PyCompress(c, Ops.Iter(a[0]!), Ops.Iter(a[1]!))),
        Define("dropwhile", "predicate, iterable, /", (c, a) => new PyWhile(c, a[0]!, Ops.Iter(a[1]!), false)),
        Define("takewhile", "predicate, iterable, /", (c, a) => new PyWhile(c, a[0]!, Ops.Iter(a[1]!), true)),
        Define("filterfalse", "function, iterable, /", (c, a) => new PyFilterFalse(c, a[0]!, Ops.Iter(a[1]!))),
        Define("starmap", "function, iterable, /", (c, a) => new PyStarMap(c, a[0]!, Ops.Iter(a[1]!))),
        Define("pairwise", "iterable, /", (c, a) => new PyPairwise(c, Ops.Iter(a[0]!))),
        Define("zip_longest", "*iterables, fillvalue=None", (c, a) => new PyZipLongest(c, [.. ((PyTuple)a[0]!).Items.Select(Ops.Iter)], a[1]!)),
        Define("product", "*iterables, repeat=1", (c, a) => new PyProduct(c, Pools((PyTuple)a[0]!, Args.Long(a[1]!)))),
        Define("permutations", "iterable, r=None", (c, a) =>
        {
            var pool = Pool(a[0]!);
            if (a[1] is not PyInt and not PySingleton)
                throw Err.Type("Expected int as r");
            return new PyPermutations(c, pool, a[1] == Values.None ? pool.Length : Size(a[1]!));
        }),
        Define("combinations", "iterable, r", (c, a) => new PyCombinations(c, Pool(a[0]!), Size(a[1]!), false)),
        Define("combinations_with_replacement", "iterable, r", (c, a) => new PyCombinations(c, Pool(a[0]!), Size(a[1]!), true)),
        Define("groupby", "iterable, key=None", (c, a) => new PyGroupBy(c, Ops.Iter(a[0]!), a[1]!)),
    ];

    private static PyType Define(string name, string signature, Maker make, Action<PyType>? more = null)
    {
        var code = new NativeCode { Name = name };
        var parsed = Signature.Parse(signature);
        var unnamed = signature.EndsWith('/') || signature == "*iterables";
        PyType? type = null;
        type = PyIterator.MakeType(name, "itertools", t =>
        {
            // Where no argument has a name, a subclass may have an __init__ with keywords of its own.
            t.New = (cls, args, names) => make(cls, names is not null && unnamed && cls.Init != type!.Init ? parsed.Bind(code, args[..(args.Length - names.Count)], null) : parsed.Bind(code, args, names));
            more?.Invoke(t);
        });
        All.Add(type);
        return type;
    }

    private static PyObject Number(PyObject o) => o is PyInt or PyFloat or PyComplex || o.Type.Numbers[0] is not null ? o : throw Err.Type("a number is required");

    private static PyObject[] Pool(PyObject iterable) => [.. Ops.ToArray(iterable)];

    private static long Size(PyObject r) => Args.Long(r) is >= 0 and var size ? size : throw Err.Value("r must be non-negative");

    private static PyObject[][] Pools(PyTuple iterables, long repeat)
    {
        if (repeat < 0)
            throw Err.Value("repeat argument cannot be negative");
        if (iterables.Count > 0 && repeat > int.MaxValue / iterables.Count)
            throw Err.Overflow("repeat argument too large");
        PyThread.Current.Machine.Limits.CheckSize(iterables.Count * repeat * 16);
        var pools = iterables.Items.Select(Pool).ToArray();
        return iterables.Count == 0 ? [] : [.. Enumerable.Repeat(pools, (int)repeat).SelectMany(p => p)];
    }

    private static PySliceIterator MakeSlice(PyType type, PyObject?[] a)
    {
        long Bound(PyObject? o, long otherwise, string name)
        {
            if (Args.IsNone(o))
                return otherwise;
            return o!.Type.Index is not null && Args.Clipped(o) is >= 0 and var n ? n : throw Err.Value($"{name} for islice() must be None or an integer: 0 <= x <= sys.maxsize.");
        }
        var onlyStop = a[2] is null;
        var start = onlyStop ? 0 : Bound(a[1], 0, "Indices");
        var stop = Bound(onlyStop ? a[1] : a[2], -1, onlyStop ? "Stop argument" : "Indices");
        var step = Args.IsNone(a[3]) ? 1 : a[3]!.Type.Index is not null && Args.Clipped(a[3]!) is >= 1 and var s ? s : throw Err.Value("Step for islice() must be a positive integer or None.");
        return new PySliceIterator(type, Ops.Iter(a[0]!), start, stop, step);
    }

    public static void Fill(ModuleBuilder m)
    {
        _ = Others;
        m.Types([.. All]);
        m.Set("_grouper", PyGroup.Class);
        m.Set("_tee", PyTee.Class);
        m.Def("tee", "iterable, n=2, /", a =>
        {
            var count = Args.Long(a[1]!);
            if (count < 0)
                throw Err.Value("n must be >= 0");
            PyThread.Current.Machine.Limits.CheckSize(count * 64);
            if (count == 0)
                return PyTuple.Empty;
            var iterator = Ops.Iter(a[0]!);
            // What can be copied is: the items are then kept once.
            var copy = Attributes.TryGet(iterator, "__copy__");
            var made = new PyObject[count];
            made[0] = copy is null ? PyTee.Of(iterator) : iterator;
            copy ??= Attributes.Get(made[0], "__copy__");
            for (var i = 1; i < made.Length; i++)
                made[i] = Calls.Call(copy);
            return new PyTuple(made);
        });
    }
}
