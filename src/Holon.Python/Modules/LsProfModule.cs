using System.Diagnostics;

namespace Holon.Python.Modules;

/// <summary>_lsprof: the profiler behind cProfile, fed by <see cref="Tracing"/> without calls of Python code.</summary>
internal static class LsProfModule
{
    private static readonly StructSequence EntryType = new("_lsprof.profiler_entry", ["code", "callcount", "reccallcount", "totaltime", "inlinetime", "calls"]);

    private static readonly StructSequence SubentryType = new("_lsprof.profiler_subentry", ["code", "callcount", "reccallcount", "totaltime", "inlinetime"]);

    /// <summary>Counts and times, in the timer's unit, of a function, or of what one function calls of another.</summary>
    private sealed class Entry(PyObject what)
    {
        public readonly PyObject What = what;
        public long Total, Inline, Calls, RecursiveCalls;
        public int Depth;
        public Dictionary<object, Entry>? Called;

        public void Leave(long total, long inline)
        {
            if (--Depth == 0)
                Total += total;
            else
                RecursiveCalls++;
            Inline += inline;
            Calls++;
        }
    }

    /// <summary>A call that has not returned.</summary>
    private sealed class Activation(object key, Entry entry, Activation? before)
    {
        public readonly object Key = key;
        public readonly Entry Entry = entry;
        public readonly Activation? Before = before;
        public long Begin, Inner;
    }

    internal sealed class PyProfiler(PyType type) : PyExtensible(type)
    {
        private readonly Dictionary<object, Entry> entries = [];
        private Activation? current;
        private PyThread? enabled;

        public PyObject? Timer { get; set; }

        public double Unit { get; set; }

        public bool Subcalls { get; set; } = true;

        public bool Builtins { get; set; } = true;

        private long Now()
        {
            if (Timer is null)
                return Stopwatch.GetTimestamp();
            try
            {
                var value = Calls.Call(Timer);
                // Seconds as a float are kept in units of 2^-32, as in CPython.
                return Unit > 0 ? Args.Long(value) : (long)(Ops.ToDouble(value) * (1L << 32));
            }
            catch (PyError error)
            {
                ErrorPrinter.Unraisable(error.Value, Timer);
                return 0;
            }
        }

        private double Factor => Timer is null ? 1.0 / Stopwatch.Frequency : Unit > 0 ? Unit : 1.0 / (1L << 32);

        public void On(PyThread thread, PyFrame frame, string name, PyObject argument)
        {
            thread.BeginTraceFunction();
            try
            {
                switch (name)
                {
                    case "call":
                        Enter(frame.Code, frame.Code);
                        break;
                    case "return":
                        Leave(frame.Code);
                        break;
                    case "c_call" when Builtins && argument is PyBuiltin builtin:
                        Enter(builtin.Code, builtin);
                        break;
                    case "c_return" or "c_exception" when Builtins && argument is PyBuiltin builtin:
                        Leave(builtin.Code);
                        break;
                }
            }
            finally
            {
                thread.EndTraceFunction();
            }
        }

        private static Entry Get(Dictionary<object, Entry> entries, object key, Func<PyObject> what)
        {
            ref var entry = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(entries, key, out _);
            return entry ??= new Entry(what());
        }

        private void Enter(object key, PyObject what)
        {
            var entry = Get(entries, key, () => Describe(what));
            entry.Depth++;
            if (Subcalls && current is not null)
                Get(current.Entry.Called ??= [], key, () => entry.What).Depth++;
            current = new Activation(key, entry, current) { Begin = Now() };
        }

        private void Leave(object key)
        {
            // A function that was entered before the profiler was enabled.
            if (current is null)
                return;
            if (!entries.ContainsKey(key))
            {
                current = current.Before;
                return;
            }
            Stop(current);
        }

        private void Stop(Activation activation)
        {
            var total = Now() - activation.Begin;
            var inline = total - activation.Inner;
            current = activation.Before;
            if (current is not null)
                current.Inner += total;
            activation.Entry.Leave(total, inline);
            if (Subcalls && current?.Entry.Called?.GetValueOrDefault(activation.Key) is { } sub)
                sub.Leave(total, inline);
        }

        /// <summary>Methods of built-in classes and functions by what they are, not as objects that keep others alive.</summary>
        private static PyObject Describe(PyObject what)
        {
            if (what is not PyBuiltin builtin)
                return what;
            if (builtin.Self is { } self and not PyModule && self.Type.Lookup(Names.Intern(builtin.Code.Name)) is { } method)
                return Ops.ReprObject(method);
            return new PyStr(builtin.Module is { } module ? $"<built-in method {module}.{builtin.Code.Name}>" : $"<built-in method {builtin.Code.Name}>");
        }

        public void Enable()
        {
            enabled = PyThread.Current;
            enabled.SetProfile(this);
        }

        public void Disable()
        {
            if (enabled?.ProfileFunction == this)
                enabled.SetProfile(null);
            enabled = null;
            while (current is not null)
                Stop(current);
        }

        public void Clear()
        {
            entries.Clear();
            current = null;
        }

        public PyList Stats()
        {
            var factor = Factor;
            PyObject[] Fields(Entry e) => [e.What, PyInt.Of(e.Calls), PyInt.Of(e.RecursiveCalls), new PyFloat(e.Total * factor), new PyFloat(e.Inline * factor)];
            PyObject Called(Entry e) => e.Called is null ? Values.None : new PyList(e.Called.Values.Where(s => s.Calls > 0).Select(s => (PyObject)SubentryType.Make(Fields(s))));
            return new PyList(entries.Values.Where(e => e.Calls > 0).Select(e => (PyObject)EntryType.Make([.. Fields(e), Called(e)])));
        }
    }

    private static readonly PyType Profiler = new("Profiler", PyType.Object, t =>
    {
        t.New = (type, _, _) => new PyProfiler(type);
        t.Init = (o, args, names) =>
        {
            var a = Signature.Parse("timer=None, timeunit=?, subcalls=True, builtins=True").Bind(new NativeCode { Name = "Profiler" }, args, names);
            var self = (PyProfiler)o;
            (self.Timer, self.Unit) = (a[0] == Values.None ? null : a[0], a[1] is null ? 0 : Args.Double(a[1]!));
            (self.Subcalls, self.Builtins) = (Ops.IsTrue(a[2]!), Ops.IsTrue(a[3]!));
        };
        t.Def("enable", "subcalls=?, builtins=?", (o, a) =>
        {
            var self = (PyProfiler)o;
            self.Subcalls = Args.Truth(a[0], self.Subcalls);
            self.Builtins = Args.Truth(a[1], self.Builtins);
            self.Enable();
            return Values.None;
        });
        t.Def0("disable", o =>
        {
            ((PyProfiler)o).Disable();
            return Values.None;
        });
        t.Def0("clear", o =>
        {
            ((PyProfiler)o).Clear();
            return Values.None;
        });
        t.Def0("getstats", o => ((PyProfiler)o).Stats());
    }, "_lsprof");

    public static void Fill(ModuleBuilder m)
    {
        m.Types(Profiler, EntryType.Type, SubentryType.Type);
    }
}
