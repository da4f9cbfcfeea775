namespace Holon.Devices.Rtc;

/// <summary>The ten time registers of an MC146818 and their two formats (data sheet, "Time, calendar and alarm locations", table 3).</summary>
internal static class RtcTime
{
    /// <summary>Later years than this are set to it: a century is left until the host's dates end, so time always goes on.</summary>
    private const int LastYear = 9900;

    public const int Seconds = 0, Minutes = 2, Hours = 4, DayOfWeek = 6, DayOfMonth = 7, Month = 8, Year = 9, Century = 0x32;

    /// <summary>True for a register that shows the time.</summary>
    public static bool Contains(int index) => index is Seconds or Minutes or Hours or (>= DayOfWeek and <= Year) or Century;

    /// <summary>What a register shows at a moment.</summary>
    public static byte Encode(DateTime time, int index, bool binary, bool hours24) => index switch
    {
        Seconds => Encode(time.Second, binary),
        Minutes => Encode(time.Minute, binary),
        Hours => EncodeHour(time.Hour, binary, hours24),
        DayOfWeek => (byte)((int)time.DayOfWeek + 1),
        DayOfMonth => Encode(time.Day, binary),
        Month => Encode(time.Month, binary),
        Year => Encode(time.Year % 100, binary),
        _ => Encode(time.Year / 100, binary: false), // no part of the chip: PC firmware keeps it in BCD always
    };

    /// <summary>The moment that registers show; what is no date becomes the nearest one.</summary>
    public static DateTime Decode(ReadOnlySpan<byte> registers, bool binary, bool hours24)
    {
        var year = Math.Clamp((Decode(registers[Century], binary: false) * 100) + (Decode(registers[Year], binary) % 100), 1, LastYear);
        var month = Math.Clamp(Decode(registers[Month], binary), 1, 12);
        var day = Math.Clamp(Decode(registers[DayOfMonth], binary), 1, DateTime.DaysInMonth(year, month));
        var hour = hours24 ? Decode(registers[Hours], binary) : Decode12(registers[Hours], binary);
        return new DateTime(year, month, day, Math.Min(hour, 23), Math.Min(Decode(registers[Minutes], binary), 59), Math.Min(Decode(registers[Seconds], binary), 59), DateTimeKind.Utc);
    }

    private static byte Encode(int value, bool binary) => (byte)(binary ? value : ((value / 10) << 4) | (value % 10));

    private static int Decode(byte value, bool binary) => binary ? value : Math.Min(((value >> 4) * 10) + (value & 15), 99);

    private static byte EncodeHour(int hour, bool binary, bool hours24)
    {
        if (hours24) return Encode(hour, binary);
        return (byte)(Encode(hour % 12 == 0 ? 12 : hour % 12, binary) | (hour >= 12 ? 0x80 : 0));
    }

    private static int Decode12(byte value, bool binary) => (Decode((byte)(value & 0x7F), binary) % 12) + ((value & 0x80) != 0 ? 12 : 0);
}
