using Holon.X86.SoftFloat;

namespace Holon.X86.Tests.SoftFloat;

/// <summary>Every exact x87 operation of the soft float against the host's processor: results, exception flags, C1 and the other condition codes.</summary>
public sealed class X87AgainstHostTests
{
    private delegate Outcome Operation(HostRequest request, ref FloatContext context);

    // What the instruction leaves: ST0, ST1 or memory, and condition codes besides the C1 of rounding.
    private readonly record struct Outcome(Float80? St0, UInt128? Second = null, int Codes = 0);

    private const int C0 = 0x100, C1 = 0x200, C2 = 0x400, C3 = 0x4000;

    [Theory]
    [InlineData(128), InlineData(129), InlineData(130), InlineData(131), InlineData(132), InlineData(133), InlineData(134)]
    public void Arithmetic(int operation) => Check(operation, (HostRequest q, ref FloatContext x) =>
    {
        var (a, b) = (Value(q.A).Unpack(), Value(q.B).Unpack());
        return new(operation switch
        {
            128 => Float80.Add(a, b, ref x),
            129 => Float80.Subtract(a, b, ref x),
            130 => Float80.Multiply(a, b, ref x),
            131 => Float80.Divide(a, b, ref x),
            132 => Float80.Subtract(b, a, ref x),
            133 => Float80.Divide(b, a, ref x),
            _ => Float80.SquareRoot(a, ref x),
        });
    });

    [Theory]
    [InlineData(159), InlineData(160), InlineData(161), InlineData(162), InlineData(163), InlineData(164)]
    public void Arithmetic_with_memory(int operation)
    {
        var memory = operation is 159 or 163 ? FloatCases.Single(operation) : FloatCases.Double(operation);
        Check(operation, (HostRequest q, ref FloatContext x) =>
        {
            var a = Value(q.A).Unpack();
            return new(operation switch
            {
                159 => Float80.Add(a, Unpacked.FromSingle((uint)q.C), ref x),
                160 => Float80.Add(a, Unpacked.FromDouble((ulong)q.C), ref x),
                161 => Float80.Add(a, Unpacked.FromInt64((short)(ushort)q.C), ref x),
                162 => Float80.Add(a, Unpacked.FromInt64((int)(uint)q.C), ref x),
                163 => Float80.Divide(Unpacked.FromSingle((uint)q.C), a, ref x),
                _ => Float80.Multiply(a, Unpacked.FromDouble((ulong)q.C), ref x),
            });
        }, memory);
    }

    [Theory]
    [InlineData(135, false), InlineData(136, true)]
    public void Remainder(int operation, bool nearest) => Check(operation, (HostRequest q, ref FloatContext x) =>
    {
        var result = nearest ? Float80.NearestRemainder(Value(q.A), Value(q.B), ref x) : Float80.Remainder(Value(q.A), Value(q.B), ref x);
        var codes = result.IsIncomplete ? C2 : ((result.Quotient & 4) != 0 ? C0 : 0) | ((result.Quotient & 2) != 0 ? C3 : 0) | ((result.Quotient & 1) != 0 ? C1 : 0);
        return new(result.Value, null, codes);
    });

    [Fact]
    public void Scaling()
    {
        Check(137, (HostRequest q, ref FloatContext x) => new(Value(q.A).RoundToIntegral(ref x)));
        Check(138, (HostRequest q, ref FloatContext x) => new(Float80.Scale(Value(q.A), Value(q.B), ref x)));
        Check(139, (HostRequest q, ref FloatContext x) =>
        {
            var (exponent, significand) = Value(q.A).Extract(ref x);
            return new(significand, Bits(exponent));
        });
    }

