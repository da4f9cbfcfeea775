using System.Runtime.InteropServices;
using Iced.Intel;

namespace Holon.Oracle.Generation;

/// <summary>Chooses the shape of a memory operand and the register values that make it point to a chosen target.</summary>
public sealed class MemoryOperandGenerator(CaseRandom random)
{
    private static readonly Register[] _registers64 =
    [
        Register.RAX, Register.RCX, Register.RDX, Register.RBX, Register.RSP, Register.RBP, Register.RSI, Register.RDI,
        Register.R8, Register.R9, Register.R10, Register.R11, Register.R12, Register.R13, Register.R14, Register.R15,
    ];

    private readonly List<(int Register, ulong Value, bool Low)> _registers = new(2);
    private readonly ulong[] _vectorIndexes = new ulong[8];
    private int _vectorIndexRegister, _vectorIndexSize;

    private enum Shape
    {
        Base,
        BaseIndex,
        Index,
        Absolute,
        InstructionRelative,
    }

    /// <summary>Base of FS for the case.</summary>
    public ulong FsBase { get; private set; }

    /// <summary>Base of GS for the case.</summary>
    public ulong GsBase { get; private set; }

    /// <summary>True when the instruction has an explicit memory operand.</summary>
    public bool HasTarget { get; private set; }

    /// <summary>The operand's linear address.</summary>
    public ulong Target { get; private set; }

    /// <summary>The operand's size in bytes.</summary>
    public int TargetSize { get; private set; }

    /// <summary>Forgets the former operand and chooses segment bases.</summary>
    public void Restart()
    {
        _registers.Clear();
        HasTarget = false;
        _vectorIndexSize = 0;
        FsBase = SegmentBase();
        GsBase = SegmentBase();
    }

    /// <summary>Sets an explicit ModR/M memory operand.</summary>
    /// <returns>False when this combination cannot reach the target; try again.</returns>
    public bool TrySet(ref Instruction instruction, int operand, int size, ulong instructionAddress)
    {
        Start(size, TargetAddress.Pick(random, size));
        var low = random.Percent(7); // 67h: 32-bit address
        var offset = Target - PickSegment(ref instruction);
        var shape = random.Below(20) switch { < 8 => Shape.Base, < 15 => Shape.BaseIndex, < 17 => Shape.Index, 17 => Shape.Absolute, _ => Shape.InstructionRelative };
        instruction.SetOpKind(operand, OpKind.Memory);
        return (!low || offset <= uint.MaxValue) && TrySetShape(ref instruction, shape, low, offset, instructionAddress);
    }

    /// <summary>Sets the absolute address of MOV's moffs forms.</summary>
    public bool TrySetAbsolute(ref Instruction instruction, int operand, int size)
    {
        Start(size, TargetAddress.Pick(random, size));
        var offset = Target - PickSegment(ref instruction);
        var low = random.Percent(10);
        instruction.SetOpKind(operand, OpKind.Memory);
        instruction.MemoryDisplSize = low ? 4 : 8;
        instruction.MemoryDisplacement64 = offset;
        return !low || offset <= uint.MaxValue;
    }

    /// <summary>Sets a memory operand with a vector of indexes.</summary>
    public bool TrySetVectorIndex(ref Instruction instruction, int operand, Register index, int indexSize)
    {
        const int reach = 0x700;
        var middle = AddressLayout.Window + 0x1000 + (ulong)random.Between(-0x80, 0x80);
        Start(1, middle);
        HasTarget = false; // many targets: the window's own content serves
        var offset = middle - PickSegment(ref instruction);
        var scale = 1 << random.Below(4);
        _vectorIndexRegister = index - (index.IsYMM() ? Register.YMM0 : Register.XMM0);
        _vectorIndexSize = indexSize;
        foreach (ref var value in _vectorIndexes.AsSpan())
        {
            value = random.Percent(2) ? random.Next() >> random.Below(64) : (ulong)random.Between(-reach / scale, reach / scale);
            if (random.Percent(8)) value = (ulong)(0x1000 / scale); // the read-only page and beyond
        }

        instruction.SetOpKind(operand, OpKind.Memory);
        instruction.MemoryIndex = index;
        instruction.MemoryIndexScale = scale;
        if (random.Percent(20)) return TrySetDisplacement(ref instruction, offset, low: false);
        var displacement = PickDisplacement(ref instruction);
        AddRegister(ref instruction, PickBase(), offset - displacement, low: false);
        return true;
    }

