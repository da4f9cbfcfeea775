using System.Runtime.InteropServices;

namespace Holon.Networking.Tests.Real;

/// <summary>A bad cable before a port: loses, repeats and swaps frames in both directions.</summary>
internal sealed class LossyPort(INetworkPort port, double loss, int seed) : INetworkPort
{
    private readonly Random _random = new(seed);
    private readonly byte[] _held = GC.AllocateUninitializedArray<byte>(Frame.MaxLength, pinned: true);
    private readonly Frame _copy = new();
    private byte[]? _late;
    private FrameOffload _lateOffload;
    private bool _again;

    public PortFeatures Features => port.Features;

    public int PollDescriptor => port.PollDescriptor;

    public bool TryTake(Frame frame)
    {
        while (true)
        {
            if (_again)
            {
                _again = false;
                Fill(frame);
                return true;
            }

            if (!port.TryTake(frame)) return false;
            if (_random.NextDouble() < loss) continue;
            if (_random.NextDouble() >= loss) return true;
            Hold(frame); // this one comes twice
            _again = true;
            return true;
        }
    }

    public void Release(Frame frame) => port.Release(frame);

    public bool TryPut(ReadOnlySpan<byte> head, ReadOnlySpan<MemorySegment> body, in FrameOffload offload)
    {
        if (_random.NextDouble() < loss) return true;
        if (_late is null && _random.NextDouble() < loss)
        {
            var bytes = new List<byte>(head.ToArray());
            foreach (var piece in body) bytes.AddRange(piece.Span);
            (_late, _lateOffload) = ([.. bytes], offload); // this one comes after the next
            return true;
        }

        if (!port.TryPut(head, body, offload)) return false;
        if (_late is null) return true;
        port.TryPut(_late, [], _lateOffload);
        _late = null;
        return true;
    }

    public void Flush() => port.Flush();

    private void Hold(Frame frame)
    {
        var length = frame.CopyTo(0, _held);
        _copy.Clear();
        _copy.Add(Marshal.UnsafeAddrOfPinnedArrayElement(_held, 0), length);
        _copy.Offload = frame.Offload;
    }

    private void Fill(Frame frame)
    {
        frame.Clear();
        frame.Add(_copy.Segments[0].Address, _copy.Length);
        frame.Offload = _copy.Offload;
    }
}
