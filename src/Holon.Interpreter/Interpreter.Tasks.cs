using Holon.X86;

namespace Holon.Interpreter;

// Hardware task switching (SDM vol. 3 §7.3), outside long mode.
public sealed unsafe partial class Interpreter
{
    private const uint Busy = 2;

    /// <summary>Switches to the task of a TSS selector.</summary>
    /// <param name="selector">Selector of an available (or, for IRET, busy) TSS.</param>
    /// <param name="source">What asks for it.</param>
    /// <param name="errorCode">For an exception: pushed on the new task's stack.</param>
    internal void SwitchTask(ushort selector, TaskSwitchSource source, uint? errorCode)
    {
        var vector = source == TaskSwitchSource.Return ? ExceptionVector.InvalidTss : ExceptionVector.GeneralProtection;
        var error = (uint)(selector & ~3);
        if ((selector & 4) != 0 || (selector & ~3) == 0) Raise(vector, error);
        var descriptor = ReadDescriptor(selector, vector, out var address);
        var tss = Segment.FromDescriptor(selector, descriptor);
        var expected = source == TaskSwitchSource.Return ? 0xBu : 9u;
        if (tss.IsCodeOrData || ((uint)tss.Type & 7) != (expected & 7)) Raise(vector, error);
        if (!tss.IsUsable) Raise(ExceptionVector.SegmentNotPresent, error);
        var wide = (tss.Type & 8) != 0;
        if (tss.Limit < (wide ? 0x67u : 0x2Bu)) Raise(ExceptionVector.InvalidTss, error);

        // What the switch writes must be there before anything changes; what is wrong with the new task's segments is the new task's fault.
        var nested = source is TaskSwitchSource.Call or TaskSwitchSource.Gate;
        var old = State.Tr;
        ProbeSystem(old.Base, (old.Type & 8) != 0 ? 0x60 : 0x2A, true);
        ProbeSystem(tss.Base, wide ? 0x68 : 0x2C, false);
        if (nested) ProbeSystem(tss.Base, 2, true);

        SaveTask(source == TaskSwitchSource.Return);
        if (source is TaskSwitchSource.Jump or TaskSwitchSource.Return) SetBusy(old.Selector, false);
        if (source != TaskSwitchSource.Return) SetBusy(selector, true);
        if (nested) WriteSystem((uint)tss.Base, old.Selector);
        State.Tr = tss with { Attributes = tss.Attributes | (SegmentAttributes)Busy };
        State.Cr0 |= Cr0.TS;
        State.Dr[7] &= ~0x55ul; // local breakpoints are the old task's (SDM vol. 3 §17.2.4)
        _current = null; // from here on faults belong to the new task
        LoadTask(tss.Base, wide, nested);
        if (errorCode is { } code) PushGate(wide, code);
        if (!wide || (ReadSystem<ushort>((uint)(tss.Base + 0x64)) & 1) == 0) return;
        State.Dr[6] |= 1 << 15; // BT: the TSS asks for a debug trap (SDM vol. 3 §17.3.1.5)
        Raise(ExceptionVector.Debug, 0);
    }

    private void ProbeSystem(ulong linear, int size, bool write)
    {
        var set = _tlbSet;
        var access = _dataAccess;
        UseSystemAccess();
        try
        {
            Probe((uint)linear, size, write ? X86.Paging.PageAccess.Write : X86.Paging.PageAccess.Read);
        }
        finally
        {
            _tlbSet = set;
            _dataAccess = access;
        }
    }

    private void SetBusy(ushort selector, bool busy)
    {
        if (!TryDescriptorAddress(selector, 8, out var address)) return;
        var type = ReadSystem<byte>(address + 5);
        WriteSystem(address + 5, (byte)(busy ? type | (byte)Busy : type & ~(byte)Busy));
    }

    private void SaveTask(bool clearNested)
    {
        var flags = (uint)GetRflags();
        if (clearNested) flags &= ~(uint)Rflags.NT;
        var start = (uint)State.Tr.Base;
        if ((State.Tr.Type & 8) != 0)
        {
            WriteSystem(start + 0x20, (uint)State.Rip);
            WriteSystem(start + 0x24, flags);
            for (var i = 0; i < 8; i++) WriteSystem(start + 0x28 + (4u * (uint)i), (uint)Gpr(i));
            for (var i = 0; i < 6; i++) WriteSystem(start + 0x48 + (4u * (uint)i), State.Segments[i].Selector);
            return;
        }

        WriteSystem(start + 0x0E, (ushort)State.Rip);
        WriteSystem(start + 0x10, (ushort)flags);
        for (var i = 0; i < 8; i++) WriteSystem(start + 0x12 + (2u * (uint)i), (ushort)Gpr(i));
        for (var i = 0; i < 4; i++) WriteSystem(start + 0x22 + (2u * (uint)i), State.Segments[i].Selector);
    }

