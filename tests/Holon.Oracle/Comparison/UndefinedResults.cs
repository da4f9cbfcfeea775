using Holon.X86;
using Iced.Intel;

namespace Holon.Oracle.Comparison;

/// <summary>What the manuals leave undefined in the result of one instruction from one state, or approximate.</summary>
public readonly record struct UndefinedResults
{
    private const ushort C0 = 1 << 8, C1 = 1 << 9, C2 = 1 << 10, C3 = 1 << 14;

    /// <summary>RFLAGS bits without a defined value.</summary>
    public ulong Flags { get; private init; }

    /// <summary>x87 condition codes without a defined value.</summary>
    public ushort FpuStatus { get; private init; }

    /// <summary>A general register without a defined value; -1 for none.</summary>
    public int Register { get; private init; }

    /// <summary>The bits of <see cref="Register"/> concerned.</summary>
    public ulong RegisterBits { get; private init; }

    /// <summary>Offset from the start of the memory operand, and length, of bytes that processors fill differently.</summary>
    public (int Start, int Length) Memory { get; private init; }

    /// <summary>General registers, as a bit set, of which only the low half is defined.</summary>
    public ushort LowHalfOnly { get; private init; }

    /// <summary>Memory may or may not have been written.</summary>
    public bool AnyMemory { get; private init; }

    /// <summary>A page fault may be reported for any part of the operand.</summary>
    public bool AnyFaultAddress { get; private init; }

    /// <summary>x87 state may have been changed.</summary>
    public bool AnyFpu { get; private init; }

    /// <summary>Vector state may have been changed.</summary>
    public bool AnyVectors { get; private init; }

    /// <summary>How exact the result is.</summary>
    public Precision Precision { get; private init; }

    /// <summary>What is undefined after an instruction that raised an exception: flags and registers are as before, with two exceptions.</summary>
    public static UndefinedResults AfterException(in Instruction instruction) => new()
    {
        Register = -1,
        LowHalfOnly = HasNarrowCount(in instruction) ? StringRegisters : (ushort)0,
        // Intel stores the return address before it finds that the target is not canonical; AMD finds that after the call.
        AnyMemory = instruction.Mnemonic == Mnemonic.Call,
        AnyFaultAddress = IsXsave(instruction.Code) || IsXrstor(instruction.Code),
        // An MMX store that faults has cleared TOP on Intel's processors; XRSTOR may have loaded a part before it finds a bad MXCSR.
        AnyFpu = (instruction.Op0Kind == OpKind.Memory && instruction.Op1Register.IsMM()) || IsXrstor(instruction.Code),
        AnyVectors = IsXrstor(instruction.Code),
    };

    /// <summary>What is undefined after an instruction that started from a state and completed.</summary>
    public static UndefinedResults After(in Instruction instruction, in ProcessorImage before)
    {
        var undefined = new UndefinedResults
        {
            Register = -1,
            Flags = UndefinedFlags(in instruction, in before),
            FpuStatus = UndefinedConditionCodes(in instruction),
            Precision = PrecisionOf(instruction.Mnemonic),
            Memory = UndefinedMemory(instruction.Code),
            LowHalfOnly = HasNarrowCount(in instruction) && (uint)before.Gpr[1] == 0 ? StringRegisters : (ushort)0,
        };
        return instruction.Mnemonic switch
        {
            // SDM: a double shift by more than the operand's size leaves destination and flags undefined.
            Mnemonic.Shld or Mnemonic.Shrd when instruction.Code.IsWordShift() && ShiftCount(in instruction, in before, 2) > 16 =>
                undefined with { Register = DestinationRegister(in instruction), RegisterBits = 0xFFFF, Flags = Rflags.Status, Memory = (0, 2) },
            // AMD: a source of zero leaves the destination as it was; Intel agrees except for the upper half of a 64-bit register.
            Mnemonic.Bsf or Mnemonic.Bsr when instruction.Op0Register.GetSize() == 4 =>
                undefined with { Register = DestinationRegister(in instruction), RegisterBits = SourceIsZeroBits },
            _ => undefined,
        };
    }

    /// <summary>Marks that the register bits count only when ZF says that the source was zero.</summary>
    public const ulong SourceIsZeroBits = 0xFFFF_FFFF_0000_0000;

    private const ushort StringRegisters = (1 << 1) | (1 << 6) | (1 << 7); // RCX, RSI, RDI

    /// <summary>
    /// A repeated string instruction with 32-bit addresses. When it does nothing, Intel's processors clear the upper halves of
    /// the registers that it would have changed; AMD's do not.
    /// </summary>
    private static bool HasNarrowCount(in Instruction instruction) =>
        (instruction.HasRepPrefix || instruction.HasRepnePrefix)
        && (instruction.Op0Kind is OpKind.MemoryESEDI or OpKind.MemorySegESI || instruction.Op1Kind is OpKind.MemoryESEDI or OpKind.MemorySegESI);

    private static ulong UndefinedFlags(in Instruction instruction, in ProcessorImage before)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar:
                var size = instruction.OperandSize();
                var count = ShiftCount(in instruction, in before, 1, size);
                if (count == 0) return 0;
                var undefined = Rflags.AF | (count == 1 ? 0 : Rflags.OF);
                return count >= size * 8 && instruction.Mnemonic != Mnemonic.Sar ? undefined | Rflags.CF : undefined;
            case Mnemonic.Shld or Mnemonic.Shrd:
                return ShiftCount(in instruction, in before, 2, instruction.OperandSize()) switch { 0 => 0, 1 => Rflags.AF, _ => Rflags.AF | Rflags.OF };
            case Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr:
                return ShiftCount(in instruction, in before, 1, instruction.OperandSize()) <= 1 ? 0 : Rflags.OF;
            default:
                return Translate(instruction.RflagsUndefined);
        }
    }

    private static ulong Translate(RflagsBits bits)
    {
        ulong flags = 0;
        if ((bits & RflagsBits.OF) != 0) flags |= Rflags.OF;
        if ((bits & RflagsBits.SF) != 0) flags |= Rflags.SF;
        if ((bits & RflagsBits.ZF) != 0) flags |= Rflags.ZF;
        if ((bits & RflagsBits.AF) != 0) flags |= Rflags.AF;
        if ((bits & RflagsBits.CF) != 0) flags |= Rflags.CF;
        if ((bits & RflagsBits.PF) != 0) flags |= Rflags.PF;
        return flags;
    }

    private static ushort UndefinedConditionCodes(in Instruction instruction)
    {
        var bits = instruction.RflagsUndefined;
        var status = 0;
        if ((bits & RflagsBits.C0) != 0) status |= C0;
        if ((bits & RflagsBits.C1) != 0) status |= C1;
        if ((bits & RflagsBits.C2) != 0) status |= C2;
        if ((bits & RflagsBits.C3) != 0) status |= C3;
        if (PrecisionOf(instruction.Mnemonic) == Precision.LastPlace) status |= C1; // which way it was rounded
        return (ushort)status;
    }

    private static Precision PrecisionOf(Mnemonic mnemonic) => mnemonic switch
    {
        Mnemonic.Rcpps or Mnemonic.Rcpss or Mnemonic.Rsqrtps or Mnemonic.Rsqrtss or Mnemonic.Vrcpps or Mnemonic.Vrcpss or Mnemonic.Vrsqrtps or Mnemonic.Vrsqrtss
            => Precision.Estimate,
        Mnemonic.Fsin or Mnemonic.Fcos or Mnemonic.Fsincos or Mnemonic.Fptan or Mnemonic.Fpatan or Mnemonic.F2xm1 or Mnemonic.Fyl2x or Mnemonic.Fyl2xp1
            => Precision.LastPlace,
        _ => Precision.Exact,
    };

    // The last instruction's and operand's addresses: processors differ in when they record them (SDM vol. 1 §8.1.8).
    private static (int Start, int Length) UndefinedMemory(Code code) => code switch
    {
        Code.Fnstenv_m28byte or Code.Fnsave_m108byte => (12, 16),
        Code.Fnstenv_m14byte or Code.Fnsave_m94byte => (6, 8),
        Code.Fxsave_m512byte or Code.Fxsave64_m512byte => (6, 18),
        _ when IsXsave(code) => (6, 18),
        _ => default,
    };

    private static bool IsXsave(Code code) =>
        code is Code.Xsave_mem or Code.Xsave64_mem or Code.Xsaveopt_mem or Code.Xsaveopt64_mem or Code.Xsavec_mem or Code.Xsavec64_mem;

    private static bool IsXrstor(Code code) => code is Code.Xrstor_mem or Code.Xrstor64_mem;

    private static int ShiftCount(in Instruction instruction, in ProcessorImage before, int operand, int size = 4)
    {
        var count = instruction.GetOpKind(operand) == OpKind.Register ? (byte)before.Gpr[1] : instruction.Immediate8;
        return count & (size == 8 ? 0x3F : 0x1F);
    }

    private static int DestinationRegister(in Instruction instruction) => instruction.Op0Kind == OpKind.Register ? instruction.Op0Register.GetFullRegister() - Iced.Intel.Register.RAX : -1;
}

/// <summary>How exact a result is.</summary>
public enum Precision
{
    /// <summary>Every bit.</summary>
    Exact,

    /// <summary>Single-precision estimates with a relative error below 1.5 × 2⁻¹² (SDM vol. 2, RCPPS).</summary>
    Estimate,

    /// <summary>x87 transcendentals: within one unit in the last place (SDM vol. 1 §8.3.10).</summary>
    LastPlace,
}

/// <summary>Operand sizes that Iced knows by code.</summary>
internal static class OperandSizes
{
    /// <summary>Size in bytes of the destination.</summary>
    public static int OperandSize(this in Instruction instruction) =>
        instruction.Op0Kind == OpKind.Register ? instruction.Op0Register.GetSize() : instruction.MemorySize.GetSize();

    /// <summary>True for the 16-bit double shifts.</summary>
    public static bool IsWordShift(this Code code) => code is Code.Shld_rm16_r16_imm8 or Code.Shld_rm16_r16_CL or Code.Shrd_rm16_r16_imm8 or Code.Shrd_rm16_r16_CL;
}