    /// <summary>Puts the chosen values into the registers that address the operand.</summary>
    public void ApplyRegisters(ref ProcessorImage state)
    {
        foreach (var (register, value, low) in _registers)
            state.Gpr[register] = low ? (state.Gpr[register] & 0xFFFF_FFFF_0000_0000) | (uint)value : value;
        if (_vectorIndexSize == 0) return;
        var lanes = 16 / _vectorIndexSize;
        for (var i = 0; i < 2 * lanes; i++)
        {
            var vector = i < lanes ? state.Xmm(_vectorIndexRegister) : state.YmmHigh(_vectorIndexRegister);
            if (_vectorIndexSize == 4) MemoryMarshal.Cast<byte, uint>(vector)[i % lanes] = (uint)_vectorIndexes[i];
            else MemoryMarshal.Cast<byte, ulong>(vector)[i % lanes] = _vectorIndexes[i];
        }
    }

    private void Start(int size, ulong target)
    {
        HasTarget = true;
        Target = target;
        TargetSize = size;
    }

    private bool TrySetShape(ref Instruction instruction, Shape shape, bool low, ulong offset, ulong instructionAddress)
    {
        switch (shape)
        {
            case Shape.InstructionRelative:
                if (!low && (long)(offset - instructionAddress) is < int.MinValue + 16 or > int.MaxValue - 16) return false;
                instruction.MemoryBase = low ? Register.EIP : Register.RIP;
                instruction.MemoryDisplSize = low ? 4 : 8;
                instruction.MemoryDisplacement64 = offset;
                return true;
            case Shape.Absolute:
                return TrySetDisplacement(ref instruction, offset, low);
            case Shape.Base:
                var displacement = PickDisplacement(ref instruction);
                AddRegister(ref instruction, PickBase(), offset - displacement, low);
                return true;
            default:
                return TrySetIndexed(ref instruction, shape, low, offset);
        }
    }

    private bool TrySetIndexed(ref Instruction instruction, Shape shape, bool low, ulong offset)
    {
        var index = random.Below(16);
        if (index == 4) return false; // RSP cannot be an index
        var scale = 1 << random.Below(4);
        var value = random.Percent(60) ? (ulong)random.Between(-0x1000, 0x1000) : random.Next();
        instruction.MemoryIndex = low ? Register.EAX + index : _registers64[index];
        instruction.MemoryIndexScale = scale;
        if (shape == Shape.Index)
        {
            value = (ulong)(long)(int)value;
            _registers.Add((index, value, low));
            return TrySetDisplacement(ref instruction, offset - (value * (ulong)scale), low);
        }

        var register = PickBase();
        if (register == index) // both are one value: the displacement makes up for the rest
        {
            value = (ulong)random.Between(-0x1000, 0x1000);
            AddRegister(ref instruction, register, value, low);
            return TrySetDisplacement(ref instruction, offset - (value * (ulong)(scale + 1)), low);
        }

        var displacement = PickDisplacement(ref instruction);
        _registers.Add((index, value, low));
        AddRegister(ref instruction, register, offset - displacement - (value * (ulong)scale), low);
        return true;
    }

    private static bool TrySetDisplacement(ref Instruction instruction, ulong displacement, bool low)
    {
        instruction.MemoryDisplSize = low ? 4 : 8;
        instruction.MemoryDisplacement64 = low ? (uint)displacement : displacement;
        return low || (long)displacement is >= int.MinValue and <= int.MaxValue;
    }

    private void AddRegister(ref Instruction instruction, int register, ulong value, bool low)
    {
        instruction.MemoryBase = low ? Register.EAX + register : _registers64[register];
        _registers.Add((register, value, low));
    }

    private int PickBase() => random.Below(16);

    private ulong PickDisplacement(ref Instruction instruction)
    {
        var displacement = random.Below(3) switch { 0 => 0, 1 => random.Between(sbyte.MinValue, sbyte.MaxValue), _ => (int)random.Next() >> random.Below(24) };
        instruction.MemoryDisplSize = displacement == 0 ? 0 : displacement is >= sbyte.MinValue and <= sbyte.MaxValue && random.Percent(90) ? 1 : 8;
        instruction.MemoryDisplacement64 = (ulong)displacement;
        return (ulong)displacement;
    }

    private ulong PickSegment(ref Instruction instruction)
    {
        switch (random.Below(25))
        {
            case 0:
                instruction.SegmentPrefix = Register.FS;
                return FsBase;
            case 1:
                instruction.SegmentPrefix = Register.GS;
                return GsBase;
            default:
                return 0;
        }
    }

    private ulong SegmentBase() => random.Below(3) switch
    {
        0 => (ulong)random.Between(-0x10000, 0x10000),
        1 => AddressLayout.Window + (ulong)random.Between(-0x10000, 0x10000),
        _ => (ulong)((long)random.Next() >> 17),
    };
}
