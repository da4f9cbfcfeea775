namespace Holon.Devices.State;

/// <summary>A device that can be reset like the machine's reset line does, and whose state can be saved and restored.</summary>
public interface IStatefulDevice
{
    /// <summary>Returns to the state after power-on.</summary>
    void Reset();

    /// <summary>Appends the device's state as one named section. Called while the machine is paused.</summary>
    void Save(DeviceStateWriter writer);

    /// <summary>Takes the state that <see cref="Save"/> wrote. Load the clock before the devices: their timers are set again from it.</summary>
    /// <exception cref="Machines.HolonException">The data is damaged or from a newer version.</exception>
    void Load(DeviceStateReader reader);
}
