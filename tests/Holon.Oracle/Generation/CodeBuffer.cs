using Iced.Intel;

namespace Holon.Oracle.Generation;

/// <summary>Takes the bytes of one instruction from an encoder.</summary>
internal sealed class CodeBuffer : CodeWriter
{
    private readonly byte[] _bytes = new byte[16];
    private int _length;

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    public void Clear() => _length = 0;

    public override void WriteByte(byte value)
    {
        if (_length < _bytes.Length) _bytes[_length++] = value;
    }
}
