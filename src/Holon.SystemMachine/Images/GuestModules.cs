using Holon.SystemMachine.Networks;

namespace Holon.SystemMachine.Images;

/// <summary>The Linux drivers of a machine's devices.</summary>
public static class GuestModules
{
    /// <summary>Modules to load; none for a machine that has only what every kernel knows.</summary>
    public static IReadOnlyList<string> For(SystemMachineSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var modules = new List<string>();
        if (spec.Disks.Any(disk => disk.Bus == DiskBus.Virtio)) modules.Add("virtio_blk");
        if (spec.Disks.Any(disk => disk.Bus == DiskBus.Ahci)) modules.AddRange(["ahci", "sd_mod"]);
        modules.AddRange(spec.Devices.Select(device => device.Kind).Distinct().Select(kind => kind switch
        {
            DeviceKind.Entropy => "virtio_rng",
            DeviceKind.Balloon => "virtio_balloon",
            DeviceKind.Vsock => "vmw_vsock_virtio_transport",
            _ => "virtio_console",
        }));
        if (spec.Networks.Any(network => network.Model == CardModel.Virtio)) modules.Add("virtio_net");
        if (spec.Networks.Any(network => network.Model == CardModel.Rtl8139)) modules.Add("8139too");
        if (spec.Shares.Count > 0) modules.Add("virtiofs");
        if (spec.Disks.Any(disk => disk.Bus == DiskBus.Virtio) || spec.Devices.Count > 0 || spec.Shares.Count > 0 || spec.Networks.Any(network => network.Model == CardModel.Virtio)) modules.Insert(0, "virtio_pci");
        return modules;
    }
}
