namespace Holon.Networking.Nat;

/// <summary>
/// Datagrams of one flow that wait for the end of the batch, to leave with one system call: all of the same length, but the last may be shorter
/// (udp(7), <c>UDP_SEGMENT</c>).
/// </summary>
internal sealed class DatagramBatch
{
    /// <summary>What Linux sends with one call (<c>UDP_MAX_SEGMENTS</c> before 6.9, and the longest IP packet less its headers).</summary>
    private const int MostDatagrams = 64, MostBytes = 65000;

    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(MostBytes, pinned: true);
    private int _length;

    /// <summary>Datagrams in it.</summary>
    public int Count { get; private set; }

    /// <summary>The length of each but the last.</summary>
    public int Size { get; private set; }

    /// <summary>All of them, one behind the other.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    public void Clear() => Count = _length = Size = 0;

    /// <summary>Adds a copy of a datagram; false when it does not fit to those that are there. An empty one never does.</summary>
    public bool TryAdd(ReadOnlySpan<byte> payload)
    {
        if (payload.Length == 0 || payload.Length > MostBytes - _length || Count == MostDatagrams) return false;
        if (Count == 0) Size = payload.Length;
        else if (payload.Length > Size || _length % Size != 0) return false;
        payload.CopyTo(_bytes.AsSpan(_length));
        _length += payload.Length;
        Count++;
        return true;
    }
}
