using System.Runtime.InteropServices;

namespace Holon.Oracle.Generation;

/// <summary>What the elements of a vector or of a memory operand are.</summary>
public enum LaneKind
{
    /// <summary>Integers of the width that a case chooses.</summary>
    Integer,

    /// <summary>Half precision.</summary>
    Float16,

    /// <summary>Single precision.</summary>
    Float32,

    /// <summary>Double precision.</summary>
    Float64,

    /// <summary>Double extended precision.</summary>
    Float80,

    /// <summary>Packed BCD.</summary>
    Decimal,
}

/// <summary>Fills vectors and memory with elements of a kind.</summary>
public static class Lanes
{
    /// <summary>Fills bytes; a length that is no multiple of the element ends in a part of one.</summary>
    public static void Fill(CaseRandom random, LaneKind kind, Span<byte> bytes)
    {
        switch (kind)
        {
            case LaneKind.Float16:
                foreach (ref var lane in MemoryMarshal.Cast<byte, ushort>(bytes)) lane = InterestingValues.Half(random);
                break;
            case LaneKind.Float32:
                foreach (ref var lane in MemoryMarshal.Cast<byte, uint>(bytes)) lane = InterestingValues.Single(random);
                break;
            case LaneKind.Float64:
                foreach (ref var lane in MemoryMarshal.Cast<byte, ulong>(bytes)) lane = InterestingValues.Double(random);
                break;
            case LaneKind.Float80 when bytes.Length >= 10:
                InterestingValues.Extended(random, bytes);
                break;
            case LaneKind.Decimal when bytes.Length >= 10:
                InterestingValues.Decimal(random, bytes);
                break;
            default:
                FillIntegers(random, bytes);
                break;
        }
    }

    private static void FillIntegers(CaseRandom random, Span<byte> bytes)
    {
        var width = bytes.Length < 8 ? 0 : random.Below(5);
        switch (width)
        {
            case 0:
                foreach (ref var lane in bytes) lane = (byte)InterestingValues.Integer(random);
                break;
            case 1:
                foreach (ref var lane in MemoryMarshal.Cast<byte, ushort>(bytes)) lane = (ushort)InterestingValues.Integer(random);
                break;
            case 2:
                foreach (ref var lane in MemoryMarshal.Cast<byte, uint>(bytes)) lane = (uint)InterestingValues.Integer(random);
                break;
            case 3:
                foreach (ref var lane in MemoryMarshal.Cast<byte, ulong>(bytes)) lane = InterestingValues.Integer(random);
                break;
            default:
                random.Fill(bytes);
                break;
        }
    }
}
