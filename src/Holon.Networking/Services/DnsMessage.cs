using System.Buffers.Binary;

namespace Holon.Networking.Services;

/// <summary>What we need of DNS messages (RFC 1035): the question, addresses in answers, and answers of our own.</summary>
internal static class DnsMessage
{
    public const int HeaderSize = 12, MaxSize = 65535;
    public const ushort TypeA = 1, TypeAaaa = 28, TypeAny = 255;
    public const byte NoError = 0, FormatError = 1, ServerFailure = 2, NameError = 3, Refused = 5;

    private const int MaxRecords = 64;

    /// <summary>Reads the one question of a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="name">The name in lower case, without its last dot.</param>
    /// <param name="type">The type asked for.</param>
    /// <param name="end">Where the question ends.</param>
    public static bool TryReadQuestion(ReadOnlySpan<byte> message, out string name, out ushort type, out int end)
    {
        (name, type, end) = ("", 0, HeaderSize);
        if (message.Length < HeaderSize || BinaryPrimitives.ReadUInt16BigEndian(message[4..]) != 1) return false;
        if (!TryReadName(message, ref end, out name) || message.Length < end + 4) return false;
        type = BinaryPrimitives.ReadUInt16BigEndian(message[end..]);
        end += 4;
        return true;
    }

    /// <summary>True when a message asks something: not an answer, and an ordinary question.</summary>
    public static bool IsQuery(ReadOnlySpan<byte> message) => message.Length >= HeaderSize && (message[2] & 0xF8) == 0;

    /// <summary>True when a message answers a question as it was sent.</summary>
    public static bool IsAnswerTo(ReadOnlySpan<byte> answer, ReadOnlySpan<byte> query)
    {
        if (answer.Length < HeaderSize || (answer[2] & 0x80) == 0 || !answer[..2].SequenceEqual(query[..2])) return false;
        return TryReadQuestion(answer, out var theirs, out var theirType, out _) && TryReadQuestion(query, out var ours, out var ourType, out _)
            && theirs == ours && theirType == ourType;
    }

    /// <summary>Calls for each address in the answer, with its lifetime in seconds. What is malformed ends it.</summary>
    public static void ReadAddresses<T>(ReadOnlySpan<byte> message, T state, Action<T, IpAddress, uint> found)
    {
        if (!TryReadQuestion(message, out _, out _, out var at)) return;
        var count = Math.Min((int)BinaryPrimitives.ReadUInt16BigEndian(message[6..]), MaxRecords);
        for (var i = 0; i < count; i++)
        {
            if (!TryReadName(message, ref at, out _) || message.Length < at + 10) return;
            var type = BinaryPrimitives.ReadUInt16BigEndian(message[at..]);
            var lifetime = BinaryPrimitives.ReadUInt32BigEndian(message[(at + 4)..]);
            var length = BinaryPrimitives.ReadUInt16BigEndian(message[(at + 8)..]);
            at += 10;
            if (length > message.Length - at) return;
            if ((type, length) is (TypeA, 4) or (TypeAaaa, 16)) found(state, IpAddress.Read(message.Slice(at, length)), lifetime);
            at += length;
        }
    }

    /// <summary>An answer of our own to a query.</summary>
    /// <param name="query">The query, of which the question is repeated.</param>
    /// <param name="questionEnd">Where its question ends.</param>
    /// <param name="code">NoError, NameError and so on.</param>
    /// <param name="address">The address to answer with, or null for none.</param>
    public static byte[] Answer(ReadOnlySpan<byte> query, int questionEnd, byte code, IpAddress? address)
    {
        var v4 = address is { IsV4: true };
        var record = address is null ? 0 : v4 ? 16 : 28;
        var answer = new byte[questionEnd + record];
        query[..questionEnd].CopyTo(answer);
        answer[2] = (byte)(0x84 | (query[2] & 1)); // an authoritative answer; recursion desired as it was
        answer[3] = (byte)(0x80 | code);
        answer.AsSpan(4, 8).Clear();
        answer[5] = (byte)(questionEnd > HeaderSize ? 1 : 0);
        if (address is not { } value) return answer;
        answer[7] = 1;
        var at = answer.AsSpan(questionEnd);
        BinaryPrimitives.WriteUInt16BigEndian(at, 0xC000 | HeaderSize); // the question's name
        BinaryPrimitives.WriteUInt16BigEndian(at[2..], v4 ? TypeA : TypeAaaa);
        at[5] = 1; // IN
        BinaryPrimitives.WriteUInt32BigEndian(at[6..], 30);
        at[11] = (byte)(v4 ? 4 : 16);
        value.Write(at[12..]);
        return answer;
    }

    /// <summary>Reads a name, following compression pointers backwards only, so that it ends.</summary>
    private static bool TryReadName(ReadOnlySpan<byte> message, ref int at, out string name)
    {
        name = "";
        Span<char> text = stackalloc char[256];
        var length = 0;
        var position = at;
        var lowest = at;
        var followed = false;
        while (true)
        {
            if (position >= message.Length) return false;
            var label = message[position];
            if (label == 0)
            {
                if (!followed) at = position + 1;
                name = new string(text[..Math.Max(length - 1, 0)]);
                return true;
            }

            if (label >= 0xC0)
            {
                if (position + 1 >= message.Length) return false;
                var target = (label & 0x3F) << 8 | message[position + 1];
                if (target >= lowest) return false;
                if (!followed) at = position + 2;
                followed = true;
                position = lowest = target;
                continue;
            }

            if (label >= 0x40 || position + 1 + label > message.Length || length + label + 1 > 255) return false;
            foreach (var letter in message.Slice(position + 1, label))
            {
                // A dot inside of a label would make it look like two.
                text[length++] = letter is (byte)'.' or < 0x21 or > 0x7E ? '?' : char.ToLowerInvariant((char)letter);
            }

            text[length++] = '.';
            position += label + 1;
        }
    }
}
