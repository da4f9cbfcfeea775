using System.Buffers.Binary;
using Holon.X86;

namespace Holon.SystemMachine.Tests.Fuzz;

/// <summary>Where a generated guest has its structures; everything else is code.</summary>
internal static class GuestMap
{
    public const int Gdt = 0x1000, Idt = 0x2000, Tss = 0x3000, Ldt = 0x3800, Tables = 0x4000, TableCount = 8, Code = 0x10000;

    /// <summary>Selectors of the descriptors that <see cref="RandomGuest"/> writes; those behind them are random.</summary>
    public const ushort Code32 = 0x08, Data = 0x10, Code64 = 0x18, Code16 = 0x20, Data16 = 0x28, UserCode32 = 0x33, UserData = 0x3B, UserCode64 = 0x43, TaskState = 0x50, LocalTable = 0x60, FirstRandom = 0x70;
}

/// <summary>The modes that a processor can be in.</summary>
internal enum GuestMode
{
    Real,
    Unreal,
    Protected16,
    Protected32,
    Virtual8086,
    Paged32,
    PagedPae,
    Compatibility,
    Long,
}

/// <summary>
/// Makes guests: code, descriptor tables and page tables that work well enough to get somewhere and are wrong in places, and processor
/// states that a guest could have brought about itself.
/// </summary>
internal sealed class RandomGuest(Random random)
{
    /// <summary>Bytes of code that are generated; the rest of memory repeats them.</summary>
    private const int CodeLength = 0x20000;

    private readonly RandomCode _code = new(random);

    /// <summary>The mode that code and tables were made for.</summary>
    public GuestMode Mode { get; private set; }

    /// <summary>Writes a new guest into memory and the processor's state.</summary>
    public void Make(FuzzMachine machine)
    {
        var mode = Mode = RandomMode();
        var memory = machine.Memory.Span(0, FuzzMachine.MemoryLength);
        WriteCode(memory, mode);
        WriteDescriptors(memory, mode);
        WritePageTables(memory, mode);
        machine.Memory.CodePages.NotifyWrite(0, FuzzMachine.MemoryLength);
        for (var i = random.Next(20); i > 0; i--) TouchDevices(machine.Bus);
        MakeState(ref machine.Cpu.State, machine.Cpu.Model.Signature, mode);
        machine.Cpu.Invalidate();
    }

    /// <summary>Begins again elsewhere in the same guest.</summary>
    public void Restart(FuzzMachine machine, GuestMode mode)
    {
        MakeState(ref machine.Cpu.State, machine.Cpu.Model.Signature, mode);
        machine.Cpu.Invalidate();
    }

    public GuestMode RandomMode() => (GuestMode)random.Next(9);

    private void WriteCode(Span<byte> memory, GuestMode mode)
    {
        random.NextBytes(memory[..GuestMap.Code]);
        // Real-mode vectors lead into the code.
        for (var vector = 0; vector < 256; vector++) BinaryPrimitives.WriteUInt32LittleEndian(memory[(vector * 4)..], (0x1000u << 16) | (uint)random.Next(0x10000));
        var bitness = mode switch { GuestMode.Long => 64, GuestMode.Protected32 or GuestMode.Paged32 or GuestMode.PagedPae or GuestMode.Compatibility => 32, _ => 16 };
        var code = memory[GuestMap.Code..];
        var made = code[..CodeLength];
        _code.Fill(made, bitness);
        for (var rest = code[CodeLength..]; rest.Length > 0; rest = rest[Math.Min(rest.Length, CodeLength)..]) made[..Math.Min(rest.Length, CodeLength)].CopyTo(rest);
    }

