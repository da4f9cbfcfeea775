using System.Numerics;
using System.Runtime.CompilerServices;
using Holon.Devices.State;

namespace Holon.Devices.Apic;

/// <summary>A 256-bit register such as IRR, ISR or TMR: one bit a vector.</summary>
[InlineArray(4)]
internal struct VectorSet
{
    private ulong _first;

    public readonly bool Contains(byte vector) => (this[vector >> 6] & (1ul << (vector & 63))) != 0;

    public void Add(byte vector) => this[vector >> 6] |= 1ul << (vector & 63);

    public void Remove(byte vector) => this[vector >> 6] &= ~(1ul << (vector & 63));

    /// <summary>The highest vector, -1 for none: the highest has the highest priority.</summary>
    public readonly int Highest()
    {
        for (var i = 3; i >= 0; i--)
        {
            if (this[i] != 0) return (i * 64) + BitOperations.Log2(this[i]);
        }

        return -1;
    }

    /// <summary>One of the eight 32-bit registers that the set is seen as.</summary>
    public readonly uint Word(int index) => (uint)(this[index >> 1] >> ((index & 1) * 32));

    public readonly void Save(DeviceStateWriter writer)
    {
        foreach (var word in this) writer.Write(word);
    }

    public void Load(DeviceStateReader reader)
    {
        for (var i = 0; i < 4; i++) this[i] = reader.ReadUInt64();
    }
}
