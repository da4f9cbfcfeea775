using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Holon.EndToEnd;

/// <summary>A program while it runs, for tests that talk with it.</summary>
internal sealed partial class RunningProgram(Process process)
{
    private readonly List<byte> _output = [];
    private int _seen;

    public bool HasExited => process.HasExited;

    /// <summary>Reads standard output to its end.</summary>
    public async Task<byte[]> CollectOutputAsync()
    {
        var cancellation = TestContext.Current.CancellationToken; // of the test that began it: a fixture's program outlives that
        var buffer = new byte[4096];
        while (await process.StandardOutput.BaseStream.ReadAsync(buffer, cancellation) is var count and > 0)
        {
            lock (_output) _output.AddRange(buffer.AsSpan(0, count));
        }

        return [.. _output];
    }

    /// <summary>Waits until it has printed something after what was waited for before.</summary>
    public async Task WaitForAsync(string text)
    {
        var deadline = Stopwatch.StartNew();
        while (true)
        {
            string printed;
            lock (_output) printed = Encoding.Latin1.GetString([.. _output]);
            var at = printed.IndexOf(text, _seen, StringComparison.Ordinal);
            if (at >= 0)
            {
                _seen = at + text.Length;
                return;
            }

            Assert.False(process.HasExited, $"It ended without printing '{text}'; it printed {printed}");
            Assert.True(deadline.Elapsed < TimeSpan.FromMinutes(15), $"It did not print '{text}'; it printed {printed}");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Types keys.</summary>
    public async Task TypeAsync(string keys)
    {
        await process.StandardInput.WriteAsync(keys);
        await process.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Logs into Debian at its console, types something, waits for what it must print, and says poweroff.</summary>
    public async Task InDebianAsync(string keys, string answer)
    {
        await WaitForAsync("login: ");
        await TypeAsync("root\n");
        await WaitForAsync(":~#");
        await TypeAsync(keys);
        await WaitForAsync(answer);
        await TypeAsync("poweroff\n");
    }

    /// <summary>Sends a signal.</summary>
    public void Signal(int number) => _ = Kill(process.Id, number);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
