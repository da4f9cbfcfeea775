using Holon.Devices.Virtio.Block;
using Holon.Devices.Virtio.Entropy;
using Holon.Machines;
using Holon.SystemMachine.Disks;

namespace Holon.SystemMachine;

/// <summary>Makes the devices that a specification asks for and puts them into the board's PCI slots.</summary>
internal sealed class MachineDevices(PciDevices slots, IBoardEvents events)
{
    /// <summary>The most request queues of a disk: more gain nothing.</summary>
    private const int MostQueues = 8;

    /// <summary>Makes everything that is there at power-on.</summary>
    /// <exception cref="HolonException">Something cannot be opened, or there is no place for it.</exception>
    public void Add(SystemMachineSpec spec)
    {
        foreach (var disk in spec.Disks) AddDisk(disk, hot: false, spec.Cpus);
        foreach (var device in spec.Devices) AddDevice(device);
    }

    /// <summary>Makes a disk.</summary>
    /// <exception cref="HolonException">It cannot be opened, or there is no place for it.</exception>
    public void AddDisk(DiskSpec disk, bool hot, int processors)
    {
        disk.Validate();
        var name = disk.Name ?? Path.GetFileName(disk.Path);
        var backend = DiskFile.Open(disk);
        var options = new VirtioBlockOptions(disk.Serial, disk.ReadOnly, Math.Min(processors, MostQueues));
        var block = new VirtioBlock(backend, options, () => events.DiskFull(name));
        try
        {
            slots.Add(name, block, hot);
        }
        catch
        {
            block.Dispose();
            throw;
        }
    }

    private void AddDevice(DeviceSpec device)
    {
        switch (device.Kind)
        {
            case DeviceKind.Entropy:
                slots.Add("rng", new VirtioEntropy(), hot: false);
                break;
            default:
                throw new HolonException($"There is no device {device.Kind} yet.");
        }
    }
}
