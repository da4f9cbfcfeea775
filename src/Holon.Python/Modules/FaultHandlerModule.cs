namespace Holon.Python.Modules;

/// <summary>
/// faulthandler. A Python program cannot make this process fault, so enabling it only is remembered; tracebacks are dumped when asked for.
/// </summary>
internal static class FaultHandlerModule
{
    private const int MaxFrames = 100;

    private sealed class State : IDisposable
    {
        public bool IsEnabled { get; set; }

        public Timer? Later { get; set; }

        public void Dispose() => Later?.Dispose();
    }

    private static int Descriptor(Machine machine, PyObject? file)
    {
        if (Args.IsNone(file))
        {
            file = Attributes.Get(machine.Sys, "stderr");
            if (file == Values.None)
                throw Err.Runtime("sys.stderr is None");
        }
        if (file is PyInt number)
            return Args.Int(number) is >= 0 and var fd ? machine.Gate.Use(fd) : throw Err.Value("file is not a valid file descripter");
        var result = Calls.CallMethod(file!, "fileno") as PyInt ?? throw Err.Runtime("file.fileno() is not a valid file descriptor");
        Calls.CallMethod(file!, "flush");
        return machine.Gate.Use(Args.Int(result));
    }

    private static void Dump(int fd, PyThread thread, string header)
    {
        if (!thread.Machine.Gate.Owns(fd))
            return;
        var text = new System.Text.StringBuilder(header);
        var count = 0;
        for (var frame = thread.Frame; frame is not null; frame = frame.Back)
        {
            if (count++ == MaxFrames)
            {
                text.Append("  ...\n");
                break;
            }
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"  File \"{frame.Code.Filename}\", line {frame.Line} in {frame.Code.Name}\n");
        }
        if (count == 0)
            text.Append("  <no Python frame>\n");
        var bytes = System.Text.Encoding.ASCII.GetBytes(text.ToString());
        _ = LibC.Write(fd, bytes, bytes.Length);
    }

    public static void Fill(ModuleBuilder m)
    {
        var state = m.Machine.State<State>("faulthandler");
        PyObject Done(Action action)
        {
            action();
            return Values.None;
        }
        m.DefKept("enable", "file=None, all_threads=True", a => Done(() =>
        {
            Descriptor(m.Machine, a[0]);
            state.IsEnabled = true;
        }));
        m.Def0("disable", () =>
        {
            var was = state.IsEnabled;
            state.IsEnabled = false;
            return Values.Bool(was);
        });
        m.Def0("is_enabled", () => Values.Bool(state.IsEnabled));
        m.DefKept("dump_traceback", "file=None, all_threads=True", a => Done(() => Dump(Descriptor(m.Machine, a[0]), PyThread.Current, Ops.IsTrue(a[1]!) ? $"Current thread 0x{PyThread.Current.Id:x16} (most recent call first):\n" : "Stack (most recent call first):\n")));
        m.DefKept("dump_traceback_later", "timeout, repeat=False, file=None, exit=False", a => Done(() =>
        {
            var seconds = Args.Double(a[0]!);
            if (seconds <= 0)
                throw Err.Value("timeout must be greater than 0");
            var fd = Descriptor(m.Machine, a[2]);
            var thread = PyThread.Current;
            var time = TimeSpan.FromSeconds(Math.Min(seconds, 1e7));
            var ends = Ops.IsTrue(a[3]!);
            if (ends)
                m.Machine.Gate.AskExit("ending the process");
            state.Later?.Dispose();
            state.Later = new Timer(_ =>
            {
                Dump(fd, thread, $"Timeout ({time:h\\:mm\\:ss})!\nThread 0x{thread.Id:x16} (most recent call first):\n");
                if (ends)
                    PosixCalls.ExitNow(1);
            }, null, time, Ops.IsTrue(a[1]!) ? time : Timeout.InfiniteTimeSpan);
        }));
        m.Def0("cancel_dump_traceback_later", () => Done(() => state.Later?.Dispose()));
        m.DefKept("register", "signum, file=None, all_threads=True, chain=False", a => Done(() =>
        {
            var fd = Descriptor(m.Machine, a[1]);
            m.Machine.Signals.Set(Args.Int(a[0]!), new PyBuiltin(new NativeCode { Name = "dump", SignatureText = "signum, frame, /", Bound = (_, _) => Done(() => Dump(fd, PyThread.Current, "Stack (most recent call first):\n")) }, m.Module));
        }));
        m.Def1("unregister", number =>
        {
            var was = m.Machine.Signals.Get(Args.Int(number)) is not PyInt;
            m.Machine.Signals.Set(Args.Int(number), PyInt.Zero);
            return Values.Bool(was);
        });
    }
}
