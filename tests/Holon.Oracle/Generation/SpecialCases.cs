using System.Runtime.InteropServices;
using Holon.Oracle.Guest;
using Iced.Intel;

namespace Holon.Oracle.Generation;

/// <summary>State that particular instructions need in order to do more than fault.</summary>
internal static class SpecialCases
{
    private const int Rax = 0, Rcx = 1, Rdx = 2, Rbx = 3, Rsp = 4, Rbp = 5, Rsi = 6, Rdi = 7;

    public static void Apply(CaseRandom random, InstructionForm form, OperandGenerator operands, ref TestCase test)
    {
        var instruction = operands.Instruction;
        ref var state = ref test.Before;
        if (form.IsString)
        {
            StringOperands.Apply(random, in instruction, ref test);
            return;
        }

        switch (form.Mnemonic)
        {
            case Mnemonic.Mov when form.Operands[0] == OpCodeOperandKind.seg_reg:
                PlaceSelector(random, operands, 0, ref test);
                break;
            case Mnemonic.Lar or Mnemonic.Lsl or Mnemonic.Verr or Mnemonic.Verw:
                PlaceSelector(random, operands, 0, ref test);
                break;
            case Mnemonic.Lss or Mnemonic.Lfs or Mnemonic.Lgs:
                PlaceSelector(random, operands, instruction.Op0Register.GetSize(), ref test);
                break;
            case Mnemonic.Pop when instruction.Op0Register.IsSegmentRegister():
                state.Gpr[Rsp] = StackPointer(random, in instruction);
                MemoryPatch.Place(ref test, state.Gpr[Rsp], (ulong)RegisterStateGenerator.Selector(random));
                break;
            case Mnemonic.Jmp or Mnemonic.Call when instruction.IsJmpFarIndirect || instruction.IsCallFarIndirect:
                state.Gpr[Rsp] = instruction.IsStackPointerOperand() ? state.Gpr[Rsp] : StackPointer(random, in instruction);
                PlaceFarPointer(random, in instruction, operands.Memory.Target, ref test);
                break;
            case Mnemonic.Call or Mnemonic.Jmp when operands.Memory.HasTarget && random.Percent(85):
                if (!instruction.IsStackPointerOperand()) state.Gpr[Rsp] = StackPointer(random, in instruction);
                MemoryPatch.Place(ref test, operands.Memory.Target, AddressLayout.Code + (ulong)random.Below(AddressLayout.CodeSize));
                break;
            case Mnemonic.Call or Mnemonic.Jmp when instruction.Op0Kind == OpKind.Register && random.Percent(75):
                state.Gpr[Rsp] = StackPointer(random, in instruction);
                state.Gpr[instruction.Op0Register.GetNumber()] = AddressLayout.Code + (ulong)random.Below(AddressLayout.CodeSize);
                break;
            case Mnemonic.Pushfq or Mnemonic.Pushf or Mnemonic.Push or Mnemonic.Pop or Mnemonic.Call or Mnemonic.Popf or Mnemonic.Popfq:
                if (!instruction.IsStackPointerOperand()) state.Gpr[Rsp] = StackPointer(random, in instruction);
                break;
            case Mnemonic.Ret:
                state.Gpr[Rsp] = StackPointer(random, in instruction);
                if (random.Percent(90)) MemoryPatch.Place(ref test, state.Gpr[Rsp], AddressLayout.Code + (ulong)random.Below(AddressLayout.CodeSize));
                break;
            case Mnemonic.Retf or Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq:
                state.Gpr[Rsp] = StackPointer(random, in instruction);
                PlaceFarReturn(random, in instruction, ref test);
                break;
            case Mnemonic.Enter:
                state.Gpr[Rsp] = TargetAddress.Inside(random, 64) & ~7ul;
                state.Gpr[Rbp] = StackPointer(random, in instruction);
                break;
            case Mnemonic.Leave:
                state.Gpr[Rbp] = StackPointer(random, in instruction);
                break;
            case Mnemonic.Div or Mnemonic.Idiv when random.Percent(75):
                KeepQuotientSmall(random, form, ref state);
                break;
            case Mnemonic.Shl or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Sal or Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr or Mnemonic.Shld or Mnemonic.Shrd
                when !instruction.IsAddressedBy(Register.RCX) && random.Percent(60):
                state.Gpr[Rcx] = (state.Gpr[Rcx] & ~0xFFul) | (uint)random.Below(70);
                break;
            case Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc when instruction.Op0Kind == OpKind.Memory && instruction.Op1Kind == OpKind.Register:
                LimitBitOffset(random, in instruction, ref state);
                break;
            case Mnemonic.Cmpxchg8b or Mnemonic.Cmpxchg16b:
                CompareWideEqually(random, form, operands, ref test);
                break;
            case Mnemonic.Loop or Mnemonic.Loope or Mnemonic.Loopne or Mnemonic.Jrcxz or Mnemonic.Jecxz when random.Percent(70):
                state.Gpr[Rcx] = (uint)random.Below(3) | (random.Percent(30) ? random.Next() << 32 : 0);
                break;
            case Mnemonic.Xlatb:
                state.Gpr[Rbx] = TargetAddress.Pick(random, 1) - (byte)state.Gpr[Rax] - SegmentBase(in instruction, in state);
                break;
            case Mnemonic.Maskmovq or Mnemonic.Maskmovdqu or Mnemonic.Vmaskmovdqu:
                state.Gpr[Rdi] = TargetAddress.Pick(random, 16) - SegmentBase(in instruction, in state);
                break;
            case Mnemonic.Wrfsbase or Mnemonic.Wrgsbase when random.Percent(80):
                state.Gpr[instruction.Op0Register.GetNumber()] &= 0x7FFF_FFFF_FFFF;
                break;
            case Mnemonic.Pcmpestri or Mnemonic.Pcmpestrm or Mnemonic.Vpcmpestri or Mnemonic.Vpcmpestrm when random.Percent(85):
                if (!instruction.IsAddressedBy(Register.RAX)) state.Gpr[Rax] = (ulong)random.Between(-20, 20);
                if (!instruction.IsAddressedBy(Register.RDX)) state.Gpr[Rdx] = (ulong)random.Between(-20, 20);
                break;
            case Mnemonic.Bextr or Mnemonic.Bzhi when instruction.Op2Kind == OpKind.Register && !instruction.IsAddressedBy(instruction.Op2Register.GetFullRegister()) && random.Percent(70):
                state.Gpr[instruction.Op2Register.GetNumber()] = (uint)random.Below(70) | ((uint)random.Below(70) << 8);
                break;
            case Mnemonic.Ldmxcsr or Mnemonic.Vldmxcsr when operands.Memory.HasTarget && random.Percent(80):
                MemoryPatch.Place(ref test, operands.Memory.Target, RegisterStateGenerator.Mxcsr(random));
                break;
            case Mnemonic.Fldcw when random.Percent(80):
                MemoryPatch.Place(ref test, operands.Memory.Target, RegisterStateGenerator.FpuControl(random));
                break;
            case var _ when form.IsStateImage:
                PlaceXsaveImage(random, operands.Memory.Target, ref test);
                break;
            case Mnemonic.Fxrstor or Mnemonic.Fxrstor64 when random.Percent(85):
                PlaceFxsaveImage(random, operands.Memory.Target, ref test);
                break;
            case Mnemonic.Fldenv or Mnemonic.Frstor when form.Code is Code.Fldenv_m28byte or Code.Frstor_m108byte && random.Percent(80):
                uint control = RegisterStateGenerator.FpuControl(random);
                MemoryPatch.Place(ref test, operands.Memory.Target, control, RegisterStateGenerator.FpuStatus(random, (ushort)control), (uint)(ushort)random.Next());
                break;
            default:
                break;
        }
    }

