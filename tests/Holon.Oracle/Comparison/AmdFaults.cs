using Iced.Intel;

namespace Holon.Oracle.Comparison;

/// <summary>Faults that AMD's processors raise differently or in another order: see <see cref="MakerDifferences"/>.</summary>
internal static class AmdFaults
{
    /// <summary>Nothing of the engine's result remains to be compared: what it did, the host has not.</summary>
    public static bool VectorAlignment(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        if (!host.IsAlignmentCheck() || engine.IsAlignmentCheck() || !test.ChecksAlignment() || !IsVector(in instruction)) return false;
        if (!CaseOperand.IsMisaligned(in test, in instruction, instruction.MemorySize.GetSize())) return false;
        engine = host;
        return true;
    }

    /// <summary>The engine finds that the sum is an address of the kernel's half.</summary>
    public static bool NonCanonicalOffset(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        if (!(host.IsProtection() || host.IsStackFault()) || !engine.IsPageFault() || instruction.SegmentPrefix is not (Register.FS or Register.GS)) return false;
        if (!CaseOperand.TryGetOffset(in test, in instruction, out var offset) || (long)offset >> 47 is 0 or -1) return false;
        engine = host;
        return true;
    }

    /// <summary>The engine's #GP is to have changed nothing; aligned operands are compared.</summary>
    public static bool UnalignedSha(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        if (!engine.IsProtection() || engine.ErrorCode != 0 || !instruction.CpuidFeatures.Contains(CpuidFeature.SHA)) return false;
        if (!CaseOperand.IsMisaligned(in test, in instruction, 16)) return false;
        engine = host;
        return true;
    }

    /// <summary>Both refuse the image.</summary>
    public static bool UnalignedImage(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        const int alignment = 64;
        if (!host.IsProtection() || !(engine.IsAlignmentCheck() || engine.IsStackFault())) return false;
        if (instruction.MemorySize is not (MemorySize.Xsave or MemorySize.Xsave64) || !CaseOperand.IsMisaligned(in test, in instruction, alignment)) return false;
        host.Vector = engine.Vector;
        return true;
    }

    /// <summary>The engine leaves the exception pending and stores nothing; the status word tells of it.</summary>
    public static bool FaultBeforeX87Exception(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        const ushort exceptionSummary = 0x80;
        if (!host.IsMemoryFault() || !engine.IsCompletion() || engine.WrittenLength != 0 || (engine.After.FpuStatus & exceptionSummary) == 0 || !IsX87Store(in instruction)) return false;
        host.Vector = CaseResult.Completed;
        host.ErrorCode = 0;
        host.FaultAddress = 0;
        host.After.Rip += (ulong)test.CodeLength;
        host.After.FpuStatus = engine.After.FpuStatus;
        return true;
    }

    /// <summary>The engine has raised MXCSR's flags already, or an unmasked one instead of the fault.</summary>
    public static bool FaultBeforeConversion(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        const int simdException = 19;
        const uint precision = 0x20;
        if (instruction.Mnemonic != Mnemonic.Vcvtps2ph) return false;
        if (host.Vector == simdException && engine.Vector == simdException)
        {
            engine.After.Mxcsr = (engine.After.Mxcsr & ~precision) | (host.After.Mxcsr & precision); // inexactness beside an unmasked exception
            return true;
        }

        if (!host.IsMemoryFault()) return false;
        if (engine.Vector == simdException) engine = host;
        else engine.After.Mxcsr = host.After.Mxcsr;
        return true;
    }

    /// <summary>The engine stores the significand before it finds that sign and exponent cannot be stored.</summary>
    public static bool WholeTenByteStores(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        if (!host.IsPageFault() || host.WrittenLength != 0 || instruction.Code is not (Code.Fstp_m80fp or Code.Fbstp_m80bcd)) return false;
        engine.WrittenLength = 0;
        engine.WrittenStart = 0;
        return true;
    }

    /// <summary>Both addresses are bytes of the operand.</summary>
    public static bool MaskedStoreAddress(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        if (!host.IsPageFault() || !engine.IsPageFault()) return false;
        if (instruction.Mnemonic is not (Mnemonic.Maskmovdqu or Mnemonic.Vmaskmovdqu or Mnemonic.Maskmovq
            or Mnemonic.Vmaskmovps or Mnemonic.Vmaskmovpd or Mnemonic.Vpmaskmovd or Mnemonic.Vpmaskmovq)) return false;
        var size = instruction.MemorySize.GetSize();
        if (!CaseOperand.TryGetAddress(in test, in instruction, out var address)) return false;
        if (!CaseOperand.IsInside(host.FaultAddress, address, size) || !CaseOperand.IsInside(engine.FaultAddress, address, size)) return false;
        engine.FaultAddress = host.FaultAddress;
        engine.ErrorCode = host.ErrorCode;
        return true;
    }

    /// <summary>Both operands fault: the host reports the one at rSI, the engine that at rDI.</summary>
    public static bool ComparisonOrder(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        if (instruction.Mnemonic is not (Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq)) return false;
        if (!host.IsMemoryFault() || !engine.IsMemoryFault() || (host.Vector == engine.Vector && host.FaultAddress == engine.FaultAddress)) return false;
        engine.Vector = host.Vector;
        engine.ErrorCode = host.ErrorCode;
        engine.FaultAddress = host.FaultAddress;
        return true;
    }

    private static bool IsVector(in Instruction instruction)
    {
        for (var i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpRegister(i) is var register && (register.IsVectorRegister() || register.IsMM())) return true;
        }

        return false;
    }

    private static bool IsX87Store(in Instruction instruction) => instruction.Mnemonic
        is Mnemonic.Fst or Mnemonic.Fstp or Mnemonic.Fist or Mnemonic.Fistp or Mnemonic.Fisttp or Mnemonic.Fbstp;
}
