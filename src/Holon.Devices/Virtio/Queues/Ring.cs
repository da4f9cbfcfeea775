using Holon.Devices.State;
using Holon.Memory;

namespace Holon.Devices.Virtio.Queues;

/// <summary>Where the three parts of a queue lie, and how long it is, as the driver says.</summary>
/// <param name="Size">Entries.</param>
/// <param name="Descriptors">Address of the descriptor area.</param>
/// <param name="Driver">Address of what the driver writes.</param>
/// <param name="Device">Address of what the device writes.</param>
internal readonly record struct RingLayout(ushort Size, ulong Descriptors, ulong Driver, ulong Device);

/// <summary>
/// A queue in guest memory, in one of the two layouts. Addresses were checked when it was made; everything read from it is the
/// guest's and checked each time.
/// </summary>
/// <remarks>Not thread-safe: called under its queue's lock. What the guest's processors write at the same time is read once.</remarks>
internal abstract unsafe class Ring
{
    protected const ushort FlagNext = 1, FlagWrite = 2, FlagIndirect = 4;
    protected const int DescriptorLength = 16;

    private readonly bool _indirect;

    protected Ring(GuestMemory memory, RingLayout layout, ulong features, int longestChain)
    {
        Memory = memory;
        Layout = layout;
        LongestChain = longestChain;
        _indirect = (features & VirtioFeatures.IndirectDescriptors) != 0;
        EventIndex = (features & VirtioFeatures.EventIndex) != 0;
    }

    protected GuestMemory Memory { get; }

    protected RingLayout Layout { get; }

    protected bool EventIndex { get; }

    protected int LongestChain { get; }

    /// <summary>Takes the next chain that the driver has made available.</summary>
    /// <returns>False when there is none.</returns>
    /// <exception cref="VirtioDriverException">What the driver wrote cannot be.</exception>
    public abstract bool TryTake(DescriptorChain chain);

    /// <summary>Reads a chain again that was taken before a snapshot and is not given back yet.</summary>
    public abstract void Retake(DescriptorChain chain, ushort position);

    /// <summary>Remembers what was taken so far.</summary>
    public abstract void Mark();

    /// <summary>Undoes every <see cref="TryTake"/> since <see cref="Mark"/>; none of those chains may have been given back.</summary>
    public abstract void Rewind();

    /// <summary>Prepares to give a chain back; the driver sees it only after <see cref="Publish"/>, together with the others that were prepared.</summary>
    /// <param name="chain">What <see cref="TryTake"/> gave.</param>
    /// <param name="written">Bytes written to it, from its beginning.</param>
    public abstract void Fill(DescriptorChain chain, uint written);

    /// <summary>Gives all back that was prepared.</summary>
    public abstract void Publish();

    /// <summary>Whether the driver wants an interrupt for what was given back since it was asked last.</summary>
    public abstract bool TakeInterruptWish();

    /// <summary>Asks the driver to tell of new chains.</summary>
    /// <returns>True when there are some already, of which it may not have told.</returns>
    public abstract bool EnableNotifications();

    /// <summary>Says that the device looks by itself for now.</summary>
    public abstract void DisableNotifications();

    public abstract void Save(DeviceStateWriter writer);

    public abstract void Load(DeviceStateReader reader);

    /// <summary>A part of the queue as a host pointer, or an exception when the guest did not put it into memory.</summary>
    protected static byte* Part(GuestMemory memory, ulong address, long length, uint alignment, string what)
    {
        if (address % alignment != 0) throw new VirtioDriverException($"put the {what} at 0x{address:x}, which is not a multiple of {alignment}");
        if (!memory.Contains(address, (ulong)length)) throw new VirtioDriverException($"put the {what} at 0x{address:x}, which is not memory");
        return (byte*)DescriptorChain.HostAddress(memory, address);
    }

    /// <summary>The table that an indirect descriptor names (§2.7.5.3).</summary>
    protected byte* IndirectTable(ulong address, uint length, ushort flags, out int count)
    {
        if (!_indirect) throw new VirtioDriverException("used an indirect descriptor without having negotiated it");
        if ((flags & FlagNext) != 0) throw new VirtioDriverException("chained a descriptor behind an indirect one");
        count = (int)(length / DescriptorLength);
        if (length % DescriptorLength != 0 || count == 0 || length / DescriptorLength > (uint)LongestChain)
            throw new VirtioDriverException($"gave an indirect table of {length} bytes");
        if (!Memory.Contains(address, length)) throw new VirtioDriverException($"put an indirect table at 0x{address:x}, which is not memory");
        return (byte*)DescriptorChain.HostAddress(Memory, address);
    }

    /// <summary>Whether a step from one index to another passed the one at which the other side wants to be told (§2.7.7.1).</summary>
    protected static bool Passes(ushort wanted, ushort now, ushort before) => (ushort)(now - wanted - 1) < (ushort)(now - before);
}
