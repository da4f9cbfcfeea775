namespace Holon.EndToEnd;

/// <summary>The busybox image, made once for all tests that boot it.</summary>
public sealed class Busybox : IAsyncLifetime
{
    private string? _whyNot;

    public async ValueTask InitializeAsync()
    {
        if (!HasApt) return;
        if (await GuestImages.IsMadeAsync("busybox")) return;
        var outcome = await HolonProgram.RunAsync("image", "build", "busybox");
        if (outcome.ExitCode != 0) _whyNot = outcome.Error;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Skips the test where the image cannot be made.</summary>
    public void Require()
    {
        RequireApt();
        Assert.SkipWhen(_whyNot is not null, $"The busybox image cannot be made here: {_whyNot}");
    }

    /// <summary>Skips the test where there is no apt.</summary>
    public static void RequireApt() => Assert.SkipUnless(HasApt, "Images are made with apt-get, which this host does not have.");

    private static bool HasApt => File.Exists("/usr/bin/apt-get");
}
