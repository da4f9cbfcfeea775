using Holon.Networking.Packets;

namespace Holon.Networking.Nat.Tcp;

/// <summary>The far side of a guest's connection: a socket of the host, or a service inside of the network. Nothing here blocks.</summary>
internal interface ITcpStream
{
    /// <summary>What <see cref="Read"/> and <see cref="Write"/> return when there is nothing, or no room, now. They call back later.</summary>
    const int WouldBlock = -1;

    /// <summary>What they return when the far side has reset the connection.</summary>
    const int Failed = -2;

    /// <summary>Reads bytes for the guest. 0 is the end of the stream.</summary>
    int Read(ReadOnlySpan<MemorySegment> room);

    /// <summary>Writes bytes of the guest; returns how many were taken.</summary>
    int Write(ReadOnlySpan<MemorySegment> data);

    /// <summary>The guest will send no more.</summary>
    void ShutdownWrite();

    /// <summary>The end. An abort tells the far side that something went wrong (a reset).</summary>
    void Close(bool abort);
}

/// <summary>What a connection needs of the network that it is part of.</summary>
internal interface ITcpNetwork
{
    /// <summary>Now, in nanoseconds of a monotonic clock.</summary>
    long Now { get; }

    /// <summary>Timers of the loop.</summary>
    TimerQueue Timers { get; }

    /// <summary>Memory for bytes under way.</summary>
    BufferPool Buffers { get; }

    /// <summary>Whether a segment longer than the guest's largest may be sent, to be cut on the way.</summary>
    bool CanSegment(IpAddress guest);

    /// <summary>Sends a segment to the guest; false when there is no room, and then <see cref="TcpConnection.OnRoom"/> is called later.</summary>
    bool Send(TcpConnection connection, in TcpHeader header, ReadOnlySpan<MemorySegment> payload, int payloadLength);

    /// <summary>Asks for <see cref="TcpConnection.FlushAcknowledgment"/> at the end of the batch of segments that is being processed.</summary>
    void AcknowledgeLater(TcpConnection connection);

    /// <summary>The connection has ended and must be forgotten.</summary>
    void Remove(TcpConnection connection);
}
