using Holon.Devices.Virtio;
using Holon.Memory;

namespace Holon.Devices.Tests.Virtio;

/// <summary>The driver's side of a queue (virtio 1.2, §2.7.13 and §2.8.21).</summary>
internal abstract class TestQueue(TestDriver driver, int index, ushort size, ulong memory)
{
    protected const ushort Next = 1, Write = 2, IndirectFlag = 4;

    private readonly ulong _tables = memory + 0x1_0000;

    public ulong Descriptors => memory;

    public ulong DriverArea => memory + 0x4000;

    public ulong DeviceArea => memory + 0x8000;

    protected GuestMemory Memory => driver.Memory;

    protected ushort Size => size;

    protected bool EventIndex => (driver.Features & VirtioFeatures.EventIndex) != 0;

    public static TestQueue Create(TestDriver driver, int index, ushort size, ulong memory)
    {
        TestQueue queue = (driver.Features & VirtioFeatures.PackedRing) != 0 ? new PackedTestQueue(driver, index, size, memory) : new SplitTestQueue(driver, index, size, memory);
        driver.Memory.Span(memory, 0x2_0000).Clear();
        driver.Common(0x16, 2, (ulong)index);
        driver.Common(0x18, 2, size);
        driver.Common(0x1A, 2, (ulong)index + 1);
        driver.Common(0x20, 8, queue.Descriptors);
        driver.Common(0x28, 4, queue.DriverArea); // drivers write halves as well as wholes
        driver.Common(0x2C, 4, 0);
        driver.Common(0x30, 8, queue.DeviceArea);
        driver.Common(0x1C, 2, 1);
        return queue;
    }

    /// <summary>Makes a chain available, without telling the device.</summary>
    /// <returns>By what it comes back.</returns>
    public abstract ushort Add(bool indirect, params DriverBuffer[] buffers);

    /// <summary>Takes the next chain that the device has used; null when there is none.</summary>
    public abstract (ushort Id, uint Written)? Take();

    /// <summary>Whether the device wants to be told.</summary>
    public abstract bool WantsNotification { get; }

    /// <summary>Says for how many more used chains an interrupt is wanted, with event indexes.</summary>
    public abstract void InterruptAfter(int chains);

    public void Notify() => driver.Notify(index);

    /// <summary>Gives one chain, tells the device, waits for it.</summary>
    public uint Do(bool indirect, params DriverBuffer[] buffers)
    {
        var id = Add(indirect, buffers);
        Notify();
        var used = Wait();
        Assert.Equal(id, used.Id);
        return used.Written;
    }

    public (ushort Id, uint Written) Wait()
    {
        var until = DateTime.UtcNow + TimeSpan.FromSeconds(20);
        while (true)
        {
            if (Take() is { } used) return used;
            if (DateTime.UtcNow > until) throw new TimeoutException($"The device does not answer; {driver.Broken}");
            Thread.Yield();
        }
    }

    protected ulong Table(ushort id) => _tables + (id * 1024ul);

    protected void Put(ulong at, ulong address, uint length, ushort first, ushort second)
    {
        Memory.Write(at, address);
        Memory.Write(at + 8, length);
        Memory.Write(at + 12, first);
        Memory.Write(at + 14, second);
    }

    private sealed class SplitTestQueue(TestDriver driver, int index, ushort size, ulong memory) : TestQueue(driver, index, size, memory)
    {
        private readonly Stack<ushort> _free = new(Enumerable.Range(0, size).Select(i => (ushort)(size - 1 - i)));
        private readonly Dictionary<ushort, ushort[]> _taken = [];
        private ushort _available, _used;

        public override bool WantsNotification => EventIndex
            ? Memory.Read<ushort>(DeviceArea + 4 + (Size * 8ul)) == (ushort)(_available - 1)
            : (Memory.Read<ushort>(DeviceArea) & 1) == 0;

