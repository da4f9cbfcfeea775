using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Holon.Jvm.Diagnostics;

/// <summary>How much of a subject is logged; each level includes those before it.</summary>
internal enum LogLevel
{
    Off,
    Error,
    Warning,
    Info,
    Debug,
    Trace,
}

/// <summary>What <c>-Xlog</c> and <c>-verbose</c> ask for: lines about some subjects to the console or a file, decorated as HotSpot's.</summary>
internal sealed class MachineLog : IDisposable
{
    /// <summary>The subjects that there are lines about.</summary>
    public const string Gc = "gc", ClassLoad = "class,load", ClassUnload = "class,unload", Compilation = "jit,compilation";

    private static readonly string[] Subjects = [Gc, ClassLoad, ClassUnload, Compilation];

    private sealed record Selection(string[] Tags, bool WithOthers, LogLevel Level)
    {
        public bool Matches(string[] subject) => Tags.All(subject.Contains) && (WithOthers || subject.Length == Tags.Length);
    }

    private sealed class Output(string name, TextWriter writer)
    {
        public readonly string Name = name;
        public readonly TextWriter Writer = writer;
        public string[] Decorators = ["uptime", "level", "tags"];
        public readonly List<Selection> Selections = [];
        public readonly int[] Widths = new int[12];
    }

    private static readonly string[] Decorations = ["time", "utctime", "uptime", "timemillis", "uptimemillis", "timenanos", "uptimenanos", "hostname", "pid", "tid", "level", "tags"];
    private static readonly string[] ShortDecorations = ["t", "utc", "u", "tm", "um", "tn", "un", "hn", "p", "ti", "l", "tg"];

    private readonly List<Output> _outputs = [];
    private readonly Lazy<DateTime> _start = new(() => Process.GetCurrentProcess().StartTime.ToUniversalTime());
    private readonly Lock _lock = new();
    private volatile bool _closed;

    /// <summary>Adds what one <c>-Xlog:what:output:decorators:options</c> asks for; gives what is wrong with it, or null.</summary>
    public string? Add(string text)
    {
        var parts = Split(text);
        var what = parts[0];
        if (what == "disable")
        {
            _outputs.Clear();
            return null;
        }
        var selections = new List<Selection>();
        foreach (var one in what.Length == 0 ? ["all"] : what.Split(','))
        {
            if (ParseSelection(one, selections) is { } wrong) return wrong;
        }
        if (OpenOutput(parts.ElementAtOrDefault(1) is { Length: > 0 } name ? name : "stdout", out var output) is { } refused) return refused;
        if (parts.ElementAtOrDefault(2) is { Length: > 0 } decorators)
        {
            var names = decorators == "none" ? [] : decorators.Split(',').Select(d => Array.IndexOf(ShortDecorations, d) is >= 0 and var i ? Decorations[i] : d).ToArray();
            if (Array.Find(names, n => !Decorations.Contains(n)) is { } unknown) return $"Invalid decorator '{unknown}'.";
            output.Decorators = names;
        }
        foreach (var s in selections)
        {
            output.Selections.Add(s);
            if (!Subjects.Any(subject => s.Matches(subject.Split(',')))) Write(output, LogLevel.Warning, "logging", $"No tag set matches selection: {string.Join('+', s.Tags)}{(s.WithOthers ? "*" : "")}. Holon logs gc, class+load and jit+compilation.");
        }
        return null;
    }

    /// <summary>At colons, but for those in a file's name that is quoted.</summary>
    private static string[] Split(string text)
    {
        var parts = new List<string>();
        var part = new StringBuilder();
        var quoted = false;
        foreach (var c in text)
        {
            if (c == '"') quoted = !quoted;
            else if (c == ':' && !quoted)
            {
                parts.Add(part.ToString());
                part.Clear();
            }
            else part.Append(c);
        }
        parts.Add(part.ToString());
        return [.. parts];
    }

    private static string? ParseSelection(string text, List<Selection> selections)
    {
        var equals = text.IndexOf('=');
        var level = LogLevel.Info;
        if (equals >= 0 && !Enum.TryParse(text[(equals + 1)..], true, out level)) return $"Invalid level '{text[(equals + 1)..]}' in log selection.";
        var name = equals < 0 ? text : text[..equals];
        if (name == "all")
        {
            selections.Add(new Selection([], true, level));
            return null;
        }
        var withOthers = name.EndsWith('*');
        var tags = name.TrimEnd('*').Split('+');
        if (Array.Find(tags, t => !LogTags.All.Contains(t)) is { } unknown) return $"Invalid tag '{unknown}' in log selection.";
        selections.Add(new Selection(tags, withOthers, level));
        return null;
    }