    private static ulong StackPointer(CaseRandom random, in Instruction instruction)
    {
        var increment = (ulong)(long)instruction.StackPointerIncrement;
        var address = TargetAddress.Pick(random, 8);
        if (random.Percent(70)) address &= ~7ul;
        return (long)increment < 0 ? address - increment : address; // a push writes below
    }

    private static ulong SegmentBase(in Instruction instruction, in ProcessorImage state) =>
        instruction.SegmentPrefix switch { Register.FS => state.FsBase, Register.GS => state.GsBase, _ => 0 };

    /// <summary>A return to the same code segment mostly; else a null selector. Other selectors would depend on the host kernel's GDT.</summary>
    private static void PlaceFarReturn(CaseRandom random, in Instruction instruction, ref TestCase test)
    {
        const ulong userCode = UserModeGuest.UserCode, userStack = UserModeGuest.UserData;
        var code = random.Percent(80) ? userCode : RegisterStateGenerator.Selector(random);
        var address = AddressLayout.Code + (ulong)random.Below(AddressLayout.CodeSize);
        var flags = random.Next() & (X86.Rflags.Status | X86.Rflags.DF) | X86.Rflags.IF | X86.Rflags.Fixed;
        var stack = TargetAddress.Inside(random, 8);
        var at = test.Before.Gpr[Rsp];
        switch (instruction.Code)
        {
            case Code.Retfq or Code.Retfq_imm16 or Code.Iretq:
                MemoryPatch.Place(ref test, at, address, code, flags, stack, userStack);
                break;
            case Code.Retfd or Code.Retfd_imm16 or Code.Iretd:
                MemoryPatch.Place(ref test, at, (uint)address, (uint)code, (uint)flags, (uint)stack, (uint)userStack);
                break;
            default:
                MemoryPatch.Place(ref test, at, (ushort)address, (ushort)code, (ushort)flags, (ushort)stack, (ushort)userStack);
                break;
        }
    }