    [Fact]
    public void Comparison()
    {
        Check(140, (HostRequest q, ref FloatContext x) => Codes(Float80.Compare(Value(q.A).Unpack(), Value(q.B).Unpack(), true, ref x)));
        Check(141, (HostRequest q, ref FloatContext x) => Codes(Float80.Compare(Value(q.A).Unpack(), Value(q.B).Unpack(), false, ref x)));
        Check(142, (HostRequest q, ref FloatContext x) => Codes(Float80.Compare(Value(q.A).Unpack(), Float80.Zero.Unpack(), true, ref x)));
        Check(165, (HostRequest q, ref FloatContext x) => Codes(Float80.Compare(Value(q.A).Unpack(), Unpacked.FromSingle((uint)q.C), true, ref x)), FloatCases.Single(165));
        Check(166, (HostRequest q, ref FloatContext x) => Codes(Float80.Compare(Value(q.A).Unpack(), Unpacked.FromInt64((int)(uint)q.C), true, ref x)), FloatCases.Double(166));
    }

    [Fact]
    public void Stores()
    {
        Check(144, (HostRequest q, ref FloatContext x) => new(null, (ushort)Value(q.A).ToInt16(x.Rounding, ref x)), memoryBits: 16);
        Check(145, (HostRequest q, ref FloatContext x) => new(null, (uint)Value(q.A).ToInt32(x.Rounding, ref x)), memoryBits: 32);
        Check(146, (HostRequest q, ref FloatContext x) => new(null, (ulong)Value(q.A).ToInt64(x.Rounding, ref x)), memoryBits: 64);
        Check(147, (HostRequest q, ref FloatContext x) => new(null, (ushort)Value(q.A).ToInt16(RoundingMode.Zero, ref x)), memoryBits: 16);
        Check(148, (HostRequest q, ref FloatContext x) => new(null, (uint)Value(q.A).ToInt32(RoundingMode.Zero, ref x)), memoryBits: 32);
        Check(149, (HostRequest q, ref FloatContext x) => new(null, (ulong)Value(q.A).ToInt64(RoundingMode.Zero, ref x)), memoryBits: 64);
        Check(150, (HostRequest q, ref FloatContext x) => new(null, Value(q.A).ToFloat32(ref x)), memoryBits: 32);
        Check(151, (HostRequest q, ref FloatContext x) => new(null, Value(q.A).ToFloat64(ref x)), memoryBits: 64);
        Check(152, (HostRequest q, ref FloatContext x) =>
        {
            var (digits, top) = Value(q.A).ToPackedDecimal(ref x);
            return new(null, new UInt128(top, digits));
        }, memoryBits: 80);
    }

    [Fact]
    public void Loads()
    {
        Check(153, (HostRequest q, ref FloatContext x) => new(Float80.FromInt64((short)(ushort)q.A)), FloatCases.Double(153));
        Check(154, (HostRequest q, ref FloatContext x) => new(Float80.FromInt64((int)(uint)q.A)), FloatCases.Double(154));
        Check(155, (HostRequest q, ref FloatContext x) => new(Float80.FromInt64((long)(ulong)q.A)), FloatCases.Double(155));
        Check(156, (HostRequest q, ref FloatContext x) => new(Float80.FromFloat32((uint)q.A, ref x)), FloatCases.Single(156));
        Check(157, (HostRequest q, ref FloatContext x) => new(Float80.FromFloat64((ulong)q.A, ref x)), FloatCases.Double(157));
        Check(158, (HostRequest q, ref FloatContext x) => new(Float80.FromPackedDecimal((ulong)q.A, (ushort)(q.A >> 64))), FloatCases.Extended(158));
    }

    [Fact]
    public void Constants()
    {
        Check(181, (HostRequest q, ref FloatContext x) => new(Float80.Log2Of10(x.Rounding)));
        Check(182, (HostRequest q, ref FloatContext x) => new(Float80.Log2OfE(x.Rounding)));
        Check(183, (HostRequest q, ref FloatContext x) => new(Float80.Pi(x.Rounding)));
        Check(184, (HostRequest q, ref FloatContext x) => new(Float80.Log10Of2(x.Rounding)));
        Check(185, (HostRequest q, ref FloatContext x) => new(Float80.LnOf2(x.Rounding)));
    }

