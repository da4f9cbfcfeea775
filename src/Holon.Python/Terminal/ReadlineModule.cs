using System.Text;
using Holon.Python.Modules;

namespace Holon.Python.Terminal;

/// <summary>readline: the line editor as Python sees it.</summary>
internal static class ReadlineModule
{
    /// <summary>The editor of one machine, and what the program set.</summary>
    internal sealed class State
    {
        public LineEditor? Editor { get; set; }

        public List<string> History { get; } = [];

        public PyObject? Completer { get; set; }

        public PyObject? StartupHook { get; set; }

        public PyObject? InputHook { get; set; }

        public string Delimiters { get; set; } = " \t\n`~!@#$%^&*()-=+[{]}\\|;:'\",<>/?";

        public bool AutoHistory { get; set; } = true;

        public int HistoryLength { get; set; } = -1;

        public (int Begin, int End) Word { get; set; }
    }

    /// <summary>Reads a line at the terminal, without its end; null at the end of the input.</summary>
    public static string? ReadLine(Machine machine, string prompt)
    {
        var state = machine.State<State>("readline");
        var thread = PyThread.Current;
        var editor = state.Editor ??= new LineEditor(() => NextKey(thread), Console.Out.Write, () => Console.WindowWidth is > 0 and var columns ? columns : 80)
        {
            Idle = () => machine.RunPending(thread),
            Complete = (line, begin, end) => Completions(state, line, begin, end),
        };
        editor.Delimiters = state.Delimiters;
        editor.History.Clear();
        editor.History.AddRange(state.History);
        if (state.StartupHook is { } hook)
            Calls.Call(hook);
        string? line;
        try
        {
            line = editor.Read(prompt);
        }
        catch (PyError)
        {
            editor.Abandon();
            throw;
        }
        if (line is { Length: > 0 } && state.AutoHistory && (state.History.Count == 0 || state.History[^1] != line))
            state.History.Add(line);
        return line;
    }

    /// <summary>The console must not be in the way of other threads, and Ctrl-C must be seen while nobody types.</summary>
    private static ConsoleKeyInfo? NextKey(PyThread thread) => thread.Machine.Gil.Without<ConsoleKeyInfo?>(() =>
    {
        for (var i = 0; i < 10; i++)
        {
            if (Console.KeyAvailable)
                return Console.ReadKey(true);
            Thread.Sleep(5);
        }
        return null;
    });

    private static List<string> Completions(State state, string line, int begin, int end)
    {
        var found = new List<string>();
        if (state.Completer is not { } completer)
            return found;
        state.Word = (begin, end);
        try
        {
            for (var i = 0; i < 10_000; i++)
            {
                var answer = Calls.Call(completer, PyStr.FromUtf16(line[begin..end]), PyInt.Of(i));
                if (answer is not PyStr text)
                    break;
                found.Add(text.Value);
            }
        }
        catch (PyError)
        {
            // A completer that fails completes nothing, as with GNU readline.
        }
        return found;
    }

    private static PyObject Item(List<string> history, long index) => index >= 0 && index < history.Count ? PyStr.FromUtf16(history[(int)index]) : Values.None;

    public static void Fill(ModuleBuilder m)
    {
        var state = m.Machine.State<State>("readline");
        var history = state.History;
        PyObject Done(Action action)
        {
            action();
            return Values.None;
        }
        PyObject? Optional(PyObject? o) => Args.IsNone(o) ? null : o;
        string HistoryFile(PyObject? o, Access access) => m.Machine.Gate.Ask(Args.IsNone(o) ? PyStr.FromUtf16(Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/", ".history")) : o!, access);
        m.Set("__doc__", "Importing this module enables command line editing using Holon's line editor.");
        m.Set("_READLINE_VERSION", 0x0802);
        m.Set("_READLINE_RUNTIME_VERSION", 0x0802);
        m.Set("_READLINE_LIBRARY_VERSION", "8.2");
        m.Def("parse_and_bind", "string, /", _ => Values.None);
        m.Def("read_init_file", "filename=None, /", _ => Values.None);
        m.DefKept("set_completer", "function=None, /", a => Done(() => state.Completer = Optional(a[0])));
        m.Def0("get_completer", () => state.Completer ?? Values.None);
        m.Def1("set_completer_delims", text => Done(() => state.Delimiters = Args.Str(text, "set_completer_delims").Value));
        m.Def0("get_completer_delims", () => PyStr.FromUtf16(state.Delimiters));
        m.DefKept("set_completion_display_matches_hook", "function=None, /", _ => Values.None);
        m.DefKept("set_startup_hook", "function=None, /", a => Done(() => state.StartupHook = Optional(a[0])));
        m.DefKept("set_pre_input_hook", "function=None, /", a => Done(() => state.InputHook = Optional(a[0])));
        m.Def0("get_line_buffer", () => PyStr.FromUtf16(state.Editor?.Buffer ?? ""));
        m.Def0("get_begidx", () => PyInt.Of(state.Word.Begin));
        m.Def0("get_endidx", () => PyInt.Of(state.Word.End));
        m.Def0("get_completion_type", () => PyInt.Of('\t'));
        m.Def1("insert_text", text => Done(() => state.Editor?.Insert(Args.Str(text, "insert_text").Value)));
        m.Def0("redisplay", () => Values.None);
        m.Def1("add_history", line => Done(() => history.Add(Args.Str(line, "add_history").Value)));
        m.Def0("clear_history", () => Done(history.Clear));
        m.Def0("get_current_history_length", () => PyInt.Of(history.Count));
        m.Def1("get_history_item", index => Item(history, Args.Long(index) - 1));
        m.Def1("remove_history_item", index => Done(() =>
        {
            var at = Args.Long(index);
            if (at < 0)
                throw Err.Value("History index cannot be negative");
            if (at >= history.Count)
                throw Err.Value($"No history item at position {at}");
            history.RemoveAt((int)at);
        }));
        m.DefKept("replace_history_item", "pos, line, /", a => Done(() =>
        {
            var at = Args.Long(a[0]!);
            if (at < 0)
                throw Err.Value("History index cannot be negative");
            history[at < history.Count ? (int)at : throw Err.Value($"No history item at position {at}")] = Args.Str(a[1], "replace_history_item").Value;
        }));
        m.Def0("get_history_length", () => PyInt.Of(state.HistoryLength));
        m.Def1("set_history_length", length => Done(() => state.HistoryLength = Args.Int(length)));
        m.Def1("set_auto_history", enabled => Done(() => state.AutoHistory = Ops.IsTrue(enabled)));
        m.DefKept("read_history_file", "filename=None, /", a => Done(() => OnFile(HistoryFile(a[0], Access.Read), file => history.AddRange(File.ReadLines(file).Where(l => !l.StartsWith("_HiStOrY_", StringComparison.Ordinal))))));
        m.DefKept("write_history_file", "filename=None, /", a => Done(() => OnFile(HistoryFile(a[0], Access.Write), file => File.WriteAllLines(file, state.HistoryLength >= 0 ? history.TakeLast(state.HistoryLength) : history, new UTF8Encoding(false)))));
        m.DefKept("append_history_file", "nelements, filename=None, /", a => Done(() => OnFile(HistoryFile(a[1], Access.Write), file => File.AppendAllLines(File.Exists(file) ? file : throw new FileNotFoundException(), history.TakeLast(Args.Int(a[0]!)), new UTF8Encoding(false)))));
    }

    private static void OnFile(string file, Action<string> action)
    {
        try
        {
            action(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Errno.From(error, file);
        }
    }
}
