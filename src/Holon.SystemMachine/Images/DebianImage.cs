using Holon.Machines;
using Holon.Storage;
using Holon.Storage.Tools;
using Holon.SystemMachine.Boot.Cpio;
using Holon.SystemMachine.Shares;

namespace Holon.SystemMachine.Images;

/// <summary>
/// Debian 12 on a disk, installed by Debian's own mmdebstrap. Machines boot its kernel directly, or the disk's GRUB by BIOS or UEFI
/// firmware; each writes to a disk of its own over the image's, which stays as it is.
/// </summary>
public sealed record DebianImage() : ImageRecipe("debian", "Debian 12 with systemd, on a disk", "linux-image-cloud-amd64")
{
    /// <summary>What its kernel is told.</summary>
    public const string CommandLine = "console=ttyS0 panic=-1 quiet";

    private const long MiB = 1 << 20, DiskLength = 4096 * MiB;
    private const long SpaceForInstallation = 2_500_000_000;

    /// <summary>Numbered and named as in Debian's own cloud images. The last MiB has the partition table's copy.</summary>
    private static readonly Partition _root = new(1, Partition.Linux, "root", 128 * MiB, DiskLength - (129 * MiB)),
        _boot = new(14, Partition.BiosBoot, "bios", MiB, 3 * MiB),
        _efi = new(15, Partition.EfiSystem, "efi", 4 * MiB, 124 * MiB);

    /// <summary>What the script makes besides the disk.</summary>
    private static readonly string[] _results = ["core", "boot", "efi"];

    /// <summary>What a small server needs.</summary>
    private const string Packages = "systemd-sysv,systemd-resolved,systemd-timesyncd,udev,dbus,kmod,e2fsprogs,iproute2,iputils-ping,openssh-server,procps,less,vim-tiny,login,passwd,util-linux,ca-certificates,initramfs-tools,zstd,linux-image-cloud-amd64,grub2-common,grub-pc-bin,grub-efi-amd64-bin,mtools";

    /// <inheritdoc/>
    public override bool HasDisk => true;

    /// <inheritdoc/>
    public override int Revision => 3;

    /// <summary>Completes a specification so that it boots this image.</summary>
    /// <param name="spec">What the user asked for.</param>
    /// <param name="image">The image.</param>
    /// <param name="disk">The machine's own disk, over the image's.</param>
    /// <param name="authorizedKeys">Public keys, a line each, whose owners may log in as root by SSH; empty for none.</param>
    /// <param name="hostName">What it is to call itself; null for what is on its disk.</param>
    public static SystemMachineSpec Complete(SystemMachineSpec spec, StoredImage image, DiskSpec disk, string authorizedKeys = "", string? hostName = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(image);
        spec = spec with { Disks = [disk, .. spec.Disks], Devices = [new DeviceSpec { Kind = DeviceKind.Entropy }, .. spec.Devices] };
        if (spec.Bios is not null) return spec.Validate(); // GRUB on the disk knows its kernel
        return (spec with
        {
            Kernel = spec.Kernel ?? image.Kernel,
            Initrds = spec.Initrds.Count > 0 ? spec.Initrds : [image.Initrd, image.Modules],
            CommandLine = $"{CommandLine}{(hostName is null ? "" : $" systemd.hostname={hostName}")} {spec.CommandLine}".TrimEnd(),
            ExtraInitrd = InitArchive(authorizedKeys, spec.Shares),
        }).Validate();
    }

    /// <summary>Makes a disk for one machine: what it writes, over the image's disk, to which it gets a name of its own so that a newer image changes nothing.</summary>
    /// <exception cref="HolonException">It cannot be made.</exception>
    public static void CreateDisk(StoredImage image, string path)
    {
        ArgumentNullException.ThrowIfNull(image);
        var folder = Directory.CreateDirectory(Path.GetDirectoryName(path)!).FullName;
        var below = Path.Combine(folder, "image.qcow2");
        File.Delete(below);
        if (!HostLinks.TryLink(image.Disk, below)) below = image.Disk; // another file system: the image must stay
        DiskCreation.CreateOverlay(path, below, DiskFormat.Qcow2);
    }

