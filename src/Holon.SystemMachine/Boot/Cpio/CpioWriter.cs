using System.Buffers;
using System.Globalization;
using System.Text;
using Holon.Machines;

namespace Holon.SystemMachine.Boot.Cpio;

/// <summary>
/// Writes a cpio archive in the <c>newc</c> format, the one Linux unpacks as its initial root file system
/// (Documentation/driver-api/early-userspace/buffer-format.rst). Entries go to the stream as they are added; nothing is kept.
/// </summary>
/// <remarks>
/// Linux does not make missing parents: add a directory before what lies in it. Archives are reproducible: every entry has the
/// same time unless told otherwise, and inode numbers count up. Several archives may follow each other in one initrd.
/// </remarks>
public sealed class CpioWriter : IDisposable
{
    /// <summary>The longest name Linux accepts, with its terminating zero (PATH_MAX).</summary>
    public const int MaxNameLength = 4096;

    private const int HeaderLength = 110;
    private const string Trailer = "TRAILER!!!";

    private readonly Stream _output;
    private readonly bool _leaveOpen;
    private readonly uint _modificationTime;
    private uint _nextInode = 1;
    private bool _ended;

    /// <summary>Begins an archive.</summary>
    /// <param name="output">Where it goes; only written forward.</param>
    /// <param name="modificationTime">Unix time of every entry.</param>
    /// <param name="leaveOpen">Whether <see cref="Dispose"/> leaves the stream open.</param>
    public CpioWriter(Stream output, uint modificationTime = 0, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(output);
        _output = output;
        _modificationTime = modificationTime;
        _leaveOpen = leaveOpen;
    }

    /// <summary>Permissions of a directory or program that everybody may use.</summary>
    public const int ExecutableMode = 0b111_101_101; // rwxr-xr-x, 0755

    /// <summary>Permissions of a file that everybody may read.</summary>
    public const int ReadableMode = 0b110_100_100; // rw-r--r--, 0644

    /// <summary>Adds a directory.</summary>
    /// <param name="path">Its path; a leading slash is dropped.</param>
    /// <param name="permissions">The twelve permission bits.</param>
    /// <param name="owner">User and group.</param>
    public void AddDirectory(string path, int permissions = ExecutableMode, CpioOwner owner = default)
        => AddEntry(path, CpioEntryType.Directory, permissions, owner, default);

    /// <summary>Adds a file with its content.</summary>
    public void AddFile(string path, ReadOnlySpan<byte> content, int permissions = ReadableMode, CpioOwner owner = default)
        => AddEntry(path, CpioEntryType.File, permissions, owner, content);

    /// <summary>Adds a file whose content is text in UTF-8.</summary>
    public void AddFile(string path, string content, int permissions = ReadableMode, CpioOwner owner = default)
        => AddFile(path, Encoding.UTF8.GetBytes(content), permissions, owner);

