using System.Collections.Concurrent;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>
/// The host's files that a machine's programs have open: descriptors, streams of the C library and mappings. They are closed with the
/// machine, whatever its programs left open, and no others are theirs to use: a number that somebody made up is not an open file, except the three
/// standard streams, which nobody can close.
/// </summary>
internal sealed unsafe class OpenFiles
{
    private const int LastStandardStream = 2, BadDescriptor = 9; // EBADF

    private readonly ConcurrentDictionary<int, bool> _descriptors = new();
    private readonly Dictionary<nint, Action<nint>> _streams = [];
    private readonly Dictionary<nint, nint> _mappings = [];

    /// <summary>Takes note of what a call opened; a negative number, its failure, is passed on.</summary>
    public int Opened(int fd)
    {
        if (fd > LastStandardStream) _descriptors[fd] = true;
        return fd;
    }

    /// <summary>A descriptor that the machine may use, or -1, for which every call fails with EBADF.</summary>
    public int Own(int fd) => (uint)fd <= LastStandardStream || _descriptors.ContainsKey(fd) ? fd : -1;

    /// <summary>close(2), for a descriptor of the machine's own.</summary>
    public int Close(int fd)
    {
        if ((uint)fd <= LastStandardStream) return 0;
        return Libc.Close(_descriptors.TryRemove(fd, out _) ? fd : -1);
    }

    /// <summary>Takes note of a stream (DIR, FILE) and of how it is closed; 0, a failure, is passed on. A descriptor that it was made of is its own from now on.</summary>
    public nint Opened(nint stream, Action<nint> close, int fd = -1)
    {
        if (stream == 0) return 0;
        _descriptors.TryRemove(fd, out _);
        lock (_streams) _streams[stream] = close;
        return stream;
    }

    /// <summary>A stream of the machine's own.</summary>
    /// <exception cref="JavaThrow">UnixException EBADF: it is not.</exception>
    public nint Own(Args a, long stream)
    {
        lock (_streams)
        {
            if (_streams.ContainsKey((nint)stream)) return (nint)stream;
        }
        throw new JavaThrow(a.Thread.NewThrowable("sun/nio/fs/UnixException", "(I)V", Value.Of(BadDescriptor)));
    }

    /// <summary>Closes a stream of the machine's own; another is left alone.</summary>
    public void CloseStream(long stream)
    {
        Action<nint>? close;
        lock (_streams) _streams.Remove((nint)stream, out close);
        close?.Invoke((nint)stream);
    }

    /// <summary>mmap(2) of a descriptor of the machine's own.</summary>
    public nint Map(nint length, int protection, int flags, int fd, long offset)
    {
        var address = Libc.MMap(0, length, protection, flags, Own(fd), offset);
        if (address == -1) return address;
        lock (_mappings) _mappings[address] = length;
        return address;
    }

    /// <summary>munmap(2) of what <see cref="Map"/> has mapped; anything else is left alone.</summary>
    public int Unmap(nint address)
    {
        nint length;
        lock (_mappings)
        {
            if (!_mappings.Remove(address, out length)) return -1;
        }
        return Libc.MUnmap(address, length);
    }

    /// <summary>Closes everything. No thread of the machine runs any more.</summary>
    public void CloseAll()
    {
        foreach (var fd in _descriptors.Keys) _ = Close(fd);
        foreach (var (stream, close) in _streams) close(stream);
        foreach (var (address, length) in _mappings) _ = Libc.MUnmap(address, length);
        _streams.Clear();
        _mappings.Clear();
    }
}
