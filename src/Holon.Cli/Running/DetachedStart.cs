using System.Diagnostics;
using Holon.Cli.Terminal;
using Holon.Machines;

namespace Holon.Cli.Running;

/// <summary>Starts a machine that goes on without this terminal: the same command line in a process of its own, which is left as soon as its machine runs.</summary>
internal static class DetachedStart
{
    /// <summary>Tells the process that it is the one that goes on.</summary>
    public const string InnerOption = "--detached";

    /// <summary>Starts it and prints its name.</summary>
    /// <param name="arguments">This process's arguments.</param>
    /// <param name="detachOptions">What in them has asked for this.</param>
    /// <param name="cancellationToken">Ends it before it was left.</param>
    /// <returns>0 when the machine runs; else what the process returned, which has said why.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, IReadOnlyList<string> detachOptions, CancellationToken cancellationToken)
    {
        var program = Environment.ProcessPath ?? throw new HolonException("This program does not know its own file, so it cannot start a machine without a terminal; leave out --detach.");
        var own = arguments.TakeWhile(argument => argument != "--").ToArray();
        string[] inner = [.. own.Where(argument => !detachOptions.Contains(argument)), InnerOption, .. arguments.Skip(own.Length)];
        using var process = Process.Start(new ProcessStartInfo(program, inner) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.StandardInput.Close();
        var errors = RelayAsync(process.StandardError.BaseStream);
        try
        {
            var name = await process.StandardOutput.ReadLineAsync(cancellationToken).ConfigureAwait(false);
            if (name is not null)
            {
                Console.WriteLine(name);
                return 0;
            }

            await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
            await errors.ConfigureAwait(false);
            return process.ExitCode == 0 ? ExitCodes.HolonError : process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }

    /// <summary>What it says until its machine runs: how far an image is, and why it could not be.</summary>
    private static async Task RelayAsync(Stream errors)
    {
        var buffer = new byte[4096];
        while (await errors.ReadAsync(buffer).ConfigureAwait(false) is var count and > 0) Descriptor.TryWrite(HostTerminal.StandardError, buffer.AsSpan(0, count));
    }
}
