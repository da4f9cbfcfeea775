using System.Text.RegularExpressions;
using Holon.Machines;
using Holon.SystemMachine.Boot.Cpio;

namespace Holon.SystemMachine.Images;

/// <summary>
/// The small Linux guest: one of Debian's kernels and its static busybox, nothing else. The first process and the command come
/// with each run (<see cref="GuestSession"/>).
/// </summary>
/// <param name="Name">The image's name.</param>
/// <param name="Description">One line for people.</param>
/// <param name="KernelPackage">Debian's package that always depends on the newest kernel of a flavour.</param>
public sealed partial record BusyboxImage(string Name, string Description, string KernelPackage) : ImageRecipe(Name, Description, KernelPackage)
{
    /// <summary>One for each of Debian's kernels.</summary>
    public static IReadOnlyList<BusyboxImage> Flavours { get; } =
    [
        new("busybox", "Debian's cloud kernel with busybox", "linux-image-cloud-amd64"),
        new("busybox-full", "Debian's full kernel with busybox", "linux-image-amd64"),
    ];

    /// <summary>What its kernel is told: output on the serial port, quietly, and a panic ends the machine at once.</summary>
    public static string CommandLine => "console=ttyS0 panic=-1 quiet";

    private const string BusyboxPackage = "busybox-static";

    /// <inheritdoc/>
    public override int Revision => 2;

    internal override async Task<IReadOnlyList<SourcePackage>> BuildAsync(string folder, IProgress<ImageProgress> progress, CancellationToken cancellationToken)
    {
        progress.Report(new ImageProgress("Looking up Debian's packages", null));
        var downloads = Directory.CreateDirectory(Path.Combine(folder, "downloads")).FullName;
        var archive = new DebianArchive(downloads);
        var newest = await archive.FindAsync(KernelPackage, progress, cancellationToken).ConfigureAwait(false);
        if (KernelDependency().Match(newest.Depends) is not { Success: true, Value: var kernelName })
            throw new HolonException($"Debian's package {KernelPackage} {newest.Version} names no kernel; run apt-get update and try again.");
        var kernel = await archive.FindAsync(kernelName, progress, cancellationToken).ConfigureAwait(false);
        var busybox = await archive.FindAsync(BusyboxPackage, progress, cancellationToken).ConfigureAwait(false);

        DiskSpace.Require(folder, (2 * (kernel.Size + busybox.Size)) + 20_000_000); // packages, what is unpacked from them, and some room besides

        var kernelFile = await archive.DownloadAsync(kernel, progress, cancellationToken).ConfigureAwait(false);
        var busyboxFile = await archive.DownloadAsync(busybox, progress, cancellationToken).ConfigureAwait(false);

        progress.Report(new ImageProgress("Unpacking the kernel", null));
        await archive.ExtractAsync(kernelFile, path => path.StartsWith("boot/vmlinuz-", StringComparison.Ordinal), Path.Combine(folder, "kernel"), cancellationToken).ConfigureAwait(false);
        var modules = new KernelModules();
        await archive.ReadFilesAsync(kernelFile, KernelModules.IsWanted, modules.Add, cancellationToken).ConfigureAwait(false);
        await using (var file = new FileStream(Path.Combine(folder, "modules"), FileMode.CreateNew, FileAccess.Write))
        {
            modules.WriteArchive(file);
            file.Flush(flushToDisk: true);
        }

        progress.Report(new ImageProgress("Making the initial root file system", null));
        var program = Path.Combine(downloads, "busybox");
        await archive.ExtractAsync(busyboxFile, path => path is "bin/busybox" or "usr/bin/busybox", program, cancellationToken).ConfigureAwait(false);
        await WriteInitrdAsync(program, Path.Combine(folder, "initrd"), cancellationToken).ConfigureAwait(false);
        Directory.Delete(downloads, recursive: true);
        return [new(kernel.Name, kernel.Version), new(busybox.Name, busybox.Version)];
    }

    private static async Task WriteInitrdAsync(string busybox, string destination, CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(busybox, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var applets = new List<string>();
        var (exitCode, complaint) = await HostProgram.RunAsync(busybox, ["--list"], Path.GetDirectoryName(busybox)!, applets.Add, cancellationToken).ConfigureAwait(false);
        if (exitCode != 0) throw new HolonException($"Debian's busybox does not run on this host: {HostProgram.FirstLine(complaint)}");

        await using var file = new FileStream(destination, FileMode.CreateNew, FileAccess.Write);
        using (var writer = new CpioWriter(file, leaveOpen: true))
        {
            foreach (var folder in (ReadOnlySpan<string>)["bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr", "var"]) writer.AddDirectory(folder);
            writer.AddSymbolicLink("sbin", "bin");
            writer.AddSymbolicLink("usr/bin", "../bin");
            writer.AddSymbolicLink("usr/sbin", "../bin");
            writer.AddCharacterDevice("dev/console", 5, 1); // the kernel opens it for the first process before anything is mounted
            writer.AddCharacterDevice("dev/null", 1, 3, Convert.ToInt32("666", 8));
            writer.AddFile("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"); // nobody with a shell: su nobody -c COMMAND
            writer.AddFile("etc/group", "root:x:0:\nnogroup:x:65534:\n");
            writer.AddFile("bin/busybox", await File.ReadAllBytesAsync(busybox, cancellationToken).ConfigureAwait(false), CpioWriter.ExecutableMode);
            foreach (var applet in applets)
            {
                if (applet is not ("" or "busybox")) writer.AddSymbolicLink($"bin/{applet}", "busybox");
            }
        }

        file.Flush(flushToDisk: true);
    }

    [GeneratedRegex(@"linux-image-\d[^ ,|(]*")]
    private static partial Regex KernelDependency();
}
