namespace Holon.Devices;

/// <summary>What becomes of the other bytes when a guest writes only a part of a register.</summary>
public enum PartialWrite
{
    /// <summary>They keep the value that the register reads as.</summary>
    Keep,

    /// <summary>They are written as zero: right for registers whose ones clear or trigger something.</summary>
    Zero,
}

/// <summary>One register of a device, declared rather than decoded: its data sheet row as data.</summary>
/// <param name="Offset">Byte offset from the device's base.</param>
/// <param name="Size">Width in bytes: 1, 2, 4 or 8.</param>
/// <param name="Name">The data sheet's own abbreviation, as guests' authors know it.</param>
/// <param name="Read">The value now; null when the register cannot be read (it then reads as all ones). Must not block.</param>
/// <param name="Write">Takes the guest's value, any value; null when the register is read-only.</param>
/// <param name="PartialWrite">What a write narrower than the register does to its other bytes.</param>
public sealed record Register(
    ushort Offset, byte Size, string Name, Func<ulong>? Read = null, Action<ulong>? Write = null, PartialWrite PartialWrite = PartialWrite.Keep);

/// <summary>
/// A device's registers. The same table answers the guest, prints the documentation and drives the fuzzer.
/// </summary>
/// <remarks>
/// An access wider than a register goes on to the registers behind it in ascending order, as the ISA bus splits it (8 → 16 → 32 bits);
/// one narrower gets or sets its part of the register. Bytes that no register owns read as ones and swallow writes.
/// </remarks>
public sealed class RegisterMap : IBusDevice
{
    private readonly Register?[] _byOffset;

    /// <summary>Makes the map.</summary>
    /// <exception cref="ArgumentException">Two registers overlap, or one has no valid width.</exception>
    public RegisterMap(params ReadOnlySpan<Register> registers)
    {
        var end = 0;
        foreach (var register in registers) end = Math.Max(end, register.Offset + register.Size);
        _byOffset = new Register?[end];
        foreach (var register in registers)
        {
            if (register.Size is not (1 or 2 or 4 or 8)) throw new ArgumentException($"Register {register.Name} has no valid width.", nameof(registers));
            foreach (ref var slot in _byOffset.AsSpan(register.Offset, register.Size))
                slot = slot is null ? register : throw new ArgumentException($"Registers {slot.Name} and {register.Name} overlap.", nameof(registers));
        }
    }

    /// <summary>Registers in order of offset, for documentation and tests.</summary>
    public IEnumerable<Register> All => _byOffset.OfType<Register>().Distinct();

    /// <summary>Bytes from the first register's base to the last one's end.</summary>
    public int Length => _byOffset.Length;

    /// <summary>Answers a guest's read of any size at any offset.</summary>
    public ulong Read(ulong offset, int size)
    {
        if (At(offset) is { } exact && exact.Offset == offset && exact.Size == size) return exact.Read is { } read ? read() & Ones(size) : Ones(size);

        var value = 0ul;
        for (var done = 0; done < Bound(size);)
        {
            var position = offset + (uint)done;
            if (At(position) is { } register)
            {
                var skip = (int)position - register.Offset;
                var take = Math.Min(register.Size - skip, Bound(size) - done);
                var part = register.Read is { } readPart ? readPart() >> (skip * 8) : ulong.MaxValue;
                value |= (part & Ones(take)) << (done * 8);
                done += take;
            }
            else
            {
                value |= 0xFFul << (done * 8);
                done++;
            }
        }

        return value;
    }

    /// <summary>Takes a guest's write of any size at any offset.</summary>
    public void Write(ulong offset, int size, ulong value)
    {
        for (var done = 0; done < Bound(size);)
        {
            var position = offset + (uint)done;
            if (At(position) is not { } register)
            {
                done++;
                continue;
            }

            var skip = (int)position - register.Offset;
            var take = Math.Min(register.Size - skip, Bound(size) - done);
            if (register.Write is { } write)
            {
                var mask = Ones(take) << (skip * 8);
                var part = ((value >> (done * 8)) << (skip * 8)) & mask;
                if (take < register.Size && register.PartialWrite == PartialWrite.Keep && register.Read is { } read) part |= read() & ~mask & Ones(register.Size);
                write(part);
            }

            done += take;
        }
    }

    /// <summary>A value with the lowest bytes all ones.</summary>
    public static ulong Ones(int size) => size >= 8 ? ulong.MaxValue : (1ul << (size * 8)) - 1;

    private static int Bound(int size) => Math.Clamp(size, 1, 8);

    private Register? At(ulong offset) => offset < (ulong)_byOffset.Length ? _byOffset[offset] : null;
}
