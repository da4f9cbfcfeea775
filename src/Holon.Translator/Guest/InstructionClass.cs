using Iced.Intel;

namespace Holon.Translator.Guest;

/// <summary>What the translator knows of one encoding; worked out when it is first met.</summary>
/// <param name="Kind">How it is translated.</param>
/// <param name="Traits">What to see to when it is copied.</param>
/// <param name="Map">Its opcode map: 0 one byte, 1 0F, 2 0F 38, 3 0F 3A.</param>
/// <param name="Opcode">Its opcode byte in that map, with register 0 where it holds one.</param>
internal readonly record struct InstructionClass(InstructionKind Kind, Traits Traits, byte Map = 0, byte Opcode = 0)
{
    private static readonly InstructionClass?[] _known = new InstructionClass?[Enum.GetValues<Code>().Length];

    /// <summary>The class of an instruction in 64-bit code.</summary>
    public static InstructionClass Of(in Instruction instruction)
    {
        ref var known = ref _known[(int)instruction.Code];
        return known ??= Classify(instruction);
    }

    private static InstructionClass Classify(in Instruction instruction)
    {
        var special = Special(instruction);
        if (special != InstructionKind.Copy) return new InstructionClass(special, 0);
        var code = instruction.Code;
        var info = code.ToOpCode();
        if (!IsCopied(instruction, info) || !HostInstructions.Runs(code)) return new InstructionClass(InstructionKind.Interpret, 0);

        Traits traits = 0;
        for (var i = 0; i < info.OpCount; i++)
        {
            if (TraitsOf(info.GetOpKind(i)) is not { } trait) return new InstructionClass(InstructionKind.Interpret, 0);
            traits |= trait;
        }

        foreach (var feature in code.CpuidFeatures())
        {
            if (feature is CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387 or CpuidFeature.MMX) traits |= Traits.X87;
            if (feature is CpuidFeature.AVX or CpuidFeature.AVX2 || code == Code.Stmxcsr_m32) traits |= Traits.Vector; // VZEROUPPER, too
        }

        if (ReadsFirstOnly(instruction.Mnemonic, code)) traits |= Traits.ReadsFirst;
        if (instruction.Mnemonic is Mnemonic.Xchg or Mnemonic.Xadd or Mnemonic.Mulx) traits |= Traits.WritesSecond;
        var memoryFirst = instruction.Op0Kind == OpKind.Memory || IsRegisterOrMemory(info.OpCount > 0 ? info.GetOpKind(0) : default);
        if (memoryFirst && (traits & Traits.ReadsFirst) == 0) traits |= Traits.WritesMemory;
        if (NeedsAlignment(instruction, info, traits)) traits |= Traits.Aligned;
        var map = info.Table switch { OpCodeTableKind.Normal => 0, OpCodeTableKind.T0F => 1, OpCodeTableKind.T0F38 => 2, OpCodeTableKind.T0F3A => 3, _ => byte.MaxValue };
        var opcode = info.OpCodeLength == 2 ? info.OpCode >> 8 : info.OpCode; // x87 instructions without memory are told apart by ModRM
        return new InstructionClass(InstructionKind.Copy, traits, (byte)map, (byte)opcode);
    }

    private static InstructionKind Special(in Instruction instruction) => instruction.Code switch
    {
        Code.Lea_r32_m or Code.Lea_r64_m => InstructionKind.Lea,
        Code.Push_r64 or Code.Pushq_imm32 or Code.Pushq_imm8 or Code.Push_rm64 => InstructionKind.Push,
        Code.Pop_r64 => InstructionKind.Pop,
        Code.Leaveq => InstructionKind.Leave,
        Code.Div_rm32 or Code.Div_rm64 or Code.Idiv_rm32 or Code.Idiv_rm64 => InstructionKind.Divide,
        Code.Jmp_rel8_64 or Code.Jmp_rel32_64 => InstructionKind.Jump,
        Code.Jmp_rm64 => InstructionKind.JumpIndirect,
        Code.Call_rel32_64 => InstructionKind.Call,
        Code.Call_rm64 => InstructionKind.CallIndirect,
        Code.Retnq or Code.Retnq_imm16 => InstructionKind.Return,
        Code.Cli or Code.Sti => InstructionKind.InterruptFlag,
        Code.Pushfq => InstructionKind.PushFlags,
        Code.Popfq => InstructionKind.PopFlags,
        Code.Clac or Code.Stac => InstructionKind.AccessFlag,
        Code.Swapgs => InstructionKind.SwapGs,
        Code.Syscall => InstructionKind.Syscall,
        Code.Sysretq => InstructionKind.Sysret,
        Code.Fldcw_m2byte or Code.Ldmxcsr_m32 or Code.VEX_Vldmxcsr_m32 => InstructionKind.LoadControl,
        Code.Mov_r64_cr => InstructionKind.ReadControl,
        Code.Cld => InstructionKind.ClearDirection,
        Code.Rdtsc or Code.Rdtscp => InstructionKind.ReadTimeStamp,
        Code.Iretq => InstructionKind.InterruptReturn,
        Code.Mov_rm16_Sreg or Code.Mov_r32m16_Sreg or Code.Mov_r64m16_Sreg => InstructionKind.ReadSelector,
        Code.Rdfsbase_r64 or Code.Rdgsbase_r64 or Code.Wrfsbase_r64 or Code.Wrgsbase_r64 => InstructionKind.SegmentBase,
        Code.Movsb_m8_m8 or Code.Movsw_m16_m16 or Code.Movsd_m32_m32 or Code.Movsq_m64_m64 or Code.Stosb_m8_AL or Code.Stosw_m16_AX or Code.Stosd_m32_EAX or Code.Stosq_m64_RAX
            => InstructionKind.RepeatedString,
        Code.Jrcxz_rel8_64 => InstructionKind.JumpIf,
        _ when instruction.Code.IsJccShortOrNear() && !instruction.Code.ToString().EndsWith("16", StringComparison.Ordinal) => InstructionKind.JumpIf,
        Code.Pause => InstructionKind.Pause,
        _ when instruction.Mnemonic is Mnemonic.Nop or Mnemonic.Reservednop or Mnemonic.Endbr64 or Mnemonic.Prefetchw => InstructionKind.Nop,
        _ => InstructionKind.Copy,
    };

    private static bool IsCopied(in Instruction instruction, OpCodeInfo info)
    {
        if (info.Encoding is not (EncodingKind.Legacy or EncodingKind.VEX)) return false;
        if (instruction.FlowControl != FlowControl.Next || instruction.IsPrivileged || instruction.IsStackInstruction || instruction.IsStringInstruction
            || instruction.IsSaveRestoreInstruction || instruction.IsVsib) return false;
        return instruction.Mnemonic switch
        {
            Mnemonic.Cpuid or Mnemonic.Rdpid or Mnemonic.Rdpmc or Mnemonic.Xgetbv or Mnemonic.Xsetbv or Mnemonic.Xlatb => false,
            Mnemonic.Rdrand or Mnemonic.Rdseed or Mnemonic.Monitor or Mnemonic.Mwait or Mnemonic.Rdfsbase or Mnemonic.Rdgsbase or Mnemonic.Wrfsbase or Mnemonic.Wrgsbase => false,
            Mnemonic.Maskmovq or Mnemonic.Maskmovdqu or Mnemonic.Vmaskmovdqu or Mnemonic.Vmaskmovpd or Mnemonic.Vmaskmovps or Mnemonic.Vpmaskmovd or Mnemonic.Vpmaskmovq => false,
            Mnemonic.Fldenv or Mnemonic.Fnstenv or Mnemonic.Fstenv or Mnemonic.Fnsave or Mnemonic.Fsave or Mnemonic.Frstor or Mnemonic.Fninit or Mnemonic.Finit
                or Mnemonic.Fnclex or Mnemonic.Fclex => false,
            Mnemonic.Div or Mnemonic.Idiv or Mnemonic.In or Mnemonic.Out or Mnemonic.Std or Mnemonic.Sgdt or Mnemonic.Sidt or Mnemonic.Sldt or Mnemonic.Str or Mnemonic.Smsw or Mnemonic.Lar or Mnemonic.Lsl or Mnemonic.Verr
                or Mnemonic.Verw or Mnemonic.Clflush or Mnemonic.Clflushopt or Mnemonic.Clwb or Mnemonic.Cldemote or Mnemonic.Lfs or Mnemonic.Lgs or Mnemonic.Lss => false,
            _ => true,
        };
    }

    /// <summary>What an operand's encoding asks for; null when it is not one that can be copied.</summary>
    private static Traits? TraitsOf(OpCodeOperandKind kind) => kind switch
    {
        OpCodeOperandKind.r8_reg => Traits.RegIsGpr | Traits.RegIsByte,
        OpCodeOperandKind.r16_reg or OpCodeOperandKind.r32_reg or OpCodeOperandKind.r64_reg => Traits.RegIsGpr,
        OpCodeOperandKind.r8_or_mem => Traits.RmIsGpr | Traits.RmIsByte,
        OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r64_or_mem => Traits.RmIsGpr,
        OpCodeOperandKind.r16_rm or OpCodeOperandKind.r32_rm or OpCodeOperandKind.r64_rm => Traits.RmIsGpr,
        OpCodeOperandKind.r32_vvvv or OpCodeOperandKind.r64_vvvv => Traits.VvvvIsGpr,
        OpCodeOperandKind.r8_opcode => Traits.OpcodeIsGpr | Traits.RmIsByte,
        OpCodeOperandKind.r16_opcode or OpCodeOperandKind.r32_opcode or OpCodeOperandKind.r64_opcode => Traits.OpcodeIsGpr,
        OpCodeOperandKind.xmm_reg or OpCodeOperandKind.xmm_rm or OpCodeOperandKind.xmm_vvvv or OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.xmm_is4 or OpCodeOperandKind.xmm_is5 => Traits.Vector,
        OpCodeOperandKind.ymm_reg or OpCodeOperandKind.ymm_rm or OpCodeOperandKind.ymm_vvvv or OpCodeOperandKind.ymm_or_mem or OpCodeOperandKind.ymm_is4 or OpCodeOperandKind.ymm_is5 => Traits.Vector,
        OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_rm or OpCodeOperandKind.mm_or_mem or OpCodeOperandKind.st0 or OpCodeOperandKind.sti_opcode => Traits.X87,
        OpCodeOperandKind.mem => Traits.None,
        OpCodeOperandKind.al or OpCodeOperandKind.cl or OpCodeOperandKind.ax or OpCodeOperandKind.eax or OpCodeOperandKind.rax => Traits.None,
        OpCodeOperandKind.imm8 or OpCodeOperandKind.imm8_const_1 or OpCodeOperandKind.imm8sex16 or OpCodeOperandKind.imm8sex32 or OpCodeOperandKind.imm8sex64
            or OpCodeOperandKind.imm16 or OpCodeOperandKind.imm32 or OpCodeOperandKind.imm32sex64 or OpCodeOperandKind.imm64 or OpCodeOperandKind.imm4_m2z => Traits.None,
        _ => null,
    };

    private static bool IsRegisterOrMemory(OpCodeOperandKind kind) => kind is OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r32_or_mem
        or OpCodeOperandKind.r64_or_mem or OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.ymm_or_mem or OpCodeOperandKind.mm_or_mem or OpCodeOperandKind.mem;

    private static bool ReadsFirstOnly(Mnemonic mnemonic, Code code) => mnemonic switch
    {
        Mnemonic.Cmp or Mnemonic.Test or Mnemonic.Bt or Mnemonic.Mul or Mnemonic.Fld or Mnemonic.Fild or Mnemonic.Fbld => true,
        Mnemonic.Imul => code is Code.Imul_rm8 or Code.Imul_rm16 or Code.Imul_rm32 or Code.Imul_rm64,
        Mnemonic.Fadd or Mnemonic.Fmul or Mnemonic.Fsub or Mnemonic.Fsubr or Mnemonic.Fdiv or Mnemonic.Fdivr or Mnemonic.Fcom or Mnemonic.Fcomp => true,
        Mnemonic.Fiadd or Mnemonic.Fimul or Mnemonic.Fisub or Mnemonic.Fisubr or Mnemonic.Fidiv or Mnemonic.Fidivr or Mnemonic.Ficom or Mnemonic.Ficomp => true,
        Mnemonic.Ptest or Mnemonic.Vptest or Mnemonic.Vtestps or Mnemonic.Vtestpd or Mnemonic.Comiss or Mnemonic.Comisd or Mnemonic.Ucomiss or Mnemonic.Ucomisd
            or Mnemonic.Vcomiss or Mnemonic.Vcomisd or Mnemonic.Vucomiss or Mnemonic.Vucomisd => true,
        _ => false,
    };

    /// <summary>Legacy SSE operands of 16 bytes must be aligned but for a few; VEX operands need not but for a few (SDM vol. 2 §2.4, tables 2-18 to 2-20).</summary>
    private static bool NeedsAlignment(in Instruction instruction, OpCodeInfo info, Traits traits)
    {
        if (instruction.Mnemonic == Mnemonic.Cmpxchg16b) return true;
        if ((traits & Traits.Vector) == 0) return false;
        if (info.Encoding == EncodingKind.VEX)
        {
            return instruction.Mnemonic is Mnemonic.Vmovaps or Mnemonic.Vmovapd or Mnemonic.Vmovdqa or Mnemonic.Vmovntdq or Mnemonic.Vmovntdqa or Mnemonic.Vmovntpd or Mnemonic.Vmovntps;
        }

        return info.MemorySize.GetSize() == 16 && instruction.Mnemonic is not (Mnemonic.Movups or Mnemonic.Movupd or Mnemonic.Movdqu or Mnemonic.Lddqu
            or Mnemonic.Pcmpestri or Mnemonic.Pcmpestrm or Mnemonic.Pcmpistri or Mnemonic.Pcmpistrm);
    }
}