    private void LoadTask(ulong tssBase, bool wide, bool nested)
    {
        var start = (uint)tssBase;
        Span<ushort> selectors = stackalloc ushort[6];
        uint flags;
        ushort ldt;
        if (wide)
        {
            if ((State.Cr0 & Cr0.PG) != 0)
            {
                State.Cr3 = ReadSystem<uint>(start + 0x1C);
                FlushTranslations(false);
            }

            State.Rip = ReadSystem<uint>(start + 0x20);
            flags = ReadSystem<uint>(start + 0x24);
            for (var i = 0; i < 8; i++) Gpr(i) = ReadSystem<uint>(start + 0x28 + (4u * (uint)i));
            for (var i = 0; i < 6; i++) selectors[i] = ReadSystem<ushort>(start + 0x48 + (4u * (uint)i));
            ldt = ReadSystem<ushort>(start + 0x60);
        }
        else
        {
            State.Rip = ReadSystem<ushort>(start + 0x0E);
            flags = ReadSystem<ushort>(start + 0x10);
            for (var i = 0; i < 8; i++) SetReg((ushort)(8 * i), ReadSystem<ushort>(start + 0x12 + (2u * (uint)i)));
            for (var i = 0; i < 4; i++) selectors[i] = ReadSystem<ushort>(start + 0x22 + (2u * (uint)i));
            ldt = ReadSystem<ushort>(start + 0x2A);
        }

        flags |= (uint)Rflags.Fixed | (nested ? (uint)Rflags.NT : 0);
        LoadStatusFlags(flags);
        State.Rflags = flags & 0x3F7FD7;
        State.Ldtr = new Segment(0, ldt, 0, 0);
        var level = selectors[SegmentRegisters.Cs] & 3;
        for (var i = 0; i < 6; i++) State.Segments[i] = new Segment(0, selectors[i], 0, (SegmentAttributes)(level << 5)); // unusable until looked up
        UpdateMode();
        UpdateDebug();
        RecheckInterrupts();
        LoadTaskSegments(selectors, level, ldt);
    }

    /// <summary>Looks the new task's selectors up, at its own privilege level: the RPL of its CS.</summary>
    private void LoadTaskSegments(ReadOnlySpan<ushort> selectors, int level, ushort ldt)
    {
        if ((ldt & ~3) != 0)
        {
            var table = Segment.FromDescriptor(ldt, ReadDescriptor(ldt, ExceptionVector.InvalidTss, out _));
            if ((ldt & 4) != 0 || table.IsCodeOrData || table.Type != 2 || !table.IsUsable) Raise(ExceptionVector.InvalidTss, (uint)(ldt & ~3));
            State.Ldtr = table;
        }

        if (Virtual8086)
        {
            for (var i = 0; i < 6; i++) State.Segments[i] = Segment.RealMode(selectors[i]) with { Attributes = SegmentAttributes.RealModeData | (SegmentAttributes)0x60 };
            UpdateMode();
            return;
        }

        var cs = selectors[SegmentRegisters.Cs];
        var code = Segment.FromDescriptor(cs, ReadDescriptor(cs, ExceptionVector.InvalidTss, out var codeAddress));
        if ((cs & ~3) == 0 || !code.IsCode || (code.IsConforming ? code.Dpl > level : code.Dpl != level)) Raise(ExceptionVector.InvalidTss, (uint)(cs & ~3));
        if (!code.IsUsable) Raise(ExceptionVector.SegmentNotPresent, (uint)(cs & ~3));
        MarkAccessed(ref code, codeAddress);
        State.Segments[SegmentRegisters.Cs] = code;
        State.Segments[SegmentRegisters.Ss] = CheckInnerStack(selectors[SegmentRegisters.Ss], level);
        UpdateMode();
        foreach (var number in (ReadOnlySpan<int>)[SegmentRegisters.Es, SegmentRegisters.Ds, SegmentRegisters.Fs, SegmentRegisters.Gs])
            LoadSegment(number, selectors[number], ExceptionVector.InvalidTss);
        CheckCodePointer(code, State.Rip);
    }
}
