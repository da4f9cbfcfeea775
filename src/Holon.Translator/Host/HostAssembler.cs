namespace Holon.Translator.Host;

/// <summary>A memory operand of host code: [base + index * scale + displacement], perhaps relative to the GS base, where the vCPU's context is.</summary>
/// <param name="Base">Register number, or -1.</param>
/// <param name="Index">Register number, or -1.</param>
/// <param name="Scale">log2 of the scale.</param>
/// <param name="Displacement">Signed displacement.</param>
/// <param name="InContext">Relative to the GS base.</param>
internal readonly record struct Mem(int Base, int Index, int Scale, int Displacement, bool InContext)
{
    /// <summary>A field of the context, by its byte offset.</summary>
    public static Mem Context(int offset) => new(-1, -1, 0, offset, true);

    /// <summary>A field of the context, by a register times a scale and a byte offset.</summary>
    public static Mem Context(int offset, int index, int scale) => scale == 0 ? new(index, -1, 0, offset, true) : new(-1, index, scale, offset, true);

    /// <summary>What a register points to.</summary>
    public static Mem At(int register, int displacement = 0) => new(register, -1, 0, displacement, false);
}

/// <summary>Arithmetic that shares one encoding scheme, by its number in it.</summary>
internal enum AluOp
{
    Add = 0,
    Or = 1,
    And = 4,
    Sub = 5,
    Xor = 6,
    Cmp = 7,
}

/// <summary>Writes x86-64 instructions into a buffer: the few that translated code needs beside the guest's own (SDM vol. 2 ch. 2).</summary>
/// <remarks>
/// The buffer is the writable view of <see cref="CodeMemory"/>; its executable view has the same layout, so relative jumps inside are right in both.
/// The caller makes sure of room: see <see cref="CodeMemory.MaxBlockBytes"/>.
/// </remarks>
internal sealed unsafe class HostAssembler
{
    private byte* _next;

    /// <summary>Where the next byte goes.</summary>
    public byte* Position
    {
        get => _next;
        set => _next = value;
    }

