using System.Globalization;
using System.Text;

namespace Holon.Jvm.Natives;

/// <summary>The host's processes, as /proc shows them (proc(5)).</summary>
internal static class ProcessTable
{
    /// <summary>Kernel ticks a second: fixed at 100 in what user space sees.</summary>
    private const int TicksPerSecond = 100;

    /// <summary>A process: its parent, when it started in milliseconds since 1970, and the time it ran.</summary>
    public readonly record struct Row(long Parent, long Start, long CpuNanoseconds);

    private static readonly Lazy<long> BootTime = new(() =>
    {
        try
        {
            var line = File.ReadLines("/proc/stat").FirstOrDefault(l => l.StartsWith("btime ", StringComparison.Ordinal));
            return line == null ? 0 : long.Parse(line.AsSpan(6), CultureInfo.InvariantCulture) * 1000;
        }
        catch (IOException)
        {
            return 0;
        }
    });

    /// <summary>A process by its number; null when there is none.</summary>
    public static Row? Read(long pid)
    {
        try
        {
            var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
            // The command's name is in parentheses and may hold anything.
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            long Number(int i) => long.Parse(fields[i], CultureInfo.InvariantCulture);
            return new Row(Number(1), BootTime.Value + Number(19) * 1000 / TicksPerSecond, (Number(11) + Number(12)) * (1_000_000_000 / TicksPerSecond));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    /// <summary>How long a thread of this process ran; -1 when it is gone.</summary>
    public static long ThreadCpuNanoseconds(int thread)
    {
        try
        {
            // The first field of schedstat: nanoseconds on a processor.
            return long.Parse(File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{thread}/schedstat")).Split(' ')[0], CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or FormatException)
        {
            return -1;
        }
    }

    /// <summary>Fills in numbers, parents and starts of a process's children, or of all when it is 0; gives how many there are, more than there is room for too.</summary>
    public static int List(long parent, long[] pids, long[]? parents, long[]? starts)
    {
        var count = 0;
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!long.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) || Read(pid) is not { } row) continue;
            if (parent != 0 && row.Parent != parent) continue;
            if (count < pids.Length)
            {
                pids[count] = pid;
                if (parents != null && count < parents.Length) parents[count] = row.Parent;
                if (starts != null && count < starts.Length) starts[count] = row.Start;
            }
            count++;
        }
        return count;
    }

    /// <summary>What a process runs, with which arguments, for whom; null for what is not to be seen.</summary>
    public static (string? Command, string[]? Arguments, string? User) Describe(long pid)
    {
        var folder = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}");
        string? command = null, user = null;
        string[]? arguments = null;
        try
        {
            user = UserName(folder);
            command = new FileInfo(folder + "/exe").LinkTarget;
            var words = Encoding.UTF8.GetString(File.ReadAllBytes(folder + "/cmdline")).Split('\0')[..^1];
            if (words.Length > 0) arguments = words[1..];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Other people's processes show less.
        }
        return (command, arguments, user);
    }

    private static string? UserName(string folder)
    {
        var uid = File.ReadLines(folder + "/status").FirstOrDefault(l => l.StartsWith("Uid:", StringComparison.Ordinal))?.Split('\t') is { Length: > 2 } fields ? fields[2] : null;
        if (uid == null) return null;
        var row = File.ReadLines("/etc/passwd").FirstOrDefault(l => l.Split(':') is { Length: > 2 } parts && parts[2] == uid);
        return row?.Split(':')[0] ?? uid;
    }
}
