using System.Buffers.Binary;
using Holon.Machines;
using Holon.Storage;
using Holon.Storage.Tools;
using Holon.SystemMachine.Boot.Cpio;

namespace Holon.SystemMachine.Images;

/// <summary>
/// Debian 12 on a disk, installed by Debian's own mmdebstrap. Machines boot its kernel directly, without firmware; each writes to a
/// disk of its own over the image's, which stays as it is.
/// </summary>
public sealed record DebianImage() : ImageRecipe("debian", "Debian 12 with systemd, on a disk", "linux-image-cloud-amd64")
{
    /// <summary>What its kernel is told.</summary>
    public const string CommandLine = "console=ttyS0 panic=-1 quiet";

    private const long DiskLength = 4L << 30, PartitionStart = 1 << 20;
    private const long SpaceForInstallation = 2_500_000_000;
    private const int SectorLength = 512;

    /// <summary>What a small server needs.</summary>
    private const string Packages = "systemd-sysv,systemd-resolved,systemd-timesyncd,udev,dbus,kmod,e2fsprogs,iproute2,iputils-ping,procps,less,vim-tiny,login,passwd,util-linux,ca-certificates,initramfs-tools,zstd,linux-image-cloud-amd64";

    /// <inheritdoc/>
    public override bool HasDisk => true;

    /// <summary>Completes a specification so that it boots this image.</summary>
    /// <param name="spec">What the user asked for.</param>
    /// <param name="image">The image.</param>
    /// <param name="disk">The machine's own disk, over the image's.</param>
    public static SystemMachineSpec Complete(SystemMachineSpec spec, StoredImage image, DiskSpec disk)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(image);
        return (spec with
        {
            Kernel = spec.Kernel ?? image.Kernel,
            Initrds = spec.Initrds.Count > 0 ? spec.Initrds : [image.Initrd, image.Modules],
            CommandLine = $"{CommandLine} {spec.CommandLine}".TrimEnd(),
            ExtraInitrd = InitArchive(),
            Disks = [disk, .. spec.Disks],
            Devices = [new DeviceSpec { Kind = DeviceKind.Entropy }, .. spec.Devices],
        }).Validate();
    }

    /// <summary>Makes a disk for one machine: what it writes, over the image's disk.</summary>
    /// <exception cref="HolonException">It cannot be made.</exception>
    public static void CreateDisk(StoredImage image, string path)
    {
        ArgumentNullException.ThrowIfNull(image);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        DiskCreation.CreateOverlay(path, image.Disk, DiskFormat.Qcow2);
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
            WritePartitionTable(raw);
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
        if (!OperatingSystem.IsWindows())
        {
            const UnixFileMode Everybody = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
            File.SetUnixFileMode(scratch, Everybody | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
            File.SetUnixFileMode(script, Everybody);
            File.SetUnixFileMode(disk, Everybody | UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite);
        }

        string[] arguments =
        [
            "--variant=minbase", $"--include={Packages}", "--aptopt=Apt::Install-Recommends \"false\"",
            $"--customize-hook=sh {script} \"$1\" {disk}", "--format=null", "bookworm", "/dev/null",
        ];
        var (exitCode, complaint) = await HostProgram.RunAsync("mmdebstrap", arguments, scratch, _ => { }, cancellationToken).ConfigureAwait(false);
        var reason = complaint.Split('\n').LastOrDefault(line => line.StartsWith("E: ", StringComparison.Ordinal)) ?? HostProgram.FirstLine(complaint);
        if (exitCode != 0) throw new HolonException($"Debian's mmdebstrap could not install Debian 12: {reason}");
    }

    /// <summary>A table with one Linux partition that fills the disk, as the BIOS knows it.</summary>
    private static void WritePartitionTable(string path)
    {
        const int Table = 446, Signature = 510;
        const byte Active = 0x80, Linux = 0x83;
        Span<byte> sector = stackalloc byte[SectorLength];
        sector.Clear();
        var entry = sector[Table..];
        entry[0] = Active;
        entry[4] = Linux;
        BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], (uint)(PartitionStart / SectorLength));
        BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], (uint)((DiskLength - PartitionStart) / SectorLength));
        BinaryPrimitives.WriteUInt16LittleEndian(sector[Signature..], 0xAA55);
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write);
        RandomAccess.Write(file, sector, 0);
    }

    private static byte[] InitArchive()
    {
        using var archive = new MemoryStream();
        using (var writer = new CpioWriter(archive, leaveOpen: true)) writer.AddFile("init", GuestSession.Resource("debian-init.sh"), CpioWriter.ExecutableMode);
        return archive.ToArray();
    }
}
