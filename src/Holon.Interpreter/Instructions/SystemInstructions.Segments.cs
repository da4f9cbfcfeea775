using System.Numerics;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

// Segment registers, descriptor tables, and the instructions that ask about descriptors.
internal static unsafe partial class SystemInstructions
{
    private static Handler BindDescriptorTable(in Instruction instruction, Op* op)
    {
        // Operand size decides how much of the base counts: 24 bits, 32 bits, or 64 in 64-bit mode.
        var wide = (op->Prefixes & OpPrefixes.LongMode) != 0;
        op->Immediate = wide ? ulong.MaxValue : instruction.Code is Code.Lgdt_m1632_16 or Code.Lidt_m1632_16 ? 0xFFFFFFul : 0xFFFFFFFF;
        return instruction.Mnemonic switch
        {
            Mnemonic.Lgdt => &Lgdt,
            Mnemonic.Lidt => &Lidt,
            Mnemonic.Sgdt => &Sgdt,
            _ => &Sidt,
        };
    }

    private static Handler BindLldt(in Instruction instruction, Op* op) => &Lldt;

    private static Handler BindLtr(in Instruction instruction, Op* op) => &Ltr;

    private static Handler BindStoreSelector(in Instruction instruction, Op* op)
    {
        op->Immediate = instruction.Mnemonic switch { Mnemonic.Sldt => 0u, Mnemonic.Str => 1u, _ => 2u };
        op->AddressSize = instruction.Op0Kind == OpKind.Memory ? (byte)0 : (byte)instruction.Op0Register.GetSize();
        return &StoreSelector;
    }

    private static Handler BindVerify(in Instruction instruction, Op* op)
    {
        op->Immediate = instruction.Mnemonic == Mnemonic.Verw ? 1u : 0;
        return &Verify;
    }

    private static Handler BindLar(in Instruction instruction, Op* op)
    {
        op->Immediate = instruction.Mnemonic == Mnemonic.Lsl ? 1u : 0;
        return instruction.Op0Register.GetSize() switch { 2 => &Lar<ushort>, 4 => &Lar<uint>, _ => &Lar<ulong> };
    }

    private static Handler BindArpl(in Instruction instruction, Op* op) => &Arpl;

    private static Handler BindLoadFar(in Instruction instruction, Op* op)
    {
        op->Reg3 = instruction.Mnemonic switch
        {
            Mnemonic.Les => SegmentRegisters.Es,
            Mnemonic.Lds => SegmentRegisters.Ds,
            Mnemonic.Lss => SegmentRegisters.Ss,
            Mnemonic.Lfs => SegmentRegisters.Fs,
            _ => SegmentRegisters.Gs,
        };
        return instruction.Op0Register.GetSize() switch { 2 => &LoadFar<ushort>, 4 => &LoadFar<uint>, _ => &LoadFar<ulong> };
    }

    /// <summary>MOV to a segment register. SS holds interrupts back for one instruction; any may change how code is decoded.</summary>
    public static Op* MovToSegment(Interpreter cpu, Op* op)
    {
        var segment = op->Reg0;
        if (segment == SegmentRegisters.Cs) cpu.RaiseUd();
        var selector = op->AddressSize != 0 ? cpu.Read<ushort>(cpu.Address(op, 2)) : cpu.Reg<ushort>(op->Reg1);
        cpu.LoadSegment(segment, selector);
        if (segment != SegmentRegisters.Ss) return op + 1;
        cpu.BeginShadow(InterruptShadow.MovSs);
        return cpu.EndBlockAfter(op);
    }

    /// <summary>POP of a segment register; the operand size is in the immediate.</summary>
    public static Op* PopSegment(Interpreter cpu, Op* op)
    {
        var size = op->Immediate;
        var selector = cpu.Peek<ushort>(0); // the rest of the stack slot is not read
        var pointer = cpu.StackPointer + size;
        var mask = cpu.StackMask; // of the old stack: POP SS changes it after the pointer has moved
        cpu.LoadSegment(op->Reg0, selector);
        cpu.Gpr(4) = mask == 0xFFFF ? (cpu.Gpr(4) & ~0xFFFFul) | (ushort)pointer : pointer & mask;
        if (op->Reg0 != SegmentRegisters.Ss) return op + 1;
        cpu.BeginShadow(InterruptShadow.MovSs);
        return cpu.EndBlockAfter(op);
    }

