using System.Numerics;
using Holon.Devices.State;
using Holon.Memory;

namespace Holon.Devices.Virtio.Queues;

/// <summary>A split virtqueue: descriptor table, available ring, used ring (virtio 1.2, §2.7).</summary>
/// <remarks>Pointers are safe: each part was checked to be guest memory for its whole length, and indexes are taken modulo its size.</remarks>
internal sealed unsafe class SplitRing : Ring
{
    private const ushort AvailableNoInterrupt = 1, UsedNoNotify = 1;
    private const int RingHeader = 4, UsedEntry = 8;

    private readonly byte* _descriptors, _available, _used;
    private readonly ushort _mask;
    private ushort _nextAvailable, _mark, _usedIndex, _signalled;

    public SplitRing(GuestMemory memory, RingLayout layout, ulong features, int longestChain)
        : base(memory, layout, features, longestChain)
    {
        if (!BitOperations.IsPow2(layout.Size)) throw new VirtioDriverException($"chose a queue of {layout.Size} entries, which is not a power of two");
        _mask = (ushort)(layout.Size - 1);
        _descriptors = Part(memory, layout.Descriptors, layout.Size * DescriptorLength, 16, "descriptor table");
        _available = Part(memory, layout.Driver, RingHeader + (layout.Size * sizeof(ushort)) + sizeof(ushort), 2, "available ring");
        _used = Part(memory, layout.Device, RingHeader + (layout.Size * UsedEntry) + sizeof(ushort), 4, "used ring");
    }

    private ref ushort AvailableFlags => ref *(ushort*)_available;

    private ref ushort AvailableIndex => ref *(ushort*)(_available + 2);

    private ref ushort UsedEvent => ref *(ushort*)(_available + RingHeader + (Layout.Size * sizeof(ushort)));

    private ref ushort AvailableEvent => ref *(ushort*)(_used + RingHeader + (Layout.Size * UsedEntry));

    public override bool TryTake(DescriptorChain chain)
    {
        var waiting = (ushort)(Volatile.Read(ref AvailableIndex) - _nextAvailable);
        if (waiting == 0) return false;
        if (waiting > Layout.Size) throw new VirtioDriverException($"made {waiting} chains available in a queue of {Layout.Size}");
        var head = Volatile.Read(ref *(ushort*)(_available + RingHeader + ((_nextAvailable & _mask) * sizeof(ushort))));
        Follow(chain, head);
        _nextAvailable++;
        return true;
    }

    public override void Retake(DescriptorChain chain, ushort position) => Follow(chain, position);

    public override void Mark() => _mark = _nextAvailable;

    public override void Rewind() => _nextAvailable = _mark;

    public override void Fill(DescriptorChain chain, uint written)
    {
        var at = RingHeader + ((_usedIndex++ & _mask) * UsedEntry);
        *(uint*)(_used + at) = chain.Id;
        *(uint*)(_used + at + 4) = written;
        Memory.CodePages.NotifyWrite(Layout.Device + (uint)at, UsedEntry);
    }

    public override void Publish() => Volatile.Write(ref *(ushort*)(_used + 2), _usedIndex); // after the entries: the driver reads them once it sees the index

    public override bool TakeInterruptWish()
    {
        if (_signalled == _usedIndex) return false;
        Interlocked.MemoryBarrier(); // the index is visible before the wish is read (§2.7.13.3)
        var before = _signalled;
        _signalled = _usedIndex;
        return EventIndex ? Passes(Volatile.Read(ref UsedEvent), _usedIndex, before) : (Volatile.Read(ref AvailableFlags) & AvailableNoInterrupt) == 0;
    }

    public override bool EnableNotifications()
    {
        if (EventIndex) Volatile.Write(ref AvailableEvent, _nextAvailable);
        else Volatile.Write(ref *(ushort*)_used, (ushort)0);
        Interlocked.MemoryBarrier(); // the wish is visible before the index is read
        return Volatile.Read(ref AvailableIndex) != _nextAvailable;
    }

    public override void DisableNotifications()
    {
        if (!EventIndex) Volatile.Write(ref *(ushort*)_used, UsedNoNotify);
    }

    public override void Save(DeviceStateWriter writer)
    {
        writer.Write(_nextAvailable);
        writer.Write(_usedIndex);
        writer.Write(_signalled);
    }

    public override void Load(DeviceStateReader reader)
    {
        _nextAvailable = reader.ReadUInt16();
        _usedIndex = reader.ReadUInt16();
        _signalled = reader.ReadUInt16();
    }

    private void Follow(DescriptorChain chain, ushort head)
    {
        chain.Begin(head);
        var table = _descriptors;
        int count = Layout.Size, index = head, seen = 0;
        while (true)
        {
            if (index >= count) throw new VirtioDriverException($"named descriptor {index} in a table of {count}");
            if (seen++ == count) throw new VirtioDriverException("linked descriptors into a loop");
            var descriptor = table + (index * DescriptorLength);
            var address = Volatile.Read(ref *(ulong*)descriptor);
            var length = Volatile.Read(ref *(uint*)(descriptor + 8));
            var flags = Volatile.Read(ref *(ushort*)(descriptor + 12));
            var next = Volatile.Read(ref *(ushort*)(descriptor + 14));
            if ((flags & FlagIndirect) != 0)
            {
                if (table != _descriptors) throw new VirtioDriverException("nested indirect descriptors");
                table = IndirectTable(address, length, flags, out count);
                index = seen = 0;
                continue;
            }

            chain.Add(address, length, (flags & FlagWrite) != 0);
            if ((flags & FlagNext) == 0) return;
            index = next;
        }
    }
}
