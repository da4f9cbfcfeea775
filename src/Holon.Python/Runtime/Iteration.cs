using System.Collections;

namespace Holon.Python.Runtime;

/// <summary>The items of any iterable, for C# loops. A foreach makes nothing but the iterator; list and tuple do without one.</summary>
internal readonly struct Iteration(PyObject source) : IEnumerable<PyObject>
{
    public Enumerator GetEnumerator() => new(source);

    IEnumerator<PyObject> IEnumerable<PyObject>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public struct Enumerator : IEnumerator<PyObject>
    {
        private readonly PyObject iterator;
        private readonly Kind kind;
        private readonly PyThread? thread;
        private int index;

        public Enumerator(PyObject source)
        {
            if (source.GetType() == typeof(PyList))
            {
                (iterator, kind) = (source, Kind.List);
                return;
            }
            if (source.GetType() == typeof(PyTuple))
            {
                (iterator, kind) = (source, Kind.Tuple);
                return;
            }
            iterator = Ops.Iter(source);
            if (iterator is PyGenerator { IsPlain: true })
                (kind, thread) = (Kind.Generator, PyThread.Current);
            else if (iterator is PyIterator { IsPlain: true })
                kind = Kind.Own;
        }

        private enum Kind
        {
            Any,
            Own,
            Generator,
            List,
            Tuple,
        }

        public PyObject Current { get; private set; } = null!;

        /// <summary>How many items are left; -1 if unknown.</summary>
        public readonly int Remaining => kind == Kind.Own ? Unsafe.As<PyIterator>(iterator).Remaining : -1;

        readonly object IEnumerator.Current => Current;

        // Not a part of loops that run for long: those stay what was compiled ahead of time, and this becomes better when it has been called often.
        [MethodImpl(MethodImplOptions.NoInlining)]
        public bool MoveNext()
        {
            PyObject? item;
            switch (kind)
            {
                case Kind.List:
                    var list = Unsafe.As<PyList>(iterator);
                    if (index >= list.Count)
                        return false;
                    Current = list[index++];
                    return true;
                case Kind.Tuple:
                    var items = Unsafe.As<PyTuple>(iterator).Items;
                    if (index >= items.Length)
                        return false;
                    Current = items[index++];
                    return true;
                case Kind.Generator:
                    // Its instructions are charged anyway.
                    item = Unsafe.As<PyGenerator>(iterator).Next(thread!);
                    break;
                case Kind.Own:
                    Ops.ChargeStep();
                    item = Unsafe.As<PyIterator>(iterator).Next();
                    break;
                default:
                    item = Ops.Next(iterator);
                    break;
            }
            Current = item!;
            return item is not null;
        }

        public readonly void Reset() => throw new NotSupportedException();

        public readonly void Dispose()
        {
        }
    }
}
