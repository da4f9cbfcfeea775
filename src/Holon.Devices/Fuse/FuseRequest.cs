using System.Runtime.CompilerServices;

namespace Holon.Devices.Fuse;

/// <summary>What becomes of a request.</summary>
public enum FuseOutcome
{
    /// <summary>There is an answer: <see cref="FuseRequest.Error"/>, or what <see cref="FuseRequest.Answer"/> or the request's own vectors hold.</summary>
    Answered,

    /// <summary>The guest expects no answer.</summary>
    Silent,

    /// <summary>It may have to wait for a disk, and the caller must not: nothing was done.</summary>
    MustWait,
}

/// <summary>
/// One request of a guest's, and its answer. Kept and used again. Data that is read from or written to files never passes through it: vectors say
/// where in guest memory it is.
/// </summary>
/// <remarks>Not thread-safe. The message is a copy, which the guest cannot change while it is looked at.</remarks>
public sealed unsafe class FuseRequest
{
    private const int UsualMessage = 1024;

    private byte[] _message = GC.AllocateUninitializedArray<byte>(UsualMessage, pinned: true);
    private readonly IoVector[] _vectors;

    /// <summary>A request with room for a number of pieces of data.</summary>
    public FuseRequest(int mostVectors) => _vectors = GC.AllocateArray<IoVector>(mostVectors, pinned: true);

    /// <summary>The error, below 0, or 0.</summary>
    public int Error { get; private set; }

    /// <summary>Bytes of answer in memory of the server's own, good until its thread takes another request.</summary>
    public ReadOnlySpan<byte> Answer => new(_answer, _answerLength);

    /// <summary>Bytes that were read straight to where <see cref="Vectors"/> say.</summary>
    public long DataLength { get; private set; }

    /// <summary>What the guest calls the request.</summary>
    public ulong Unique => Header.Unique;

    /// <summary>What a READ fills or a WRITE takes.</summary>
    public ReadOnlySpan<IoVector> Vectors => _vectors.AsSpan(0, VectorCount);

    internal int VectorCount { get; private set; }

    /// <summary>Bytes that the vectors have room for.</summary>
    internal long VectorLength { get; private set; }

    internal int Length { get; private set; }

    internal byte* Message => (byte*)Unsafe.AsPointer(ref _message[0]); // pinned

    internal IoVector* FirstVector => (IoVector*)Unsafe.AsPointer(ref _vectors[0]); // pinned

    internal ref readonly FuseHeader Header => ref *(FuseHeader*)Message;

    private byte* _answer;
    private int _answerLength;

