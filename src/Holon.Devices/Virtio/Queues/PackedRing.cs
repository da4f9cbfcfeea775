using Holon.Devices.State;
using Holon.Memory;

namespace Holon.Devices.Virtio.Queues;

/// <summary>A packed virtqueue: one ring of descriptors that both sides write (virtio 1.2, §2.8).</summary>
/// <remarks>Pointers are safe: each part was checked to be guest memory for its whole length, and positions stay below its size.</remarks>
internal sealed unsafe class PackedRing : Ring
{
    private const ushort FlagAvailable = 1 << 7, FlagUsed = 1 << 15, WrapBit = 1 << 15;
    private const ushort EventsEnabled = 0, EventsDisabled = 1, EventsAtDescriptor = 2;
    private const int EventLength = 4;

    private readonly byte* _descriptors, _driverEvent, _deviceEvent;
    private ushort _nextAvailable, _mark, _nextUsed, _signalled;
    private bool _availableWrap = true, _markWrap, _usedWrap = true, _signalledValid;
    private byte* _held; // the first descriptor that was filled and not handed over yet
    private ushort _heldFlags;
    private bool _returned;

    public PackedRing(GuestMemory memory, RingLayout layout, ulong features, int longestChain)
        : base(memory, layout, features, longestChain)
    {
        if (layout.Size is 0 or > 32768) throw new VirtioDriverException($"chose a queue of {layout.Size} entries");
        _descriptors = Part(memory, layout.Descriptors, layout.Size * DescriptorLength, 16, "descriptor ring");
        _driverEvent = Part(memory, layout.Driver, EventLength, 4, "driver event suppression");
        _deviceEvent = Part(memory, layout.Device, EventLength, 4, "device event suppression");
    }

    public override bool TryTake(DescriptorChain chain)
    {
        if (!IsAvailable()) return false;
        Follow(chain, _nextAvailable);
        Advance(ref _nextAvailable, ref _availableWrap, chain.Slots);
        return true;
    }

    public override void Retake(DescriptorChain chain, ushort position)
    {
        if (position >= Layout.Size) throw new VirtioDriverException($"named descriptor {position} in a ring of {Layout.Size}");
        Follow(chain, position);
    }

    public override void Mark() => (_mark, _markWrap) = (_nextAvailable, _availableWrap);

    public override void Rewind() => (_nextAvailable, _availableWrap) = (_mark, _markWrap);

    public override void Fill(DescriptorChain chain, uint written)
    {
        var descriptor = _descriptors + (_nextUsed * DescriptorLength);
        *(uint*)(descriptor + 8) = written;
        *(ushort*)(descriptor + 12) = chain.Id;
        Memory.CodePages.NotifyWrite(Layout.Descriptors + (ulong)(_nextUsed * DescriptorLength), DescriptorLength);
        var flags = (ushort)((written > 0 ? FlagWrite : 0) | (_usedWrap ? FlagAvailable | FlagUsed : 0));
        // The driver looks at descriptors in order, so that it sees none of them before the first has its flags.
        if (_held is null)
        {
            _held = descriptor;
            _heldFlags = flags;
        }
        else
        {
            Volatile.Write(ref *(ushort*)(descriptor + 14), flags);
        }

        if (Advance(ref _nextUsed, ref _usedWrap, chain.Slots)) _signalledValid = false; // indexes of another round cannot be compared
        _returned = true;
    }

    public override void Publish()
    {
        if (_held is null) return;
        Volatile.Write(ref *(ushort*)(_held + 14), _heldFlags); // last: it hands the descriptors over
        _held = null;
    }

    public override bool TakeInterruptWish()
    {
        if (!_returned) return false;
        _returned = false;
        Interlocked.MemoryBarrier(); // the descriptors are visible before the wish is read
        var (before, valid) = (_signalled, _signalledValid);
        (_signalled, _signalledValid) = (_nextUsed, true);
        var wish = Volatile.Read(ref *(uint*)_driverEvent);
        switch ((wish >> 16) & 3)
        {
            case EventsDisabled:
                return false;
            case EventsAtDescriptor when EventIndex && valid:
                var wanted = (ushort)(wish & 0x7FFF);
                if (((wish & WrapBit) != 0) != _usedWrap) wanted -= Layout.Size;
                return Passes(wanted, _nextUsed, before);
            default:
                return true;
        }
    }