    private void WriteDescriptors(Span<byte> memory, GuestMode mode)
    {
        var gdt = memory.Slice(GuestMap.Gdt, 0x1000);
        Write(gdt, 0, 0);
        Write(gdt, GuestMap.Code32, 0x00CF9B000000FFFF);
        Write(gdt, GuestMap.Data, 0x00CF93000000FFFF);
        Write(gdt, GuestMap.Code64, 0x00AF9B000000FFFF);
        Write(gdt, GuestMap.Code16, 0x000F9B000000FFFF);
        Write(gdt, GuestMap.Data16, 0x000F93000000FFFF);
        Write(gdt, GuestMap.UserCode32 & ~7, 0x00CFFB000000FFFF);
        Write(gdt, GuestMap.UserData & ~7, 0x00CFF3000000FFFF);
        Write(gdt, GuestMap.UserCode64 & ~7, 0x00AFFB000000FFFF);
        Write(gdt, GuestMap.TaskState, 0x00008B0000000067 | ((ulong)GuestMap.Tss << 16));
        Write(gdt, GuestMap.TaskState + 8, 0);
        Write(gdt, GuestMap.LocalTable, 0x00008200000007FF | ((ulong)GuestMap.Ldt << 16));
        Write(gdt, GuestMap.LocalTable + 8, 0);
        for (var offset = (int)GuestMap.FirstRandom; offset < gdt.Length; offset += 8) Write(gdt, offset, RandomDescriptor());
        for (var offset = GuestMap.Ldt; offset < GuestMap.Tables; offset += 8) Write(memory, offset, RandomDescriptor());

        var wide = mode is GuestMode.Long or GuestMode.Compatibility;
        for (var vector = 0; vector < 256; vector++) WriteGate(memory[GuestMap.Idt..], vector, wide);
        var tss = memory[GuestMap.Tss..];
        for (var offset = 4; offset < 0x60; offset += 4) BinaryPrimitives.WriteUInt32LittleEndian(tss[offset..], Rare() ? (uint)random.Next() : (uint)random.Next(FuzzMachine.MemoryLength));
        for (var level = 0; level < 3; level++) BinaryPrimitives.WriteUInt32LittleEndian(tss[(8 + (8 * level))..], GuestMap.Data);
        if (!wide) return;
        for (var offset = 4; offset < 0x5C; offset += 8) Write(memory, GuestMap.Tss + offset, Rare() ? Noise() : (ulong)random.Next(FuzzMachine.MemoryLength));
    }

    private void WriteGate(Span<byte> idt, int vector, bool wide)
    {
        var target = (ulong)random.Next(GuestMap.Code, FuzzMachine.MemoryLength);
        ulong selector = wide ? GuestMap.Code64 : random.Next(4) switch { 0 => GuestMap.Code16, _ => GuestMap.Code32 };
        var type = 0x8E + (random.Next(2) == 0 ? 1ul : 0) + (random.Next(2) == 0 ? 0x60ul : 0);
        if (!wide && Rare()) (type, selector) = (0x85, (ulong)random.Next(GuestMap.TaskState, 0x200)); // a task gate
        var gate = (target & 0xFFFF) | (selector << 16) | ((target & 0xFFFF0000) << 32) | (type << 40);
        if (wide && random.Next(4) == 0) gate |= (ulong)random.Next(8) << 32; // interrupt stack table
        if (Rare()) gate ^= 1ul << random.Next(64);
        if (!wide)
        {
            Write(idt, vector * 8, gate);
            return;
        }

        Write(idt, vector * 16, gate);
        Write(idt, (vector * 16) + 8, Rare() ? Noise() : 0);
    }

    private ulong RandomDescriptor()
    {
        var value = Noise();
        if (random.Next(4) == 0) return value;
        value |= 1ul << 47; // present
        if (random.Next(2) == 0) value |= 1ul << 44; // code or data
        if (random.Next(2) == 0) value = (value & ~0xFF0000FFFFFF0000) | ((ulong)random.Next(FuzzMachine.MemoryLength) << 16);
        return value;
    }

