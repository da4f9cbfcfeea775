namespace Holon.Jvm.ClassFile;

/// <summary>The modified UTF-8 of class files (JVMS §4.4.7): NUL takes two bytes, supplementary characters two surrogates of three.</summary>
internal static class ModifiedUtf8
{
    /// <summary>Decodes, or gives null when the bytes are not modified UTF-8.</summary>
    public static string? Decode(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Ascii.IsValid(bytes) && !bytes.Contains((byte)0)) return string.Create(bytes.Length, bytes, static (chars, source) => System.Text.Encoding.Latin1.GetChars(source, chars));
        var buffer = bytes.Length <= 256 ? stackalloc char[bytes.Length] : new char[bytes.Length];
        var count = 0;
        for (var i = 0; i < bytes.Length;)
        {
            int b = bytes[i];
            if (b is 0 or >= 0xF0) return null;
            if (b < 0x80)
            {
                buffer[count++] = (char)b;
                i++;
            }
            else if ((b & 0xE0) == 0xC0)
            {
                if (i + 1 >= bytes.Length || (bytes[i + 1] & 0xC0) != 0x80) return null;
                buffer[count++] = (char)((b & 0x1F) << 6 | bytes[i + 1] & 0x3F);
                i += 2;
            }
            else if ((b & 0xF0) == 0xE0)
            {
                if (i + 2 >= bytes.Length || (bytes[i + 1] & 0xC0) != 0x80 || (bytes[i + 2] & 0xC0) != 0x80) return null;
                buffer[count++] = (char)((b & 0x0F) << 12 | (bytes[i + 1] & 0x3F) << 6 | bytes[i + 2] & 0x3F);
                i += 3;
            }
            else
            {
                return null;
            }
        }
        return new string(buffer[..count]);
    }

    /// <summary>Encodes a string as class files hold it.</summary>
    public static byte[] Encode(string text)
    {
        var bytes = new List<byte>(text.Length + 8);
        foreach (var c in text)
        {
            if (c is not '\0' and < (char)0x80)
            {
                bytes.Add((byte)c);
            }
            else if (c < 0x800)
            {
                bytes.Add((byte)(0xC0 | c >> 6));
                bytes.Add((byte)(0x80 | c & 0x3F));
            }
            else
            {
                bytes.Add((byte)(0xE0 | c >> 12));
                bytes.Add((byte)(0x80 | c >> 6 & 0x3F));
                bytes.Add((byte)(0x80 | c & 0x3F));
            }
        }
        return [.. bytes];
    }
}
