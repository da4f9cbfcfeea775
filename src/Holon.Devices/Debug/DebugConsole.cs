namespace Holon.Devices.Debug;

/// <summary>
/// Bochs' debug console: firmware and test programs write characters to port 0x402 (SeaBIOS, OVMF) or 0xE9 (Bochs); reading gives 0xE9,
/// by which they know that it is there.
/// </summary>
public sealed class DebugConsole : IBusDevice
{
    private const byte Present = 0xE9;

    /// <summary>Makes the port.</summary>
    /// <param name="output">Takes each character, under the device's lock. Must not block.</param>
    public DebugConsole(Action<byte> output) => Registers = new RegisterMap(new Register(0, 1, "DEBUGCON", () => Present, value => output((byte)value)));

    /// <summary>The port.</summary>
    public RegisterMap Registers { get; }

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size) => Registers.Read(offset, size);

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value) => Registers.Write(offset, size, value);
}
