using System.Buffers.Binary;
using Holon.Machines;

namespace Holon.Networking.Capture;

/// <summary>
/// Records frames in the pcap format with nanoseconds (draft-ietf-opsawg-pcap), which tcpdump and Wireshark read. A thread writes, so that
/// a slow disk costs frames of the record (they are counted) and never the guest's time.
/// </summary>
internal sealed class PcapWriter : IDisposable
{
    private const int BufferSize = 4 << 20, RecordHeader = 16;

    private readonly CaptureOptions _options;
    private readonly Lock _lock = new();
    private readonly AutoResetEvent _waiting = new(false);
    private readonly Thread _thread;
    private byte[] _filling = new byte[BufferSize], _writing = new byte[BufferSize];
    private int _filled;
    private bool _ending;
    private FileStream? _file;

    /// <summary>Opens the record.</summary>
    /// <exception cref="HolonException">The file cannot be written.</exception>
    public PcapWriter(CaptureOptions options)
    {
        _options = options;
        try
        {
            _file = OpenFile();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HolonException($"The capture file '{options.Path}' cannot be written.", exception);
        }

        _thread = new Thread(Run) { IsBackground = true, Name = "holon-capture" };
        _thread.Start();
    }

    /// <summary>Frames that the record lacks because the disk was too slow or full.</summary>
    public long Lost { get; private set; }

    /// <summary>Records a frame.</summary>
    public void Add(ReadOnlySpan<byte> head, ReadOnlySpan<MemorySegment> body)
    {
        var length = head.Length;
        foreach (ref readonly var segment in body) length += (int)segment.Length;
        var kept = Math.Min(length, _options.SnapLength);
        var time = DateTime.UtcNow - DateTime.UnixEpoch;
        lock (_lock)
        {
            if (_filled + RecordHeader + kept > BufferSize)
            {
                Lost++;
                return;
            }

            var record = _filling.AsSpan(_filled, RecordHeader + kept);
            BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)time.TotalSeconds);
            BinaryPrimitives.WriteUInt32LittleEndian(record[4..], (uint)(time.Ticks % TimeSpan.TicksPerSecond * 100));
            BinaryPrimitives.WriteInt32LittleEndian(record[8..], kept);
            BinaryPrimitives.WriteInt32LittleEndian(record[12..], length);
            record = record[RecordHeader..];
            Copy(head, ref record);
            foreach (ref readonly var segment in body) Copy(segment.Span, ref record);
            _filled += RecordHeader + kept;
        }

        _waiting.Set();
    }

    /// <summary>Writes what waits and closes the file.</summary>
    public void Dispose()
    {
        lock (_lock) _ending = true;
        _waiting.Set();
        _thread.Join();
        _file?.Dispose();
        _waiting.Dispose();
    }

    private static void Copy(ReadOnlySpan<byte> from, ref Span<byte> to)
    {
        from = from[..Math.Min(from.Length, to.Length)];
        from.CopyTo(to);
        to = to[from.Length..];
    }

    private void Run()
    {
        while (true)
        {
            int count;
            bool ending;
            lock (_lock)
            {
                (_filling, _writing) = (_writing, _filling);
                (count, _filled) = (_filled, 0);
                ending = _ending;
            }

            if (count > 0) Write(_writing.AsSpan(0, count));
            else if (ending) return;
            else _waiting.WaitOne();
        }
    }

    private void Write(ReadOnlySpan<byte> records)
    {
        try
        {
            if (_file is null) return;
            _file.Write(records);
            _file.Flush(); // tail -f is how people look on
            if (_file.Length >= _options.FileBytes) Rotate();
        }
        catch (IOException)
        {
            lock (_lock) Lost++;
            _file?.Dispose();
            _file = null; // the disk is full: the guest goes on without a record
        }
    }

    private void Rotate()
    {
        _file?.Dispose();
        _file = null;
        for (var number = _options.Files - 1; number > 0; number--)
        {
            var from = number == 1 ? _options.Path : $"{_options.Path}.{number - 1}";
            if (File.Exists(from)) File.Move(from, $"{_options.Path}.{number}", overwrite: true);
        }

        _file = OpenFile();
    }

    private FileStream OpenFile()
    {
        var file = new FileStream(_options.Path, FileMode.Create, FileAccess.Write, FileShare.Read, 0);
        Span<byte> header = stackalloc byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0xA1B2_3C4D);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], 4);
        BinaryPrimitives.WriteInt32LittleEndian(header[16..], _options.SnapLength);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1); // LINKTYPE_ETHERNET
        file.Write(header);
        return file;
    }
}