    private static Op* LoadFar<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        var address = cpu.Address(op, sizeof(T) + 2);
        var offset = cpu.Read<T>(address);
        cpu.LoadSegment(op->Reg3, cpu.Read<ushort>(address + (ulong)sizeof(T)));
        cpu.SetReg(op->Reg0, offset);
        return op->Reg3 == SegmentRegisters.Ss ? cpu.EndBlockAfter(op) : op + 1;
    }

    private static DescriptorTable ReadTable(Interpreter cpu, Op* op)
    {
        RequireSupervisor(cpu);
        var wide = op->Immediate == ulong.MaxValue;
        var address = cpu.Address(op, wide ? 10 : 6);
        var limit = cpu.Read<ushort>(address);
        var tableBase = (wide ? cpu.Read<ulong>(address + 2) : cpu.Read<uint>(address + 2)) & op->Immediate;
        if (wide && !Interpreter.IsCanonical(tableBase)) cpu.RaiseGp();
        return new DescriptorTable(tableBase, limit);
    }

    private static Op* Lgdt(Interpreter cpu, Op* op)
    {
        cpu.State.Gdtr = ReadTable(cpu, op);
        return op + 1;
    }

    private static Op* Lidt(Interpreter cpu, Op* op)
    {
        cpu.State.Idtr = ReadTable(cpu, op);
        return op + 1;
    }

    private static Op* Sgdt(Interpreter cpu, Op* op) => StoreTable(cpu, op, cpu.State.Gdtr);

    private static Op* Sidt(Interpreter cpu, Op* op) => StoreTable(cpu, op, cpu.State.Idtr);

    private static Op* StoreTable(Interpreter cpu, Op* op, DescriptorTable table)
    {
        RequireNoUmip(cpu);
        var wide = (op->Prefixes & OpPrefixes.LongMode) != 0;
        var address = cpu.Address(op, wide ? 10 : 6, true);
        cpu.ProbeWrite(address, wide ? 10 : 6);
        cpu.Write(address, table.Limit);
        if (wide) cpu.Write(address + 2, table.Base);
        else cpu.Write(address + 2, (uint)table.Base);
        return op + 1;
    }

    private static ushort Selector(Interpreter cpu, Op* op, ushort register) =>
        op->AddressSize != 0 ? cpu.Read<ushort>(cpu.Address(op, 2)) : cpu.Reg<ushort>(register);

    private static Op* Lldt(Interpreter cpu, Op* op)
    {
        RequireProtected(cpu);
        RequireSupervisor(cpu);
        var selector = Selector(cpu, op, op->Reg0);
        if ((selector & ~3) == 0)
        {
            cpu.State.Ldtr = new Segment(0, selector, 0, 0);
            return op + 1;
        }

        cpu.State.Ldtr = ReadSystemSegment(cpu, selector, out _, type => type == 2);
        return op + 1;
    }

    private static Op* Ltr(Interpreter cpu, Op* op)
    {
        RequireProtected(cpu);
        RequireSupervisor(cpu);
        var selector = Selector(cpu, op, op->Reg0);
        if ((selector & ~3) == 0) cpu.RaiseGp();
        var tss = ReadSystemSegment(cpu, selector, out var address, cpu.LongModeActive ? type => type == 9 : type => type is 1 or 9);
        cpu.WriteSystem(address + 5, (byte)((byte)tss.Attributes | 2));
        cpu.State.Tr = tss with { Attributes = tss.Attributes | (SegmentAttributes)2 };
        return op + 1;
    }

    /// <summary>A system descriptor of the GDT: 16 bytes in long mode.</summary>
    private static Segment ReadSystemSegment(Interpreter cpu, ushort selector, out ulong address, Func<int, bool> accepts)
    {
        var error = (uint)(selector & ~3);
        if ((selector & 4) != 0 || !cpu.TryDescriptorAddress(selector, cpu.LongModeActive ? 16 : 8, out address)) cpu.RaiseGp(error);
        cpu.TryDescriptorAddress(selector, 8, out address);
        var segment = Segment.FromDescriptor(selector, cpu.ReadSystem<ulong>(address));
        if (segment.IsCodeOrData || !accepts(segment.Type)) cpu.RaiseGp(error);
        if (!segment.IsUsable) cpu.Raise(ExceptionVector.SegmentNotPresent, error);
        if (!cpu.LongModeActive) return segment;
        var high = cpu.ReadSystem<ulong>(address + 8);
        if (((high >> 40) & 0x1F) != 0) cpu.RaiseGp(error);
        var linear = segment.Base | (high << 32);
        if (!Interpreter.IsCanonical(linear)) cpu.RaiseGp(error);
        return segment with { Base = linear };
    }

    private static Op* StoreSelector(Interpreter cpu, Op* op)
    {
        if (op->Immediate != 2) RequireProtected(cpu);
        RequireNoUmip(cpu);
        var value = op->Immediate switch { 0 => cpu.State.Ldtr.Selector, 1 => cpu.State.Tr.Selector, _ => cpu.State.Cr0 };
        switch (op->AddressSize)
        {
            case 0: cpu.Write(cpu.Address(op, 2, true), (ushort)value); break;
            case 2: cpu.SetReg(op->Reg0, (ushort)value); break;
            case 4: cpu.SetReg(op->Reg0, (uint)value); break;
            default: cpu.SetReg(op->Reg0, value); break;
        }

        return op + 1;
    }

    /// <summary>A descriptor for LAR, LSL, VERR and VERW: null when it cannot be looked at.</summary>
    private static Segment? Inspect(Interpreter cpu, ushort selector, bool codeOrDataOnly)
    {
        if ((selector & ~3) == 0 || !cpu.TryDescriptorAddress(selector, 8, out var address)) return null;
        var segment = Segment.FromDescriptor(selector, cpu.ReadSystem<ulong>(address));
        if (codeOrDataOnly && !segment.IsCodeOrData) return null;
        var free = segment.IsCode && segment.IsConforming;
        return free || (segment.Dpl >= cpu.Cpl && segment.Dpl >= (selector & 3)) ? segment : null;
    }

    private static Op* Verify(Interpreter cpu, Op* op)
    {
        RequireProtected(cpu);
        var segment = Inspect(cpu, Selector(cpu, op, op->Reg0), true);
        cpu.ZeroFlag = segment is { } found && (op->Immediate == 1 ? found.IsWritable : found.IsReadable);
        return op + 1;
    }

    private static Op* Lar<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        RequireProtected(cpu);
        var selector = Selector(cpu, op, op->Reg1);
        var limit = op->Immediate == 1;
        var segment = Inspect(cpu, selector, false);
        var good = segment is { } found && (found.IsCodeOrData || IsKnownSystemType(found.Type, limit, cpu.LongModeActive));
        cpu.ZeroFlag = good;
        if (!good) return op + 1;
        if (limit)
        {
            cpu.SetReg(op->Reg0, T.CreateTruncating(segment!.Value.Limit));
            return op + 1;
        }

        cpu.TryDescriptorAddress(selector, 8, out var address);
        cpu.SetReg(op->Reg0, T.CreateTruncating((cpu.ReadSystem<ulong>(address) >> 32) & 0xFFFF00));
        return op + 1;
    }

    /// <summary>System descriptor types that LAR and LSL accept (SDM vol. 2, LAR, LSL).</summary>
    private static bool IsKnownSystemType(int type, bool limit, bool longMode) => type switch
    {
        2 or 9 or 11 => true,
        1 or 3 => !longMode,
        4 or 5 => !limit && !longMode,
        12 => !limit,
        _ => false,
    };

    private static Op* Arpl(Interpreter cpu, Op* op)
    {
        RequireProtected(cpu);
        var memory = op->AddressSize != 0;
        var address = memory ? cpu.Address(op, 2, true) : 0;
        var destination = memory ? cpu.ReadForWrite<ushort>(address) : cpu.Reg<ushort>(op->Reg0);
        var source = cpu.Reg<ushort>(op->Reg1);
        var lower = (destination & 3) < (source & 3);
        if (lower)
        {
            destination = (ushort)((destination & ~3) | (source & 3));
            if (memory) cpu.Write(address, destination);
            else cpu.SetReg(op->Reg0, destination);
        }

        cpu.ZeroFlag = lower;
        return op + 1;
    }
}
