namespace Holon.Python.Objects;

internal sealed class PySlice(PyObject start, PyObject stop, PyObject step) : PyObject
{
    public PyObject Start { get; } = start;

    public PyObject Stop { get; } = stop;

    public PyObject Step { get; } = step;

    public override PyType Type => SliceType.Type;

    /// <summary>The slice with numbers for bounds: asking objects for theirs may change the length of what is sliced, so it comes first.</summary>
    public PySlice Plain() => IsPlain(Start) && IsPlain(Stop) && IsPlain(Step) ? this : new PySlice(Number(Start), Number(Stop), Number(Step));

    private static bool IsPlain(PyObject bound) => bound == Values.None || bound is PyInt;

    private static PyObject Number(PyObject bound) => IsPlain(bound) ? bound : PyInt.Of(Bound(bound));

    /// <summary>The indices made valid for a length, and how many items they select.</summary>
    public (long Start, long Stop, long Step, int Count) Indices(int length)
    {
        if (Step == Values.None)
        {
            var first = Start == Values.None ? 0 : Clipped(Bound(Start), length);
            var last = Stop == Values.None ? length : Clipped(Bound(Stop), length);
            return (first, last, 1, (int)Math.Max(0, last - first));
        }
        var step = Bound(Step);
        if (step == 0)
            throw Err.Value("slice step cannot be zero");
        step = Math.Max(step, -long.MaxValue);
        var lower = step < 0 ? -1 : 0;
        var upper = step < 0 ? length - 1 : length;
        var start = Start == Values.None ? (step < 0 ? upper : lower) : Clip(Bound(Start));
        var stop = Stop == Values.None ? (step < 0 ? lower : upper) : Clip(Bound(Stop));
        var count = step < 0 ? (stop < start ? (start - stop - 1) / -step + 1 : 0) : start < stop ? (stop - start - 1) / step + 1 : 0;
        return (start, stop, step, (int)count);

        long Clip(long index)
        {
            if (index < 0)
                index += length;
            return Math.Clamp(index, lower, upper);
        }
    }

    private static long Clipped(long index, int length) => Math.Clamp(index < 0 ? index + length : index, 0, length);

    private static long Bound(PyObject value) => value.GetType() == typeof(PyInt) ? Unsafe.As<PyInt>(value).Value : value.Type.Index is null
        ? throw Err.Type("slice indices must be integers or None or have an __index__ method") : Args.Clipped(value);
}

internal static class SliceType
{
    public static readonly PyType Type = new("slice", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.New = (_, args, names) =>
        {
            Args.Between("slice", args, names, 1, 3);
            return args.Length == 1 ? new PySlice(Values.None, args[0], Values.None) : new PySlice(args[0], args[1], args.Length > 2 ? args[2] : Values.None);
        };
        t.Repr = o => Values.Str($"slice({Ops.Repr(((PySlice)o).Start)}, {Ops.Repr(((PySlice)o).Stop)}, {Ops.Repr(((PySlice)o).Step)})");
        t.Compare = (a, b, op) => b is PySlice y && a is PySlice x ? Sequences.Compare([x.Start, x.Stop, x.Step], [y.Start, y.Stop, y.Step], op) : Values.NotImplemented;
        t.Unhashable();
        t.Member("start", o => ((PySlice)o).Start);
        t.Member("stop", o => ((PySlice)o).Stop);
        t.Member("step", o => ((PySlice)o).Step);
        t.Def1("indices", (o, length) =>
        {
            var n = Ops.Index(length);
            if (n.IsNegative)
                throw Err.Value("length should not be negative");
            var (start, stop, step) = Big((PySlice)o, n.ToBig());
            return new PyTuple(PyInt.Of(start), PyInt.Of(stop), PyInt.Of(step));
        });
        t.Def0("__reduce__", o => new PyTuple(Type!, new PyTuple(((PySlice)o).Start, ((PySlice)o).Stop, ((PySlice)o).Step)));
    });

    /// <summary>The indices for a length of any size.</summary>
    public static (BigInteger Start, BigInteger Stop, BigInteger Step) Big(PySlice slice, BigInteger length)
    {
        var step = slice.Step == Values.None ? 1 : Ops.Index(slice.Step).ToBig();
        if (step.IsZero)
            throw Err.Value("slice step cannot be zero");
        var (lower, upper) = step.Sign < 0 ? (-BigInteger.One, length - 1) : (BigInteger.Zero, length);
        return (Clip(slice.Start, step.Sign < 0 ? upper : lower), Clip(slice.Stop, step.Sign < 0 ? lower : upper), step);

        BigInteger Clip(PyObject value, BigInteger missing)
        {
            if (value == Values.None)
                return missing;
            if (value.Type.Index is null)
                throw Err.Type("slice indices must be integers or None or have an __index__ method");
            var index = Ops.Index(value).ToBig();
            if (index.Sign < 0)
                index += length;
            return BigInteger.Max(lower, BigInteger.Min(upper, index));
        }
    }
}

