using System.Runtime.InteropServices;
using Holon.X86;
using Iced.Intel;

namespace Holon.Oracle.Comparison;

/// <summary>Values that AMD's processors compute or leave differently: see <see cref="MakerDifferences"/>.</summary>
internal static class AmdResults
{
    private const uint MisalignedMask = 1 << 17;

    /// <summary>Counters, pointers and the fault itself are compared.</summary>
    public static bool FlagsOfFaultingComparison(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        var isRepeated = (instruction.HasRepPrefix || instruction.HasRepnePrefix) && instruction.Mnemonic
            is Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq or Mnemonic.Scasb or Mnemonic.Scasw or Mnemonic.Scasd or Mnemonic.Scasq;
        if (!isRepeated || !host.IsMemoryFault()) return false;
        engine.After.Rflags = (engine.After.Rflags & ~Rflags.Status) | (host.After.Rflags & Rflags.Status);
        return true;
    }

    /// <summary>The signs of the elements, which say what is still to be fetched, are compared; upper halves only where they are elements.</summary>
    public static bool GatherMask(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        if (!instruction.IsVsib || !host.IsMemoryFault() || !instruction.Op2Register.IsVectorRegister()) return false;
        var mask = instruction.Op2Register.GetNumber();
        var size = instruction.MemorySize.GetSize();
        CopyWhereSignsAgree(host.After.Xmm(mask), engine.After.Xmm(mask), size);
        CopyWhereSignsAgree(host.After.YmmHigh(mask), engine.After.YmmHigh(mask), size);
        if (instruction.Op0Register.IsYMM() || instruction.Op2Register.IsYMM()) return true;
        var destination = instruction.Op0Register.GetNumber();
        host.After.YmmHigh(mask).CopyTo(engine.After.YmmHigh(mask));
        host.After.YmmHigh(destination).CopyTo(engine.After.YmmHigh(destination));
        return true;
    }

    /// <summary>The bit in MXCSR_MASK of a saved image, or in an MXCSR that the engine refuses.</summary>
    public static bool MisalignedExceptionMask(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        if (!host.IsCompletion()) return false;
        if (engine.IsProtection())
        {
            if ((host.After.Mxcsr & MisalignedMask) == 0) return false;
            engine = host;
            return true;
        }

        const int maskByte = 30; // of bits 16 to 23
        if (instruction.Op0Kind != OpKind.Memory || !CaseOperand.TryGetAddress(in test, in instruction, out var address)) return false;
        var at = (int)(address - AddressLayout.Window) + maskByte - host.WrittenStart;
        if (instruction.Mnemonic is not (Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64 or Mnemonic.Xsavec or Mnemonic.Xsavec64)) return false;
        if (at < 0 || at >= host.WrittenSpan.Length) return false;
        host.Written[at] &= unchecked((byte)~(MisalignedMask >> 16));
        return true;
    }

    /// <summary>Which lanes are NaNs, and all other lanes, are compared.</summary>
    public static bool DotProductNaN(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        if (!host.IsCompletion() || !engine.IsCompletion()) return false;
        var destination = instruction.Op0Register.GetNumber();
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Dpps or Mnemonic.Vdpps:
                CopyNaNs<float>(host.After.Xmm(destination), engine.After.Xmm(destination));
                CopyNaNs<float>(host.After.YmmHigh(destination), engine.After.YmmHigh(destination));
                return true;
            case Mnemonic.Dppd or Mnemonic.Vdppd:
                CopyNaNs<double>(host.After.Xmm(destination), engine.After.Xmm(destination));
                return true;
            default:
                return false;
        }
    }

    /// <summary>Such neighbours have different exponents, and only one of them is an underflow.</summary>
    public static bool LargestDenormal(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        if (!host.IsCompletion() || !engine.IsCompletion()) return false;
        if (instruction.Mnemonic is not (Mnemonic.Fsin or Mnemonic.Fcos or Mnemonic.Fsincos or Mnemonic.Fptan or Mnemonic.Fpatan or Mnemonic.F2xm1 or Mnemonic.Fyl2x or Mnemonic.Fyl2xp1)) return false;
        const int underflow = 0x10, roundedUp = 0x200;
        var found = false;
        for (var i = 0; i < 8; i++)
        {
            var left = host.After.St(i);
            var right = engine.After.St(i);
            if (!IsBorder(left, right) && !IsBorder(right, left)) continue;
            left.CopyTo(right);
            found = true;
        }

        if (found) engine.After.FpuStatus = (ushort)((engine.After.FpuStatus & ~(underflow | roundedUp)) | (host.After.FpuStatus & (underflow | roundedUp)));
        return found;
    }

    /// <summary>True for the largest denormal and the smallest normal number of one sign.</summary>
    private static bool IsBorder(ReadOnlySpan<byte> denormal, ReadOnlySpan<byte> normal)
    {
        const ulong integerBit = 1ul << 63;
        var (low, high) = (MemoryMarshal.Read<ushort>(denormal[8..]), MemoryMarshal.Read<ushort>(normal[8..]));
        return (low & 0x7FFF) == 0 && high == low + 1 && MemoryMarshal.Read<ulong>(denormal) == integerBit - 1 && MemoryMarshal.Read<ulong>(normal) == integerBit;
    }

    private static void CopyWhereSignsAgree(ReadOnlySpan<byte> from, Span<byte> to, int size)
    {
        const byte sign = 0x80;
        for (var at = 0; at < to.Length; at += size)
        {
            if (((from[at + size - 1] ^ to[at + size - 1]) & sign) == 0) from.Slice(at, size).CopyTo(to[at..]);
        }
    }

    private static void CopyNaNs<T>(ReadOnlySpan<byte> from, Span<byte> to)
        where T : unmanaged, System.Numerics.IFloatingPoint<T>
    {
        var expected = MemoryMarshal.Cast<byte, T>(from);
        var actual = MemoryMarshal.Cast<byte, T>(to);
        for (var i = 0; i < actual.Length; i++)
        {
            if (T.IsNaN(expected[i]) && T.IsNaN(actual[i])) actual[i] = expected[i];
        }
    }
}
