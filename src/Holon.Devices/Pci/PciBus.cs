using System.Diagnostics.CodeAnalysis;
using Holon.Devices.State;

namespace Holon.Devices.Pci;

/// <summary>Bus 0 of a machine: up to 32 devices with 8 functions each (PCI Local Bus Specification 3.0, §3.2.2.3).</summary>
/// <remarks>Not thread-safe: configuration accesses are made under one lock.</remarks>
/// <param name="space">The board's address spaces.</param>
/// <param name="createInterruptLine">Makes the line from a device's pin (0 for INTA# to 3) to the interrupt router; null when there is none.</param>
[SuppressMessage("Naming", "CA1724:Type names should not match namespaces", Justification = "The field's term.")]
public sealed class PciBus(IPciAddressSpace space, Func<int, int, IInterruptLine>? createInterruptLine) : IStatefulDevice
{
    /// <summary>Devices on a bus, and functions in a device.</summary>
    public const int DeviceCount = 32, FunctionCount = 8;

    private readonly PciFunction?[] _functions = new PciFunction?[DeviceCount * FunctionCount];

    /// <summary>All functions, by device and function number.</summary>
    public IEnumerable<PciFunction> Functions => _functions.OfType<PciFunction>();

    /// <summary>Puts a function on the bus.</summary>
    /// <exception cref="ArgumentException">The place is taken, or function 0 of the device is missing.</exception>
    public void Attach(PciFunction pciFunction, int device, int function = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)device, (uint)DeviceCount, nameof(device));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)function, (uint)FunctionCount, nameof(function));
        var first = _functions[device * FunctionCount];
        ref var place = ref _functions[(device * FunctionCount) + function];
        if (place is not null) throw new ArgumentException($"PCI device {device}, function {function} is taken.", nameof(function));
        if (function > 0 && first is null) throw new ArgumentException($"PCI device {device} needs a function 0 first.", nameof(function));
        place = pciFunction;
        pciFunction.Attach(device, function, pciFunction.InterruptPin > 0 ? createInterruptLine?.Invoke(device, pciFunction.InterruptPin - 1) : null, space);
        first?.MarkMultiFunction();
    }

    /// <summary>Puts a function into the first device that is free.</summary>
    /// <param name="pciFunction">The function.</param>
    /// <param name="firstDevice">Where to begin to look.</param>
    /// <returns>The device number, or -1 when the bus is full.</returns>
    public int AttachToFreeDevice(PciFunction pciFunction, int firstDevice = 0)
    {
        for (var device = firstDevice; device < DeviceCount; device++)
        {
            if (_functions[device * FunctionCount] is not null) continue;
            Attach(pciFunction, device);
            return device;
        }

        return -1;
    }

    /// <summary>Takes all functions of a device off the bus.</summary>
    /// <returns>What they were.</returns>
    public IReadOnlyList<PciFunction> Detach(int device)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)device, (uint)DeviceCount, nameof(device));
        var places = _functions.AsSpan(device * FunctionCount, FunctionCount);
        var functions = places.ToArray().OfType<PciFunction>().ToList();
        places.Clear();
        foreach (var function in functions) function.Detach();
        return functions;
    }

    /// <summary>A function, or null.</summary>
    public PciFunction? Find(int device, int function) =>
        (uint)device < DeviceCount && (uint)function < FunctionCount ? _functions[(device * FunctionCount) + function] : null;

    /// <summary>Reads a function's configuration space. Where there is none the bus floats: all ones.</summary>
    /// <param name="deviceFunction">Device number times 8 plus function number, 0 to 255.</param>
    /// <param name="offset">Offset in it.</param>
    /// <param name="size">1, 2 or 4.</param>
    public uint ReadConfiguration(byte deviceFunction, int offset, int size) =>
        _functions[deviceFunction]?.ReadConfiguration(offset, size) ?? (uint)RegisterMap.Ones(size);

    /// <summary>Writes a function's configuration space.</summary>
    public void WriteConfiguration(byte deviceFunction, int offset, int size, uint value) =>
        _functions[deviceFunction]?.WriteConfiguration(offset, size, value);

    /// <inheritdoc/>
    public void Reset()
    {
        foreach (var function in Functions) function.Reset();
    }

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        writer.BeginSection("pci-bus", 1);
        writer.Write(Functions.Count());
        foreach (var function in Functions)
        {
            writer.Write((byte)((function.DeviceNumber * FunctionCount) + function.FunctionNumber));
            function.Save(writer);
        }

        writer.EndSection();
    }

    /// <inheritdoc/>
    public void Load(DeviceStateReader reader)
    {
        reader.BeginSection("pci-bus", 1);
        if (reader.ReadInt32() != Functions.Count()) throw reader.Damaged("the machine has other PCI devices");
        foreach (var function in Functions)
        {
            if (reader.ReadByte() != (function.DeviceNumber * FunctionCount) + function.FunctionNumber) throw reader.Damaged("the machine has other PCI devices");
            function.Load(reader);
        }

        reader.EndSection();
    }
}
