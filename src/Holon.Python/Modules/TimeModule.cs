using System.Runtime.InteropServices;

namespace Holon.Python.Modules;

/// <summary>time. Calendars and zones are the C library's, which reads TZ as CPython does.</summary>
internal static unsafe partial class TimeModule
{
    private static readonly StructSequence StructTime = new("time.struct_time", ["tm_year", "tm_mon", "tm_mday", "tm_hour", "tm_min", "tm_sec", "tm_wday", "tm_yday", "tm_isdst", "tm_zone", "tm_gmtoff"], 9);

    /// <summary>struct tm.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Tm
    {
        public int Second, Minute, Hour, Day, Month, Year, WeekDay, YearDay, IsDst;
        public long Offset;
        public byte* Zone;
    }

    [LibraryImport("libc", EntryPoint = "tzset")]
    private static partial void TzSet();

    [LibraryImport("libc", SetLastError = true, EntryPoint = "localtime_r")]
    private static partial Tm* LocalTime(in long seconds, out Tm result);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "gmtime_r")]
    private static partial Tm* UtcTime(in long seconds, out Tm result);

    [LibraryImport("libc", EntryPoint = "mktime")]
    private static partial long MakeTime(ref Tm time);

    [LibraryImport("libc", EntryPoint = "strftime")]
    private static partial nuint Format(Span<byte> output, nuint size, byte[] format, in Tm time);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "clock_gettime")]
    private static partial int ClockTime(int clock, Span<long> time);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "clock_getres")]
    private static partial int ClockResolution(int clock, Span<long> time);

    private const int Realtime = 0, Monotonic = 1, ProcessCpu = 2, ThreadCpu = 3;

    private static readonly string[] ClockNames = ["CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_PROCESS_CPUTIME_ID", "CLOCK_THREAD_CPUTIME_ID"];

    private static readonly Lock ZoneLock = new();

    private static long Nanoseconds(int clock)
    {
        Span<long> time = stackalloc long[2];
        return ClockTime(clock, time) == 0 ? time[0] * 1_000_000_000 + time[1] : throw Err.OS(LibC.LastError, (PyObject?)null);
    }

    public static void Fill(ModuleBuilder m)
    {
        m.Set("struct_time", StructTime.Type);
        m.Set("_STRUCT_TM_ITEMS", 11);
        SetZone(m);
        foreach (var (name, clock) in new[] { ("time", Realtime), ("monotonic", Monotonic), ("perf_counter", Monotonic), ("process_time", ProcessCpu), ("thread_time", ThreadCpu) })
        {
            m.Def0(name, () => new PyFloat(Nanoseconds(clock) * 1e-9));
            m.Def0(name + "_ns", () => PyInt.Of(Nanoseconds(clock)));
        }
        foreach (var (name, value) in new[] { ("CLOCK_REALTIME", 0), ("CLOCK_MONOTONIC", 1), ("CLOCK_PROCESS_CPUTIME_ID", 2), ("CLOCK_THREAD_CPUTIME_ID", 3), ("CLOCK_MONOTONIC_RAW", 4), ("CLOCK_BOOTTIME", 7), ("CLOCK_TAI", 11) })
            m.Set(name, value);
        m.Def1("clock_gettime", clock => new PyFloat(Nanoseconds(Args.Int(clock)) * 1e-9));
        m.Def1("clock_gettime_ns", clock => PyInt.Of(Nanoseconds(Args.Int(clock))));
        m.Def1("clock_getres", clock =>
        {
            Span<long> time = stackalloc long[2];
            return ClockResolution(Args.Int(clock), time) == 0 ? new PyFloat(time[0] + time[1] * 1e-9) : throw Err.OS(LibC.LastError, (PyObject?)null);
        });
        m.Def1("sleep", seconds =>
        {
            if (seconds is PyFloat { Value: var f } && double.IsNaN(f))
                throw Err.Value("Invalid value NaN (not a number)");
            var time = seconds.Type.ToFloat is null && seconds.Type.Index is null ? throw Err.Type($"'{seconds.Type.FullName}' object cannot be interpreted as an integer") : Args.Double(seconds);
            if (time < 0)
                throw Err.Value("sleep length must be non-negative");
            if (time > 9.2e9)
                throw Err.Overflow("timestamp too large to convert to C _PyTime_t");
            Blocking.Sleep(PyThread.Current, TimeSpan.FromSeconds(time));
            return Values.None;
        });
        m.Def("gmtime", "seconds=None, /", a => Split(a[0]!, true));
        m.Def("localtime", "seconds=None, /", a => Split(a[0]!, false));
        m.Def1("mktime", t =>
        {
            var tm = FromTuple(t, "mktime", check: false);
            tm.WeekDay = -1;
            var seconds = MakeTime(ref tm);
            return seconds == -1 && tm.WeekDay == -1 ? throw Err.Overflow("mktime argument out of range") : new PyFloat(seconds);
        });
        m.Def("asctime", "t=None, /", a => Text(a[0] == Values.None ? Now(false) : FromTuple(a[0]!, "asctime")));
        m.Def("ctime", "seconds=None, /", a => Text(At(a[0]!, false)));
        m.Def("strftime", "format, t=None, /", a => Format(Args.Str(a[0], "strftime"), a[1] == Values.None ? Now(false) : FromTuple(a[1]!, "strftime")));
        m.Def("strptime", "string, format='%a %b %d %H:%M:%S %Y', /", a => Calls.CallMethod(m.Machine.ImportModule("_strptime"), "_strptime_time", a[0]!, a[1]!));
        m.Def1("get_clock_info", name =>
        {
            var known = name.ToString() switch { "time" => Realtime, "monotonic" or "perf_counter" => Monotonic, "process_time" => ProcessCpu, "thread_time" => ThreadCpu, _ => throw Err.Value("unknown clock") };
            return SysModule.MakeNamespace(("implementation", new PyStr($"clock_gettime({ClockNames[known]})")), ("monotonic", Values.Bool(known != Realtime)), ("adjustable", Values.Bool(known == Realtime)), ("resolution", new PyFloat(1e-9)));
        });
        m.Def0("tzset", () =>
        {
            SetZone(m);
            return Values.None;
        });
    }

    private static void SetZone(ModuleBuilder m)
    {
        lock (ZoneLock)
            TzSet();
        // The zone's offsets in January and July, as CPython finds them.
        const long year = 31_556_952;
        var now = Nanoseconds(Realtime) / 1_000_000_000;
        LocalTime(now / year * year, out var january);
        LocalTime(now / year * year + year / 2, out var july);
        var (standard, summer) = january.Offset < july.Offset ? (january, july) : (july, january);
        var (isSouth, januaryName, julyName) = (january.Offset > july.Offset, Zone(january), Zone(july));
        m.Set("timezone", -standard.Offset);
        m.Set("altzone", -summer.Offset);
        m.Set("daylight", january.Offset != july.Offset ? 1 : 0);
        m.Set("tzname", isSouth ? new PyTuple(julyName, januaryName) : new PyTuple(januaryName, julyName));
    }

    private static PyStr Zone(in Tm tm) => tm.Zone == null ? PyStr.Empty : PyStr.FromUtf16(Marshal.PtrToStringUTF8((nint)tm.Zone)!);

    private static Tm Now(bool utc) => At(Values.None, utc);

    private static Tm At(PyObject seconds, bool utc)
    {
        long whole;
        if (seconds == Values.None)
        {
            whole = Nanoseconds(Realtime) / 1_000_000_000;
        }
        else if (seconds is PyInt number)
        {
            whole = number.TryLong(out var n) ? n : throw Err.Overflow("timestamp out of range for platform time_t");
        }
        else
        {
            var value = Args.Double(seconds);
            if (double.IsNaN(value))
                throw Err.Value("Invalid value NaN (not a number)");
            whole = Math.Abs(value) < 9.2e18 ? (long)Math.Floor(value) : throw Err.Overflow("timestamp out of range for platform time_t");
        }
        Tm tm;
        var made = utc ? UtcTime(whole, out tm) : LocalTime(whole, out tm);
        return made == null ? throw (LibC.LastError == 75 ? Err.Overflow("timestamp out of range for platform time_t") : Err.OS(LibC.LastError, (PyObject?)null)) : tm;
    }

    private static PyTuple Split(PyObject seconds, bool utc)
    {
        var t = At(seconds, utc);
        return StructTime.Make(PyInt.Of(t.Year + 1900L), PyInt.Of(t.Month + 1), PyInt.Of(t.Day), PyInt.Of(t.Hour), PyInt.Of(t.Minute), PyInt.Of(t.Second), PyInt.Of((t.WeekDay + 6) % 7), PyInt.Of(t.YearDay + 1), PyInt.Of(t.IsDst), utc ? new PyStr("UTC") : Zone(t), PyInt.Of(t.Offset));
    }

    private static Tm FromTuple(PyObject o, string function, bool check = true)
    {
        if (o is not PyTuple tuple)
            throw Err.Type("Tuple or struct_time argument required");
        if (tuple.Count != 9)
            throw Err.Type($"{function}(): illegal time tuple argument");
        int Item(int i) => tuple[i].Type.Index is null ? throw Err.Type($"'{tuple[i].Type.FullName}' object cannot be interpreted as an integer") : Args.Int(tuple[i]);
        var year = Item(0) - 1900L;
        if (year < int.MinValue)
            throw Err.Overflow("year out of range");
        var tm = new Tm { Year = (int)year, Month = Item(1) - 1, Day = Item(2), Hour = Item(3), Minute = Item(4), Second = Item(5), WeekDay = (Item(6) + 1) % 7, YearDay = Item(7) - 1, IsDst = Item(8) };
        if (o is PyStructTuple { Hidden: [PyStr, PyInt offset] })
            tm.Offset = Args.Long(offset);
        if (!check)
            return tm;
        // Zero stands for one, as CPython lets it.
        if (tm.Month == -1)
            tm.Month = 0;
        if (tm.Day == 0)
            tm.Day = 1;
        if (tm.YearDay == -1)
            tm.YearDay = 0;
        Range(tm.Month is >= 0 and <= 11, "month");
        Range(tm.Day is >= 1 and <= 31, "day of month");
        Range(tm.Hour is >= 0 and <= 23, "hour");
        Range(tm.Minute is >= 0 and <= 59, "minute");
        Range(tm.Second is >= 0 and <= 61, "seconds");
        Range(tm.WeekDay >= 0, "day of week");
        Range(tm.YearDay is >= 0 and <= 365, "day of year");
        return tm;

        static void Range(bool good, string what)
        {
            if (!good)
                throw Err.Value(what + " out of range");
        }
    }

    private static PyStr Text(in Tm t)
    {
        string[] days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"], months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        return new PyStr(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{days[t.WeekDay]} {months[t.Month]} {t.Day,2} {t.Hour:00}:{t.Minute:00}:{t.Second:00} {t.Year + 1900L}"));
    }

    private static PyStr Format(PyStr format, Tm tm)
    {
        if (tm.IsDst is < -1 or > 1)
            tm.IsDst = Math.Clamp(tm.IsDst, -1, 1);
        var text = Codecs.EncodeUtf8(format, "surrogateescape");
        if (text.Length == 0)
            return PyStr.Empty;
        if (text.Contains((byte)0))
            throw Err.Value("embedded null character");
        // The name and offset of the zone are those of the moment.
        var probe = tm;
        if (MakeTime(ref probe) != -1)
        {
            tm.Zone = probe.Zone;
            tm.Offset = tm.Offset == 0 ? probe.Offset : tm.Offset;
        }
        byte[] terminated = [.. text, (byte)' ', 0];
        for (var size = 1024; ; size *= 2)
        {
            PyThread.Current.Machine.Limits.CheckSize(size);
            var output = new byte[size];
            var length = (int)Format(output, (nuint)size, terminated, tm);
            // One blank more than asked for tells an empty text from one that does not fit.
            if (length > 0)
                return Codecs.DecodeUtf8(output.AsSpan(0, length - 1), "surrogateescape");
        }
    }
}
