using Holon.Devices.State;

namespace Holon.Devices.Flash;

/// <summary>
/// A parallel NOR flash with the Intel command set, as firmware expects it for its variables (Common Flash Interface, command set 1):
/// reads show the contents until a command is written, then the status.
/// </summary>
/// <remarks>Not thread-safe: every call is made under the device's lock.</remarks>
public sealed class ParallelFlash : IBusDevice, IStatefulDevice
{
    /// <summary>Bytes that are erased together.</summary>
    public const int BlockLength = 4096;

    private const byte ReadArray = 0xFF, ReadStatus = 0x70, ClearStatus = 0x50, ProgramByte = 0x10, ProgramByteToo = 0x40, EraseBlock = 0x20, Confirm = 0xD0, ReadIdentity = 0x90;
    private const byte StatusReady = 0x80, StatusFailed = 0x30, Erased = 0xFF, MakerIntel = 0x89, NoDevice = 0x18;

    private readonly byte[] _content;
    private readonly Action<long, ReadOnlyMemory<byte>>? _store;
    private byte _command = ReadArray, _status;

    /// <summary>Makes a flash.</summary>
    /// <param name="content">What it holds; changed in place.</param>
    /// <param name="store">Keeps what changed, by offset; null to forget it at the end.</param>
    public ParallelFlash(byte[] content, Action<long, ReadOnlyMemory<byte>>? store = null)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(content.Length % BlockLength, 0, nameof(content));
        (_content, _store) = (content, store);
    }

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size)
    {
        switch (_command)
        {
            case ReadArray:
                var value = 0ul;
                for (var i = 0; i < size && offset + (ulong)i < (ulong)_content.Length; i++) value |= (ulong)_content[offset + (ulong)i] << (i * 8);
                return value;
            case ReadIdentity:
                return (offset & 0xFF) switch { 0 => MakerIntel, 1 => NoDevice, _ => 0 };
            default:
                return _status;
        }
    }

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value)
    {
        if (offset >= (ulong)_content.Length) return;
        switch (_command)
        {
            case ProgramByte or ProgramByteToo:
                Program((int)offset, size, value);
                _command = ReadStatus;
                return;
            case EraseBlock:
                if ((byte)value == Confirm) Erase((int)offset);
                else _status |= StatusReady | StatusFailed;
                _command = ReadStatus;
                return;
        }

        _command = (byte)value;
        switch (_command)
        {
            case ClearStatus:
                _status = 0;
                _command = ReadArray;
                break;
            case ReadStatus or ProgramByte or ProgramByteToo or EraseBlock or ReadIdentity:
                break;
            default:
                _command = ReadArray;
                break;
        }
    }

    /// <inheritdoc/>
    public void Reset() => (_command, _status) = (ReadArray, 0);

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        writer.BeginSection("flash", 1);
        writer.Write(_command);
        writer.Write(_status);
        writer.Write(_content.Length);
        writer.WriteBytes(_content);
        writer.EndSection();
    }

    /// <inheritdoc/>
    public void Load(DeviceStateReader reader)
    {
        reader.BeginSection("flash", 1);
        _command = reader.ReadByte();
        _status = reader.ReadByte();
        if (reader.ReadInt32() != _content.Length) throw reader.Damaged("the flash has another size");
        reader.ReadBytes(_content);
        reader.EndSection();
    }

    /// <summary>Programming only clears bits.</summary>
    private void Program(int offset, int size, ulong value)
    {
        var count = Math.Min(size, _content.Length - offset);
        for (var i = 0; i < count; i++) _content[offset + i] &= (byte)(value >> (i * 8));
        _status |= StatusReady;
        _store?.Invoke(offset, _content.AsMemory(offset, count));
    }

    private void Erase(int offset)
    {
        var start = offset - (offset % BlockLength);
        _content.AsSpan(start, BlockLength).Fill(Erased);
        _status |= StatusReady;
        _store?.Invoke(start, _content.AsMemory(start, BlockLength));
    }
}
