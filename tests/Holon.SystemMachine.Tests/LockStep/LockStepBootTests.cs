using System.Globalization;
using Holon.SystemMachine.Images;

namespace Holon.SystemMachine.Tests.LockStep;

/// <summary>Debian's kernel boots in translated code and in the interpreter at the same time, and after each block both are in the same state.</summary>
/// <remarks>Environment: HOLON_LOCKSTEP_BLOCKS, how many blocks; with HOLON_TEST_ALL, all until the guest has switched itself off.</remarks>
public sealed class LockStepBootTests(ITestOutputHelper output)
{
    private const long BlocksInShort = 1_500_000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_boot_is_the_same_in_both_engines(bool hot)
    {
        if (!Translator.Translator.IsSupported) Assert.Skip("The translator does not run on this host.");
        var cancellation = TestContext.Current.CancellationToken;
        var image = ImageStore.ForUser().List().FirstOrDefault(image => image.Manifest.Name == "busybox");
        if (image is null && Environment.GetEnvironmentVariable("HOLON_TEST_ALL") is null) Assert.Skip("The busybox image is not made yet; ./holon image build busybox makes it.");
        image ??= await ImageStore.ForUser().GetAsync("busybox", new Progress<ImageProgress>(), cancellation);
        var all = Environment.GetEnvironmentVariable("HOLON_TEST_ALL") is not null;
        var blocks = long.TryParse(Environment.GetEnvironmentVariable("HOLON_LOCKSTEP_BLOCKS"), NumberStyles.None, CultureInfo.InvariantCulture, out var wanted) ? wanted : all ? long.MaxValue : BlocksInShort;

        using var machine = new LockStepMachine(hot);
        var session = new GuestSession
        {
            // Processes, pipes, string instructions and integer arithmetic in user mode.
            Command = ["sh", "-c", "ls -lR /bin /etc | sort | md5sum; dmesg | sha256sum; dd if=/dev/urandom bs=4k count=20 2>/dev/null | gzip | gunzip | sha512sum; echo $((12345 * 6789))"],
            HasInput = false,
        };
        machine.Load(image.Kernel, [image.Initrd], session.ToInitrd(), BusyboxImage.CommandLine);
        machine.Run(blocks, cancellation);
        output.WriteLine($"{machine.Blocks:N0} blocks, {machine.Instructions:N0} instructions");
        output.WriteLine(machine.Serial);
        if (blocks == long.MaxValue) Assert.Contains("83810205", machine.Serial, StringComparison.Ordinal);
    }
}