    /// <summary>Begins with a message; its bytes are to be filled in.</summary>
    /// <param name="length">Bytes, at most <see cref="MostMessage"/>.</param>
    public Span<byte> Begin(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MostMessage);
        if (length > _message.Length) _message = GC.AllocateUninitializedArray<byte>(MostMessage, pinned: true);
        Length = length;
        VectorCount = 0;
        VectorLength = 0;
        return _message.AsSpan(0, length);
    }

    /// <summary>The longest message, without the data of a WRITE.</summary>
    public static int MostMessage => FuseLimits.MostRequest;

    /// <summary>What a WRITE has before its data.</summary>
    public static int WriteHeader => FuseLimits.RequestHeader + sizeof(FuseTransfer);

    /// <summary>What every answer begins with; the caller writes it.</summary>
    public static int AnswerHeader => FuseLimits.AnswerHeader;

    /// <summary>What every request begins with.</summary>
    public static int RequestHeader => FuseLimits.RequestHeader;

    /// <summary>Whether a message that begins like this is a WRITE, whose data stays where it is.</summary>
    public static bool IsWrite(ReadOnlySpan<byte> header) => Unsafe.ReadUnaligned<FuseHeader>(in header[0]).Operation == FuseOperation.Write;

    /// <summary>Whether it is a READ, whose data goes straight to the guest.</summary>
    public bool IsRead => Length >= FuseLimits.RequestHeader && Header.Operation == FuseOperation.Read;

    /// <summary>Adds a piece of memory for data. Pieces that touch become one.</summary>
    public void AddVector(nint address, nint length)
    {
        VectorLength += length;
        if (VectorCount > 0 && _vectors[VectorCount - 1] is var last && last.Address + last.Length == address)
        {
            _vectors[VectorCount - 1] = last with { Length = last.Length + length };
            return;
        }

        _vectors[VectorCount++] = new IoVector(address, length);
    }

    /// <summary>Leaves only the first bytes of the vectors.</summary>
    internal void Limit(long length)
    {
        var left = length;
        for (var i = 0; i < VectorCount; i++)
        {
            if (_vectors[i].Length < left)
            {
                left -= _vectors[i].Length;
                continue;
            }

            _vectors[i] = _vectors[i] with { Length = (nint)left };
            VectorCount = left == 0 ? i : i + 1;
            VectorLength = length;
            return;
        }
    }

    /// <summary>A message's fixed part behind the header.</summary>
    internal bool Has<T>(out T* body)
        where T : unmanaged
    {
        body = (T*)(Message + FuseLimits.RequestHeader);
        return Length >= FuseLimits.RequestHeader + sizeof(T);
    }

    /// <summary>Text with a zero byte at its end.</summary>
    /// <param name="offset">Where it begins, behind the header.</param>
    /// <param name="text">The text, without the zero byte, which follows it.</param>
    internal bool TryText(int offset, out ReadOnlySpan<byte> text)
    {
        text = default;
        var start = FuseLimits.RequestHeader + offset;
        if (start >= Length) return false;
        var rest = new ReadOnlySpan<byte>(Message + start, Length - start);
        var end = rest.IndexOf((byte)0);
        if (end < 0) return false;
        text = rest[..end];
        return true;
    }

    /// <summary>A name of one file.</summary>
    /// <returns>0 or the error.</returns>
    internal int Name(int offset, out ReadOnlySpan<byte> name, out byte* pointer)
    {
        pointer = Message + FuseLimits.RequestHeader + offset;
        if (!TryText(offset, out name)) return FuseError.Invalid;
        if (name.Length > FuseLimits.NameLength) return FuseError.NameTooLong;
        return SharedName.IsOne(name) ? 0 : FuseError.Invalid;
    }

    internal FuseOutcome Fail(int error)
    {
        (Error, _answerLength, DataLength) = (error, 0, 0);
        return FuseOutcome.Answered;
    }

    internal FuseOutcome Done() => Fail(0);

    /// <summary>An error if it is one, else nothing but success.</summary>
    internal FuseOutcome Result(nint result) => Fail(result < 0 ? (int)result : 0);

    internal FuseOutcome Reply(byte* answer, int length)
    {
        _answer = answer;
        (Error, _answerLength, DataLength) = (0, length, 0);
        return FuseOutcome.Answered;
    }

    internal FuseOutcome ReplyData(long length)
    {
        (Error, _answerLength, DataLength) = (0, 0, length);
        return FuseOutcome.Answered;
    }
}

/// <summary>Memory that one thread needs while it serves a request.</summary>
public sealed unsafe class FuseScratch
{
    private const int PathStart = 0, PathLength = 512, AnswerStart = PathLength, Length = PathLength + FuseLimits.ExtendedValue;

    private readonly byte[] _memory = GC.AllocateArray<byte>(Length, pinned: true);

    /// <summary>Room for an answer.</summary>
    internal const int AnswerLength = FuseLimits.ExtendedValue;

    internal byte* Answer => (byte*)Unsafe.AsPointer(ref _memory[AnswerStart]);

    /// <summary>The path by which the kernel gives the file behind a descriptor, whatever has become of its name.</summary>
    internal byte* Path(int descriptor) => Path(descriptor, []);

    /// <summary>The path of a name in the folder behind a descriptor.</summary>
    internal byte* Path(int folder, ReadOnlySpan<byte> name)
    {
        var path = _memory.AsSpan(PathStart, PathLength);
        "/proc/self/fd/"u8.CopyTo(path);
        folder.TryFormat(path[14..], out var digits, default, System.Globalization.CultureInfo.InvariantCulture);
        var at = 14 + digits;
        if (name.Length > 0)
        {
            path[at++] = (byte)'/';
            name.CopyTo(path[at..]);
            at += name.Length;
        }

        path[at] = 0;
        return (byte*)Unsafe.AsPointer(ref _memory[PathStart]);
    }
}
