namespace Holon.Devices.Debug;

/// <summary>
/// A port by which a test program ends its machine with a result, at 0xF4 by custom: writing v exits with code (v &lt;&lt; 1) | 1,
/// as QEMU's isa-debug-exit does, so that no result looks like success of the program that ran the machine.
/// </summary>
public sealed class DebugExit : IBusDevice
{
    /// <summary>Makes the port.</summary>
    /// <param name="exit">Called with the exit code, under the device's lock. Must not block.</param>
    public DebugExit(Action<int> exit) => Registers = new RegisterMap(new Register(0, 4, "EXIT", () => 0, value => exit((int)((uint)value << 1) | 1), PartialWrite.Zero));

    /// <summary>The port, four bytes wide.</summary>
    public RegisterMap Registers { get; }

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size) => Registers.Read(offset, size);

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value) => Registers.Write(offset, size, value);
}
