namespace Holon.EndToEnd;

/// <summary>Debian's kernels, unmodified, find nothing wrong with the machine.</summary>
public sealed class KernelTests(Busybox busybox) : IClassFixture<Busybox>
{
    private const string Check = "dmesg | grep -E 'BUG:|WARNING:|Oops'; grep -q ' avx2 ' /proc/cpuinfo && free | grep -q Mem: && echo good";

    [Theory]
    [InlineData("128M")]
    [InlineData("512M")]
    [InlineData("4G")]
    public Task The_cloud_kernel_boots_clean_whatever_the_memory(string memory) => BootsCleanAsync("busybox", memory);

    [Theory]
    [InlineData("128M")]
    [InlineData("512M")]
    [InlineData("4G")]
    public Task The_full_kernel_boots_clean_whatever_the_memory(string memory)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1", "The full kernel is 70 MB to fetch; ./holon test --all boots it.");
        return BootsCleanAsync("busybox-full", memory);
    }

    private async Task BootsCleanAsync(string image, string memory)
    {
        busybox.Require();
        var outcome = await HolonProgram.RunAsync("run", image, "--memory", memory, "--timeout", "5m", "--", "sh", "-c", Check);
        Assert.Equal("good", outcome.Output.Trim());
        Assert.Equal(0, outcome.ExitCode);
    }
}