    /// <summary>Eight tables, of which any may be the root: entries lead to other tables, to pages at their own address, to devices, or anywhere.</summary>
    private void WritePageTables(Span<byte> memory, GuestMode mode)
    {
        var narrow = mode == GuestMode.Paged32;
        for (var table = 0; table < GuestMap.TableCount; table++)
        {
            var bytes = memory.Slice(GuestMap.Tables + (table * 4096), 4096);
            for (var i = 0; i < 4096 / (narrow ? 4 : 8); i++)
            {
                var entry = Entry(table, i, narrow);
                if (narrow) BinaryPrimitives.WriteUInt32LittleEndian(bytes[(i * 4)..], (uint)entry);
                else Write(bytes, i * 8, entry);
            }
        }

        if (mode != GuestMode.PagedPae) return;
        for (var i = 0; i < 4; i++) Write(memory, GuestMap.Tables + 0x1000 + (i * 8), Rare() ? Noise() : GuestMap.Tables + 0x2001); // these have other flags
    }

    private ulong Entry(int table, int index, bool narrow)
    {
        const ulong Present = 1, Writable = 2, User = 4, Large = 0x80;
        if (random.Next(64) == 0) return Noise();
        var flags = Present | (random.Next(8) == 0 ? 0 : Writable) | (random.Next(8) == 0 ? 0 : User);
        if (random.Next(32) == 0) flags |= (uint)random.Next(0x1000);
        if (!narrow && random.Next(64) == 0) flags |= 1ul << 63;
        // Tables 0–3 are upper levels in the order of the walk; 4–7 map pages.
        var depth = narrow ? 1 : 3;
        if (table < depth)
        {
            if (table == depth - 1 && random.Next(3) == 0) return ((ulong)(uint)index << (narrow ? 22 : 21)) | flags | Large;
            return (uint)(GuestMap.Tables + ((table == depth - 1 ? depth + random.Next(GuestMap.TableCount - depth) : table + 1) * 4096)) | flags;
        }

        return random.Next(16) switch
        {
            0 => 0xFEE00000 | flags,
            1 => 0xFEC00000 | flags,
            2 => FuzzMachine.MemoryLength | flags,
            3 => ((ulong)(uint)random.Next() << 12) | flags,
            _ => ((uint)(index & 0xFF) << 12) | flags,
        };
    }

    /// <summary>An access to a port or to a device's memory, as if code before had made it.</summary>
    private void TouchDevices(IVcpuBus bus)
    {
        ReadOnlySpan<ushort> ports = [0x20, 0x21, 0xA1, 0x40, 0x43, 0x61, 0x64, 0x60, 0x70, 0x71, 0xCF8, 0xCFC, 0x3F9, 0x4D1, 0x2000, 0x2005];
        var size = 1 << random.Next(3);
        if (random.Next(2) == 0) bus.WritePort(ports[random.Next(ports.Length)], size, (uint)random.Next());
        else bus.WriteMmio((random.Next(3) == 0 ? 0xFEC00000u : 0xFEE00000u) + (uint)(random.Next(0x40) * 0x10), 4, (uint)random.Next());
    }

