using System.Runtime.InteropServices;
using CsCheck;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Vector;

/// <summary>Host arithmetic is used when it certainly gives what the exact arithmetic gives; this compares the two.</summary>
public sealed class FloatFastPathTests
{
    private const uint Exact = 0x1F80, Fast = 0x1FA0; // with PE set and masked, inexactness need not be found

    private static readonly ulong[] Interesting =
    [
        0, 1, 0x8000000000000000, 0x000FFFFFFFFFFFFF, 0x0010000000000000, 0x0010000000000001, 0x0020000000000000, 0x3FF0000000000000, 0x3FEFFFFFFFFFFFFF,
        0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000, 0xFFF8000000000000, 0x7FF0000000000001, 0x1FF0000000000000, 0x2000000000000001, 0x5FE0000000000000,
        0x0080000000800001, 0x007FFFFF00000001, 0x3F8000003F7FFFFF, 0x7F7FFFFF7F800000, 0x2000000020000001, 0x8000000000800000,
    ];

    private static readonly Gen<ulong> Bits = Gen.OneOf(Gen.Int[0, Interesting.Length - 1].Select(i => Interesting[i]), Gen.ULong, Gen.Double[-1e10, 1e10].Select(BitConverter.DoubleToUInt64Bits));

    private static readonly Action<Assembler>[] Instructions =
    [
        assembler => assembler.vaddps(ymm0, ymm1, ymm2),
        assembler => assembler.vaddpd(ymm0, ymm1, ymm2),
        assembler => assembler.vsubps(ymm0, ymm1, ymm2),
        assembler => assembler.vsubpd(ymm0, ymm1, ymm2),
        assembler => assembler.vmulps(ymm0, ymm1, ymm2),
        assembler => assembler.vmulpd(ymm0, ymm1, ymm2),
        assembler => assembler.vdivps(ymm0, ymm1, ymm2),
        assembler => assembler.vdivpd(ymm0, ymm1, ymm2),
        assembler => assembler.vsqrtps(ymm0, ymm2),
        assembler => assembler.vsqrtpd(ymm0, ymm2),
        assembler => assembler.vminps(ymm0, ymm1, ymm2),
        assembler => assembler.vmaxpd(ymm0, ymm1, ymm2),
        assembler => assembler.vcmpps(ymm0, ymm1, ymm2, 1),
        assembler => assembler.vcmppd(ymm0, ymm1, ymm2, 13),
        assembler => assembler.vhaddps(ymm0, ymm1, ymm2),
        assembler => assembler.vcvtdq2ps(ymm0, ymm2),
        assembler => assembler.vcvtps2dq(ymm0, ymm2),
        assembler => assembler.vcvttps2dq(ymm0, ymm2),
        assembler => assembler.vcvtsd2si(rax, xmm2),
        assembler => assembler.vcvtss2si(eax, xmm2),
        assembler => assembler.vroundps(ymm0, ymm2, 0),
        assembler => assembler.vroundps(ymm0, ymm2, 9),
        assembler => assembler.vroundpd(ymm0, ymm2, 2),
        assembler => assembler.vroundsd(xmm0, xmm1, xmm2, 11),
        assembler => assembler.vroundss(xmm0, xmm1, xmm2, 4),
        assembler => assembler.vdpps(ymm0, ymm1, ymm2, 0xFF),
        assembler => assembler.vfmadd213ps(ymm0, ymm1, ymm2),
        assembler => assembler.vfnmsub231pd(ymm0, ymm1, ymm2),
        assembler => assembler.vfmaddsub132ps(ymm0, ymm1, ymm2),
    ];

    [Fact]
    public void Host_arithmetic_gives_what_exact_arithmetic_gives()
    {
        using var machine = new FlatMachine();
        var gen = Gen.Select(Gen.Int[0, Instructions.Length - 1], Bits.Array[12]);
        gen.Sample(
            sample =>
            {
                var (number, values) = sample;
                var exact = Run(machine, Instructions[number], values, Exact, out var exactFlags);
                var fast = Run(machine, Instructions[number], values, Fast, out var fastFlags);
                return exact.SequenceEqual(fast) && (exactFlags | Fast) == fastFlags;
            },
            iter: 4000,
            threads: 1);
    }

    private static byte[] Run(FlatMachine machine, Action<Assembler> instruction, ulong[] values, uint mxcsr, out uint flags)
    {
        for (var i = 0; i < 3; i++) MemoryMarshal.AsBytes(values.AsSpan(4 * i, 4)).CopyTo(machine.Ymm(i));
        machine.State.Mxcsr = mxcsr;
        Assert.Equal(-1, machine.Execute(instruction));
        flags = machine.State.Mxcsr;
        return [.. machine.Ymm(0), .. BitConverter.GetBytes(machine.Gpr(0))];
    }
}
