namespace Holon.EndToEnd;

/// <summary>Images appear whole or not at all, whatever happens while they are made.</summary>
public sealed class ImageTests
{
    [Theory]
    [InlineData(2, 130)] // SIGINT
    [InlineData(15, 143)] // SIGTERM
    public async Task A_signal_during_a_build_leaves_nothing(int signal, int expected)
    {
        Busybox.RequireApt();
        using var cache = new TemporaryFolder();
        var outcome = await HolonProgram.RunAsync(["image", "build", "busybox"], [], cache.Path, async process =>
        {
            while (!process.HasExited && !Directory.Exists(Images(cache, ".busybox-work-*"))) await Task.Delay(5, TestContext.Current.CancellationToken);
            await Task.Delay(200, TestContext.Current.CancellationToken);
            process.Signal(signal);
        });
        Assert.Equal(expected, outcome.ExitCode);
        Assert.Empty(Directory.EnumerateDirectories(Path.Combine(cache.Path, "holon", "images")));
    }

    [Fact]
    public async Task What_a_killed_builder_left_goes_away_with_the_next_build()
    {
        Busybox.RequireApt();
        using var cache = new TemporaryFolder();
        var leftover = Directory.CreateDirectory(Path.Combine(cache.Path, "holon", "images", ".busybox-work-old")).FullName;
        await File.WriteAllTextAsync(Path.Combine(leftover, "kernel"), "half", TestContext.Current.CancellationToken);

        // Two at once: one builds, the other waits and finds it built.
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => HolonProgram.RunAsync(["run", "busybox", "--timeout", "1ms", "--", "true"], [], cache.Path)));
        if (outcomes.Any(outcome => outcome.Error.Contains("apt could not", StringComparison.Ordinal))) Assert.Skip(outcomes[0].Error);
        Assert.All(outcomes, outcome => Assert.Equal(124, outcome.ExitCode));
        Assert.Equal(["busybox"], Directory.EnumerateDirectories(Path.Combine(cache.Path, "holon", "images")).Select(Path.GetFileName));
        Assert.Contains("linux-image-", (await HolonProgram.RunAsync(["image", "ls"], [], cache.Path)).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await HolonProgram.RunAsync(["image", "rm", "busybox"], [], cache.Path)).ExitCode);
    }

    [Fact]
    public async Task A_full_disk_is_named_with_what_is_needed_and_nothing_is_left()
    {
        Busybox.RequireApt();
        using var folder = new TemporaryFolder();
        var outcome = await HolonProgram.RunWithMountsAsync(
            $"mount -t tmpfs -o size=20m none '{folder.Path}' || exit 77; XDG_CACHE_HOME='{folder.Path}' '{HolonProgram.Path}' image build busybox; code=$?; ls '{folder.Path}/holon/images'; exit $code");
        Assert.SkipWhen(outcome.ExitCode is 1 or 77, $"Nothing can be mounted here: {outcome.Error}");
        Assert.Equal(125, outcome.ExitCode);
        Assert.Matches($"The disk of {folder.Path}/holon/images is full: .* needs [0-9]+ MB more", outcome.Error);
        Assert.Empty(outcome.Output);
    }

    [Fact]
    public async Task A_cache_that_cannot_be_written_is_named()
    {
        Busybox.RequireApt();
        var outcome = await HolonProgram.RunAsync(["image", "build", "busybox"], [], "/proc");
        Assert.Equal(125, outcome.ExitCode);
        Assert.Contains("/proc/holon/images", outcome.Error, StringComparison.Ordinal);
    }

    private static string Images(TemporaryFolder cache, string pattern)
    {
        var images = Path.Combine(cache.Path, "holon", "images");
        return (Directory.Exists(images) ? Directory.EnumerateDirectories(images, pattern).FirstOrDefault() : null) ?? "/nonexistent";
    }
}
