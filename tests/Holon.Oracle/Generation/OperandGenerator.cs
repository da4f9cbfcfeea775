using Iced.Intel;
using static Iced.Intel.OpCodeOperandKind;

namespace Holon.Oracle.Generation;

/// <summary>Makes random valid encodings of a form, with every operand it can have.</summary>
public sealed class OperandGenerator
{
    private const int MaximumLength = 15;

    private readonly CaseRandom _random;
    private readonly CodeBuffer _buffer = new();
    private readonly Encoder _encoder;
    private readonly int[] _distinct = new int[3];
    private bool _vectorIndexed;
    private int _vectorsChosen;

    /// <summary>Makes a generator that draws from a case's random numbers.</summary>
    public OperandGenerator(CaseRandom random)
    {
        _random = random;
        Memory = new MemoryOperandGenerator(random);
        _encoder = Encoder.Create(64, _buffer);
    }

    /// <summary>The explicit memory operand of the instruction made last.</summary>
    public MemoryOperandGenerator Memory { get; }

    /// <summary>The instruction made last, decoded from its bytes.</summary>
    public Instruction Instruction { get; private set; }

    /// <summary>Tries to make an encoding.</summary>
    /// <param name="form">The form.</param>
    /// <param name="address">The instruction's address.</param>
    /// <param name="code">Receives the bytes.</param>
    /// <param name="length">Receives their number.</param>
    /// <returns>False when the random choices do not fit together; try again.</returns>
    public bool TryGenerate(InstructionForm form, ulong address, Span<byte> code, out int length)
    {
        length = 0;
        Memory.Restart();
        var instruction = new Instruction { Code = form.Code };
        ChooseDistinctVectors(form);
        for (var i = 0; i < form.Operands.Length; i++)
        {
            if (!TrySetOperand(form, ref instruction, i, address)) return false;
        }

        // EDX:EAX must stay free to say which components to handle.
        if (form.IsStateImage && (instruction.IsAddressedBy(Register.RAX) || instruction.IsAddressedBy(Register.RDX))) return false;
        SetPrefixes(form, ref instruction);
        _buffer.Clear();
        if (!_encoder.TryEncode(instruction, address, out _, out _)) return false;
        length = PrefixDecorator.Decorate(_random, _buffer.Bytes, code[..MaximumLength], form.Code, address, out var decoded);
        Instruction = decoded;
        return length > 0;
    }

    private bool TrySetOperand(InstructionForm form, ref Instruction instruction, int operand, ulong address)
    {
        var kind = form.Operands[operand];
        var memorySize = form.MemorySize;
        var wantsMemory = _random.Percent(50);
        switch (kind)
        {
            case mem or mem_mib: return Memory.TrySet(ref instruction, operand, memorySize, address);
            case mem_offs: return Memory.TrySetAbsolute(ref instruction, operand, memorySize);
            case r8_or_mem or r16_or_mem or r32_or_mem or r64_or_mem or mm_or_mem or xmm_or_mem or ymm_or_mem when wantsMemory:
                return Memory.TrySet(ref instruction, operand, memorySize, address);
            case mem_vsib32x: return Memory.TrySetVectorIndex(ref instruction, operand, Register.XMM0 + NextVector(), 4);
            case mem_vsib64x: return Memory.TrySetVectorIndex(ref instruction, operand, Register.XMM0 + NextVector(), 8);
            case mem_vsib32y: return Memory.TrySetVectorIndex(ref instruction, operand, Register.YMM0 + NextVector(), 4);
            case mem_vsib64y: return Memory.TrySetVectorIndex(ref instruction, operand, Register.YMM0 + NextVector(), 8);
            case br64_1 or br64_4:
                instruction.SetOpKind(operand, OpKind.NearBranch64);
                instruction.NearBranch64 = address + (ulong)(kind == br64_1 ? _random.Between(-120, 120) : (int)_random.Next() >> _random.Below(24));
                return true;
            case seg_rSI: return SetImplicit(ref instruction, operand, OpKind.MemorySegRSI, OpKind.MemorySegESI);
            case es_rDI: return SetImplicit(ref instruction, operand, OpKind.MemoryESRDI, OpKind.MemoryESEDI);
            case seg_rDI: return SetImplicit(ref instruction, operand, OpKind.MemorySegRDI, OpKind.MemorySegEDI);
            case seg_rBX_al:
                instruction.SetOpKind(operand, OpKind.Memory);
                instruction.MemoryBase = _random.Percent(90) ? Register.RBX : Register.EBX;
                instruction.MemoryIndex = Register.AL;
                return true;
            default:
                return TrySetImmediate(ref instruction, operand, kind) || TrySetRegister(ref instruction, operand, kind);
        }
    }

    private bool SetImplicit(ref Instruction instruction, int operand, OpKind wide, OpKind narrow)
    {
        // Both operands of MOVS and CMPS must agree: 67h concerns the instruction.
        var useNarrow = operand == 0 || instruction.GetOpKind(0) is not (OpKind.MemorySegESI or OpKind.MemoryESEDI or OpKind.MemorySegRSI or OpKind.MemoryESRDI)
            ? _random.Percent(8)
            : instruction.GetOpKind(0) is OpKind.MemorySegESI or OpKind.MemoryESEDI;
        instruction.SetOpKind(operand, useNarrow ? narrow : wide);
        return true;
    }