    /// <summary>Puts a selector where the instruction takes it from.</summary>
    private static void PlaceSelector(CaseRandom random, OperandGenerator operands, int offset, ref TestCase test)
    {
        var selector = RegisterStateGenerator.Selector(random);
        var instruction = operands.Instruction;
        if (operands.Memory.HasTarget)
        {
            MemoryPatch.Place(ref test, operands.Memory.Target + (uint)offset, selector);
            return;
        }

        for (var i = 0; i < instruction.OpCount; i++)
        {
            var register = instruction.GetOpRegister(i);
            if (register.IsGPR()) test.Before.Gpr[register.GetNumber()] = (test.Before.Gpr[register.GetNumber()] & ~0xFFFFul) | selector;
        }
    }

    private static void PlaceFarPointer(CaseRandom random, in Instruction instruction, ulong target, ref TestCase test)
    {
        var address = AddressLayout.Code + (uint)random.Below(AddressLayout.CodeSize);
        var selector = random.Percent(50) ? UserModeGuest.UserCode : RegisterStateGenerator.Selector(random);
        // In compatibility mode the upper half of RSP is undefined.
        if ((selector | 3) == UserModeGuest.UserCode32 && test.Before.Gpr[Rsp] > uint.MaxValue) selector = UserModeGuest.UserCode;
        switch (instruction.Code)
        {
            case Code.Jmp_m1616 or Code.Call_m1616:
                MemoryPatch.Place(ref test, target, (ushort)address, selector);
                break;
            case Code.Jmp_m1632 or Code.Call_m1632:
                MemoryPatch.Place(ref test, target, (uint)address, selector);
                break;
            default:
                MemoryPatch.Place(ref test, target, address, selector);
                break;
        }
    }

    private static void KeepQuotientSmall(CaseRandom random, InstructionForm form, ref ProcessorImage state)
    {
        var bits = form.Operands[0] switch { OpCodeOperandKind.r8_or_mem => 8, OpCodeOperandKind.r16_or_mem => 16, OpCodeOperandKind.r32_or_mem => 32, _ => 64 };
        var extend = form.Mnemonic == Mnemonic.Idiv && random.Percent(50);
        if (bits == 8)
        {
            var value = random.Next() >> random.Below(16);
            state.Gpr[Rax] = (state.Gpr[Rax] & ~0xFFFFul) | (ushort)(extend ? (long)(sbyte)value : (long)(value & 0xFFF));
            return;
        }

        var sign = (state.Gpr[Rax] >> (bits - 1) & 1) != 0;
        state.Gpr[Rdx] = extend ? (sign ? ulong.MaxValue : 0) : (ulong)random.Below(4);
    }

