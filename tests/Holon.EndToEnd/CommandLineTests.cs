namespace Holon.EndToEnd;

/// <summary>What users write wrongly, and what they give that is wrong: always one clear sentence and exit code 125.</summary>
public sealed class CommandLineTests
{
    [Theory]
    [InlineData("There is no option '--memroy'; did you mean '--memory'?", "run", "busybox", "--memroy", "1G")]
    [InlineData("There is no command 'rnu'; did you mean 'run'?", "rnu")]
    [InlineData("There is no image 'ubuntu'", "run", "ubuntu")]
    [InlineData("nothing to boot", "run")]
    [InlineData("write '--' before the guest's command", "run", "busybox", "uname")]
    [InlineData("no command after '--'", "run", "busybox", "--")]
    [InlineData("4M of memory is too little", "run", "busybox", "--memory", "4M")]
    [InlineData("'lots' is not an amount of memory", "run", "busybox", "--memory", "lots")]
    [InlineData("65 processors", "run", "busybox", "--cpus", "65")]
    [InlineData("'two' is not a number of processors", "run", "busybox", "--cpus", "two")]
    [InlineData("There is no CPU model 'pentium'; use x86-64-v2 or x86-64-v3", "run", "busybox", "--cpu", "pentium")]
    [InlineData("There is no engine 'warp'; use translator, interpreter or auto", "run", "busybox", "--engine", "warp")]
    [InlineData("'soon' is not a duration", "run", "busybox", "--timeout", "soon")]
    [InlineData("cannot go to 'printer'", "run", "busybox", "--serial", "printer")]
    [InlineData("There is no trace 'everything'; use cpu, exceptions, io, mmio or firmware", "run", "busybox", "--trace", "everything")]
    [InlineData("cannot be a machine's name", "run", "busybox", "--name", "../up")]
    [InlineData("Firmware cannot boot the image", "run", "busybox", "--bios")]
    [InlineData("not both", "run", "--kernel", "k", "--bios", "b")]
    [InlineData("A command needs an image", "run", "--kernel", "k", "--", "ls")]
    [InlineData("/no/such/kernel", "run", "--kernel", "/no/such/kernel")]
    [InlineData("/no/such/folder/log", "run", "--kernel", "k", "--serial", "file:/no/such/folder/log")]
    [InlineData("There is no image 'ubuntu' here", "image", "rm", "ubuntu")]
    public async Task What_is_wrong_is_said_in_one_sentence(string expected, params string[] arguments)
    {
        var outcome = await HolonProgram.RunAsync(arguments);
        AssertRefused(outcome, expected);
    }

    [Fact]
    public async Task A_file_that_is_no_kernel_is_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        foreach (var (name, content) in NotKernels())
        {
            var path = folder.File(name, content);
            AssertRefused(await HolonProgram.RunAsync("run", "--kernel", path, "--timeout", "10s"), path);
        }

        AssertRefused(await HolonProgram.RunAsync("run", "--kernel", folder.Path), folder.Path);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("run", "--help")]
    [InlineData("image", "--help")]
    [InlineData("doctor")]
    [InlineData("version")]
    [InlineData("image", "ls")]
    public async Task Asking_succeeds_and_answers_on_standard_output(params string[] arguments)
    {
        var outcome = await HolonProgram.RunAsync(arguments);
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        Assert.NotEmpty(outcome.Output);
    }

    [Fact]
    public async Task Help_documents_the_exit_codes()
    {
        var help = (await HolonProgram.RunAsync("run", "--help")).Output;
        Assert.All(["124", "125", "130", "Examples:", "[-- COMMAND...]"], word => Assert.Contains(word, help, StringComparison.Ordinal));
    }

    private static IEnumerable<(string Name, byte[] Content)> NotKernels()
    {
        yield return ("empty", []);
        yield return ("text", "#!/bin/sh\necho no kernel\n"u8.ToArray());
        yield return ("random", [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 2654435761u >> 13))]);

        var elf = new byte[4096]; // ELF64, executable, for AArch64
        ((byte[])[0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1]).CopyTo(elf, 0);
        (elf[16], elf[18]) = (2, 183);
        yield return ("arm-vmlinux", elf);

        var image = new byte[4096]; // Linux's arm64 Image: "ARM\x64" at 56 (Documentation/arm64/booting.rst)
        "ARM\x64"u8.CopyTo(image.AsSpan(56));
        yield return ("arm-image", image);
    }

    private static void AssertRefused(Outcome outcome, string expected)
    {
        Assert.Equal(125, outcome.ExitCode);
        Assert.Empty(outcome.Output);
        var lines = outcome.Error.TrimEnd().Split('\n');
        Assert.StartsWith("holon: ", lines[0], StringComparison.Ordinal);
        Assert.Contains(expected, lines[0], StringComparison.Ordinal);
        Assert.All(lines.Skip(1), line => Assert.StartsWith("  because: ", line, StringComparison.Ordinal));
    }
}
