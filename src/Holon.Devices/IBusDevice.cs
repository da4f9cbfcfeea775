namespace Holon.Devices;

/// <summary>
/// Something that answers port or memory accesses in a range of addresses. It knows no board, no engine and no thread:
/// the board maps it, and calls it under the device's own lock.
/// </summary>
public interface IBusDevice
{
    /// <summary>Reads from the device.</summary>
    /// <param name="offset">Bytes from the start of the range it is mapped at.</param>
    /// <param name="size">1, 2, 4 or 8 bytes. The guest chooses it: any size at any offset must be answered.</param>
    ulong Read(ulong offset, int size);

    /// <summary>Writes to the device. The guest is not trusted: any value at any offset must be survived.</summary>
    void Write(ulong offset, int size, ulong value);
}
