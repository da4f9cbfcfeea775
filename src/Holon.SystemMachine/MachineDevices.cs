using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net.Sockets;
using Holon.Devices.Ahci;
using Holon.Devices.Fuse;
using Holon.Devices.Virtio;
using Holon.Devices.Virtio.Balloon;
using Holon.Devices.Virtio.Block;
using Holon.Devices.Virtio.Entropy;
using Holon.Devices.Virtio.FileSystem;
using Holon.Devices.Virtio.Vsock;
using Holon.Machines;
using Holon.SystemMachine.Disks;
using Holon.SystemMachine.Networks;
using Holon.SystemMachine.Shares;

namespace Holon.SystemMachine;

/// <summary>Makes the devices that a specification asks for and puts them into the board's PCI slots.</summary>
internal sealed class MachineDevices(PciDevices slots, IBoardEvents events, string machine, ProcessorRest processors) : IDisposable
{
    private readonly List<ConsoleSocket> _consoles = [];
    private int _count, _controllers;

    /// <summary>Network cards.</summary>
    public MachineNetworks Networks { get; } = new(slots, events, machine, processors);

    /// <summary>Disks.</summary>
    public MachineDisks Disks { get; } = new();

    /// <summary>The most request queues of a disk: more gain nothing.</summary>
    private const int MostQueues = 8;

    /// <summary>Makes everything that is there at power-on.</summary>
    /// <exception cref="HolonException">Something cannot be opened, or there is no place for it.</exception>
    public void Add(SystemMachineSpec spec)
    {
        foreach (var disk in spec.Disks.Where(disk => disk.Bus == DiskBus.Virtio)) AddDisk(disk, hot: false, spec.Cpus);
        foreach (var controller in spec.Disks.Where(disk => disk.Bus == DiskBus.Ahci).Chunk(AhciController.MostPorts)) AddSataDisks(controller);
        foreach (var network in spec.Networks) Networks.Add(network, hot: false, spec.Cpus);
        foreach (var device in spec.Devices) AddDevice(device);
        foreach (var share in spec.Shares) AddShare(share);
    }

    /// <summary>Makes a disk.</summary>
    /// <exception cref="HolonException">It cannot be opened, or there is no place for it.</exception>
    public void AddDisk(DiskSpec disk, bool hot, int processors)
    {
        disk.Validate();
        if (disk.Bus != DiskBus.Virtio) throw new HolonException($"The disk {disk.Path} cannot be plugged in as a SATA disk while the machine runs; use bus=virtio.");
        var name = NameOf(disk);
        var backend = Disks.Open(name, disk);
        var options = new VirtioBlockOptions(disk.Serial, disk.ReadOnly, Math.Min(processors, MostQueues));
        var block = new VirtioBlock(backend, options, () => events.DiskFull(name, disk.Path));
        try
        {
            slots.Add(name, block, hot);
        }
        catch
        {
            Disks.Removed(backend);
            block.Dispose();
            throw;
        }
    }

    private void AddShare(ShareSpec share)
    {
        var name = $"share-{share.Tag}";
        var device = new VirtioFileSystem(new FuseServer(share.ToOptions()), share.Tag, name);
        try
        {
            slots.Add(name, device, hot: false);
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    private static string NameOf(DiskSpec disk) => disk.Name ?? Path.GetFileName(disk.Path);

    private void AddSataDisks(DiskSpec[] disks)
    {
        var opened = new List<AhciDisk>();
        try
        {
            foreach (var disk in disks) opened.Add(new AhciDisk(Disks.Open(NameOf(disk), disk), disk.Serial, disk.ReadOnly, () => events.DiskFull(NameOf(disk), disk.Path)));
            slots.Add($"sata{++_controllers}", memory => new AhciController(memory, slots, opened), hot: false);
        }
        catch
        {
            foreach (var disk in opened) disk.Backend.DisposeAsync().AsTask().GetAwaiter().GetResult();
            throw;
        }
    }

    /// <summary>The guest has let go of a device.</summary>
    public void Removed(string name)
    {
        Networks.Removed(name);
        Disks.Removed(name);
    }

    /// <summary>Gives back what the devices themselves do not own.</summary>
    public void Dispose()
    {
        Networks.Dispose();
        foreach (var console in _consoles) console.Dispose();
    }

    [SuppressMessage("Globalization", "CA1308", Justification = "Names are lower case.")]
    private void AddDevice(DeviceSpec device)
    {
        var name = device.Kind.ToString().ToLowerInvariant() + (_count++ == 0 ? "" : _count.ToString(CultureInfo.InvariantCulture));
        try
        {
            slots.Add(name, Create(device), hot: false);
        }
        catch (SocketException exception)
        {
            throw new HolonException($"The socket {device.Socket} cannot be made; give the path of a file that does not exist yet, in a folder that you can write to.", exception);
        }
        catch (ArgumentException exception)
        {
            throw new HolonException($"The socket's path {device.Socket} is too long; give a shorter one.", exception);
        }
    }

    private VirtioDevice Create(DeviceSpec device)
    {
        switch (device.Kind)
        {
            case DeviceKind.Entropy:
                return new VirtioEntropy();
            case DeviceKind.Balloon:
                return new VirtioBalloon();
            case DeviceKind.Vsock:
                return new VirtioVsock(device.Cid, device.Socket!);
            default:
                var console = new ConsoleSocket(device.Socket!);
                _consoles.Add(console);
                return console.Device;
        }
    }
}
