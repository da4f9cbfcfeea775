using Holon.Machines;
using Holon.Storage.Host;
using Holon.Storage.Qcow2;

namespace Holon.Storage.Images;

/// <summary>A disk whose bytes are the bytes of a file.</summary>
internal sealed class RawImage : DiskImage
{
    private const int Sector = 512;

    private readonly ImageFile _file;
    private readonly bool _formatGuessed;
    private long _length;

    /// <summary>Takes over an open file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="formatGuessed">
    /// True when nobody said that it is raw. Its guest then may not write what would make it another format: the next start would take it
    /// for that, and the guest would choose the files that the host opens.
    /// </param>
    public RawImage(ImageFile file, bool formatGuessed = false)
    {
        _file = file;
        _formatGuessed = formatGuessed;
        _length = (file.Length + Sector - 1) & -Sector;
    }

    /// <inheritdoc/>
    public override string Name => _file.Name;

    /// <inheritdoc/>
    public override string Format => "raw";

    /// <inheritdoc/>
    public override long Length => _length;

    /// <inheritdoc/>
    public override bool IsReadOnly => _file.IsReadOnly;

    /// <inheritdoc/>
    public override int DiscardGranularity => 4096;

    /// <inheritdoc/>
    public override bool WritesTakeTurns => _file.WritesTakeTurns;

    /// <inheritdoc/>
    public override bool TryReadNow(long offset, in BufferList buffers) => _file.TryReadNow(offset, buffers);

    /// <inheritdoc/>
    public override bool TryWriteNow(long offset, in BufferList buffers) => !(_formatGuessed && offset == 0) && _file.TryWriteNow(offset, buffers);

    /// <inheritdoc/>
    public override void Read(long offset, in BufferList buffers) => _file.Read(offset, buffers);

    /// <inheritdoc/>
    public override void Write(long offset, in BufferList buffers)
    {
        if (_formatGuessed && offset == 0) RefuseHeader(buffers);
        _file.Write(offset, buffers);
    }

    /// <inheritdoc/>
    public override void WriteZeroes(long offset, long length, bool mayUnmap) => _file.WriteZeroes(offset, length, mayUnmap);

    /// <inheritdoc/>
    public override void Discard(long offset, long length) => _file.Discard(offset, length);

    /// <inheritdoc/>
    public override void Flush() => _file.Flush();

    /// <inheritdoc/>
    public override ImageExtent FindExtent(long offset, long length)
    {
        var (isData, end) = _file.FindExtent(offset);
        return new ImageExtent(isData ? ExtentKind.Data : ExtentKind.Zero, Math.Min(length, end - offset), offset, _file);
    }

    /// <inheritdoc/>
    public override void Resize(long length)
    {
        _file.SetLength(length);
        _length = length;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _file.Dispose();

    private static unsafe void RefuseHeader(in BufferList buffers)
    {
        var start = stackalloc byte[Sector];
        buffers.Slice(0, Math.Min(Sector, buffers.Length)).CopyTo(start); // safe: requests are at least a sector long, and no more is copied
        if (Qcow2Header.HasMagic(new ReadOnlySpan<byte>(start, Sector)))
            throw new HolonException("A guest may not write a qcow2 header to a disk whose format was guessed to be raw; say that the format is raw.");
    }
}