        public override ushort Add(bool indirect, params DriverBuffer[] buffers)
        {
            var slots = Enumerable.Range(0, indirect ? 1 : buffers.Length).Select(_ => _free.Pop()).ToArray();
            for (var i = 0; i < buffers.Length; i++)
            {
                var flags = (ushort)((buffers[i].Writable ? Write : 0) | (i + 1 < buffers.Length ? Next : 0));
                var (at, next) = indirect ? (Table(slots[0]) + ((ulong)i * 16), i + 1) : (Descriptors + (slots[i] * 16ul), i + 1 < slots.Length ? slots[i + 1] : 0);
                Put(at, buffers[i].Address, buffers[i].Length, flags, (ushort)next);
            }

            if (indirect) Put(Descriptors + (slots[0] * 16ul), Table(slots[0]), (uint)buffers.Length * 16, IndirectFlag, 0);
            _taken.Add(slots[0], slots);
            Memory.Write(DriverArea + 4 + ((ulong)(_available % Size) * 2), slots[0]);
            Memory.Write(DriverArea + 2, ++_available);
            return slots[0];
        }

        public override (ushort Id, uint Written)? Take()
        {
            if (Memory.Read<ushort>(DeviceArea + 2) == _used) return null;
            var entry = DeviceArea + 4 + ((ulong)(_used++ % Size) * 8);
            if (EventIndex) Memory.Write(DriverArea + 4 + (Size * 2ul), _used);
            var id = (ushort)Memory.Read<uint>(entry);
            Assert.True(_taken.Remove(id, out var slots));
            foreach (var slot in slots) _free.Push(slot);
            return (id, Memory.Read<uint>(entry + 4));
        }

        public override void InterruptAfter(int chains) => Memory.Write(DriverArea + 4 + (Size * 2ul), (ushort)(_used + chains - 1));
    }

    private sealed class PackedTestQueue(TestDriver driver, int index, ushort size, ulong memory) : TestQueue(driver, index, size, memory)
    {
        private readonly Stack<ushort> _ids = new(Enumerable.Range(0, size).Select(i => (ushort)i));
        private readonly Dictionary<ushort, int> _taken = [];
        private int _next, _used, _free = size;
        private bool _wrap = true, _usedWrap = true;

        public override bool WantsNotification => (Memory.Read<ushort>(DeviceArea + 2) & 3) != 1;

        public override ushort Add(bool indirect, params DriverBuffer[] buffers)
        {
            var count = indirect ? 1 : buffers.Length;
            Assert.True((_free -= count) >= 0);
            var id = _ids.Pop();
            _taken.Add(id, count);
            var (first, firstFlags) = (_next, (ushort)0);
            for (var i = 0; i < count; i++)
            {
                var flags = (ushort)((_wrap ? 0x80 : 0x8000) | (indirect ? IndirectFlag : (buffers[i].Writable ? Write : 0) | (i + 1 < count ? Next : 0)));
                var (address, length) = indirect ? (Table(id), (uint)buffers.Length * 16) : (buffers[i].Address, buffers[i].Length);
                if (i == 0) firstFlags = flags;
                Put(Descriptors + ((ulong)_next * 16), address, length, id, i == 0 ? Memory.Read<ushort>(Descriptors + ((ulong)_next * 16) + 14) : flags);
                if (++_next == Size) (_next, _wrap) = (0, !_wrap);
            }

            for (var i = 0; indirect && i < buffers.Length; i++) Put(Table(id) + ((ulong)i * 16), buffers[i].Address, buffers[i].Length, 0, buffers[i].Writable ? Write : (ushort)0);
            Memory.Write(Descriptors + ((ulong)first * 16) + 14, firstFlags); // last: now the chain is there
            return id;
        }

        public override (ushort Id, uint Written)? Take()
        {
            var at = Descriptors + ((ulong)_used * 16);
            var flags = Memory.Read<ushort>(at + 14);
            if (((flags & 0x80) != 0) != _usedWrap || ((flags & 0x8000) != 0) != _usedWrap) return null;
            var id = Memory.Read<ushort>(at + 12);
            Assert.True(_taken.Remove(id, out var count));
            _ids.Push(id);
            _free += count;
            _used += count;
            if (_used >= Size) (_used, _usedWrap) = (_used - Size, !_usedWrap);
            if (EventIndex) InterruptAfter(1);
            return (id, Memory.Read<uint>(at + 8));
        }

        public override void InterruptAfter(int chains)
        {
            var (at, wrap) = (_used + chains - 1, _usedWrap);
            if (at >= Size) (at, wrap) = (at - Size, !wrap);
            Memory.Write(DriverArea, (ushort)(at | (wrap ? 0x8000 : 0)));
            Memory.Write(DriverArea + 2, (ushort)2);
        }
    }
}