    private unsafe void MakeState(ref CpuState state, uint signature, GuestMode mode)
    {
        var apicBase = state.ApicBase; // the local APIC's, which is not reset here
        state.Reset(signature);
        state.ApicBase = apicBase;
        for (var i = 0; i < 16; i++) state.Gpr[i] = Address();
        state.Gpr[4] = (ulong)random.Next(GuestMap.Code, FuzzMachine.MemoryLength) & ~7ul; // RSP
        // Safe: the fixed buffers have these lengths.
        fixed (byte* ymm = state.Ymm) random.NextBytes(new Span<byte>(ymm, 16 * 32));
        fixed (byte* x87 = state.X87)
        {
            for (var i = 0; i < 8; i++) random.NextBytes(new Span<byte>(x87 + (16 * i), 10));
        }

        state.FpuControl = (ushort)((random.Next() & 0xF3F) | 0x40);
        state.FpuStatus = (ushort)(random.Next() & 0x7F00);
        state.FpuTag = (ushort)random.Next();
        state.Mxcsr = (uint)random.Next() & 0xFFFF;
        state.Cr2 = Noise();
        state.Star = ((ulong)GuestMap.UserCode32 << 48) | ((ulong)GuestMap.Code64 << 32);
        state.Lstar = state.SysenterEip = (ulong)random.Next(GuestMap.Code, FuzzMachine.MemoryLength);
        state.SysenterCs = GuestMap.Code64;
        state.SysenterEsp = (ulong)random.Next(FuzzMachine.MemoryLength);
        state.FmaskMsr = (uint)random.Next();
        state.Xcr0 = (ulong)(random.Next(4) * 2) | 1;
        if ((state.Xcr0 & 6) == 4) state.Xcr0 = 7;
        if (random.Next(8) == 0)
        {
            for (var i = 0; i < 4; i++) state.Dr[i] = Address();
            state.Dr[7] = ((uint)random.Next() & 0xFFFF0BFF) | 0x400;
        }

        SetMode(ref state, mode);
        state.Rip = mode is GuestMode.Real or GuestMode.Unreal or GuestMode.Virtual8086 ? (ulong)random.Next(0x10000) : (ulong)random.Next(GuestMap.Code, FuzzMachine.MemoryLength);
        if (mode == GuestMode.Protected16) state.Rip &= 0xFFFF;
        state.Activity = random.Next(32) == 0 ? VcpuActivity.Halted : VcpuActivity.Active;
        state.Shadow = (InterruptShadow)random.Next(8);
    }

    private void SetMode(ref CpuState state, GuestMode mode)
    {
        const ulong Flags = Rflags.Status | Rflags.IF | Rflags.DF | Rflags.Iopl | Rflags.AC | Rflags.ID | Rflags.RF;
        state.Rflags = ((ulong)random.Next() & Flags) | Rflags.Fixed | (random.Next(16) == 0 ? Rflags.TF : 0);
        state.Idtr = new DescriptorTable(0, 0x3FF);
        state.Gdtr = new DescriptorTable(GuestMap.Gdt, 0xFFF);
        state.Cr0 = Cr0.ET | Cr0.NE | (random.Next(8) == 0 ? Cr0.TS : 0) | (random.Next(8) == 0 ? Cr0.EM : 0) | (random.Next(2) == 0 ? Cr0.WP : 0) | (random.Next(4) == 0 ? Cr0.AM : 0);
        state.Cr4 = Cr4.Osfxsr | Cr4.Osxmmexcpt | Cr4.Osxsave | ((ulong)random.Next() & (Cr4.Tsd | Cr4.De | Cr4.Pge | Cr4.Umip | Cr4.Fsgsbase | Cr4.Smep | Cr4.Smap | Cr4.Pse));
        if (mode is GuestMode.Real or GuestMode.Unreal)
        {
            for (var i = 0; i < 6; i++) state.Segments[i] = Segment.RealMode((ushort)random.Next(0x1000, 0xF000)) with { Limit = mode == GuestMode.Unreal ? 0xFFFFFFFF : 0xFFFFu };
            state.Segments[SegmentRegisters.Cs] = Segment.RealMode(0x1000) with { Attributes = SegmentAttributes.RealModeCode };
            return;
        }

        state.Cr0 |= Cr0.PE;
        state.Idtr = new DescriptorTable(GuestMap.Idt, 0xFFF);
        state.Tr = new Segment(GuestMap.Tss, GuestMap.TaskState, 0x67, SegmentAttributes.Present | (SegmentAttributes)0xB);
        state.Ldtr = new Segment(GuestMap.Ldt, GuestMap.LocalTable, 0x7FF, SegmentAttributes.Present | (SegmentAttributes)2);
        if (mode == GuestMode.Virtual8086)
        {
            state.Rflags |= Rflags.VM;
            for (var i = 0; i < 6; i++) state.Segments[i] = Segment.RealMode((ushort)random.Next(0x1000, 0xF000)) with { Attributes = SegmentAttributes.RealModeData | (SegmentAttributes)0x60 };
            return;
        }

        var user = random.Next(4) == 0;
        var data = user ? GuestMap.UserData : GuestMap.Data;
        for (var i = 0; i < 6; i++) state.Segments[i] = Load(data);
        state.Segments[SegmentRegisters.Cs] = Load(mode switch
        {
            GuestMode.Protected16 => GuestMap.Code16,
            GuestMode.Long => user ? GuestMap.UserCode64 : GuestMap.Code64,
            _ => user ? GuestMap.UserCode32 : GuestMap.Code32,
        });
        if (mode == GuestMode.Protected16)
        {
            for (var i = 0; i < 6; i++) state.Segments[i] = Load(i == SegmentRegisters.Cs ? GuestMap.Code16 : GuestMap.Data16) with { Base = GuestMap.Code };
        }

        if (mode is GuestMode.Protected16 or GuestMode.Protected32) return;
        state.Cr0 |= Cr0.PG;
        state.Cr3 = GuestMap.Tables;
        if (mode == GuestMode.Paged32) return;
        state.Cr4 |= Cr4.Pae | (random.Next(4) == 0 && mode != GuestMode.PagedPae ? Cr4.Pcide : 0);
        state.Efer = random.Next(8) == 0 ? 0 : Efer.Nxe;
        if (mode == GuestMode.PagedPae)
        {
            state.Cr3 = GuestMap.Tables + 0x1000;
            return;
        }

        state.Efer |= Efer.Lme | Efer.Lma | Efer.Sce;
        state.Segments[SegmentRegisters.Fs] = Load(data) with { Base = Address() & 0x7FFFFFFFFFFF };
        state.Segments[SegmentRegisters.Gs] = Load(data) with { Base = Address() & 0x7FFFFFFFFFFF };
    }

