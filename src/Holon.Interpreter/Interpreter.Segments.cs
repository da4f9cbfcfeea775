using Holon.X86;

namespace Holon.Interpreter;

// Segment registers and descriptor tables (SDM vol. 3 ch. 3 and 5).
public sealed unsafe partial class Interpreter
{
    /// <summary>Loads a data or stack segment register, as MOV, POP and LxS do.</summary>
    /// <param name="segment">Its encoding number.</param>
    /// <param name="selector">The selector.</param>
    /// <param name="vector">What a bad selector raises: #TS in a task switch.</param>
    internal void LoadSegment(int segment, ushort selector, ExceptionVector vector = ExceptionVector.GeneralProtection)
    {
        if (!ProtectedMode)
        {
            ref var register = ref State.Segments[segment];
            // Real mode changes selector and base and keeps the rest: "unreal mode" relies on it. Virtual-8086 mode sets all.
            register = Virtual8086
                ? Segment.RealMode(selector) with { Attributes = SegmentAttributes.RealModeData | (SegmentAttributes)0x60 }
                : register with { Selector = selector, Base = (ulong)selector << 4 };
            return;
        }

        var error = (uint)(selector & ~3);
        if ((selector & ~3) == 0)
        {
            if (segment == SegmentRegisters.Ss && (!Code64 || Cpl == 3 || (selector & 3) != Cpl)) RaiseGp();
            var dpl = segment == SegmentRegisters.Ss ? (SegmentAttributes)(Cpl << 5) : 0;
            // Null: unusable. Bases of FS and GS become 0 on the processor presented; SS keeps its DPL, which is the CPL.
            State.Segments[segment] = new Segment(0, selector, 0, dpl);
            return;
        }

        var descriptor = ReadDescriptor(selector, vector, out var address);
        var loaded = Segment.FromDescriptor(selector, descriptor);
        var rpl = selector & 3;
        if (segment == SegmentRegisters.Ss)
        {
            if (rpl != Cpl || !loaded.IsWritable || loaded.Dpl != Cpl) Raise(vector, error);
            if (!loaded.IsUsable) Raise(ExceptionVector.StackFault, error);
        }
        else
        {
            if (!loaded.IsCodeOrData || !loaded.IsReadable) Raise(vector, error);
            if (!(loaded.IsCode && loaded.IsConforming) && (rpl > loaded.Dpl || Cpl > loaded.Dpl)) Raise(vector, error);
            if (!loaded.IsUsable) Raise(ExceptionVector.SegmentNotPresent, error);
        }

        MarkAccessed(ref loaded, address);
        State.Segments[segment] = loaded;
        if (segment == SegmentRegisters.Ss) UpdateMode();
    }

    /// <summary>Reads a descriptor from GDT or LDT. A selector beyond the table raises the vector given with the selector as error code.</summary>
    internal ulong ReadDescriptor(ushort selector, ExceptionVector vector, out ulong address)
    {
        if (!TryDescriptorAddress(selector, 8, out address)) Raise(vector, (uint)(selector & ~3));
        return ReadSystem<ulong>(address);
    }

    /// <summary>The linear address of a descriptor; false when the table is too short or the selector is null.</summary>
    internal bool TryDescriptorAddress(ushort selector, int size, out ulong address)
    {
        var offset = (uint)(selector & ~7);
        ulong tableBase;
        uint limit;
        if ((selector & 4) != 0)
        {
            (tableBase, limit) = (State.Ldtr.Base, State.Ldtr.Limit);
            if (!State.Ldtr.IsUsable)
            {
                address = 0;
                return false;
            }
        }
        else
        {
            (tableBase, limit) = (State.Gdtr.Base, State.Gdtr.Limit);
        }

        address = LongModeActive ? tableBase + offset : (uint)(tableBase + offset);
        return offset + (uint)size - 1 <= limit;
    }

    /// <summary>Sets the accessed bit of a code or data descriptor, in memory and in the copy loaded.</summary>
    internal void MarkAccessed(ref Segment segment, ulong descriptorAddress)
    {
        if ((segment.Attributes & SegmentAttributes.Accessed) != 0) return;
        segment = segment with { Attributes = segment.Attributes | SegmentAttributes.Accessed };
        WriteSystem(descriptorAddress + 5, (byte)segment.Attributes);
    }

    /// <summary>Changes the privilege level: SS's DPL holds it.</summary>
    internal void SetCpl(int level)
    {
        ref var ss = ref State.Segments[SegmentRegisters.Ss];
        ss = ss with { Attributes = (SegmentAttributes)(((int)ss.Attributes & ~0x60) | (level << 5)) };
    }