    private static void LimitBitOffset(CaseRandom random, in Instruction instruction, ref ProcessorImage state)
    {
        var register = instruction.Op1Register;
        if (instruction.IsAddressedBy(register.GetFullRegister())) return;
        const int reach = 0x900 * 8;
        ref var value = ref state.Gpr[register.GetNumber()];
        var offset = (ulong)random.Between(-reach, reach);
        value = register.GetSize() switch { 2 => (value & ~0xFFFFul) | (ushort)offset, 4 => (value & ~0xFFFF_FFFFul) | (uint)offset, _ => offset };
    }

    private static void CompareWideEqually(CaseRandom random, InstructionForm form, OperandGenerator operands, ref TestCase test)
    {
        if (!random.Percent(50) || test.PatchLength == 0 || operands.Memory.Target != test.PatchAddress) return;
        var patch = MemoryMarshal.CreateReadOnlySpan(ref test.Patch[0], 16);
        var wide = form.Mnemonic == Mnemonic.Cmpxchg16b;
        if (operands.Instruction.IsAddressedBy(Register.RAX) || operands.Instruction.IsAddressedBy(Register.RDX)) return;
        test.Before.Gpr[Rax] = wide ? MemoryMarshal.Read<ulong>(patch) : MemoryMarshal.Read<uint>(patch);
        test.Before.Gpr[Rdx] = wide ? MemoryMarshal.Read<ulong>(patch[8..]) : MemoryMarshal.Read<uint>(patch[4..]);
    }

    private static void PlaceFxsaveImage(CaseRandom random, ulong address, ref TestCase test)
    {
        var image = new ProcessorImage();
        RegisterStateGenerator.FillX87(random, ref image);
        image.Mxcsr = RegisterStateGenerator.Mxcsr(random);
        Place(ref test, ref image, 160, address); // the XMM registers take what the window holds
    }

    /// <summary>Legacy region and header of an XSAVE image, and which components the instruction is to handle.</summary>
    private static void PlaceXsaveImage(CaseRandom random, ulong address, ref TestCase test)
    {
        const ulong compacted = 1ul << 63, unknown = 1ul << 40;
        const int components = 8, stateBits = ProcessorImage.HeaderOffset, compaction = stateBits + 8;
        // The host's XCR0 has more components than the guest's: only those of both are asked for.
        test.Before.Gpr[Rax] = (uint)random.Below(components) | (random.Next() << 32);
        test.Before.Gpr[Rdx] = random.Next() << 32;
        var image = new ProcessorImage();
        RegisterStateGenerator.FillX87(random, ref image);
        RegisterStateGenerator.FillVectors(random, LaneKind.Integer, ref image);
        if (random.Percent(5)) image.Mxcsr |= 1u << 31;
        MemoryMarshal.Write(image.Bytes[stateBits..], (uint)random.Below(components) | (random.Percent(4) ? unknown : 0));
        if (random.Percent(30)) MemoryMarshal.Write(image.Bytes[compaction..], compacted | (uint)random.Below(components));
        if (random.Percent(4)) image.Bytes[compaction + (int)random.Between(1, 40)] |= 1;
        Place(ref test, ref image, TestCase.PatchCapacity, address);
    }

    private static void Place(ref TestCase test, ref ProcessorImage image, int length, ulong address)
    {
        image.ReadOnlyBytes[..length].CopyTo(MemoryMarshal.CreateSpan(ref test.Patch[0], length));
        MemoryPatch.Place(ref test, address, length);
    }

    public static bool IsAddressedBy(this in Instruction instruction, Register full) =>
        instruction.MemoryBase.GetFullRegister() == full || instruction.MemoryIndex.GetFullRegister() == full;

    private static bool IsStackPointerOperand(this in Instruction instruction) => instruction.IsAddressedBy(Register.RSP);
}
