using System.ComponentModel;
using System.Diagnostics;
using Holon.Machines;

namespace Holon.SystemMachine.Images;

/// <summary>Runs programs of the host that make images: never on the user's terminal, never outliving the build.</summary>
internal static class HostProgram
{
    /// <summary>How much of a program's complaints is kept for the error message.</summary>
    private const int MaxComplaint = 2000;

    /// <summary>Runs a program to its end.</summary>
    /// <param name="program">Its name, found on the PATH.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="folder">Where it runs.</param>
    /// <param name="line">Called with each line it prints.</param>
    /// <param name="cancellationToken">Kills it.</param>
    /// <returns>Its exit code, and the end of what it wrote to standard error.</returns>
    /// <exception cref="HolonException">It is not there.</exception>
    public static async Task<(int ExitCode, string Complaint)> RunAsync(
        string program, IEnumerable<string> arguments, string folder, Action<string> line, CancellationToken cancellationToken)
    {
        using var process = Start(program, arguments, folder);
        using var kill = cancellationToken.Register(() => Kill(process));
        var complaint = ReadComplaintAsync(process);
        while (await process.StandardOutput.ReadLineAsync(CancellationToken.None).ConfigureAwait(false) is { } text) line(text);
        await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return (process.ExitCode, await complaint.ConfigureAwait(false));
    }

    /// <summary>Runs a program whose output is a stream of bytes. The reader may stop early; the program is ended then.</summary>
    /// <exception cref="HolonException">It is not there, or it failed while its output was still wanted.</exception>
    public static async Task ReadOutputAsync(
        string program, IEnumerable<string> arguments, string folder, Func<Stream, Task<bool>> read, CancellationToken cancellationToken)
    {
        using var process = Start(program, arguments, folder);
        using var kill = cancellationToken.Register(() => Kill(process));
        var complaint = ReadComplaintAsync(process);
        bool satisfied;
        try
        {
            satisfied = await read(process.StandardOutput.BaseStream).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException or FormatException)
        {
            throw new HolonException($"What {program} printed is not what was expected of it; check the disk and try again.", exception);
        }
        finally
        {
            Kill(process);
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (!satisfied) throw new HolonException($"{program} failed: {FirstLine(await complaint.ConfigureAwait(false))}");
    }

    /// <summary>The first line that says something, for a message of one sentence.</summary>
    public static string FirstLine(string complaint) =>
        complaint.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is [var first, ..] ? first : "it gave no reason";

    private static Process Start(string program, IEnumerable<string> arguments, string folder)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LC_ALL"] = "C";
        start.Environment["DEBIAN_FRONTEND"] = "noninteractive";
        try
        {
            var process = Process.Start(start) ?? throw new HolonException($"The program {program} did not start; try again.");
            process.StandardInput.Close();
            return process;
        }
        catch (Win32Exception exception)
        {
            throw new HolonException(
                $"This image is made with Debian's {program}, which cannot be run here; install it, or boot your own files with --kernel FILE --initrd FILE.", exception);
        }
    }

    private static async Task<string> ReadComplaintAsync(Process process)
    {
        var complaint = "";
        while (await process.StandardError.ReadLineAsync(CancellationToken.None).ConfigureAwait(false) is { } text)
            complaint = (complaint + text + "\n") is { Length: > MaxComplaint } longer ? longer[^MaxComplaint..] : complaint + text + "\n";
        return complaint;
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception exception) when (exception is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It has ended by itself already.
        }
    }
}
