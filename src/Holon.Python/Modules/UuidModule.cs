using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace Holon.Python.Modules;

/// <summary>_uuid: identifiers of time and place, RFC 4122 version 1.</summary>
internal static class UuidModule
{
    // From 1582-10-15 to 0001-01-01, .NET's first day, in units of 100 ns.
    private const long GregorianStart = 499_163_040_000_000_000;

    private sealed class Clock
    {
        public long Last { get; set; }

        public int Sequence { get; set; } = RandomNumberGenerator.GetInt32(1 << 14);

        public byte[]? Node { get; set; }
    }

    /// <summary>The address of a network card; where there is none, or where the program may not know it, a random one that says so by its first bit.</summary>
    private static byte[] NodeOf()
    {
        try
        {
            foreach (var card in (Gate.Current.IsOpen ? Directory.EnumerateDirectories("/sys/class/net") : []).Order(StringComparer.Ordinal))
            {
                var parts = File.ReadAllText(card + "/address").Trim().Split(':');
                var bytes = parts.Length == 6 ? [.. parts.Select(p => byte.Parse(p, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))] : Array.Empty<byte>();
                if (bytes.Any(b => b != 0))
                    return bytes;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException)
        {
        }
        var random = RandomNumberGenerator.GetBytes(6);
        random[0] |= 1;
        return random;
    }

    public static void Fill(ModuleBuilder m)
    {
        var clock = m.Machine.State<Clock>("_uuid");
        m.Set("has_uuid_generate_time_safe", 1);
        // The second item is -1: no service makes sure that no other process has the same.
        m.Def0("generate_time_safe", () => new PyTuple(new PyBytes(Make(clock)), PyInt.MinusOne));
    }

    private static byte[] Make(Clock clock)
    {
        var now = DateTime.UtcNow.Ticks - GregorianStart;
        if (now <= clock.Last)
            now = clock.Last + 1;
        clock.Last = now;
        var result = new byte[16];
        BinaryPrimitives.WriteUInt32BigEndian(result, (uint)now);
        BinaryPrimitives.WriteUInt16BigEndian(result.AsSpan(4), (ushort)(now >> 32));
        BinaryPrimitives.WriteUInt16BigEndian(result.AsSpan(6), (ushort)(now >> 48 & 0xfff | 0x1000));
        BinaryPrimitives.WriteUInt16BigEndian(result.AsSpan(8), (ushort)(clock.Sequence | 0x8000));
        (clock.Node ??= NodeOf()).CopyTo(result, 10);
        return result;
    }
}
