using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>FXSAVE, the XSAVE family and XCR0 (SDM vol. 1 chapter 13).</summary>
internal static unsafe class StateInstructions
{
    private const ulong Compacted = 1ul << 63;
    private const int StateBitsOffset = StateImage.LegacySize, CompactionOffset = StateBitsOffset + 8;

    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Fxsave, &BindFxsave);
        table.Add(Mnemonic.Fxsave64, &BindFxsave);
        table.Add(Mnemonic.Fxrstor, &BindFxrstor);
        table.Add(Mnemonic.Fxrstor64, &BindFxrstor);
        table.Add(Mnemonic.Xsave, &BindXsave);
        table.Add(Mnemonic.Xsave64, &BindXsave);
        table.Add(Mnemonic.Xsaveopt, &BindXsaveopt);
        table.Add(Mnemonic.Xsaveopt64, &BindXsaveopt);
        table.Add(Mnemonic.Xsavec, &BindXsavec);
        table.Add(Mnemonic.Xsavec64, &BindXsavec);
        table.Add(Mnemonic.Xrstor, &BindXrstor);
        table.Add(Mnemonic.Xrstor64, &BindXrstor);
        table.Add(Mnemonic.Xgetbv, &BindXgetbv);
        table.Add(Mnemonic.Xsetbv, &BindXsetbv);
    }

    private static Handler BindFxsave(in Instruction instruction, Op* op) => Prepare(instruction, op, &Fxsave);

    private static Handler BindFxrstor(in Instruction instruction, Op* op) => Prepare(instruction, op, &Fxrstor);

    private static Handler BindXsave(in Instruction instruction, Op* op) => Prepare(instruction, op, &Xsave);

    private static Handler BindXsaveopt(in Instruction instruction, Op* op) => Prepare(instruction, op, &Xsaveopt);

    private static Handler BindXsavec(in Instruction instruction, Op* op) => Prepare(instruction, op, &Xsavec);

    private static Handler BindXrstor(in Instruction instruction, Op* op) => Prepare(instruction, op, &Xrstor);

    private static Handler BindXgetbv(in Instruction instruction, Op* op) => &Xgetbv;

    private static Handler BindXsetbv(in Instruction instruction, Op* op) => &Xsetbv;

    /// <summary>Notes the operand size, which tells how pointers are saved.</summary>
    private static Handler Prepare(in Instruction instruction, Op* op, Handler handler)
    {
        if (instruction.Mnemonic is Mnemonic.Fxsave64 or Mnemonic.Fxrstor64 or Mnemonic.Xsave64 or Mnemonic.Xsaveopt64 or Mnemonic.Xsavec64 or Mnemonic.Xrstor64)
            op->Prefixes |= OpPrefixes.Operand64;
        return handler;
    }

    private static bool IsWide(Op* op) => (op->Prefixes & OpPrefixes.Operand64) != 0;

    private static Op* Fxsave(Interpreter cpu, Op* op)
    {
        RequireFxsave(cpu);
        var address = Address(cpu, op, StateImage.LegacySize, 16, true);
        ProbeWrite(cpu, address, StateImage.LegacySize);
        Span<byte> image = stackalloc byte[StateImage.LegacySize];
        StateImage.SaveX87(cpu, image, IsWide(op));
        StateImage.SaveMxcsr(cpu, image);
        StateImage.SaveXmm(cpu, image);
        Write(cpu, address, image, 0, StateImage.XmmRegisters + (cpu.Code64 ? 256 : 128));
        return op + 1;
    }

    private static Op* Fxrstor(Interpreter cpu, Op* op)
    {
        RequireFxsave(cpu);
        var address = Address(cpu, op, StateImage.LegacySize, 16, false);
        Span<byte> image = stackalloc byte[StateImage.LegacySize];
        Read(cpu, address, image, StateImage.LegacySize);
        var mxcsr = StateImage.Get<uint>(image, StateImage.MxcsrOffset);
        ControlStatus.CheckMxcsr(cpu, mxcsr);
        StateImage.LoadX87(cpu, image, IsWide(op));
        StateImage.LoadXmm(cpu, image);
        cpu.State.Mxcsr = mxcsr;
        return op + 1;
    }

    private static Op* Xsave(Interpreter cpu, Op* op)
    {
        var requested = Requested(cpu);
        var address = Address(cpu, op, SizeOf(requested), 64, true);
        ProbeWrite(cpu, address, SizeOf(requested));
        var stateBits = (StateImage.InUse(cpu) & requested) | (cpu.Read<ulong>(address + StateBitsOffset) & ~requested);
        Save(cpu, op, address, requested, (requested & (StateImage.Sse | StateImage.Avx)) != 0, stateBits);
        return op + 1;
    }

    /// <summary>XSAVE that leaves out what is in its initial configuration.</summary>
    private static Op* Xsaveopt(Interpreter cpu, Op* op)
    {
        var requested = Requested(cpu);
        var address = Address(cpu, op, SizeOf(requested), 64, true);
        ProbeWrite(cpu, address, SizeOf(requested));
        var present = StateImage.InUse(cpu) & requested;
        var stateBits = present | (cpu.Read<ulong>(address + StateBitsOffset) & ~requested);
        Save(cpu, op, address, present, (requested & (StateImage.Sse | StateImage.Avx)) != 0, stateBits);
        return op + 1;
    }

    /// <summary>XSAVEOPT in the compacted format, where MXCSR belongs to SSE. AVX, the only component beyond, has the same place in both.</summary>
    private static Op* Xsavec(Interpreter cpu, Op* op)
    {
        var requested = Requested(cpu);
        var address = Address(cpu, op, SizeOf(requested), 64, true);
        ProbeWrite(cpu, address, SizeOf(requested));
        var used = StateImage.InUse(cpu) | (cpu.State.Mxcsr != StateImage.InitialMxcsr ? StateImage.Sse : 0);
        var present = used & requested;
        Save(cpu, op, address, present, (present & StateImage.Sse) != 0, present);
        cpu.Write(address + CompactionOffset, requested | Compacted);
        return op + 1;
    }

    /// <summary>Writes components and the header's state bits, to memory that has been probed.</summary>
    private static void Save(Interpreter cpu, Op* op, ulong address, ulong components, bool mxcsr, ulong stateBits)
    {
        Span<byte> image = stackalloc byte[StateImage.MaxSize];
        var half = cpu.Code64 ? 256 : 128;
        if ((components & StateImage.X87) != 0)
        {
            StateImage.SaveX87(cpu, image, IsWide(op));
            Write(cpu, address, image, 0, StateImage.MxcsrOffset);
            Write(cpu, address, image, StateImage.X87Registers, StateImage.XmmRegisters - StateImage.X87Registers);
        }

        if (mxcsr)
        {
            StateImage.SaveMxcsr(cpu, image);
            Write(cpu, address, image, StateImage.MxcsrOffset, 8);
        }

        if ((components & StateImage.Sse) != 0)
        {
            StateImage.SaveXmm(cpu, image);
            Write(cpu, address, image, StateImage.XmmRegisters, half);
        }

        if ((components & StateImage.Avx) != 0)
        {
            StateImage.SaveAvx(cpu, image);
            Write(cpu, address, image, StateImage.AvxOffset, half);
        }

        cpu.Write(address + StateBitsOffset, stateBits);
    }

    private static Op* Xrstor(Interpreter cpu, Op* op)
    {
        var requested = Requested(cpu);
        var address = Address(cpu, op, SizeOf(requested), 64, false);
        Span<byte> image = stackalloc byte[StateImage.MaxSize];
        Read(cpu, address, image, SizeOf(requested));
        var present = StateImage.Get<ulong>(image, StateBitsOffset);
        var compaction = StateImage.Get<ulong>(image, CompactionOffset);
        var compacted = (compaction & Compacted) != 0;
        var allowed = compacted ? compaction & ~Compacted : cpu.State.Xcr0;
        var zeros = compacted ? image[(CompactionOffset + 8)..StateImage.AvxOffset] : image[CompactionOffset..(CompactionOffset + 16)];
        if ((allowed & ~cpu.State.Xcr0) != 0 || (present & ~allowed) != 0 || zeros.ContainsAnyExcept((byte)0)) cpu.RaiseGp();

        var mxcsr = cpu.State.Mxcsr;
        if (compacted)
        {
            if ((requested & StateImage.Sse) != 0)
                mxcsr = (present & StateImage.Sse) != 0 ? StateImage.Get<uint>(image, StateImage.MxcsrOffset) : StateImage.InitialMxcsr;
        }
        else if ((requested & (StateImage.Sse | StateImage.Avx)) != 0)
        {
            mxcsr = StateImage.Get<uint>(image, StateImage.MxcsrOffset); // whatever the state bits say
        }

        ControlStatus.CheckMxcsr(cpu, mxcsr);
        cpu.State.Mxcsr = mxcsr;
        if ((requested & StateImage.X87) != 0)
        {
            if ((present & StateImage.X87) != 0) StateImage.LoadX87(cpu, image, IsWide(op));
            else StateImage.InitializeX87(cpu);
        }

        if ((requested & StateImage.Sse) != 0) StateImage.LoadXmm(cpu, (present & StateImage.Sse) != 0 ? image : default);
        if ((requested & StateImage.Avx) != 0) StateImage.LoadAvx(cpu, (present & StateImage.Avx) != 0 ? image : default);
        return op + 1;
    }

    private static Op* Xgetbv(Interpreter cpu, Op* op)
    {
        if ((cpu.State.Cr4 & Cr4.Osxsave) == 0) cpu.RaiseUd();
        var number = (uint)cpu.Gpr(1);
        if (number > 1) cpu.RaiseGp();
        var value = number == 0 ? cpu.State.Xcr0 : cpu.State.Xcr0 & StateImage.InUse(cpu);
        cpu.Gpr(0) = (uint)value;
        cpu.Gpr(2) = value >> 32;
        return op + 1;
    }

    private static Op* Xsetbv(Interpreter cpu, Op* op)
    {
        if ((cpu.State.Cr4 & Cr4.Osxsave) == 0) cpu.RaiseUd();
        var value = (cpu.Gpr(2) << 32) | (uint)cpu.Gpr(0);
        if (cpu.Cpl != 0 || (uint)cpu.Gpr(1) != 0 || (value & StateImage.X87) == 0 || (value & ~cpu.Model.XsaveMask) != 0
            || (value & (StateImage.Sse | StateImage.Avx)) == StateImage.Avx)
            cpu.RaiseGp();
        cpu.State.Xcr0 = value;
        cpu.UpdateVectorUnits();
        return op + 1;
    }

    private static void RequireFxsave(Interpreter cpu)
    {
        if ((cpu.State.Cr0 & (Cr0.TS | Cr0.EM)) != 0) cpu.Raise(ExceptionVector.DeviceNotAvailable, 0);
    }

    /// <summary>The components that XCR0 and EDX:EAX both name.</summary>
    private static ulong Requested(Interpreter cpu)
    {
        if ((cpu.State.Cr4 & Cr4.Osxsave) == 0) cpu.RaiseUd();
        if ((cpu.State.Cr0 & Cr0.TS) != 0) cpu.Raise(ExceptionVector.DeviceNotAvailable, 0);
        return cpu.State.Xcr0 & ((cpu.Gpr(2) << 32) | (uint)cpu.Gpr(0));
    }

    private static int SizeOf(ulong components) => (components & StateImage.Avx) != 0 ? StateImage.MaxSize : StateImage.AvxOffset;

    private static ulong Address(Interpreter cpu, Op* op, int size, int alignment, bool write)
    {
        var address = cpu.Address(op, size, write);
        if ((address & (ulong)(alignment - 1)) == 0) return address;
        // That an address is not even canonical is found first.
        if (cpu.LongModeActive && !Interpreter.IsCanonical(address))
            cpu.Raise(op->Segment == SegmentRegisters.Ss ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection, 0);
        cpu.RaiseMisalignedState(address);
        return 0;
    }

    /// <summary>Raises the faults of a write of the whole area: of its end first, as processors do.</summary>
    private static void ProbeWrite(Interpreter cpu, ulong address, int size)
    {
        cpu.ProbeWrite(address + (ulong)(size - 1), 1);
        cpu.ProbeWrite(address, size);
    }

    private static void Read(Interpreter cpu, ulong address, Span<byte> image, int length)
    {
        cpu.ProbeRead(address + (ulong)(length - 1), 1);
        for (var i = 0; i < length; i += 16) StateImage.Put(image, i, cpu.Read<Vector128<byte>>(address + (ulong)i));
    }

    /// <summary>Copies a part of the image to the guest.</summary>
    private static void Write(Interpreter cpu, ulong address, ReadOnlySpan<byte> image, int offset, int length)
    {
        for (var i = offset; i < offset + length; i += 8) cpu.Write(address + (ulong)i, StateImage.Get<ulong>(image, i));
    }
}