    internal static Float80 Value(UInt128 bits) => new((ushort)(bits >> 64), (ulong)bits);

    internal static UInt128 Bits(Float80 value) => new(value.SignExponent, value.Significand);

    private static Outcome Codes(FloatRelation relation) => new(null, null, relation switch
    {
        FloatRelation.Less => C0,
        FloatRelation.Equal => C3,
        FloatRelation.Greater => 0,
        _ => C0 | C2 | C3,
    });

    private static void Check(int operation, Operation soft, FloatCases? memory = null, int memoryBits = 0)
    {
        HostFpu.Compare(Requests(operation, memory), (request, host) =>
        {
            var context = FloatContext.FromX87((ushort)request.Control);
            var (st0, second, codes) = soft(request, ref context);
            // A pending unmasked exception shows as ES and B.
            var expected = host.Flags & (0x3F | 0x4700);
            if (operation is not (135 or 136 or (>= 140 and <= 142) or 165 or 166) && context.RoundedUp) codes |= C1;
            var flags = (uint)context.Raised | (uint)codes;
            var stops = (context.Unmasked & FloatExceptions.PreComputation) != 0;
            if (stops) flags = (flags & 0x3F) | (expected & 0x4700); // nothing is computed, the condition codes are whatever they are
            if (flags != expected) return $"flags {flags:X4}, host {expected:X4} (result {st0}, host {host.Result & ((UInt128.One << 80) - 1):X20})";
            if (stops) return null;
            if (memoryBits != 0)
            {
                // A store with unmasked overflow or underflow stores nothing.
                if ((context.Unmasked & (FloatExceptions.Overflow | FloatExceptions.Underflow)) != 0) return null;
                var stored = host.Second & ((UInt128.One << memoryBits) - 1);
                return second == stored ? null : $"stored {second:X}, host {stored:X}";
            }

            var mask = (UInt128.One << 80) - 1;
            if (st0 is { } value && Bits(value) != (host.Result & mask)) return $"result {Bits(value):X20}, host {host.Result & mask:X20}";
            return second is null || second == (host.Second & mask) ? null : $"second {second:X20}, host {host.Second & mask:X20}";
        });
    }

    private static IEnumerable<HostRequest> Requests(int operation, FloatCases? memory)
    {
        var cases = FloatCases.Extended(operation);
        for (var i = 0; i < HostFpu.CasesPerOperation; i++)
        {
            var (a, b, _) = cases.Triple();
            var random = (uint)cases.Random.Next();
            // Any rounding and masks, mostly everything masked; precision control extended half of the time.
            var control = (random & 0xC00) | ((random & 7 << 16) == 0 ? random & 0x3F : 0x3F) | ((random & 1 << 20) == 0 ? 0x300 : random & 0x300);
            if (((control >> 8) & 3) == 1) control |= 0x300;
            if ((random & 1 << 28) != 0) control &= ~0xC00u;
            if (operation is >= 135 and <= 138 && cases.Random.Next(2) == 0) b = Integer(cases.Random);
            if (operation is (>= 144 and <= 149) or 152 && cases.Random.Next(2) == 0) a = Integer(cases.Random);
            if (operation == 158) a = PackedDecimal(cases.Random);
            else if (operation is >= 153 and < 158) a = memory!.Next();
            yield return new HostRequest(operation, control, 0, a, b, memory is null ? 0 : memory.Next());
        }
    }

    /// <summary>A number with an integer part of up to 66 bits.</summary>
    private static UInt128 Integer(Random random) =>
        new UInt128((ulong)(random.Next(2) << 15) | (ulong)(16382 + random.Next(66)), (ulong)random.NextInt64() << random.Next(64) | (1UL << 63));

    private static UInt128 PackedDecimal(Random random)
    {
        UInt128 result = (uint)random.Next(256);
        for (var i = 0; i < 18; i++) result = (result << 4) | (uint)random.Next(10);
        return result;
    }
}
