using Holon.Devices.Virtio.Queues;
using Holon.Memory;

namespace Holon.Devices.Virtio.Net;

/// <summary>Writes bytes one after the other into the buffers of several chains.</summary>
/// <param name="memory">The guest's memory.</param>
/// <param name="chains">The chains, whose room the caller has checked.</param>
internal ref struct ChainWriter(GuestMemory memory, ReadOnlySpan<DescriptorChain?> chains)
{
    private readonly ReadOnlySpan<DescriptorChain?> _chains = chains;
    private int _chain, _buffer, _offset;

    /// <summary>Appends bytes.</summary>
    public void Write(scoped ReadOnlySpan<byte> source)
    {
        while (source.Length > 0)
        {
            var buffers = _chains[_chain]!.Writable;
            if (_buffer == buffers.Length)
            {
                _chain++;
                _buffer = 0;
                continue;
            }

            ref readonly var buffer = ref buffers[_buffer];
            var count = Math.Min(buffer.Length - _offset, source.Length);
            source[..count].CopyTo(DescriptorChain.Bytes(buffer).Slice(_offset, count));
            memory.CodePages.NotifyWrite(buffer.Address + (ulong)_offset, (ulong)count);
            source = source[count..];
            _offset += count;
            if (_offset < buffer.Length) continue;
            _buffer++;
            _offset = 0;
        }
    }
}