    private bool TrySetImmediate(ref Instruction instruction, int operand, OpCodeOperandKind kind)
    {
        var value = InterestingValues.Integer(_random);
        switch (kind)
        {
            case imm8:
                var second = operand > 0 && instruction.GetOpKind(operand - 1) is OpKind.Immediate8 or OpKind.Immediate16;
                instruction.SetOpKind(operand, second ? OpKind.Immediate8_2nd : OpKind.Immediate8);
                if (second) instruction.Immediate8_2nd = (byte)value;
                else instruction.Immediate8 = (byte)value;
                return true;
            case imm8_const_1:
                instruction.SetOpKind(operand, OpKind.Immediate8);
                instruction.Immediate8 = 1;
                return true;
            case imm8sex16:
                instruction.SetOpKind(operand, OpKind.Immediate8to16);
                instruction.Immediate8to16 = (sbyte)value;
                return true;
            case imm8sex32:
                instruction.SetOpKind(operand, OpKind.Immediate8to32);
                instruction.Immediate8to32 = (sbyte)value;
                return true;
            case imm8sex64:
                instruction.SetOpKind(operand, OpKind.Immediate8to64);
                instruction.Immediate8to64 = (sbyte)value;
                return true;
            case imm16:
                instruction.SetOpKind(operand, OpKind.Immediate16);
                instruction.Immediate16 = (ushort)value;
                return true;
            case imm32:
                instruction.SetOpKind(operand, OpKind.Immediate32);
                instruction.Immediate32 = (uint)value;
                return true;
            case imm32sex64:
                instruction.SetOpKind(operand, OpKind.Immediate32to64);
                instruction.Immediate32to64 = (int)value;
                return true;
            case imm64:
                instruction.SetOpKind(operand, OpKind.Immediate64);
                instruction.Immediate64 = value;
                return true;
            default:
                return false;
        }
    }

    private bool TrySetRegister(ref Instruction instruction, int operand, OpCodeOperandKind kind)
    {
        var register = kind switch
        {
            r8_or_mem or r8_reg or r8_opcode => Register.AL + _random.Below(20),
            r16_or_mem or r16_reg or r16_reg_mem or r16_rm or r16_opcode => Register.AX + _random.Below(16),
            r32_or_mem or r32_reg or r32_reg_mem or r32_rm or r32_opcode or r32_vvvv => Register.EAX + _random.Below(16),
            r64_or_mem or r64_reg or r64_reg_mem or r64_rm or r64_opcode or r64_vvvv => Register.RAX + _random.Below(16),
            mm_or_mem or mm_reg or mm_rm => Register.MM0 + _random.Below(8),
            xmm_or_mem or xmm_reg or xmm_rm or xmm_vvvv or xmm_is4 => Register.XMM0 + NextVector(),
            ymm_or_mem or ymm_reg or ymm_rm or ymm_vvvv or ymm_is4 => Register.YMM0 + NextVector(),
            seg_reg => Register.ES + _random.Below(6),
            cr_reg => _random.Pick<Register>([Register.CR0, Register.CR2, Register.CR3, Register.CR4, Register.CR8]),
            dr_reg => Register.DR0 + _random.Below(8),
            sti_opcode => Register.ST0 + _random.Below(8),
            st0 => Register.ST0,
            es => Register.ES,
            cs => Register.CS,
            ss => Register.SS,
            ds => Register.DS,
            fs => Register.FS,
            gs => Register.GS,
            al => Register.AL,
            cl => Register.CL,
            ax => Register.AX,
            dx => Register.DX,
            eax => Register.EAX,
            rax => Register.RAX,
            _ => Register.None,
        };
        if (register == Register.None) return false;
        instruction.SetOpKind(operand, OpKind.Register);
        instruction.SetOpRegister(operand, register);
        return true;
    }

    private void SetPrefixes(InstructionForm form, ref Instruction instruction)
    {
        if (form.OpCode.CanUseLockPrefix && instruction.Op0Kind == OpKind.Memory && _random.Percent(30)) instruction.HasLockPrefix = true;
        if (!form.IsString) return;
        if (form.OpCode.CanUseRepnePrefix && _random.Percent(30)) instruction.HasRepnePrefix = true;
        else if (form.OpCode.CanUseRepPrefix && _random.Percent(50)) instruction.HasRepePrefix = true;
        if (_random.Percent(8)) instruction.SegmentPrefix = _random.Percent(50) ? Register.FS : Register.GS;
    }

    /// <summary>Gathers fault when destination, index and mask are not three registers, so mostly they are.</summary>
    private void ChooseDistinctVectors(InstructionForm form)
    {
        _vectorsChosen = 0;
        _vectorIndexed = _random.Percent(95) && Array.Exists(form.Operands, kind => kind is mem_vsib32x or mem_vsib64x or mem_vsib32y or mem_vsib64y);
        if (!_vectorIndexed) return;
        _distinct[0] = _random.Below(16);
        do _distinct[1] = _random.Below(16);
        while (_distinct[1] == _distinct[0]);
        do _distinct[2] = _random.Below(16);
        while (_distinct[2] == _distinct[0] || _distinct[2] == _distinct[1]);
    }

    private int NextVector() => _vectorIndexed && _vectorsChosen < _distinct.Length ? _distinct[_vectorsChosen++] : _random.Below(16);
}
