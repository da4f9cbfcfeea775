using Holon.X86.SoftFloat;

namespace Holon.X86.Tests.SoftFloat;

/// <summary>Every SSE operation of the soft float against the host's processor: results, flags, and which exceptions fault.</summary>
public sealed class SseAgainstHostTests
{
    private delegate UInt128 Operation(HostRequest request, ref FloatContext context);

    private const int DoubleOffset = 64; // added to the numbers below for binary64

    [Theory]
    [InlineData(0), InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6)]
    public void Arithmetic(int operation)
    {
        Check(operation, 32, FloatCases.Single(operation), (HostRequest q, ref FloatContext x) => Single(operation, (uint)q.A, (uint)q.B, ref x));
        Check(operation + DoubleOffset, 64, FloatCases.Double(operation), (HostRequest q, ref FloatContext x) => Double(operation, (ulong)q.A, (ulong)q.B, ref x));
    }

    [Theory]
    [InlineData(7, false, false), InlineData(8, false, true), InlineData(9, true, false), InlineData(10, true, true)]
    public void Fused_multiply_add(int operation, bool negateProduct, bool negateAddend)
    {
        // A is the second operand, B the destination, C the third; the immediate picks the form 213, 132 or 231.
        Check(operation, 32, FloatCases.Single(operation), (HostRequest q, ref FloatContext x) => q.Immediate switch
        {
            0 => Float32.FusedMultiplyAdd((uint)q.A, (uint)q.B, (uint)q.C, negateProduct, negateAddend, ref x),
            1 => Float32.FusedMultiplyAdd((uint)q.B, (uint)q.C, (uint)q.A, negateProduct, negateAddend, ref x),
            _ => Float32.FusedMultiplyAdd((uint)q.A, (uint)q.C, (uint)q.B, negateProduct, negateAddend, ref x),
        }, 3);
        Check(operation + DoubleOffset, 64, FloatCases.Double(operation), (HostRequest q, ref FloatContext x) => q.Immediate switch
        {
            0 => Float64.FusedMultiplyAdd((ulong)q.A, (ulong)q.B, (ulong)q.C, negateProduct, negateAddend, ref x),
            1 => Float64.FusedMultiplyAdd((ulong)q.B, (ulong)q.C, (ulong)q.A, negateProduct, negateAddend, ref x),
            _ => Float64.FusedMultiplyAdd((ulong)q.A, (ulong)q.C, (ulong)q.B, negateProduct, negateAddend, ref x),
        }, 3);
    }

    [Fact]
    public void Compare_predicates()
    {
        Check(11, 32, FloatCases.Single(11), (HostRequest q, ref FloatContext x) => Float32.Satisfies((uint)q.A, (uint)q.B, q.Immediate, ref x) ? uint.MaxValue : 0u, 32);
        Check(75, 64, FloatCases.Double(11), (HostRequest q, ref FloatContext x) => Float64.Satisfies((ulong)q.A, (ulong)q.B, q.Immediate, ref x) ? ulong.MaxValue : 0, 32);
    }

    [Theory]
    [InlineData(13, true), InlineData(14, false)]
    public void Compare_into_flags(int operation, bool signalQuiet)
    {
        Check(operation, 32, FloatCases.Single(operation), (HostRequest q, ref FloatContext x) => Flags(Float32.Compare((uint)q.A, (uint)q.B, signalQuiet, ref x)), reply: r => r.Extra);
        Check(operation + DoubleOffset, 32, FloatCases.Double(operation), (HostRequest q, ref FloatContext x) => Flags(Float64.Compare((ulong)q.A, (ulong)q.B, signalQuiet, ref x)), reply: r => r.Extra);
    }

    [Fact]
    public void Round_to_integral()
    {
        Check(12, 32, FloatCases.Single(12), (HostRequest q, ref FloatContext x) => Float32.RoundToIntegral((uint)q.B, Mode(q, x), (q.Immediate & 8) != 0, ref x), 16);
        Check(76, 64, FloatCases.Double(12), (HostRequest q, ref FloatContext x) => Float64.RoundToIntegral((ulong)q.B, Mode(q, x), (q.Immediate & 8) != 0, ref x), 16);
    }

    [Fact]
    public void To_and_from_integers()
    {
        var integers = new FloatCases(53, 11, false, 15); // bit patterns with long runs make good integers too
        Check(15, 32, integers, (HostRequest q, ref FloatContext x) => Float32.FromInt32((int)(uint)q.A, ref x));
        Check(79, 64, integers, (HostRequest q, ref FloatContext x) => Float64.FromInt32((int)(uint)q.A));
        Check(16, 32, integers, (HostRequest q, ref FloatContext x) => Float32.FromInt64((long)(ulong)q.A, ref x));
        Check(80, 64, integers, (HostRequest q, ref FloatContext x) => Float64.FromInt64((long)(ulong)q.A, ref x));
        var singles = FloatCases.Single(17);
        Check(17, 32, singles, (HostRequest q, ref FloatContext x) => (uint)Float32.ToInt32((uint)q.A, x.Rounding, ref x), reply: r => r.Second);
        Check(18, 64, singles, (HostRequest q, ref FloatContext x) => (ulong)Float32.ToInt64((uint)q.A, x.Rounding, ref x), reply: r => r.Second);
        Check(19, 32, singles, (HostRequest q, ref FloatContext x) => (uint)Float32.ToInt32((uint)q.A, RoundingMode.Zero, ref x), reply: r => r.Second);
        Check(20, 64, singles, (HostRequest q, ref FloatContext x) => (ulong)Float32.ToInt64((uint)q.A, RoundingMode.Zero, ref x), reply: r => r.Second);
        var doubles = FloatCases.Double(17);
        Check(81, 32, doubles, (HostRequest q, ref FloatContext x) => (uint)Float64.ToInt32((ulong)q.A, x.Rounding, ref x), reply: r => r.Second);
        Check(82, 64, doubles, (HostRequest q, ref FloatContext x) => (ulong)Float64.ToInt64((ulong)q.A, x.Rounding, ref x), reply: r => r.Second);
        Check(83, 32, doubles, (HostRequest q, ref FloatContext x) => (uint)Float64.ToInt32((ulong)q.A, RoundingMode.Zero, ref x), reply: r => r.Second);
        Check(84, 64, doubles, (HostRequest q, ref FloatContext x) => (ulong)Float64.ToInt64((ulong)q.A, RoundingMode.Zero, ref x), reply: r => r.Second);
    }

    [Fact]
    public void Between_formats()
    {
        Check(21, 64, FloatCases.Single(21), (HostRequest q, ref FloatContext x) => Float32.ToFloat64((uint)q.A, ref x));
        Check(85, 32, FloatCases.Double(21), (HostRequest q, ref FloatContext x) => Float64.ToFloat32((ulong)q.A, ref x));
        Check(22, 32, FloatCases.Half(22), (HostRequest q, ref FloatContext x) => Float16.ToFloat32((ushort)q.A, ref x));
        // Underflow stays masked: unmasked, the processor reports a binary32 denormal as inexact even where it is not.
        Check(23, 16, FloatCases.Single(23), (HostRequest q, ref FloatContext x) => Float16.FromFloat32((uint)q.A, Mode(q, x), ref x), 8, alwaysMasked: FloatExceptions.Underflow);
        // binary16's whole range lies in the middle of binary32's: aim there.
        Check(23, 16, new FloatCases(24, 8, false, 24), (HostRequest q, ref FloatContext x) => Float16.FromFloat32((uint)q.A, Mode(q, x), ref x), 8, narrow: true);
    }

    private static RoundingMode Mode(HostRequest request, FloatContext context) =>
        (request.Immediate & 4) != 0 ? context.Rounding : (RoundingMode)(request.Immediate & 3);

    private static uint Flags(FloatRelation relation) => relation switch
    {
        FloatRelation.Less => 0x01, // CF
        FloatRelation.Equal => 0x40, // ZF
        FloatRelation.Greater => 0,
        _ => 0x45, // ZF, PF, CF
    };

    private static uint Single(int operation, uint a, uint b, ref FloatContext x) => operation switch
    {
        0 => Float32.Add(a, b, ref x),
        1 => Float32.Subtract(a, b, ref x),
        2 => Float32.Multiply(a, b, ref x),
        3 => Float32.Divide(a, b, ref x),
        4 => Float32.SquareRoot(a, ref x),
        5 => Float32.Min(a, b, ref x),
        6 => Float32.Max(a, b, ref x),
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };

    private static ulong Double(int operation, ulong a, ulong b, ref FloatContext x) => operation switch
    {
        0 => Float64.Add(a, b, ref x),
        1 => Float64.Subtract(a, b, ref x),
        2 => Float64.Multiply(a, b, ref x),
        3 => Float64.Divide(a, b, ref x),
        4 => Float64.SquareRoot(a, ref x),
        5 => Float64.Min(a, b, ref x),
        6 => Float64.Max(a, b, ref x),
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };

    private static void Check(
        int operation, int bits, FloatCases cases, Operation soft, int immediates = 1, Func<HostReply, UInt128>? reply = null, bool narrow = false,
        FloatExceptions alwaysMasked = 0)
    {
        reply ??= r => r.Result;
        HostFpu.Compare(Requests(operation, cases, immediates, narrow, (uint)alwaysMasked << 7), (request, host) =>
        {
            var context = FloatContext.FromMxcsr(request.Control);
            var result = soft(request, ref context);
            if (context.Mxcsr != host.Flags) return $"MXCSR {context.Mxcsr:X4}, host {host.Flags:X4}";
            if (context.Unmasked != 0 != (host.Faulted != 0)) return $"unmasked {context.Unmasked}, host faulted {host.Faulted}";
            if (host.Faulted != 0) return null;
            var expected = reply(host) & ((UInt128.One << bits) - 1); // the rest of the register is not the operation's
            return result == expected ? null : $"result {result:X}, host {expected:X}";
        });
    }

    private static IEnumerable<HostRequest> Requests(int operation, FloatCases cases, int immediates, bool narrow, uint masks)
    {
        for (var i = 0; i < HostFpu.CasesPerOperation; i++)
        {
            var (a, b, c) = cases.Triple();
            if (narrow) a = (a & 0x807FFFFF) | ((UInt128)(uint)cases.Random.Next(127 - 30, 127 + 18) << 23);
            // Any rounding, DAZ, FTZ and masks, mostly everything masked, sometimes sticky flags from before.
            var random = (uint)cases.Random.Next();
            var control = (random & 0xE040) | ((random & 7 << 16) == 0 ? random & 0x1F80 : 0x1F80) | ((random & 3 << 20) == 0 ? random & 0x3F : 0);
            if ((random & 7 << 24) != 0) control &= ~0x8040u;
            if ((random & 1 << 28) != 0) control &= ~0x6000u;
            yield return new HostRequest(operation, control | masks, cases.Random.Next(immediates), a, b, c);
        }
    }
}
