using System.Buffers.Binary;

namespace Holon.Python.Modules.Pickling;

/// <summary>The bytes of a pickle on their way in: all of them at once, or from a file as they are needed.</summary>
internal sealed class PickleInput
{
    private const int Prefetch = 128 * 1024;

    private byte[] bytes = [];
    private int at;
    private int prefetched;
    private PyObject? read, readLine, peek;

    public bool IsOpen { get; private set; }

    public void SetBytes(byte[] data)
    {
        (bytes, at, prefetched, IsOpen) = (data, 0, 0, true);
    }

    public void SetFile(PyObject file)
    {
        peek = Attributes.TryGet(file, "peek");
        readLine = Attributes.TryGet(file, "readline");
        read = Attributes.TryGet(file, "read");
        if (readLine is null || read is null)
            throw Err.Type("file must have 'read' and 'readline' attributes");
        (bytes, at, prefetched, IsOpen) = ([], 0, 0, true);
    }

    private static PyError Truncated() => PickleState.Current.Unpickling("pickle data was truncated");

    private static byte[] Answer(PyObject answer) => answer is IBuffer ? Buffers.Bytes(answer) : throw Err.Type($"a bytes-like object is required, not '{answer.Type.FullName}'");

    /// <summary>Reads past what peek() has shown and has been used of it.</summary>
    public void SkipConsumed()
    {
        var consumed = at - prefetched;
        if (read is not null && prefetched >= 0 && consumed > 0 && peeked)
            Calls.Call(read, PyInt.Of(consumed));
        prefetched = at;
    }

    private bool peeked;

    private void More(long count)
    {
        if (read is null)
            throw Truncated();
        SkipConsumed();
        if (peek is not null && count < Prefetch)
        {
            try
            {
                var shown = Answer(Calls.Call(peek, PyInt.Of(Prefetch)));
                if (shown.Length >= count)
                {
                    (bytes, at, prefetched, peeked) = (shown, 0, 0, true);
                    return;
                }
            }
            catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.NotImplementedError))
            {
                peek = null;
            }
        }
        bytes = Answer(Calls.Call(read, PyInt.Of(count)));
        (at, prefetched, peeked) = (0, 0, false);
        if (bytes.Length < count)
            throw Truncated();
    }

    /// <summary>The next bytes; valid until the next call.</summary>
    public ReadOnlySpan<byte> Read(long count)
    {
        if (count > bytes.Length - at)
            More(count);
        var result = bytes.AsSpan(at, (int)count);
        at += (int)count;
        return result;
    }

    /// <summary>The next operation; the end of the input before it is an EOFError.</summary>
    public byte Op()
    {
        if (at < bytes.Length)
            return bytes[at++];
        try
        {
            return Read(1)[0];
        }
        catch (PyError error) when (error.Value.Type == PickleState.Current.UnpicklingError)
        {
            throw Err.Of(ExceptionTypes.EOFError, "Ran out of input");
        }
    }

    public byte Byte() => at < bytes.Length ? bytes[at++] : Read(1)[0];

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Read(2));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Read(4));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Read(8));

    public double Double() => BinaryPrimitives.ReadDoubleBigEndian(Read(8));

    /// <summary>Up to and with the end of the line; without one the input is cut off.</summary>
    public ReadOnlySpan<byte> Line()
    {
        var end = bytes.AsSpan(at).IndexOf((byte)'\n');
        if (end >= 0)
        {
            var line = bytes.AsSpan(at, end);
            at += end + 1;
            return line;
        }
        if (readLine is null)
            throw Truncated();
        SkipConsumed();
        bytes = Answer(Calls.Call(readLine));
        (at, prefetched, peeked) = (bytes.Length, bytes.Length, false);
        return bytes is [.., (byte)'\n'] ? bytes.AsSpan(0, bytes.Length - 1) : throw Truncated();
    }

    /// <summary>A frame's bytes are read at once.</summary>
    public void Frame(ulong size)
    {
        if (size > long.MaxValue)
            throw Err.Overflow($"FRAME length exceeds system's maximum of {long.MaxValue} bytes");
        Read((long)size);
        at -= (int)size;
    }
}
