using System.Text;

namespace Holon.SystemMachine.Firmware.Smbios;

/// <summary>A structure being built: type, length, handle, fields, then the strings that fields refer to by number (SMBIOS §6.1).</summary>
internal sealed class SmbiosStructure
{
    private const int LongestString = 64; // what every version allows

    private readonly List<byte> _fields;
    private readonly List<string> _strings = [];

    /// <summary>Begins a structure.</summary>
    public SmbiosStructure(byte type, ushort handle)
    {
        _fields = [type, 0];
        Add(handle);
    }

    /// <summary>Adds a byte.</summary>
    public SmbiosStructure Add(byte value)
    {
        _fields.Add(value);
        return this;
    }

    /// <summary>Adds two bytes.</summary>
    public SmbiosStructure Add(ushort value) => Add((byte)value).Add((byte)(value >> 8));

    /// <summary>Adds four bytes.</summary>
    public SmbiosStructure Add(uint value) => Add((ushort)value).Add((ushort)(value >> 16));

    /// <summary>Adds eight bytes.</summary>
    public SmbiosStructure Add(ulong value) => Add((uint)value).Add((uint)(value >> 32));

    /// <summary>Adds a UUID: its first three fields little-endian (§7.2.1), as .NET has them.</summary>
    public SmbiosStructure Add(Guid value)
    {
        _fields.AddRange(value.ToByteArray());
        return this;
    }

    /// <summary>Adds a string's number; 0 for an empty one.</summary>
    public SmbiosStructure Add(string text)
    {
        var printable = string.Concat(text.Where(character => character is >= ' ' and <= '~').Take(LongestString)).Trim();
        if (printable.Length == 0) return Add((byte)0);
        _strings.Add(printable);
        return Add((byte)_strings.Count);
    }

    /// <summary>Adds zeros up to an offset from the structure's start, at which the next field lies.</summary>
    public SmbiosStructure SkipTo(int offset)
    {
        while (_fields.Count < offset) _fields.Add(0);
        return this;
    }

    /// <summary>The finished structure; its strings end with one zero more.</summary>
    public byte[] ToArray()
    {
        _fields[1] = (byte)_fields.Count;
        var strings = _strings.Count == 0 ? "\0\0" : string.Join('\0', _strings) + "\0\0";
        return [.. _fields, .. Encoding.ASCII.GetBytes(strings)];
    }
}
