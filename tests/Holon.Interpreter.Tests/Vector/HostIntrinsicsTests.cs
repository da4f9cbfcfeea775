using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using CsCheck;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Vector;

/// <summary>A sample of instructions against the host's own, on any host that has AVX2. The oracle compares all where it can run.</summary>
public sealed class HostIntrinsicsTests
{
    private static readonly (string Name, Action<Assembler> Instruction, Func<Vector256<byte>, Vector256<byte>, Vector256<byte>> Host)[] Instructions =
    [
        ("vpaddb", assembler => assembler.vpaddb(ymm0, ymm1, ymm2), Avx2.Add),
        ("vpsubusw", assembler => assembler.vpsubusw(ymm0, ymm1, ymm2), (a, b) => Avx2.SubtractSaturate(a.AsUInt16(), b.AsUInt16()).AsByte()),
        ("vpmulhrsw", assembler => assembler.vpmulhrsw(ymm0, ymm1, ymm2), (a, b) => Avx2.MultiplyHighRoundScale(a.AsInt16(), b.AsInt16()).AsByte()),
        ("vpmaddubsw", assembler => assembler.vpmaddubsw(ymm0, ymm1, ymm2), (a, b) => Avx2.MultiplyAddAdjacent(a, b.AsSByte()).AsByte()),
        ("vpsadbw", assembler => assembler.vpsadbw(ymm0, ymm1, ymm2), (a, b) => Avx2.SumAbsoluteDifferences(a, b).AsByte()),
        ("vmpsadbw", assembler => assembler.vmpsadbw(ymm0, ymm1, ymm2, 0x2D), (a, b) => Avx2.MultipleSumAbsoluteDifferences(a, b, 0x2D).AsByte()),
        ("vpshufb", assembler => assembler.vpshufb(ymm0, ymm1, ymm2), Avx2.Shuffle),
        ("vpackuswb", assembler => assembler.vpackuswb(ymm0, ymm1, ymm2), (a, b) => Avx2.PackUnsignedSaturate(a.AsInt16(), b.AsInt16())),
        ("vpalignr", assembler => assembler.vpalignr(ymm0, ymm1, ymm2, 21), (a, b) => Avx2.AlignRight(a, b, 21)),
        ("vpsignd", assembler => assembler.vpsignd(ymm0, ymm1, ymm2), (a, b) => Avx2.Sign(a.AsInt32(), b.AsInt32()).AsByte()),
        ("vphsubsw", assembler => assembler.vphsubsw(ymm0, ymm1, ymm2), (a, b) => Avx2.HorizontalSubtractSaturate(a.AsInt16(), b.AsInt16()).AsByte()),
        ("vpsravd", assembler => assembler.vpsravd(ymm0, ymm1, ymm2), (a, b) => Avx2.ShiftRightArithmeticVariable(a.AsInt32(), b.AsUInt32()).AsByte()),
        ("vperm2i128", assembler => assembler.vperm2i128(ymm0, ymm1, ymm2, 0x83), (a, b) => Avx2.Permute2x128(a, b, 0x83)),
        ("vpermd", assembler => assembler.vpermd(ymm0, ymm1, ymm2), (a, b) => Avx2.PermuteVar8x32(b.AsInt32(), a.AsInt32()).AsByte()),
        ("vshufps", assembler => assembler.vshufps(ymm0, ymm1, ymm2, 0x6C), (a, b) => Avx.Shuffle(a.AsSingle(), b.AsSingle(), 0x6C).AsByte()),
        ("vpblendw", assembler => assembler.vpblendw(ymm0, ymm1, ymm2, 0xA6), (a, b) => Avx2.Blend(a.AsInt16(), b.AsInt16(), 0xA6).AsByte()),
    ];

    public static TheoryData<string> Names => [.. Instructions.Select(instruction => instruction.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Does_what_the_host_does(string name)
    {
        Assert.SkipUnless(Avx2.IsSupported, "The host lacks AVX2.");
        var (_, instruction, host) = Instructions.Single(candidate => candidate.Name == name);
        using var machine = new FlatMachine();
        Gen.Byte.Array[64].Sample(
            values =>
            {
                values.AsSpan(0, 32).CopyTo(machine.Ymm(1));
                values.AsSpan(32).CopyTo(machine.Ymm(2));
                Assert.Equal(-1, machine.Execute(instruction));
                var expected = host(MemoryMarshal.Read<Vector256<byte>>(values), MemoryMarshal.Read<Vector256<byte>>(values.AsSpan(32)));
                return MemoryMarshal.Read<Vector256<byte>>(machine.Ymm(0)) == expected;
            },
            iter: 200,
            threads: 1);
    }
}
