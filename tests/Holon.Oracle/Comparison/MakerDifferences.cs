using Holon.Oracle.Host;
using Iced.Intel;

namespace Holon.Oracle.Comparison;

/// <summary>
/// What processors of other makers than Intel do differently. Each entry concerns the cases that its function recognizes, and
/// only the fields that it makes alike; everything else is compared as ever. On Intel's processors none applies.
/// </summary>
/// <remarks>APM: AMD64 Architecture Programmer's Manual. "Observed" is what Zen 4 does where the manual leaves it open.</remarks>
public static class MakerDifferences
{
    private static readonly MakerDifference[] _all =
    [
        new(Maker.Amd, "near branches with prefix 66 have 16-bit operands", "APM vol. 1 §3.7.9; SDM vol. 2, JMP: ignored", AmdBranches.NearBranchOfWord),
        new(Maker.Amd, "LOOPcc obeys a repeat prefix", "observed; SDM vol. 2, REP: reserved before other instructions", AmdBranches.RepeatedLoop),
        new(Maker.Amd, "far returns and POP FS, GS read whole slots, and SS:RSP before they look at CS", "observed; SDM vol. 2, RET: order not told", AmdBranches.WholeStackSlots),
        new(Maker.Amd, "MOV to CR with LOCK is MOV to CR8 or above", "APM vol. 3, MOV CRn: AltMovCr8", AmdDecoding.AlternativeControlRegister),
        new(Maker.Amd, "VERW ignores LOCK", "observed; SDM vol. 2, VERW: #UD", AmdDecoding.LockedVerw),
        new(Maker.Amd, "0F 0D with a register is invalid", "APM vol. 3, PREFETCH: #UD; SDM vol. 2, opcode map: reserved NOP", AmdDecoding.RegisterPrefetch),
        new(Maker.Amd, "UD0 and UD1 have no ModRM byte to fetch", "APM vol. 3, UD0, UD1; SDM vol. 2, UD: they have", AmdDecoding.UndefinedWithoutModRm),
        new(Maker.Amd, "MOVSXD to a word register reads a doubleword", "APM vol. 3, MOVSXD; SDM vol. 2, MOVSXD: a word", AmdDecoding.WordSignExtension),
        new(Maker.Amd, "vector operands raise #AC", "APM vol. 2 §8.2.18; SDM vol. 3 §7.15: depends on the processor", AmdFaults.VectorAlignment),
        new(Maker.Amd, "an offset that is not canonical raises #GP whatever the segment's base", "observed; SDM vol. 1 §3.3.7.1: the sum counts", AmdFaults.NonCanonicalOffset),
        new(Maker.Amd, "SHA instructions take unaligned operands", "observed; SDM vol. 2 §2.4, type 4: #GP", AmdFaults.UnalignedSha),
        new(Maker.Amd, "an unaligned state image raises #GP rather than #AC or #SS", "APM vol. 4, XRSTOR, XSAVEC; SDM vol. 2, XRSTOR: #AC is up to the processor", AmdFaults.UnalignedImage),
        new(Maker.Amd, "memory faults come before unmasked x87 exceptions", "APM vol. 2 §8.5; SDM vol. 1 §8.6: stores check operands first", AmdFaults.FaultBeforeX87Exception),
        new(Maker.Amd, "VCVTPS2PH: memory faults come before exceptions, which may hide inexactness", "observed; SDM vol. 2 §2.4, type 11: order not told", AmdFaults.FaultBeforeConversion),
        new(Maker.Amd, "a ten-byte store that faults has written nothing", "observed; SDM vol. 3 §9.1.1: may be several accesses", AmdFaults.WholeTenByteStores),
        new(Maker.Amd, "masked stores report another byte of the operand as faulting", "APM vol. 4, VMASKMOVPS, MASKMOVDQU: up to the implementation", AmdFaults.MaskedStoreAddress),
        new(Maker.Amd, "CMPS reads its first operand first", "observed; SDM vol. 2, CMPS: order not told", AmdFaults.ComparisonOrder),
        new(Maker.Amd, "repeated comparisons that fault keep the flags of the last iteration", "observed; SDM vol. 2, REP: the flags are restored", AmdResults.FlagsOfFaultingComparison),
        new(Maker.Amd, "a gather that faults leaves the mask's low bits, and the upper halves of a 128-bit one", "APM vol. 4, VGATHERDPS: the sign counts; SDM vol. 2: elements are spread first", AmdResults.GatherMask),
        new(Maker.Amd, "MXCSR has MM, bit 17", "APM vol. 2 §11.2.2, MISALIGNSSE; SDM vol. 1 §10.2.3: reserved", AmdResults.MisalignedExceptionMask),
        new(Maker.Amd, "another NaN of several survives a dot product", "observed; SDM vol. 2, DPPS: order of operands not told", AmdResults.DotProductNaN),
        new(Maker.Amd, "x87 functions round to a denormal next to the smallest normal number", "APM vol. 1 §6.4; SDM vol. 1 §8.3.10: within one unit in the last place", AmdResults.LargestDenormal),
    ];

    /// <summary>The differences of the host's maker.</summary>
    public static IReadOnlyList<MakerDifference> OfHost { get; } = [.. _all.Where(difference => difference.Maker == HostMaker.Current)];

    /// <summary>What a form needs that a maker's processors do not have; null when they have it.</summary>
    public static string? Missing(Maker maker, Code code) =>
        // APM vol. 3, JMP far, LFS: REX.W is ignored. They execute another instruction, of which nothing can be compared.
        maker == Maker.Amd && code is Code.Jmp_m1664 or Code.Call_m1664 or Code.Lss_r64_m1664 or Code.Lfs_r64_m1664 or Code.Lgs_r64_m1664
            ? "64-bit far pointers"
            : null;
}
