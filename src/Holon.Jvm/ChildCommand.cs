using System.Globalization;
using Holon.Jvm.Runtime;
using Holon.Machines;

namespace Holon.Jvm;

/// <summary>
/// The command line that stands for <c>java.home/bin/java</c> when a program starts it: this command again, with the class library, the limits
/// and the grants of the machine that starts it. Limits are counted anew.
/// </summary>
internal static class ChildCommand
{
    /// <summary>Gives the words before the ones the program names; none when this process is not the command <c>java</c> itself.</summary>
    public static IReadOnlyList<string> Of(JavaMachineOptions options, string? program)
    {
        if (program == null || Path.GetFileNameWithoutExtension(program) == "dotnet") return [];
        List<string> words = [program, "--java-home", Path.GetFullPath(options.JavaHome)];
        if (options.TimeLimit is { } time) words.AddRange("--limit-time", TimeLimit.Format(time));
        Limit("--limit-memory", options.MemoryLimit);
        Limit("--limit-stack", options.StackLimit);
        Limit("--limit-instructions", options.InstructionLimit);
        Limit("--limit-threads", options.ThreadLimit);
        if (options.Grants == JavaGrants.All) return words;
        // Whoever starts a process has this grant, so there is always one that takes the others away.
        words.Add("--allow-run");
        if (options.Grants.Exit) words.Add("--allow-exit");
        if (options.Grants.Unsafe) words.Add("--allow-unsafe");
        List("--allow-read", options.Grants.Read.Select(Path.GetFullPath));
        List("--allow-write", options.Grants.Write.Select(Path.GetFullPath));
        List("--allow-net", options.Grants.Net);
        List("--allow-env", options.Grants.Environment);
        return words;

        void Limit(string option, long? value)
        {
            if (value is { } limit) words.AddRange(option, limit.ToString(CultureInfo.InvariantCulture));
        }

        void List(string option, IEnumerable<string> names)
        {
            if (string.Join(',', names) is { Length: > 0 } text) words.AddRange(option, text);
        }
    }
}