    private string? OpenOutput(string name, out Output output)
    {
        output = _outputs.Find(o => o.Name == name)!;
        if (output != null) return null;
        TextWriter writer;
        switch (name)
        {
            case "stdout":
                writer = Console.Out;
                break;
            case "stderr":
                writer = Console.Error;
                break;
            default:
                var file = name.StartsWith("file=", StringComparison.Ordinal) ? name[5..] : name;
                file = file.Replace("%p", Environment.ProcessId.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal).Replace("%t", DateTime.Now.ToString("yyyy-MM-dd_HH-mm-ss", CultureInfo.InvariantCulture), StringComparison.Ordinal);
                try
                {
                    writer = new StreamWriter(file) { AutoFlush = true };
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    return $"Error opening log file '{file}': {e.Message}";
                }
                break;
        }
        _outputs.Add(output = new Output(name, writer));
        return null;
    }

    /// <summary>Whether anybody wants to know.</summary>
    public bool Wants(string subject, LogLevel level) => _outputs.Exists(o => Level(o, subject.Split(',')) >= level);

    private static LogLevel Level(Output output, string[] subject)
    {
        var level = LogLevel.Off;
        foreach (var s in output.Selections)
        {
            if (s.Matches(subject)) level = s.Level; // the last one counts
        }
        return level;
    }

    public void Write(string subject, LogLevel level, string text)
    {
        foreach (var output in _outputs)
        {
            if (Level(output, subject.Split(',')) >= level) Write(output, level, subject, text);
        }
    }

    private void Write(Output output, LogLevel level, string subject, string text)
    {
        var line = new StringBuilder();
        var now = DateTime.UtcNow;
        var uptime = now - _start.Value;
        lock (_lock)
        {
            for (var i = 0; i < Decorations.Length; i++)
            {
                if (!output.Decorators.Contains(Decorations[i])) continue;
                var value = Decorations[i] switch
                {
                    "time" => now.ToLocalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffzz00", CultureInfo.InvariantCulture),
                    "utctime" => now.ToString("yyyy-MM-ddTHH:mm:ss.fff+0000", CultureInfo.InvariantCulture),
                    "uptime" => uptime.TotalSeconds.ToString("f3", CultureInfo.InvariantCulture) + "s",
                    "timemillis" => $"{(now - DateTime.UnixEpoch).Ticks / 10_000}ms",
                    "uptimemillis" => $"{uptime.Ticks / 10_000}ms",
                    "timenanos" => $"{(now - DateTime.UnixEpoch).Ticks * 100}ns",
                    "uptimenanos" => $"{uptime.Ticks * 100}ns",
                    "hostname" => Environment.MachineName,
                    "pid" => Environment.ProcessId.ToString(CultureInfo.InvariantCulture),
                    "tid" => Natives.Libc.ThreadId().ToString(CultureInfo.InvariantCulture),
                    "level" => level.ToString().ToLowerInvariant(),
                    _ => subject,
                };
                output.Widths[i] = Math.Max(output.Widths[i], value.Length);
                line.Append('[').Append(value.PadRight(output.Widths[i])).Append(']');
            }
            if (line.Length > 0) line.Append(' ');
            output.Writer.WriteLine(line.Append(text));
        }
    }

    /// <summary>Writes a line after each garbage collection from now on.</summary>
    public void WatchCollections()
    {
        Write(Gc, LogLevel.Info, $"Using .NET's {(System.Runtime.GCSettings.IsServerGC ? "server" : "workstation")} collector");
        _ = new Sentinel(this);
    }

    private void Collected()
    {
        if (_closed) return;
        var info = GC.GetGCMemoryInfo(GCKind.Any);
        long before = 0, after = 0;
        foreach (var generation in info.GenerationInfo)
        {
            before += generation.SizeBeforeBytes;
            after += generation.SizeAfterBytes;
        }
        var kind = info.Concurrent ? "Concurrent Cycle" : info.Generation == 2 ? "Pause Full" : "Pause Young";
        Write(Gc, LogLevel.Info, string.Create(CultureInfo.InvariantCulture, $"GC({info.Index - 1}) {kind} (Generation {info.Generation}) {before >> 20}M->{after >> 20}M({info.TotalCommittedBytes >> 20}M) {info.PauseDurations[0].TotalMilliseconds:f3}ms"));
    }

    public void Dispose()
    {
        _closed = true;
        foreach (var output in _outputs)
        {
            if (output.Name is not ("stdout" or "stderr")) output.Writer.Dispose();
        }
    }

    /// <summary>Garbage that the next collection, of whatever generation, finds.</summary>
    private sealed class Sentinel(MachineLog log)
    {
        ~Sentinel()
        {
            log.Collected();
            if (!log._closed) _ = new Sentinel(log);
        }
    }
}
