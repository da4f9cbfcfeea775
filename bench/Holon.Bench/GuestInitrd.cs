using System.Text;
using Holon.SystemMachine.Boot.Cpio;
using Holon.SystemMachine.Images;

namespace Holon.Bench;

/// <summary>A file for a guest.</summary>
/// <param name="Path">Where the guest finds it, without a leading slash; its folder is made.</param>
/// <param name="Content">What is in it.</param>
/// <param name="Executable">True for programs.</param>
internal sealed record GuestFile(string Path, byte[] Content, bool Executable = false);

/// <summary>Guests of Debian's kernel, busybox and files of ours, which any emulator can boot.</summary>
internal static class GuestInitrd
{
    /// <summary>What a guest prints when its command begins.</summary>
    public static string Ready { get; } = Encoding.ASCII.GetString(GuestSession.ReadyMark);

    /// <summary>What the command printed: what stands behind the mark.</summary>
    public static string CommandOutput(GuestRun run) => run.Output[(run.Output.IndexOf(Ready, StringComparison.Ordinal) + Ready.Length)..];

    /// <summary>Writes the initrd of a guest that runs a command and ends the machine.</summary>
    /// <param name="destination">The initrd's file.</param>
    /// <param name="command">The command and its arguments.</param>
    /// <param name="files">What the guest gets besides busybox.</param>
    /// <param name="userland">An archive's path, unpacked over busybox.</param>
    /// <param name="network">Loads the driver of a virtio network card and asks for an address.</param>
    /// <param name="image">The image whose kernel and busybox it has.</param>
    public static async Task<Guest> MakeAsync(string destination, IReadOnlyList<string> command, IReadOnlyList<GuestFile> files, string? userland = null, bool network = false, string image = "busybox")
    {
        var stored = await ImageStore.ForUser().GetAsync(image, new Progress<ImageProgress>(), CancellationToken.None).ConfigureAwait(false);
        using var file = File.Create(destination);
        foreach (var archive in new[] { stored.Initrd, userland, network ? stored.Modules : null }.OfType<string>())
        {
            using var source = File.OpenRead(archive);
            await source.CopyToAsync(file).ConfigureAwait(false);
            Pad(file);
        }

        using (var writer = new CpioWriter(file, leaveOpen: true))
        {
            foreach (var folder in files.Select(each => Path.GetDirectoryName(each.Path)!).Where(each => each.Length > 0).Distinct()) writer.AddDirectory(folder);
            foreach (var each in files) writer.AddFile(each.Path, each.Content, each.Executable ? CpioWriter.ExecutableMode : CpioWriter.ReadableMode);
        }

        Pad(file);
        file.Write(new GuestSession { Command = command, HasInput = false, HasNetwork = network, Modules = network ? ["virtio_pci", "virtio_net"] : [] }.ToInitrd());
        return new Guest(stored.Kernel, destination, BusyboxImage.CommandLine);
    }

    // Archives in one initrd begin at multiples of four bytes.
    private static void Pad(FileStream file) => file.Write(new byte[(4 - (file.Length & 3)) & 3]);
}