    public void Byte(int value) => *_next++ = (byte)value;

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(new Span<byte>(_next, bytes.Length)); // safe: the caller has made sure of room
        _next += bytes.Length;
    }

    public void Int32(int value)
    {
        *(int*)_next = value;
        _next += 4;
    }

    public void Int64(ulong value)
    {
        *(ulong*)_next = value;
        _next += 8;
    }

    // ---- moves -------------------------------------------------------------------------------------------------------

    public void Mov(int to, int from) => RegReg(true, 0x8B, to, from);

    public void Mov32(int to, int from) => RegReg(false, 0x8B, to, from);

    public void Load(int to, in Mem from) => RegMem(true, 0x8B, to, from);

    public void Load32(int to, in Mem from) => RegMem(false, 0x8B, to, from);

    public void LoadZero16(int to, in Mem from) => RegMem(false, 0x0FB7, to, from);

    public void Store(in Mem to, int from) => RegMem(true, 0x89, from, to);

    public void Store32(in Mem to, int from) => RegMem(false, 0x89, from, to);

    public void Store16(in Mem to, int from)
    {
        if (to.InContext) Byte(0x65);
        Byte(0x66);
        RegMem(false, 0x89, from, to with { InContext = false });
    }

    /// <summary>Stores a sign-extended 32-bit constant as 64 bits.</summary>
    public void StoreImmediate(in Mem to, int value)
    {
        RegMem(true, 0xC7, 0, to);
        Int32(value);
    }

    /// <summary>Loads a constant in the shortest form; changes no flags.</summary>
    public void MovImmediate(int to, ulong value)
    {
        if (value <= uint.MaxValue)
        {
            if (to >= 8) Byte(0x41);
            Byte(0xB8 + (to & 7));
            Int32((int)value);
        }
        else if ((long)value >= int.MinValue && (long)value < 0)
        {
            Rex(true, 0, 0, to);
            Byte(0xC7);
            Byte(0xC0 | (to & 7));
            Int32((int)value);
        }
        else
        {
            Rex(true, 0, 0, to);
            Byte(0xB8 + (to & 7));
            Int64(value);
        }
    }

    public void Lea(int to, in Mem of) => RegMem(true, 0x8D, to, of);

    /// <summary>LEA of a place in this code.</summary>
    public void LeaHere(int to, byte* place)
    {
        Rex(true, to, 0, 0);
        Byte(0x8D);
        Byte(((to & 7) << 3) | 5); // relative to RIP
        Int32(0);
        Patch(_next - 4, place);
    }

    public void Lea32(int to, in Mem of) => RegMem(false, 0x8D, to, of);

    /// <summary>Which entry of the jump cache an address has, as an index of 8 bytes: the low 16 bits, doubled. Changes no flags.</summary>
    public void JumpCacheIndex(int to, int from)
    {
        RegReg(false, 0x0FB7, to, from); // MOVZX
        Lea32(to, new Mem(to, to, 0, 0, false));
    }

    // ---- arithmetic --------------------------------------------------------------------------------------------------

    public void Alu(AluOp op, int to, int from) => RegReg(true, ((int)op << 3) | 3, to, from);

    public void Alu32(AluOp op, int to, int from) => RegReg(false, ((int)op << 3) | 3, to, from);

    public void Alu(AluOp op, int to, in Mem from) => RegMem(true, ((int)op << 3) | 3, to, from);

    public void AluImmediate(bool wide, AluOp op, int to, int immediate)
    {
        var small = immediate is >= -128 and <= 127;
        Rex(wide, 0, 0, to);
        Byte(small ? 0x83 : 0x81);
        Byte(0xC0 | ((int)op << 3) | (to & 7));
        if (small) Byte(immediate);
        else Int32(immediate);
    }

    public void AluImmediate32(AluOp op, in Mem to, int immediate)
    {
        var small = immediate is >= -128 and <= 127;
        RegMem(false, small ? 0x83 : 0x81, (int)op, to);
        if (small) Byte(immediate);
        else Int32(immediate);
    }

    /// <summary>ADD of one to 64 bits.</summary>
    public void Increment(in Mem to)
    {
        RegMem(true, 0x83, (int)AluOp.Add, to);
        Byte(1);
    }

    /// <summary>CMP of 64 bits with a sign-extended constant.</summary>
    public void CompareImmediate(in Mem with, int immediate)
    {
        RegMem(true, 0x81, 7, with);
        Int32(immediate);
    }

    public void CmpImmediate8(in Mem with, int immediate)
    {
        RegMem(false, 0x80, 7, with);
        Byte(immediate);
    }

    /// <summary>TEST with a sign-extended constant.</summary>
    public void TestImmediate(int register, int immediate)
    {
        Rex(true, 0, 0, register);
        Byte(0xF7);
        Byte(0xC0 | (register & 7));
        Int32(immediate);
    }

    public void TestImmediate32(in Mem memory, int immediate)
    {
        RegMem(false, 0xF7, 0, memory);
        Int32(immediate);
    }

    public void Test(int a, int b) => RegReg(true, 0x85, a, b);

    /// <summary>SHR (5), SAR (7) or SHL (4) by a constant.</summary>
    public void Shift(bool wide, int kind, int register, int count)
    {
        Rex(wide, 0, 0, register);
        Byte(0xC1);
        Byte(0xC0 | (kind << 3) | (register & 7));
        Byte(count);
    }

    /// <summary>RORX of 32 bits; changes no flags.</summary>
    public void Rorx32(int to, int from, int count)
    {
        Byte(0xC4);
        Byte((to < 8 ? 0x80 : 0) | 0x40 | (from < 8 ? 0x20 : 0) | 3);
        Byte(0x7B);
        Byte(0xF0);
        Byte(0xC0 | ((to & 7) << 3) | (from & 7));
        Byte(count);
    }

    /// <summary>PEXT of 64 bits with a mask in the context; changes no flags.</summary>
    public void Pext(int to, int from, in Mem mask)
    {
        Byte(0x65);
        Byte(0xC4);
        Byte((to < 8 ? 0x80 : 0) | 0x60 | 2);
        Byte(0x80 | ((~from & 15) << 3) | 2);
        Byte(0xF5);
        ModRm(to, mask);
    }

    // ---- control -----------------------------------------------------------------------------------------------------

    /// <summary>A conditional jump to an address not known yet; returns where its 32-bit distance is.</summary>
    public byte* Jcc(int condition)
    {
        Byte(0x0F);
        Byte(0x80 | condition);
        Int32(0);
        return _next - 4;
    }

    /// <summary>A jump to an address not known yet; returns where its 32-bit distance is.</summary>
    public byte* Jmp()
    {
        Byte(0xE9);
        Int32(0);
        return _next - 4;
    }

    /// <summary>A call of an address not known yet; returns where its 32-bit distance is.</summary>
    public byte* Call()
    {
        Byte(0xE8);
        Int32(0);
        return _next - 4;
    }

    public void JmpTo(byte* target) => Patch(Jmp(), target);

    public void CallTo(byte* target) => Patch(Call(), target);

    public void JccTo(int condition, byte* target) => Patch(Jcc(condition), target);

    /// <summary>Completes a jump so that it leads here.</summary>
    public void Land(byte* distance) => Patch(distance, _next);

    public static void Patch(byte* distance, byte* target) => *(int*)distance = checked((int)(target - (distance + 4)));

    public void JmpThrough(in Mem memory) => RegMem(false, 0xFF, 4, memory);

    public void CallThrough(in Mem memory) => RegMem(false, 0xFF, 2, memory);

    public void Push(int register)
    {
        if (register >= 8) Byte(0x41);
        Byte(0x50 | (register & 7));
    }

    public void Pop(int register)
    {
        if (register >= 8) Byte(0x41);
        Byte(0x58 | (register & 7));
    }

    public void Ret() => Byte(0xC3);

    /// <summary>Returns and drops bytes of the stack.</summary>
    public void Ret(int bytes)
    {
        Byte(0xC2);
        Byte(bytes);
        Byte(bytes >> 8);
    }

    // ---- flags and vectors -------------------------------------------------------------------------------------------

    public void Lahf() => Byte(0x9F);

    public void Sahf() => Byte(0x9E);

    public void SetoAl() => Bytes([0x0F, 0x90, 0xC0]);

    public void AddAl(int value)
    {
        Byte(0x04);
        Byte(value);
    }

    /// <summary>VMOVDQU of a whole YMM register from the context.</summary>
    public void LoadYmm(int register, int offset) => Vector(0xFE, 0x6F, register, offset);

    /// <summary>VMOVDQU of an XMM register from the context; the upper half becomes zero.</summary>
    public void LoadXmm(int register, int offset) => Vector(0xFA, 0x6F, register, offset);

    /// <summary>VMOVDQU of a whole YMM register into the context.</summary>
    public void StoreYmm(int register, int offset) => Vector(0xFE, 0x7F, register, offset);

    /// <summary>VPOR of XMM0 with 16 bytes of the context.</summary>
    public void OrXmm0(int offset) => Vector(0xF9, 0xEB, 0, offset);

    /// <summary>VPTEST of XMM0: ZF when it is zero.</summary>
    public void TestXmm0() => Bytes([0xC4, 0xE2, 0x79, 0x17, 0xC0]);

    public void Vzeroupper() => Bytes([0xC5, 0xF8, 0x77]);

    /// <summary>LDMXCSR (2) or STMXCSR (3) of the context.</summary>
    public void Mxcsr(int kind, int offset) => RegMem(false, 0x0FAE, kind, Mem.Context(offset));

    /// <param name="vex">The last byte of VEX, for a register below 8.</param>
    /// <param name="opcode">In the map 0F.</param>
    /// <param name="register">The vector register.</param>
    /// <param name="offset">In the context.</param>
    private void Vector(int vex, int opcode, int register, int offset)
    {
        Byte(0x65);
        Byte(0xC5);
        Byte(register < 8 ? vex : vex & 0x7F);
        Byte(opcode);
        Byte(0x04 | ((register & 7) << 3));
        Byte(0x25);
        Int32(offset);
    }

    // ---- encoding ----------------------------------------------------------------------------------------------------

    private void Rex(bool wide, int reg, int index, int rm)
    {
        var rex = (wide ? 8 : 0) | (reg >= 8 ? 4 : 0) | (index >= 8 ? 2 : 0) | (rm >= 8 ? 1 : 0);
        if (rex != 0) Byte(0x40 | rex);
    }

    private void Opcode(int opcode)
    {
        if (opcode > 0xFF) Byte(opcode >> 8);
        Byte(opcode);
    }

    public void RegReg(bool wide, int opcode, int reg, int rm)
    {
        Rex(wide, reg, 0, rm);
        Opcode(opcode);
        Byte(0xC0 | ((reg & 7) << 3) | (rm & 7));
    }

    public void RegMem(bool wide, int opcode, int reg, in Mem memory)
    {
        if (memory.InContext) Byte(0x65);
        Rex(wide, reg, Math.Max(memory.Index, 0), Math.Max(memory.Base, 0));
        Opcode(opcode);
        ModRm(reg, memory);
    }

    /// <summary>ModRM, SIB and displacement of a memory operand.</summary>
    public void ModRm(int reg, in Mem memory)
    {
        reg = (reg & 7) << 3;
        if (memory.Base < 0)
        {
            Byte(reg | 4); // SIB without base: an absolute displacement, not one relative to RIP
            Byte((memory.Scale << 6) | ((memory.Index < 0 ? 4 : memory.Index & 7) << 3) | 5);
            Int32(memory.Displacement);
            return;
        }

        var mod = memory.Displacement == 0 && (memory.Base & 7) != 5 ? 0 : memory.Displacement is >= -128 and <= 127 ? 1 : 2;
        if (memory.Index >= 0 || (memory.Base & 7) == 4)
        {
            Byte((mod << 6) | reg | 4);
            Byte((memory.Scale << 6) | ((memory.Index < 0 ? 4 : memory.Index & 7) << 3) | (memory.Base & 7));
        }
        else
        {
            Byte((mod << 6) | reg | (memory.Base & 7));
        }

        if (mod == 1) Byte(memory.Displacement);
        else if (mod == 2) Int32(memory.Displacement);
    }
}