    /// <summary>Adds a file by copying a stream of known length.</summary>
    /// <param name="path">Its path in the archive.</param>
    /// <param name="content">Read to <paramref name="length"/> bytes.</param>
    /// <param name="length">Exactly how many bytes follow in <paramref name="content"/>; below 4 GiB.</param>
    /// <param name="permissions">The twelve permission bits.</param>
    /// <param name="owner">User and group.</param>
    /// <exception cref="HolonException">The stream ends early or the file is too large for the format.</exception>
    public void AddFile(string path, Stream content, long length, int permissions = ReadableMode, CpioOwner owner = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        if (length is < 0 or > uint.MaxValue) throw new HolonException($"The file {path} has {length} bytes, and a cpio archive holds files below 4 GiB only; leave it out of the initrd.");
        WriteHeader(path, CpioEntryType.File, permissions, owner, (uint)length, default);
        var buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        try
        {
            for (var left = length; left > 0;)
            {
                var read = content.Read(buffer, 0, (int)Math.Min(left, buffer.Length));
                if (read == 0) throw new HolonException($"The content of {path} ended {left} bytes early while it was copied into a cpio archive; try again when nobody changes it.");
                _output.Write(buffer, 0, read);
                left -= read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        Pad(length);
    }

    /// <summary>Adds a symbolic link.</summary>
    /// <param name="path">The link.</param>
    /// <param name="target">What it points to, as it is.</param>
    /// <param name="owner">User and group.</param>
    public void AddSymbolicLink(string path, string target, CpioOwner owner = default)
        => AddEntry(path, CpioEntryType.SymbolicLink, 0b111_111_111, owner, Encoding.UTF8.GetBytes(target));

    /// <summary>Adds a character device, such as <c>dev/console</c> with number 5:1.</summary>
    public void AddCharacterDevice(string path, uint major, uint minor, int permissions = 0b110_000_000, CpioOwner owner = default)
        => AddEntry(path, CpioEntryType.CharacterDevice, permissions, owner, default, (major, minor));

    /// <summary>Adds a block device.</summary>
    public void AddBlockDevice(string path, uint major, uint minor, int permissions = 0b110_000_000, CpioOwner owner = default)
        => AddEntry(path, CpioEntryType.BlockDevice, permissions, owner, default, (major, minor));

    /// <summary>Ends the archive with its trailer. Nothing can be added after.</summary>
    public void End()
    {
        if (_ended) return;
        WriteHeaderFields(Trailer, 0, 0, default, 0, default);
        _ended = true;
        _output.Flush();
    }

    /// <summary>Ends the archive and closes the stream.</summary>
    public void Dispose()
    {
        End();
        if (!_leaveOpen) _output.Dispose();
    }

    private void AddEntry(string path, CpioEntryType type, int permissions, CpioOwner owner, ReadOnlySpan<byte> content, (uint Major, uint Minor) device = default)
    {
        WriteHeader(path, type, permissions, owner, (uint)content.Length, device);
        _output.Write(content);
        Pad(content.Length);
    }

    private void WriteHeader(string path, CpioEntryType type, int permissions, CpioOwner owner, uint length, (uint Major, uint Minor) device)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfNotEqual(permissions & ~0xFFF, 0, nameof(permissions));
        ObjectDisposedException.ThrowIf(_ended, this);
        var name = path.TrimStart('/');
        if (name.Length == 0) name = ".";
        if (name.Contains('\0', StringComparison.Ordinal) || Encoding.UTF8.GetByteCount(name) >= MaxNameLength || name == Trailer)
            throw new HolonException($"A cpio archive cannot hold the name {path[..Math.Min(path.Length, 80)]}: it is too long, contains a zero byte or is the trailer's; rename it.");
        WriteHeaderFields(name, _nextInode++, (uint)type | (uint)permissions, owner, length, device);
    }

    private void WriteHeaderFields(string name, uint inode, uint mode, CpioOwner owner, uint length, (uint Major, uint Minor) device)
    {
        var nameLength = Encoding.UTF8.GetByteCount(name) + 1;
        var links = mode >> 12 == (uint)CpioEntryType.Directory >> 12 ? 2u : 1u;
        ReadOnlySpan<uint> fields =
        [
            inode, mode, owner.User, owner.Group, links, _modificationTime, length,
            0, 0, device.Major, device.Minor, (uint)nameLength, 0,
        ];
        var buffer = ArrayPool<byte>.Shared.Rent(HeaderLength + nameLength + 3);
        try
        {
            "070701"u8.CopyTo(buffer);
            for (var i = 0; i < fields.Length; i++) fields[i].TryFormat(buffer.AsSpan(6 + (8 * i), 8), out _, "X8", CultureInfo.InvariantCulture);
            Encoding.UTF8.GetBytes(name, buffer.AsSpan(HeaderLength));
            var padded = (HeaderLength + nameLength + 3) & ~3;
            buffer.AsSpan((HeaderLength + nameLength - 1)..padded).Clear();
            _output.Write(buffer, 0, padded);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Content ends at a multiple of four; headers with their names are a multiple already.</summary>
    private void Pad(long length)
    {
        ReadOnlySpan<byte> zeros = [0, 0, 0];
        _output.Write(zeros[..(int)(-length & 3)]);
    }

    /// <summary>The type bits of a mode (inode(7)).</summary>
    private enum CpioEntryType : uint
    {
        CharacterDevice = 0x2000,
        Directory = 0x4000,
        BlockDevice = 0x6000,
        File = 0x8000,
        SymbolicLink = 0xA000,
    }
}

/// <summary>Who owns an entry; root unless said otherwise.</summary>
/// <param name="User">User number.</param>
/// <param name="Group">Group number.</param>
public readonly record struct CpioOwner(uint User, uint Group);
