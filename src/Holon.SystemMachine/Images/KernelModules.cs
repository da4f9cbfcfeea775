using System.Text;
using Holon.SystemMachine.Boot.Cpio;

namespace Holon.SystemMachine.Images;

/// <summary>
/// The modules of a Debian kernel that the board's devices need, as an archive for the kernel to unpack over the image's own: only
/// machines with such devices carry it.
/// </summary>
internal sealed class KernelModules
{
    /// <summary>Drivers of the board's devices, and what they may depend on; kernels have some of them built in.</summary>
    private static readonly HashSet<string> _wanted =
    [
        "virtio", "virtio_ring", "virtio_pci", "virtio_pci_legacy_dev", "virtio_pci_modern_dev",
        "virtio_blk", "virtio_rng", "rng_core", "virtio_console", "virtio_balloon", "virtio_net", "net_failover", "failover", "8139too", "mii",
        "vsock", "vmw_vsock_virtio_transport", "vmw_vsock_virtio_transport_common", "virtiofs", "fuse",
        "ahci", "libahci", "libata", "scsi_mod", "scsi_common", "sd_mod", "t10_pi", "crc_t10dif", "crct10dif_common", "crct10dif_generic",
        "crc64_rocksoft", "crc64_rocksoft_generic", "crc64",
        "ext4", "mbcache", "jbd2", "crc16", "crc32c_generic", "libcrc32c",
    ];

    private readonly Dictionary<string, (string Path, byte[] Content)> _modules = new(StringComparer.Ordinal);

    /// <summary>Whether a file of the kernel's package is wanted.</summary>
    public static bool IsWanted(string path) => path.EndsWith(".ko", StringComparison.Ordinal) && _wanted.Contains(NameOf(path));

    /// <summary>Takes a module.</summary>
    /// <param name="path">Its path in the package: <c>lib/modules/VERSION/kernel/…</c></param>
    /// <param name="content">The file.</param>
    public void Add(string path, byte[] content) => _modules[NameOf(path)] = (path, content);

    /// <summary>Writes the archive, with the table of dependencies by which modprobe finds its way.</summary>
    public void WriteArchive(Stream destination)
    {
        using var writer = new CpioWriter(destination, leaveOpen: true);
        var folders = new HashSet<string>(StringComparer.Ordinal);
        var table = new StringBuilder();
        var root = "";
        foreach (var (path, content) in _modules.Values.OrderBy(module => module.Path, StringComparer.Ordinal))
        {
            root = string.Join('/', path.Split('/')[..3]);
            AddFolders(writer, folders, path);
            writer.AddFile(path, content);
            var dependencies = DependenciesOf(content).Select(module => _modules[module].Path[(root.Length + 1)..]);
            table.Append(path.AsSpan(root.Length + 1)).Append(": ").AppendJoin(' ', dependencies).Append('\n');
        }

        if (root.Length > 0) writer.AddFile($"{root}/modules.dep", table.ToString());
    }

    private static string NameOf(string path) => Path.GetFileNameWithoutExtension(path).Replace('-', '_');

    private static void AddFolders(CpioWriter writer, HashSet<string> folders, string path)
    {
        for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash >= 0; slash = path.IndexOf('/', slash + 1))
        {
            if (folders.Add(path[..slash])) writer.AddDirectory(path[..slash]);
        }
    }

    /// <summary>All modules that one needs, the nearest first, as modules.dep has them.</summary>
    private List<string> DependenciesOf(byte[] content)
    {
        var found = new List<string>();
        var next = new Queue<byte[]>([content]);
        while (next.TryDequeue(out var module))
        {
            foreach (var name in DirectDependencies(module))
            {
                if (!_modules.TryGetValue(name, out var dependency)) continue; // built into the kernel
                found.Remove(name); // what several need comes after all of them
                found.Add(name);
                next.Enqueue(dependency.Content);
            }
        }

        return found;
    }

    /// <summary>The <c>depends=</c> line of a module's information section, which is text between zero bytes.</summary>
    private static string[] DirectDependencies(byte[] module)
    {
        var at = module.AsSpan().IndexOf("\0depends="u8);
        if (at < 0) return [];
        var line = module.AsSpan(at + "\0depends="u8.Length);
        var end = line.IndexOf((byte)0);
        return end <= 0 ? [] : [.. Encoding.ASCII.GetString(line[..end]).Split(',').Select(name => name.Replace('-', '_'))];
    }
}