    /// <summary>Checks a code segment that control goes to without a change of privilege, as far JMP, CALL and gates do.</summary>
    /// <param name="selector">Its selector.</param>
    /// <param name="gate">The selector came from a gate, whose own DPL was checked; its RPL does not count.</param>
    /// <returns>The segment, with RPL set to the CPL it will run at.</returns>
    internal Segment CheckCodeSegment(ushort selector, bool gate)
    {
        var error = (uint)(selector & ~3);
        if ((selector & ~3) == 0) RaiseGp();
        var code = Segment.FromDescriptor(selector, ReadDescriptor(selector, ExceptionVector.GeneralProtection, out var address));
        if (!code.IsCode) RaiseGp(error);
        if (LongModeActive && code.IsLong && code.IsBig) RaiseGp(error);
        if (code.IsConforming ? code.Dpl > Cpl : code.Dpl != Cpl || (!gate && (selector & 3) > Cpl)) RaiseGp(error);
        if (!code.IsUsable) Raise(ExceptionVector.SegmentNotPresent, error);
        MarkAccessed(ref code, address);
        return code with { Selector = (ushort)((selector & ~3) | Cpl) };
    }

    /// <summary>Takes a checked code segment and instruction pointer; #GP(0) when the pointer is outside the segment.</summary>
    internal void EnterCode(in Segment code, ulong rip)
    {
        CheckCodePointer(code, rip);
        State.Segments[SegmentRegisters.Cs] = code;
        State.Rip = rip;
        UpdateMode();
    }

    /// <summary>#GP(0) when an instruction pointer is outside a code segment.</summary>
    internal void CheckCodePointer(in Segment code, ulong rip)
    {
        if (LongModeActive && code.IsLong ? !IsCanonical(rip) : rip > code.Limit) RaiseGp();
    }

    /// <summary>The stack of an inner privilege level, from the TSS (SDM vol. 3 §7.2.1, §7.7).</summary>
    /// <param name="level">The inner level.</param>
    /// <param name="ist">Interrupt stack table index, 0 for none; 64-bit TSS only.</param>
    /// <param name="selector">Stack selector; a null selector with the level as RPL in long mode.</param>
    internal ulong TssStack(int level, int ist, out ushort selector)
    {
        ref var tr = ref State.Tr;
        if (LongModeActive)
        {
            var offset = ist != 0 ? 36 + (8 * (uint)(ist - 1)) : 4 + (8 * (uint)level);
            selector = (ushort)level;
            if (offset + 7 > tr.Limit) Raise(ExceptionVector.InvalidTss, (uint)(tr.Selector & ~3));
            var rsp = ReadSystem<ulong>(tr.Base + offset);
            if (!IsCanonical(rsp)) Raise(ExceptionVector.StackFault, 0);
            return rsp;
        }

        if ((tr.Type & 8) != 0) // 32-bit TSS
        {
            var offset = 4 + (8 * (uint)level);
            if (offset + 5 > tr.Limit) Raise(ExceptionVector.InvalidTss, (uint)(tr.Selector & ~3));
            selector = ReadSystem<ushort>((uint)(tr.Base + offset + 4));
            return ReadSystem<uint>((uint)(tr.Base + offset));
        }

        var offset16 = 2 + (4 * (uint)level);
        if (offset16 + 3 > tr.Limit) Raise(ExceptionVector.InvalidTss, (uint)(tr.Selector & ~3));
        selector = ReadSystem<ushort>((uint)(tr.Base + offset16 + 2));
        return ReadSystem<ushort>((uint)(tr.Base + offset16));
    }

    /// <summary>Checks a stack segment for an inner level taken from the TSS.</summary>
    internal Segment CheckInnerStack(ushort selector, int level, ExceptionVector vector = ExceptionVector.InvalidTss)
    {
        var error = (uint)(selector & ~3);
        if ((selector & ~3) == 0) Raise(vector, vector == ExceptionVector.InvalidTss ? 0u : error);
        var stack = Segment.FromDescriptor(selector, ReadDescriptor(selector, vector, out var address));
        if ((selector & 3) != level || stack.Dpl != level || !stack.IsWritable) Raise(vector, error);
        if (!stack.IsUsable) Raise(ExceptionVector.StackFault, error);
        MarkAccessed(ref stack, address);
        return stack;
    }

    /// <summary>After a return to an outer level: data segments that the outer level may not use become null (SDM vol. 2, RET).</summary>
    internal void DropInnerSegments()
    {
        foreach (var number in (ReadOnlySpan<int>)[SegmentRegisters.Es, SegmentRegisters.Ds, SegmentRegisters.Fs, SegmentRegisters.Gs])
        {
            ref var segment = ref State.Segments[number];
            if (segment.IsUsable && segment.Dpl < Cpl && !(segment.IsCode && segment.IsConforming)) segment = new Segment(LongModeActive ? segment.Base : 0, 0, 0, 0);
        }
    }
}
