using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Holon.Machines;

namespace Holon.Storage.Host;

/// <summary>A file or block device of the host.</summary>
internal sealed unsafe class HostFile : ImageFile
{
    private const int VectorsAtOnce = 256;
    private const int LargestAlignment = 4096;
    private const int BounceBytes = 1 << 20;

    /// <summary>A write that takes longer was held up: the host has too much to write down already, or something like that.</summary>
    private static readonly long _longWrite = Stopwatch.Frequency / 1000;

    /// <summary>After a write that was held up nobody's thread but ours writes for so long.</summary>
    private static readonly long _restFromWrites = Stopwatch.Frequency;

    private readonly Lock _blockUpdates = new(); // held while a part of a block is replaced in direct mode
    private readonly int _descriptor;
    private readonly CacheMode _cache;
    private readonly int _alignment; // of direct transfers; 1 elsewhere
    private bool _readsWithoutWaiting;
    private bool _closed;
    private long _writesWaitUntil; // ticks of the host's monotonic clock
    private string? _lost; // why a flush failed: what was written before may be gone, and no later flush can know

    private HostFile(string name, int descriptor, bool readOnly, CacheMode cache)
    {
        Name = name;
        IsReadOnly = readOnly;
        _descriptor = descriptor;
        _cache = cache;
        _alignment = cache == CacheMode.Direct ? FindAlignment() : 1;
        _readsWithoutWaiting = cache != CacheMode.Direct;
        CanGrow = !Libc.Describe(descriptor).IsBlockDevice;
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override bool IsReadOnly { get; }

    /// <inheritdoc/>
    public override bool CanGrow { get; }

    /// <inheritdoc/>
    /// <remarks>File systems hold the inode's lock while they copy to the page cache; direct transfers and devices go side by side.</remarks>
    public override bool WritesTakeTurns => _cache != CacheMode.Direct && CanGrow;

    /// <summary>Bytes that it takes on the medium.</summary>
    public long AllocatedBytes => Libc.Describe(_descriptor).AllocatedBytes;

    /// <inheritdoc/>
    public override long Length
    {
        get
        {
            var length = Libc.Seek(_descriptor, 0, Libc.SeekEnd);
            return length >= 0 ? length : throw Failure("cannot be measured");
        }
    }

    /// <summary>Opens an existing file.</summary>
    public static HostFile Open(string path, bool readOnly, CacheMode cache = CacheMode.Writeback, bool takeLock = true) =>
        Open(path, readOnly, cache, takeLock, 0);

    /// <summary>Makes a new file.</summary>
    /// <param name="path">Where.</param>
    /// <param name="overwrite">Whether a file that is there loses its content.</param>
    public static HostFile Create(string path, bool overwrite)
    {
        var file = Open(path, readOnly: false, CacheMode.Writeback, takeLock: true, Libc.Create | (overwrite ? 0 : Libc.Exclusive));
        try
        {
            if (overwrite && file.Length > 0 && File.Exists(path)) file.SetLength(0); // behind the lock: nobody else writes it
            return file;
        }
        catch (BlockFailure)
        {
            file.Dispose();
            throw;
        }
    }

    private static HostFile Open(string path, bool readOnly, CacheMode cache, bool takeLock, int creation)
    {
        if (Directory.Exists(path)) throw new HolonException($"{path} is a folder, not a disk image; give the image's file.");
        if (path.Contains('\0', StringComparison.Ordinal)) throw new HolonException("A disk image's path has a zero character in it; give the file's name.");
        var flags = (readOnly ? Libc.ReadOnly : Libc.ReadWrite) | Libc.CloseOnExec | creation | (cache == CacheMode.Direct ? Libc.Direct : 0);
        var descriptor = Libc.Open(path, flags, 0x1A4); // 0644
        if (descriptor < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            throw new HolonException(error switch
            {
                2 => creation == 0 ? $"There is no file {path}; check its name." : $"{path} cannot be made; its folder does not exist.",
                Libc.Denied or 30 => $"{path} cannot be opened{(readOnly ? "" : " for writing")}: {Marshal.GetPInvokeErrorMessage(error)}; change its permissions{(readOnly ? "." : ", or open it read-only.")}",
                Libc.FileExists => $"{path} exists already; remove it first, or choose another name.",
                Libc.Invalid when cache == CacheMode.Direct => $"The file system of {path} has no direct transfers; use the writeback cache.",
                _ => $"{path} cannot be opened: {Marshal.GetPInvokeErrorMessage(error)}.",
            });
        }

        try
        {
            if (takeLock) FileLocks.Take(descriptor, path, !readOnly);
            return new HostFile(path, descriptor, readOnly, cache);
        }
        catch
        {
            _ = Libc.Close(descriptor);
            throw;
        }
    }

    /// <inheritdoc/>
    [SkipLocalsInit] // the vectors are written before they are read
    public override bool TryReadNow(long offset, in BufferList buffers)
    {
        if (!_readsWithoutWaiting) return false;
        var vectors = stackalloc IoVector[VectorsAtOnce];
        var count = buffers.Fill(new Span<IoVector>(vectors, VectorsAtOnce), out var bytes);
        if (bytes < buffers.Length) return false; // many pieces; the usual way takes them in turns
        var done = Libc.ReadVector(_descriptor, vectors, count, offset, Libc.NoWait); // safe: the buffers are vouched for
        if (done == bytes) return true;
        if (done < 0 && Marshal.GetLastPInvokeError() is Libc.NotSupported or Libc.Invalid) _readsWithoutWaiting = false;
        return false;
    }

    /// <inheritdoc/>
    /// <remarks>ext4 refuses RWF_NOWAIT for writes to its cache, though they nearly always only copy; so how long they take is watched instead.</remarks>
    [SkipLocalsInit] // the vectors are written before they are read
    public override bool TryWriteNow(long offset, in BufferList buffers)
    {
        var started = Stopwatch.GetTimestamp();
        if (_cache == CacheMode.Direct || started < Volatile.Read(ref _writesWaitUntil)) return false;
        var vectors = stackalloc IoVector[VectorsAtOnce];
        var count = buffers.Fill(new Span<IoVector>(vectors, VectorsAtOnce), out var bytes);
        if (bytes < buffers.Length) return false;
        var done = Libc.WriteVector(_descriptor, vectors, count, offset, 0); // safe: the buffers are vouched for
        var ended = Stopwatch.GetTimestamp();
        if (ended - started > _longWrite) Volatile.Write(ref _writesWaitUntil, ended + _restFromWrites);
        return done == bytes; // the usual way finds out what was wrong
    }

    /// <inheritdoc/>
    public override void Read(long offset, in BufferList buffers)
    {
        if (_alignment > 1 && (((offset | buffers.Length) & (_alignment - 1)) != 0 || !buffers.IsAligned(_alignment))) BounceRead(offset, buffers);
        else Transfer(offset, buffers, writing: false);
    }

    /// <inheritdoc/>
    public override void Write(long offset, in BufferList buffers)
    {
        if (_alignment > 1 && (((offset | buffers.Length) & (_alignment - 1)) != 0 || !buffers.IsAligned(_alignment))) BounceWrite(offset, buffers);
        else Transfer(offset, buffers, writing: true);
    }

    /// <inheritdoc/>
    public override void WriteZeroes(long offset, long length, bool mayUnmap)
    {
        if (length == 0) return;
        var mode = Libc.KeepSize | (mayUnmap ? Libc.PunchHole : Libc.ZeroRange);
        var end = Length;
        if (offset + length > end)
        {
            // Behind the end there is nothing to zero, only to extend.
            SetLength(offset + length);
            if (offset >= end)
            {
                if (!mayUnmap) Preallocate(offset, length);
                return;
            }

            length = end - offset;
        }

        if (TryAllocate(mode, offset, length)) return;
        using var zeroes = new NativeBuffer((int)Math.Min(length, BounceBytes));
        zeroes.Span.Clear();
        for (long done = 0; done < length;)
        {
            var piece = zeroes.First((int)Math.Min(length - done, zeroes.Length));
            Write(offset + done, new BufferList(new ReadOnlySpan<BlockBuffer>(in piece), piece.Length));
            done += piece.Length;
        }
    }

    /// <inheritdoc/>
    public override void Discard(long offset, long length)
    {
        if (length > 0) TryAllocate(Libc.KeepSize | Libc.PunchHole, offset, length);
    }

    /// <inheritdoc/>
    public override void Preallocate(long offset, long length)
    {
        if (length > 0 && !TryAllocate(0, offset, length) && offset + length > Length) SetLength(offset + length);
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        if (_cache == CacheMode.Unsafe || IsReadOnly) return;
        if (_lost is not null) throw new BlockFailure(BlockStatus.IoError, _lost);
        while (Libc.SyncData(_descriptor) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error == Libc.Interrupted) continue;

            // After a failure Linux forgets which pages were lost, and the next fdatasync would succeed: it must not be believed.
            _lost = $"{Name} could not be made durable ({Marshal.GetPInvokeErrorMessage(error)}); what was written since the last flush may be lost, so every later flush is refused too.";
            throw new BlockFailure(BlockStatus.IoError, _lost);
        }
    }

