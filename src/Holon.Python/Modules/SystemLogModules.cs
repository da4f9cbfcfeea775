using System.Runtime.InteropServices;

namespace Holon.Python.Modules;

/// <summary>syslog, spwd and _crypt, by the C library.</summary>
internal static partial class SystemLogModules
{
    [LibraryImport("libc", EntryPoint = "openlog")]
    private static partial void OpenLog(nint name, int options, int facility);

    [LibraryImport("libc", EntryPoint = "syslog", StringMarshalling = StringMarshalling.Utf8)]
    private static partial void Log(int priority, string format, string message);

    [LibraryImport("libc", EntryPoint = "closelog")]
    private static partial void CloseLog();

    [LibraryImport("libc", EntryPoint = "setlogmask")]
    private static partial int SetMask(int mask);

    /// <summary>The name in front of the messages: the C library keeps the address.</summary>
    private static nint name;

    private static readonly Lock Guard = new();

    private static void Open(Machine machine, PyObject? given, int options, int facility)
    {
        machine.Gate.Ask(new PyStr("/dev/log"), Access.Write);
        var text = given is PyStr ident ? ident.Value : ((PyList)machine.Sys.Dict.Get("argv")!) is { Count: > 0 } argv && argv[0] is PyStr script ? Path.GetFileName(script.Value) : "";
        lock (Guard)
        {
            CloseLog();
            Marshal.FreeCoTaskMem(name);
            name = Marshal.StringToCoTaskMemUTF8(text);
            OpenLog(name, options, facility);
        }
    }

    public static void FillSyslog(ModuleBuilder m)
    {
        foreach (var (text, value) in new[]
        {
            ("LOG_EMERG", 0), ("LOG_ALERT", 1), ("LOG_CRIT", 2), ("LOG_ERR", 3), ("LOG_WARNING", 4), ("LOG_NOTICE", 5), ("LOG_INFO", 6), ("LOG_DEBUG", 7), ("LOG_PID", 1), ("LOG_CONS", 2), ("LOG_ODELAY", 4), ("LOG_NDELAY", 8), ("LOG_NOWAIT", 16), ("LOG_PERROR", 32),
            ("LOG_KERN", 0), ("LOG_USER", 8), ("LOG_MAIL", 16), ("LOG_DAEMON", 24), ("LOG_AUTH", 32), ("LOG_SYSLOG", 40), ("LOG_LPR", 48), ("LOG_NEWS", 56), ("LOG_UUCP", 64), ("LOG_CRON", 72), ("LOG_AUTHPRIV", 80),
            ("LOG_LOCAL0", 128), ("LOG_LOCAL1", 136), ("LOG_LOCAL2", 144), ("LOG_LOCAL3", 152), ("LOG_LOCAL4", 160), ("LOG_LOCAL5", 168), ("LOG_LOCAL6", 176), ("LOG_LOCAL7", 184),
        })
            m.Set(text, value);
        const int user = 8;
        m.Def("openlog", "ident=None, logoption=0, facility=8", a =>
        {
            Open(m.Machine, a[0], Args.Int(a[1]!), Args.Int(a[2]!));
            return Values.None;
        });
        m.DefRaw("syslog", (_, args, names) =>
        {
            Args.Between("syslog", args, names, 1, 2);
            var (priority, message) = args.Length == 2 ? (Args.Int(args[0]), Args.Str(args[1], "syslog")) : (6, Args.Str(args[0], "syslog"));
            if (message.Value.Contains('\0', StringComparison.Ordinal))
                throw Err.Value("embedded null character");
            m.Machine.Gate.Ask(new PyStr("/dev/log"), Access.Write);
            if (name == 0)
                Open(m.Machine, null, 0, user);
            Log(priority, "%s", message.Value);
            return Values.None;
        });
        m.Def0("closelog", () =>
        {
            m.Machine.Gate.Ask(new PyStr("/dev/log"), Access.Write);
            CloseLog();
            return Values.None;
        });
        m.Def1("setlogmask", mask =>
        {
            m.Machine.Gate.AskRun("changing the process's log");
            return PyInt.Of(SetMask(Args.Int(mask)));
        });
        m.Def1("LOG_MASK", priority => PyInt.Of(1L << Args.Int(priority)));
        m.Def1("LOG_UPTO", priority => PyInt.Of((1L << Args.Int(priority) + 1) - 1));
    }

    private static readonly StructSequence Shadow = new("spwd.struct_spwd", ["sp_namp", "sp_pwdp", "sp_lstchg", "sp_min", "sp_max", "sp_warn", "sp_inact", "sp_expire", "sp_flag"], 9);

    private static IEnumerable<PyTuple> Secrets(Machine machine)
    {
        const string file = "/etc/shadow";
        var real = machine.Gate.Ask(new PyStr(file), Access.Read);
        PyObject Number(string text) => PyInt.Of(long.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var n) ? n : -1);
        string[] lines;
        try
        {
            lines = File.ReadAllLines(real);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Errno.From(error, file);
        }
        return lines.Select(l => l.Split(':')).Where(f => f.Length == 9).Select(f => Shadow.Make([PyStr.FromUtf16(f[0]), PyStr.FromUtf16(f[1]), .. f[2..].Select(Number)]));
    }

    public static void FillSpwd(ModuleBuilder m)
    {
        m.Set("struct_spwd", Shadow.Type);
        m.Def0("getspall", () => new PyList(Secrets(m.Machine).Select(e => (PyObject)e)));
        m.Def1("getspnam", wanted => Secrets(m.Machine).FirstOrDefault(e => Ops.Eq(e[0], wanted)) ?? throw Err.Of(ExceptionTypes.KeyError, "getspnam(): name not found"));
    }

    [LibraryImport("libcrypt.so.1", SetLastError = true, EntryPoint = "crypt", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Crypt(string word, string salt);

    public static void FillCrypt(ModuleBuilder m) => m.Def("crypt", "word, salt, /", a =>
    {
        var (word, salt) = (Args.Str(a[0], "crypt").Value, Args.Str(a[1], "crypt").Value);
        // The library has one place for its result.
        lock (Guard)
        {
            var result = Crypt(word, salt);
            return result == 0 ? throw Err.OS(LibC.LastError, (PyObject?)null) : PyStr.FromUtf16(Marshal.PtrToStringUTF8(result)!);
        }
    });
}