    internal override async Task<IReadOnlyList<SourcePackage>> BuildAsync(string folder, IProgress<ImageProgress> progress, CancellationToken cancellationToken)
    {
        // Kernel, a shell to start with, and drivers are the same as those of the small guest.
        var packages = await new BusyboxImage(Name, Description, KernelPackage).BuildAsync(folder, progress, cancellationToken).ConfigureAwait(false);
        var scratch = Path.Combine("/var/tmp", $"holon-{Path.GetRandomFileName()}"); // where every user may enter, also one of a user name space
        DiskSpace.Require("/var/tmp", SpaceForInstallation);
        Directory.CreateDirectory(scratch);
        try
        {
            progress.Report(new ImageProgress("Installing Debian 12 (about a minute)", null));
            await InstallAsync(scratch, cancellationToken).ConfigureAwait(false);
            progress.Report(new ImageProgress("Making the disk image", 0));
            var raw = Path.Combine(scratch, "disk");
            await FinishDiskAsync(scratch, raw, cancellationToken).ConfigureAwait(false);
            DiskConversion.Convert(raw, DiskFormat.Raw, Path.Combine(folder, "disk.qcow2"), new DiskCreationOptions(),
                progress: new Progress<double>(done => progress.Report(new ImageProgress("Making the disk image", done))), cancellationToken: cancellationToken);
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }

        return [.. packages, new("debian", "12")];
    }

    private static async Task InstallAsync(string scratch, CancellationToken cancellationToken)
    {
        var (script, disk) = (Path.Combine(scratch, "make-disk"), Path.Combine(scratch, "disk"));
        await File.WriteAllBytesAsync(script, GuestSession.Resource("debian-disk.sh"), cancellationToken).ConfigureAwait(false);
        await using (var file = File.Create(disk)) file.SetLength(DiskLength);
        string[] results = [disk, .. _results.Select(name => Path.Combine(scratch, name))];
        foreach (var result in results[1..]) await File.WriteAllBytesAsync(result, [], cancellationToken).ConfigureAwait(false);
        if (!OperatingSystem.IsWindows())
        {
            const UnixFileMode Everybody = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
            File.SetUnixFileMode(scratch, Everybody | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
            File.SetUnixFileMode(script, Everybody);
            foreach (var result in results) File.SetUnixFileMode(result, Everybody | UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite);
        }

        string[] arguments =
        [
            "--variant=minbase", $"--include={Packages}", "--aptopt=Apt::Install-Recommends \"false\"",
            $"--customize-hook=sh {script} \"$1\" {scratch} {_root.Start} {_root.Length >> 10} {_efi.Length >> 10}", "--format=null", "bookworm", "/dev/null",
        ];
        var (exitCode, complaint) = await HostProgram.RunAsync("mmdebstrap", arguments, scratch, _ => { }, cancellationToken).ConfigureAwait(false);
        var reason = complaint.Split('\n').FirstOrDefault(line => line.StartsWith("E: ", StringComparison.Ordinal)) ?? HostProgram.FirstLine(complaint); // those behind it only follow
        if (exitCode != 0) throw new HolonException($"Debian's mmdebstrap could not install Debian 12: {reason}");
    }

    /// <summary>The partition table, and boot loaders for both kinds of firmware.</summary>
    private static async Task FinishDiskAsync(string scratch, string disk, CancellationToken cancellationToken)
    {
        var core = await File.ReadAllBytesAsync(Path.Combine(scratch, "core"), cancellationToken).ConfigureAwait(false);
        var bootSector = await File.ReadAllBytesAsync(Path.Combine(scratch, "boot"), cancellationToken).ConfigureAwait(false);
        var efi = await File.ReadAllBytesAsync(Path.Combine(scratch, "efi"), cancellationToken).ConfigureAwait(false);
        var code = GrubForBios.Prepare(bootSector, core, _boot.Start, _boot.Length);
        using var file = File.OpenHandle(disk, FileMode.Open, FileAccess.Write);
        RandomAccess.Write(file, core, _boot.Start);
        for (var at = 0; at < efi.Length; at += (int)MiB)
        {
            var piece = efi.AsSpan(at, Math.Min((int)MiB, efi.Length - at));
            if (piece.ContainsAnyExcept((byte)0)) RandomAccess.Write(file, piece, _efi.Start + at);
        }

        GuidPartitionTable.Write(file, DiskLength, [_root, _boot, _efi], code);
    }

    private static byte[] InitArchive(string authorizedKeys, IReadOnlyList<ShareSpec> shares)
    {
        const string Run = "holon/run"; // becomes the machine's /run
        using var archive = new MemoryStream();
        using (var writer = new CpioWriter(archive, leaveOpen: true))
        {
            writer.AddFile("init", GuestSession.Resource("debian-init.sh"), CpioWriter.ExecutableMode);
            if (authorizedKeys.Length > 0 || shares.Count > 0)
            {
                writer.AddDirectory("holon");
                writer.AddDirectory(Run);
                ShareMounts.AddUnits(writer, Run, shares);
            }

            if (authorizedKeys.Length > 0)
            {
                writer.AddDirectory($"{Run}/holon");
                writer.AddFile($"{Run}/holon/authorized_keys", authorizedKeys);
            }
        }

        return archive.ToArray();
    }
}