    public override bool EnableNotifications()
    {
        var wish = EventIndex ? (EventsAtDescriptor << 16) | _nextAvailable | (_availableWrap ? WrapBit : 0) : EventsEnabled << 16;
        Volatile.Write(ref *(uint*)_deviceEvent, (uint)wish);
        Interlocked.MemoryBarrier(); // the wish is visible before the descriptor is read
        return IsAvailable();
    }

    public override void DisableNotifications() => Volatile.Write(ref *(ushort*)(_deviceEvent + 2), EventsDisabled);

    public override void Save(DeviceStateWriter writer)
    {
        writer.Write((int)_nextAvailable);
        writer.Write((int)_nextUsed);
        writer.Write((int)_signalled);
        writer.Write(_availableWrap);
        writer.Write(_usedWrap);
        writer.Write(_signalledValid);
        writer.Write(_returned);
    }

    public override void Load(DeviceStateReader reader)
    {
        _nextAvailable = (ushort)reader.ReadInt32(0, Layout.Size - 1);
        _nextUsed = (ushort)reader.ReadInt32(0, Layout.Size - 1);
        _signalled = (ushort)reader.ReadInt32(0, Layout.Size - 1);
        _availableWrap = reader.ReadBoolean();
        _usedWrap = reader.ReadBoolean();
        _signalledValid = reader.ReadBoolean();
        _returned = reader.ReadBoolean();
    }

    private bool IsAvailable()
    {
        var flags = Volatile.Read(ref *(ushort*)(_descriptors + (_nextAvailable * DescriptorLength) + 14));
        return ((flags & FlagAvailable) != 0) == _availableWrap && ((flags & FlagUsed) != 0) != _availableWrap;
    }

    /// <summary>Moves a position on.</summary>
    /// <returns>True when it began a new round.</returns>
    private bool Advance(ref ushort position, ref bool wrap, ushort slots)
    {
        var next = position + slots;
        var wraps = next >= Layout.Size;
        if (wraps)
        {
            next -= Layout.Size;
            wrap = !wrap;
        }

        position = (ushort)next;
        return wraps;
    }

    private void Follow(DescriptorChain chain, ushort position)
    {
        chain.Begin(position);
        for (var slots = 1; ; slots++)
        {
            if (slots > Layout.Size) throw new VirtioDriverException("linked descriptors into a loop");
            var descriptor = _descriptors + (position * DescriptorLength);
            var address = Volatile.Read(ref *(ulong*)descriptor);
            var length = Volatile.Read(ref *(uint*)(descriptor + 8));
            var id = Volatile.Read(ref *(ushort*)(descriptor + 12));
            var flags = Volatile.Read(ref *(ushort*)(descriptor + 14));
            if ((flags & FlagIndirect) != 0) AddTable(chain, IndirectTable(address, length, flags, out var count), count);
            else chain.Add(address, length, (flags & FlagWrite) != 0);
            if (++position == Layout.Size) position = 0;
            if ((flags & FlagNext) != 0) continue;
            chain.SetId(id); // the last descriptor has the buffer's id (§2.8.6)
            chain.Slots = (ushort)slots;
            return;
        }
    }

    /// <summary>A packed ring's indirect tables are read from beginning to end (§2.8.7).</summary>
    private static void AddTable(DescriptorChain chain, byte* table, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var descriptor = table + (i * DescriptorLength);
            var flags = Volatile.Read(ref *(ushort*)(descriptor + 14));
            if ((flags & FlagIndirect) != 0) throw new VirtioDriverException("nested indirect descriptors");
            chain.Add(Volatile.Read(ref *(ulong*)descriptor), Volatile.Read(ref *(uint*)(descriptor + 8)), (flags & FlagWrite) != 0);
        }
    }
}