/// <summary>range(start, stop, step), of integers of any size.</summary>
internal sealed class PyRange : PyObject
{
    private readonly BigInteger bigLength;

    public PyRange(PyInt start, PyInt stop, PyInt step)
    {
        Start = start;
        Stop = stop;
        Step = step;
        if (start.TryLong(out var a) && stop.TryLong(out var b) && step.TryLong(out var s) && Small(a) && Small(b) && Small(s))
        {
            IsSmall = true;
            SmallLength = s > 0 ? (a < b ? (b - a - 1) / s + 1 : 0) : a > b ? (a - b - 1) / -s + 1 : 0;
        }
        else
        {
            var (x, y, z) = (start.ToBig(), stop.ToBig(), step.ToBig());
            bigLength = z.Sign > 0 ? (x < y ? (y - x - 1) / z + 1 : 0) : x > y ? (x - y - 1) / -z + 1 : 0;
        }
    }

    public PyInt Start { get; }

    public PyInt Stop { get; }

    public PyInt Step { get; }

    /// <summary>All values are far from the ends of 64 bits.</summary>
    public bool IsSmall { get; }

    public long SmallLength { get; }

    public BigInteger Length => IsSmall ? SmallLength : bigLength;

    public override PyType Type => RangeType.Type;

    private static bool Small(long value) => value is > -(1L << 61) and < 1L << 61;

    public PyInt At(BigInteger index) => PyInt.Of(Start.ToBig() + index * Step.ToBig());

    /// <summary>The value at an index, from 0 to the length included, of a range that is <see cref="IsSmall"/>.</summary>
    public PyInt AtSmall(long index) => PyInt.Of(Start.Value + index * Step.Value);
}

internal sealed class PyRangeIterator(long start, long step, long count) : PyIterator(IteratorTypes.Range)
{
    private long next = start;
    private long left = count;

    public override PyObject? Next() => TryNext(out var value) ? PyInt.Of(value) : null;

    /// <summary>What <see cref="MoveNext"/> has reached.</summary>
    public long Current;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool MoveNext()
    {
        if (left <= 0)
            return false;
        left--;
        Current = next;
        next += step;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryNext(out long value)
    {
        value = next;
        if (left <= 0)
            return false;
        left--;
        next += step;
        return true;
    }

    public override int Remaining => (int)Math.Min(left, int.MaxValue);

    public override PyObject Reduce() => new PyTuple(Builtin("iter"), new PyTuple(new PyRange(PyInt.Of(next), PyInt.Of(next + left * step), PyInt.Of(step))), Values.None);

    public override void SetState(PyObject state)
    {
        if (state == Values.None)
            return;
        var skip = Math.Clamp(Args.Long(state), 0, left);
        next += skip * step;
        left -= skip;
    }
}

internal static class RangeType
{
    public static readonly PyType Type = new("range", PyType.Object, Define);