    /// <inheritdoc/>
    public override void SetLength(long length)
    {
        while (Libc.Truncate(_descriptor, length) != 0)
        {
            if (Marshal.GetLastPInvokeError() != Libc.Interrupted) throw Failure($"cannot be made {length} bytes long");
        }
    }

    /// <inheritdoc/>
    public override (bool IsData, long End) FindExtent(long offset)
    {
        var length = Length;
        if (offset >= length) return (false, long.MaxValue);
        var data = Libc.Seek(_descriptor, offset, Libc.SeekData);
        if (data < 0) return Marshal.GetLastPInvokeError() == Libc.NoSuchDevice ? (false, long.MaxValue) : (true, length); // ENXIO: only a hole is left
        if (data > offset) return (false, data);
        var hole = Libc.Seek(_descriptor, offset, Libc.SeekHole);
        return (true, hole > offset ? hole : length);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (_closed) return;
        _closed = true;
        _ = Libc.Close(_descriptor);
    }

    /// <summary>Moves all bytes, in as many calls as it takes.</summary>
    [SkipLocalsInit] // the vectors are written before they are read
    private void Transfer(long offset, in BufferList buffers, bool writing)
    {
        var vectors = stackalloc IoVector[VectorsAtOnce];
        for (long done = 0; done < buffers.Length;)
        {
            var rest = buffers.Slice(done, buffers.Length - done);
            var count = rest.Fill(new Span<IoVector>(vectors, VectorsAtOnce), out _);

            // Safe: the vectors are on our stack, and the buffers stay in place until the request completes.
            var moved = writing
                ? Libc.WriteVector(_descriptor, vectors, count, offset + done, 0)
                : Libc.ReadVector(_descriptor, vectors, count, offset + done, 0);
            if (moved > 0)
            {
                done += moved;
            }
            else if (moved == 0)
            {
                if (writing) throw new BlockFailure(BlockStatus.IoError, $"{Name} takes no more bytes at {offset + done}.");
                rest.Clear(); // the end of the file
                return;
            }
            else if (Marshal.GetLastPInvokeError() != Libc.Interrupted)
            {
                throw Failure(writing ? $"cannot be written at byte {offset + done}" : $"cannot be read at byte {offset + done}");
            }
        }
    }

