using System.Buffers.Binary;

namespace Holon.Python.Modules.Pickling;

/// <summary>The bytes of a pickle on their way out, cut into frames (PEP 3154) once <see cref="IsFraming"/>.</summary>
internal sealed class PickleOutput
{
    private const int FrameHeader = 9, SmallestFrame = 4, FrameTarget = 64 * 1024;

    private byte[] bytes = new byte[256];
    private int length;
    private int frame = -1;

    /// <summary>Where finished frames go; null keeps everything for <see cref="ToBytes"/>.</summary>
    public PyObject? Write { get; set; }

    public bool IsFraming { get; set; }

    public void Clear() => (length, frame, IsFraming) = (0, -1, false);

    private Span<byte> Reserve(int count)
    {
        if (IsFraming && frame < 0)
        {
            frame = length;
            Grow(FrameHeader);
            length += FrameHeader;
        }
        Grow(count);
        length += count;
        return bytes.AsSpan(length - count, count);
    }

    private void Grow(int count)
    {
        if (bytes.Length - length >= count)
            return;
        var size = Math.Max((long)length + count, bytes.Length * 3L / 2);
        PyThread.Current.Machine.Limits.CheckSize(size);
        Array.Resize(ref bytes, (int)size);
    }

    public void Byte(byte value) => Reserve(1)[0] = value;

    public void Byte(byte op, byte argument)
    {
        var to = Reserve(2);
        (to[0], to[1]) = (op, argument);
    }

    public void UInt16(byte op, ushort argument)
    {
        var to = Reserve(3);
        to[0] = op;
        BinaryPrimitives.WriteUInt16LittleEndian(to[1..], argument);
    }

    public void UInt32(byte op, uint argument)
    {
        var to = Reserve(5);
        to[0] = op;
        BinaryPrimitives.WriteUInt32LittleEndian(to[1..], argument);
    }

    public void UInt64(byte op, ulong argument)
    {
        var to = Reserve(9);
        to[0] = op;
        BinaryPrimitives.WriteUInt64LittleEndian(to[1..], argument);
    }

    public void Double(byte op, double argument)
    {
        var to = Reserve(9);
        to[0] = op;
        BinaryPrimitives.WriteDoubleBigEndian(to[1..], argument);
    }

    public void Bytes(ReadOnlySpan<byte> data) => data.CopyTo(Reserve(data.Length));

    /// <summary>An operation with a line of text, as protocol 0 has them.</summary>
    public void Line(byte op, string text)
    {
        Byte(op);
        System.Text.Encoding.Latin1.GetBytes(text, Reserve(text.Length));
        Byte((byte)'\n');
    }

    /// <summary>Bytes after the header that <paramref name="header"/> writes; large ones go straight to the file, outside any frame.</summary>
    public void Large(Action<PickleOutput> header, ReadOnlySpan<byte> data, PyObject? payload)
    {
        var bypass = data.Length >= FrameTarget;
        var framing = IsFraming;
        if (bypass)
        {
            CloseFrame();
            IsFraming = false;
        }
        header(this);
        if (bypass && Write is not null)
        {
            var content = payload ?? new PyBytes(data.ToArray());
            Flush();
            Calls.Call(Write, content);
        }
        else
        {
            Bytes(data);
        }
        IsFraming = framing;
    }

    /// <summary>Between two operations: a frame that is full ends here.</summary>
    public void Boundary()
    {
        if (!IsFraming || frame < 0 || length - frame - FrameHeader < FrameTarget)
            return;
        CloseFrame();
        Flush();
    }

    public void CloseFrame()
    {
        if (!IsFraming || frame < 0)
            return;
        var size = length - frame - FrameHeader;
        if (size >= SmallestFrame)
        {
            bytes[frame] = PickleOp.Frame;
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(frame + 1), (ulong)size);
        }
        else
        {
            bytes.AsSpan(frame + FrameHeader, size).CopyTo(bytes.AsSpan(frame));
            length -= FrameHeader;
        }
        frame = -1;
    }

    /// <summary>Gives what there is to the file, if there is one.</summary>
    public void Flush()
    {
        if (Write is null)
            return;
        var all = ToBytes();
        length = 0;
        Calls.Call(Write, all);
    }

    public PyBytes ToBytes() => new(bytes.AsSpan(0, length).ToArray());
}