    private static void Define(PyType t)
    {
        t.IsFinal = true;
        t.IsSequence = true;
        t.New = (_, args, names) =>
        {
            Args.Between("range", args, names, 1, 3);
            if (args.Length == 1)
                return new PyRange(PyInt.Zero, Ops.Index(args[0]), PyInt.One);
            var step = args.Length > 2 ? Ops.Index(args[2]) : PyInt.One;
            return step.IsZero ? throw Err.Value("range() arg 3 must not be zero") : new PyRange(Ops.Index(args[0]), Ops.Index(args[1]), step);
        };
        t.Repr = o => o is PyRange r ? Values.Str(IntMath.Equal(r.Step, PyInt.One) ? $"range({r.Start}, {r.Stop})" : $"range({r.Start}, {r.Stop}, {r.Step})") : Values.None;
        t.Len = o => ((PyRange)o).IsSmall ? ((PyRange)o).SmallLength : ((PyRange)o).Length <= long.MaxValue ? (long)((PyRange)o).Length : throw Err.Overflow("Python int too large to convert to C ssize_t");
        t.Bool = o => ((PyRange)o).IsSmall ? ((PyRange)o).SmallLength != 0 : !((PyRange)o).Length.IsZero;
        t.Iter = o => Iterate((PyRange)o);
        t.GetItem = GetItem;
        t.Contains = (o, item) => item is PyInt n && item.Type == IntType.Type || item is PyBool ? IndexOf((PyRange)o, (PyInt)item) is not null : Ops.IterationContains(o, item);
        t.Compare = (a, b, op) =>
        {
            if (a is not PyRange x || b is not PyRange y)
                return Values.NotImplemented;
            return Ops.Identity(x.Length == y.Length && (x.Length.IsZero || (IntMath.Equal(x.Start, y.Start) && (x.Length.IsOne || IntMath.Equal(x.Step, y.Step)))), true, op);
        };
        t.Hash = o => o is PyRange r ? Ops.Hash(new PyTuple(PyInt.Of(r.Length), r.Length.IsZero ? Values.None : r.Start, r.Length <= 1 ? Values.None : r.Step)) : 0;
        t.Member("start", o => ((PyRange)o).Start);
        t.Member("stop", o => ((PyRange)o).Stop);
        t.Member("step", o => ((PyRange)o).Step);
        t.Def1("index", (o, item) =>
        {
            if (item is PyInt n)
                return IndexOf((PyRange)o, n) is { } i ? PyInt.Of(i) : throw Err.Value($"{Ops.Repr(item)} is not in range");
            var at = 0L;
            foreach (var each in Ops.Each(o))
            {
                if (Ops.Eq(each, item))
                    return PyInt.Of(at);
                at++;
            }
            throw Err.Value("sequence.index(x): x not in sequence");
        });
        t.Def1("count", (o, item) => item is PyInt n ? PyInt.Of(IndexOf((PyRange)o, n) is null ? 0 : 1) : PyInt.Of(Ops.Each(o).Count(each => Ops.Eq(each, item))));
        t.Def0("__reversed__", o => o is not PyRange r ? Values.None : r.IsSmall ? new PyRangeIterator(r.Start.Value + (r.SmallLength - 1) * r.Step.Value, -r.Step.Value, r.SmallLength) : Iterate(new PyRange(r.At(r.Length - 1), r.At(-1), PyInt.Of(-r.Step.ToBig()))));
        t.Def0("__reduce__", o => o is PyRange r ? new PyTuple(Type!, new PyTuple(r.Start, r.Stop, r.Step)) : Values.None);
    }

    private static PyObject Iterate(PyRange range)
    {
        if (range.IsSmall)
            return new PyRangeIterator(range.Start.Value, range.Step.Value, range.SmallLength);
        return new PyEnumerator(IteratorTypes.LongRange, Big(range).GetEnumerator());
    }

    private static IEnumerable<PyObject> Big(PyRange range)
    {
        for (BigInteger i = 0; i < range.Length; i++)
            yield return range.At(i);
    }

    private static BigInteger? IndexOf(PyRange range, PyInt item)
    {
        var offset = item.ToBig() - range.Start.ToBig();
        var index = BigInteger.DivRem(offset, range.Step.ToBig(), out var rest);
        return rest.IsZero && index.Sign >= 0 && index < range.Length ? index : null;
    }

    private static PyObject GetItem(PyObject o, PyObject key)
    {
        var self = (PyRange)o;
        if (key.GetType() == typeof(PyInt) && self.IsSmall)
        {
            var at = ((PyInt)key).Value;
            if (at < 0)
                at += self.SmallLength;
            return at >= 0 && at < self.SmallLength ? self.AtSmall(at) : throw Err.Index("range object index out of range");
        }
        if (key is PySlice slice)
        {
            if (self is { IsSmall: true, SmallLength: <= int.MaxValue } && slice.Step == Values.None)
            {
                var (first, end, _, _) = slice.Indices((int)self.SmallLength);
                return new PyRange(self.AtSmall(first), self.AtSmall(end), self.Step);
            }
            var (start, stop, step) = SliceType.Big(slice, self.Length);
            return new PyRange(self.At(start), self.At(stop), PyInt.Of(self.Step.ToBig() * step));
        }
        if (key.Type.Index is null)
            throw Err.Type($"range indices must be integers or slices, not {key.Type.FullName}");
        var index = Ops.Index(key).ToBig();
        if (index.Sign < 0)
            index += self.Length;
        return index.Sign >= 0 && index < self.Length ? self.At(index) : throw Err.Index("range object index out of range");
    }
}