    /// <summary>A segment register as loading one of the descriptors above leaves it.</summary>
    private static Segment Load(ushort selector) => selector switch
    {
        GuestMap.Code32 => Segment.FromDescriptor(selector, 0x00CF9B000000FFFF),
        GuestMap.Data => Segment.FromDescriptor(selector, 0x00CF93000000FFFF),
        GuestMap.Code64 => Segment.FromDescriptor(selector, 0x00AF9B000000FFFF),
        GuestMap.Code16 => Segment.FromDescriptor(selector, 0x000F9B000000FFFF),
        GuestMap.Data16 => Segment.FromDescriptor(selector, 0x000F93000000FFFF),
        GuestMap.UserCode32 => Segment.FromDescriptor(selector, 0x00CFFB000000FFFF),
        GuestMap.UserData => Segment.FromDescriptor(selector, 0x00CFF3000000FFFF),
        _ => Segment.FromDescriptor(selector, 0x00AFFB000000FFFF),
    };

    /// <summary>A number that may serve as an address, a count or anything.</summary>
    private ulong Address() => random.Next(12) switch
    {
        0 => Noise(),
        1 => 0xFEE00000 + ((ulong)random.Next(0x40) * 0x10),
        2 => 0x00007FFFFFFFFFFF - (ulong)random.Next(16),
        3 => 0xFFFF800000000000 + (ulong)random.Next(16),
        4 => 0xFFFFFFFFFFFFFFFF - (ulong)random.Next(4096),
        5 => (ulong)random.Next(256),
        6 => 0x100000000 - (ulong)random.Next(64),
        7 => (ulong)(random.Next(256) * 4096) - (ulong)random.Next(16),
        _ => (ulong)random.Next(FuzzMachine.MemoryLength),
    };

    private ulong Noise() => (ulong)random.NextInt64(long.MinValue, long.MaxValue);

    private bool Rare() => random.Next(16) == 0;

    private static void Write(Span<byte> bytes, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(bytes[offset..], value);
}
