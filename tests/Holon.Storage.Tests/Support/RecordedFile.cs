using Holon.Storage.Host;

namespace Holon.Storage.Tests;

/// <summary>A file in memory that remembers every change and every flush, to show what a crash could leave at any moment.</summary>
internal sealed unsafe class RecordedFile : ImageFile
{
    private readonly Lock _gate = new();
    private byte[] _content;

    public RecordedFile(byte[] content, bool readOnly = false)
    {
        _content = content;
        IsReadOnly = readOnly;
    }

    /// <summary>What happened, in order.</summary>
    public List<Change> History { get; } = [];

    public override string Name => "recorded.qcow2";

    public override bool IsReadOnly { get; }

    public override long Length
    {
        get
        {
            lock (_gate) return _content.Length;
        }
    }

    /// <summary>Something that happened: a write, a new length, or a flush.</summary>
    public sealed record Change(long Offset, byte[]? Data, long? NewLength, bool IsFlush);

    /// <summary>The content as it is.</summary>
    public byte[] Snapshot()
    {
        lock (_gate) return (byte[])_content.Clone();
    }

    public override void Read(long offset, in BufferList buffers)
    {
        lock (_gate)
        {
            buffers.Clear();
            var length = (int)Math.Clamp(_content.Length - offset, 0, buffers.Length);
            fixed (byte* pointer = _content) if (length > 0) buffers.Slice(0, length).CopyFrom(pointer + offset); // safe: within the content
        }
    }

    public override void Write(long offset, in BufferList buffers)
    {
        var data = new byte[buffers.Length];
        fixed (byte* pointer = data) buffers.CopyTo(pointer); // safe: as long as the list
        lock (_gate)
        {
            History.Add(new Change(offset, data, null, false));
            Apply(ref _content, History[^1], 0, data.Length);
        }
    }

    public override void WriteZeroes(long offset, long length, bool mayUnmap)
    {
        lock (_gate)
        {
            History.Add(new Change(offset, new byte[length], null, false));
            Apply(ref _content, History[^1], 0, (int)length);
        }
    }

    public override void Discard(long offset, long length)
    {
        var end = Math.Min(offset + length, Length);
        if (end > offset) WriteZeroes(offset, end - offset, true);
    }

    public override void Preallocate(long offset, long length)
    {
        if (offset + length > Length) SetLength(offset + length);
    }

    public override void SetLength(long length)
    {
        lock (_gate)
        {
            History.Add(new Change(0, null, length, false));
            Array.Resize(ref _content, (int)length);
        }
    }

    public override void Flush()
    {
        lock (_gate) History.Add(new Change(0, null, null, true));
    }

    /// <summary>What could be in the file after a crash: everything up to the last flush, and of the rest what the dice say, sector by sector.</summary>
    public byte[] AfterCrash(byte[] before, int moment, Random random)
    {
        var content = (byte[])before.Clone();
        var flushed = moment == 0 ? -1 : History.FindLastIndex(moment - 1, moment, change => change.IsFlush);
        for (var i = 0; i <= flushed; i++) Apply(ref content, History[i], 0, History[i].Data?.Length ?? 0);

        // A length is known before what lies within it is written; the order of the rest is the medium's business.
        foreach (var change in History[(flushed + 1)..moment].Where(change => change.NewLength is not null)) Apply(ref content, change, 0, 0);
        var rest = History[(flushed + 1)..moment].Where(change => change.Data is not null).ToArray();
        if (random.Next(2) == 0) random.Shuffle(rest);
        var keep = random.NextDouble();
        foreach (var change in rest)
        {
            if (random.NextDouble() > keep) continue;
            var torn = random.Next(4) == 0;
            for (var at = 0; at < change.Data!.Length; at += 512)
            {
                if (!torn || random.Next(2) == 0) Apply(ref content, change, at, Math.Min(512, change.Data.Length - at));
            }
        }

        return content;
    }

    protected override void Dispose(bool disposing)
    {
    }

    private static void Apply(ref byte[] content, Change change, int from, int length)
    {
        if (change.NewLength is { } newLength) Array.Resize(ref content, (int)newLength);
        if (change.Data is not { } data || length == 0) return;
        if (content.Length < change.Offset + from + length) Array.Resize(ref content, (int)change.Offset + from + length);
        data.AsSpan(from, length).CopyTo(content.AsSpan((int)change.Offset + from));
    }
}