    private void BounceRead(long offset, in BufferList buffers)
    {
        using var bounce = new NativeBuffer(BounceBytes + (2 * LargestAlignment));
        for (long done = 0; done < buffers.Length;)
        {
            var wanted = Math.Min(buffers.Length - done, BounceBytes);
            var start = (offset + done) & -_alignment;
            var length = (offset + done + wanted - start + _alignment - 1) & -_alignment;
            var piece = bounce.First((int)length);
            Transfer(start, new BufferList(new ReadOnlySpan<BlockBuffer>(in piece), length), writing: false);
            buffers.Slice(done, wanted).CopyFrom(bounce.Pointer + (offset + done - start)); // safe: within the bounce buffer
            done += wanted;
        }
    }

    private void BounceWrite(long offset, in BufferList buffers)
    {
        using var bounce = new NativeBuffer(BounceBytes + (2 * LargestAlignment));
        for (long done = 0; done < buffers.Length;)
        {
            var wanted = Math.Min(buffers.Length - done, BounceBytes);
            var start = (offset + done) & -_alignment;
            var length = (offset + done + wanted - start + _alignment - 1) & -_alignment;
            var piece = bounce.First((int)length);
            var aligned = new BufferList(new ReadOnlySpan<BlockBuffer>(in piece), length);
            if (start == offset + done && length == wanted)
            {
                buffers.Slice(done, wanted).CopyTo(bounce.Pointer);
                Transfer(start, aligned, writing: true);
            }
            else
            {
                lock (_blockUpdates) // two writers of one block's parts must not undo each other
                {
                    Transfer(start, aligned, writing: false);
                    buffers.Slice(done, wanted).CopyTo(bounce.Pointer + (offset + done - start)); // safe: within the bounce buffer
                    Transfer(start, aligned, writing: true);
                }
            }

            done += wanted;
        }
    }

    /// <summary>fallocate; false when the file system or device cannot do that.</summary>
    private bool TryAllocate(int mode, long offset, long length)
    {
        while (Libc.Allocate(_descriptor, mode, offset, length) != 0)
        {
            switch (Marshal.GetLastPInvokeError())
            {
                case Libc.Interrupted: continue;
                case Libc.NotSupported or Libc.NoSuchDevice or Libc.Invalid or 19 or 25 or 38: return false; // ENODEV, ENOTTY, ENOSYS
                default: throw Failure($"cannot give or take space at byte {offset}");
            }
        }

        return true;
    }

    /// <summary>The smallest alignment at which a direct read succeeds.</summary>
    private int FindAlignment()
    {
        using var buffer = new NativeBuffer(LargestAlignment);
        for (var alignment = 512; alignment < LargestAlignment; alignment *= 2)
        {
            var vector = new IoVector { Address = (nint)buffer.Pointer, Length = alignment };
            if (Libc.ReadVector(_descriptor, &vector, 1, 0, 0) >= 0) return alignment; // safe: one vector on our stack, within the buffer
        }

        return LargestAlignment;
    }

    private BlockFailure Failure(string what)
    {
        var error = Marshal.GetLastPInvokeError();
        var status = error is Libc.NoSpaceLeft or Libc.QuotaExceeded ? BlockStatus.NoSpace : BlockStatus.IoError;
        return new BlockFailure(status, $"{Name} {what}: {Marshal.GetPInvokeErrorMessage(error)}.");
    }
}
