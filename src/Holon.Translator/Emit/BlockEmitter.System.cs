using Holon.Translator.Guest;
using Holon.Translator.Host;
using Holon.X86;
using Iced.Intel;

namespace Holon.Translator.Emit;

// System instructions that kernels execute all the time. Each does the usual case, and leaves everything unusual to the interpreter
// before it has changed anything.
internal sealed unsafe partial class BlockEmitter
{
    private const int Status = (int)(X86.Rflags.Status & 0xFFFF);
    private const int InterruptFlag = 1 << 9, Trap = 1 << 8, Direction = 1 << 10, NestedTask = 1 << 14, Resume = 1 << 16, Virtual = 1 << 17, AlignmentCheck = 1 << 18,
        VirtualInterrupts = 3 << 19, Identification = 1 << 21, IoPrivilege = 3 << 12;

    private bool IsUser => TranslationMode.IsUser(_mode);

    private static Mem StatusByte => Mem.Context(Offsets.SavedFlags + 1);

    private static Mem OverflowByte => Mem.Context(Offsets.SavedFlags);

    /// <summary>PAUSE. When many have been executed, the interpreter does it, which lets others run.</summary>
    private void EmitPause(ref GuestInstruction instruction)
    {
        LoseHostFlags(instruction.LiveBefore);
        _asm.AluImmediate32(AluOp.Sub, Mem.Context(Offsets.Pauses), 1);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.Below), instruction.Iced.IP);
        _asm.Byte(0xF3);
        _asm.Byte(0x90);
    }

    private void EmitPushFlags(ref GuestInstruction instruction)
    {
        FlagsToMemory(StatusFlags.All);
        _flags = FlagPlace.Memory;
        EmitStackLookup(ref instruction, 8, true, -8);
        EmitFlagsImage(_operand);
        MoveStackPointer(-8);
    }

    /// <summary>Puts RFLAGS together in memory; the status flags are in the context. Changes scratch.</summary>
    private void EmitFlagsImage(in Mem to)
    {
        _asm.Load(Homes.Scratch, Mem.Context(Offsets.Rflags));
        _asm.AluImmediate(true, AluOp.And, Homes.Scratch, ~(Status | Resume | Virtual));
        _asm.Store(to, Homes.Scratch);
        _asm.RegMem(false, 0x0FB6, Homes.Scratch, StatusByte);
        _asm.AluImmediate(false, AluOp.And, Homes.Scratch, Status & 0xFF);
        _asm.RegMem(true, 0x09, Homes.Scratch, to); // OR
        _asm.RegMem(false, 0x0FB6, Homes.Scratch, OverflowByte);
        _asm.Shift(false, 4, Homes.Scratch, 11);
        _asm.RegMem(true, 0x09, Homes.Scratch, to);
    }

    /// <summary>Takes the status flags from an image in a register that is not scratch; changes scratch.</summary>
    private void EmitTakeStatus(int image)
    {
        _asm.RegMem(false, 0x88, image, StatusByte);
        _asm.Mov32(Homes.Scratch, image);
        _asm.Shift(false, 5, Homes.Scratch, 11);
        _asm.AluImmediate(false, AluOp.And, Homes.Scratch, 1);
        _asm.RegMem(false, 0x88, Homes.Scratch, OverflowByte);
    }

    private void EmitPopFlags(ref GuestInstruction instruction)
    {
        LoseHostFlags(instruction.LiveBefore);
        EmitStackLookup(ref instruction, 8, false);
        _asm.Load(Homes.Address, _operand);
        _asm.Mov32(Homes.Scratch, Homes.Address);
        _asm.RegMem(false, 0x33, Homes.Scratch, Mem.Context(Offsets.Rflags)); // XOR: what changes
        var unusual = Trap | Direction | NestedTask | Resume | AlignmentCheck | Identification | (IsUser ? 0 : IoPrivilege);
        TestScratch(unusual);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), instruction.Iced.IP);
        if (!IsUser)
        {
            TestScratch(InterruptFlag);
            var same = _asm.Jcc(Condition.Equal);
            _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.InterruptWaits), 0);
            Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), instruction.Iced.IP);
            _asm.AluImmediate32(AluOp.Xor, Mem.Context(Offsets.Rflags), InterruptFlag);
            _asm.Land(same);
        }

        EmitTakeStatus(Homes.Address);
        MoveStackPointer(8);
        _flags = FlagPlace.Memory;
    }

    private void TestScratch(int mask)
    {
        _asm.Byte(0x41); // TEST r13d, imm32
        _asm.Byte(0xF7);
        _asm.Byte(0xC0 | (Homes.Scratch & 7));
        _asm.Int32(mask);
    }

    /// <summary>CLI and STI at level 0.</summary>
    private void EmitInterruptFlag(ref GuestInstruction instruction, bool isLast)
    {
        var set = instruction.Iced.Mnemonic == Mnemonic.Sti;
        // What follows STI must be executed before interrupts are looked at: it must be in this block, which does not look inside.
        if (IsUser || (set && isLast))
        {
            EmitInterpret(ref instruction);
            return;
        }

        LoseHostFlags(instruction.LiveBefore);
        if (set)
        {
            _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.InterruptWaits), 0);
            Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), instruction.Iced.IP);
            _asm.AluImmediate32(AluOp.Or, Mem.Context(Offsets.Rflags), InterruptFlag);
        }
        else
        {
            _asm.AluImmediate32(AluOp.And, Mem.Context(Offsets.Rflags), ~InterruptFlag);
        }
    }

    /// <summary>CLAC and STAC at level 0: what follows is code of another mode.</summary>
    private void EmitAccessFlag(ref GuestInstruction instruction)
    {
        if (IsUser || !_smap)
        {
            EmitInterpret(ref instruction);
            return;
        }

        LoseHostFlags(instruction.LiveBefore);
        var set = instruction.Iced.Mnemonic == Mnemonic.Stac;
        if (set) _asm.AluImmediate32(AluOp.Or, Mem.Context(Offsets.Rflags), AlignmentCheck);
        else _asm.AluImmediate32(AluOp.And, Mem.Context(Offsets.Rflags), ~AlignmentCheck);
        var mode = (_mode & TranslationMode.NativeVectors) | (set ? TranslationMode.Supervisor : TranslationMode.SupervisorWithSmap);
        EmitDirectExit(instruction.Iced.NextIP, instruction.Iced.IP, mode);
    }

    private void EmitSwapGs(ref GuestInstruction instruction)
    {
        if (IsUser)
        {
            EmitInterpret(ref instruction);
            return;
        }

        _asm.Load(Homes.Address, Mem.Context(Offsets.GsBase));
        _asm.Load(Homes.Scratch, Mem.Context(Offsets.KernelGsBase));
        _asm.Store(Mem.Context(Offsets.GsBase), Homes.Scratch);
        _asm.Store(Mem.Context(Offsets.KernelGsBase), Homes.Address);
    }

    /// <summary>MOV of a segment register to a general register or to memory.</summary>
    private void EmitReadSelector(ref GuestInstruction instruction)
    {
        ref var iced = ref instruction.Iced;
        var selector = Mem.Context(Offsets.SegmentOf(iced.Op1Register - Register.ES) + Offsets.Selector);
        if (iced.Op0Kind == OpKind.Memory)
        {
            EmitAccess(ref instruction, 2, write: true, aligned: false);
            _asm.LoadZero16(Homes.Scratch, selector);
            _asm.Store16(_operand, Homes.Scratch);
            return;
        }

        var guest = Number(iced.Op0Register);
        var home = Homes.Of(guest);
        if (iced.Op0Register.GetSize() == 2) // the rest of the register stays
        {
            _asm.LoadZero16(Homes.Scratch, selector);
            if (home == Homes.InContext)
            {
                _asm.Store16(Mem.Context(Offsets.Gpr(guest)), Homes.Scratch);
                return;
            }

            _asm.Byte(0x66);
            _asm.RegReg(false, 0x8B, home, Homes.Scratch);
            return;
        }

        var to = home == Homes.InContext ? Homes.Scratch : home;
        _asm.LoadZero16(to, selector);
        if (home == Homes.InContext) _asm.Store(Mem.Context(Offsets.Gpr(guest)), to);
    }

    /// <summary>MOV of a control register to a general register, at level 0.</summary>
    private void EmitReadControl(ref GuestInstruction instruction)
    {
        var place = instruction.Iced.Op1Register switch
        {
            Register.CR0 => Offsets.Cr0,
            Register.CR2 => Offsets.Cr2,
            Register.CR3 => Offsets.Cr3,
            Register.CR4 => Offsets.Cr4,
            _ => -1, // CR8 is the local APIC's
        };
        if (IsUser || place < 0)
        {
            EmitInterpret(ref instruction);
            return;
        }

        var guest = Number(instruction.Iced.Op0Register);
        var home = Homes.Of(guest);
        var to = home == Homes.InContext ? Homes.Scratch : home;
        _asm.Load(to, Mem.Context(place));
        if (home == Homes.InContext) _asm.Store(Mem.Context(Offsets.Gpr(guest)), to);
    }

    private void EmitClearDirection(ref GuestInstruction instruction)
    {
        LoseHostFlags(instruction.LiveBefore);
        _asm.AluImmediate32(AluOp.And, Mem.Context(Offsets.Rflags), ~Direction);
    }

    /// <summary>RDFSBASE, RDGSBASE, WRFSBASE and WRGSBASE.</summary>
    private void EmitSegmentBase(ref GuestInstruction instruction)
    {
        ref var iced = ref instruction.Iced;
        LoseHostFlags(instruction.LiveBefore);
        _asm.TestImmediate32(Mem.Context(Offsets.Cr4), (int)Cr4.Fsgsbase);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.Equal), iced.IP);
        var segmentBase = Mem.Context(iced.Code is Code.Rdfsbase_r64 or Code.Wrfsbase_r64 ? Offsets.FsBase : Offsets.GsBase);
        var guest = Number(iced.Op0Register);
        var home = Homes.Of(guest);
        var register = home == Homes.InContext ? Homes.Address : home;
        if (iced.Code is Code.Rdfsbase_r64 or Code.Rdgsbase_r64)
        {
            _asm.Load(register, segmentBase);
            if (home == Homes.InContext) _asm.Store(Mem.Context(Offsets.Gpr(guest)), register);
            return;
        }

        if (home == Homes.InContext) _asm.Load(register, Mem.Context(Offsets.Gpr(guest)));
        EmitInterpretUnlessCanonical(register, iced.IP);
        _asm.Store(segmentBase, register);
    }

    /// <summary>RDTSC and RDTSCP: guest time as <see cref="ClockEpoch.At"/> has it.</summary>
    private void EmitReadTimeStamp(ref GuestInstruction instruction)
    {
        const int rax = 0, rcx = 1, rdx = 2;
        if (!ReadsHostCounter)
        {
            EmitInterpret(ref instruction);
            return;
        }

        LoseHostFlags(instruction.LiveBefore);
        if (IsUser)
        {
            _asm.TestImmediate32(Mem.Context(Offsets.Cr4), (int)Cr4.Tsd);
            Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), instruction.Iced.IP);
        }

        var ordered = instruction.Iced.Mnemonic == Mnemonic.Rdtscp;
        _asm.Load(Homes.Address, Mem.Context(Offsets.ClockEpoch));
        _asm.Load(Homes.Address, Mem.At(Homes.Address));
        _asm.Bytes(ordered ? [0x0F, 0x01, 0xF9] : [0x0F, 0x31]); // the same one
        _asm.Shift(true, 4, rdx, 32);
        _asm.Alu(AluOp.Or, rax, rdx);
        _asm.Alu(AluOp.Sub, rax, Mem.At(Homes.Address));
        _asm.RegMem(true, 0xF7, 5, Mem.At(Homes.Address, 8)); // IMUL: signed, since the epoch may begin after the counter was read
        _asm.Bytes([0x48, 0x0F, 0xAC, 0xD0, 32]); // SHRD rax, rdx, 32
        _asm.Alu(AluOp.Add, rax, Mem.At(Homes.Address, 16));
        _asm.Alu(AluOp.Add, rax, Mem.Context(Offsets.TscOffset));
        _asm.Mov(rdx, rax);
        _asm.Shift(true, 5, rdx, 32);
        _asm.Mov32(rax, rax);
        if (ordered) _asm.Load32(rcx, Mem.Context(Offsets.TscAux));
    }

    private void CopySegment(int to, int from)
    {
        for (var i = 0; i < Offsets.SegmentBytes; i += 8)
        {
            _asm.Load(Homes.Scratch, Mem.Context(from + i));
            _asm.Store(Mem.Context(to + i), Homes.Scratch);
        }
    }

    private void EmitSyscall(ref GuestInstruction instruction)
    {
        const int rcx = 1, r11 = 11;
        FlagsToMemory(StatusFlags.All);
        _ended = true;
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.FastSyscall), 0);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.Equal), instruction.Iced.IP);
        EmitFlagsImage(Mem.Context(Offsets.Temporary));
        _asm.Load(r11, Mem.Context(Offsets.Temporary));
        _asm.MovImmediate(rcx, instruction.Iced.NextIP);
        CopySegment(Offsets.SegmentOf(SegmentRegisters.Cs), Offsets.SyscallCs);
        CopySegment(Offsets.SegmentOf(SegmentRegisters.Ss), Offsets.SyscallSs);
        // The flags that IA32_FMASK names are cleared.
        _asm.Load(Homes.Address, Mem.Context(Offsets.FmaskMsr));
        _asm.RegReg(true, 0xF7, 2, Homes.Address); // NOT
        _asm.Alu(AluOp.And, Homes.Address, r11);
        _asm.Store(Mem.Context(Offsets.Rflags), Homes.Address);
        EmitTakeStatus(Homes.Address);
        _asm.Store(Mem.Context(Offsets.UserShadowTop), HostStackPointer);
        _asm.Load(Homes.Address, Mem.Context(Offsets.Lstar));
        _asm.JumpCacheIndex(Homes.Scratch, Homes.Address);
        _asm.Alu(AluOp.Xor, Homes.Address, Mem.Context(Offsets.SyscallMix));
        _asm.Alu(AluOp.Cmp, Homes.Address, Mem.Context(Offsets.JumpTags(TranslationMode.Supervisor), Homes.Scratch, 3));
        Defer(DeferredKind.SyscallMiss, _asm.Jcc(Condition.NotEqual), 0);
        _asm.JmpThrough(Mem.Context(Offsets.JumpTargets(TranslationMode.Supervisor), Homes.Scratch, 3));
    }

    private void EmitSysret(ref GuestInstruction instruction)
    {
        const int rcx = 1, r11 = 11;
        if (IsUser)
        {
            EmitInterpret(ref instruction);
            return;
        }

        FlagsToMemory(instruction.LiveBefore);
        _ended = true;
        var rip = instruction.Iced.IP;
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.FastReturn), 0);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.Equal), rip);
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.InterruptWaits), 0);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), rip);
        _asm.Mov32(Homes.Scratch, r11);
        TestScratch(Trap | Resume | AlignmentCheck | VirtualInterrupts);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), rip);
        EmitInterpretUnlessCanonical(rcx, rip);
        _asm.Mov32(Homes.Address, r11);
        _asm.AluImmediate(false, AluOp.And, Homes.Address, 0x3C7FD7);
        _asm.AluImmediate(false, AluOp.Or, Homes.Address, 2);
        _asm.Store(Mem.Context(Offsets.Rflags), Homes.Address);
        EmitTakeStatus(Homes.Address);
        _asm.Mov(Homes.Address, rcx);
        EmitEnterUser();
    }

    private void EmitInterpretUnlessCanonical(int register, ulong rip)
    {
        _asm.Mov(Homes.Scratch, register);
        _asm.Shift(true, 4, Homes.Scratch, 16);
        _asm.Shift(true, 7, Homes.Scratch, 16);
        _asm.Alu(AluOp.Cmp, Homes.Scratch, register);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), rip);
    }

    /// <summary>Loads CS and SS for user code, drops what supervisor code left on the host's stack, and goes to the address register.</summary>
    private void EmitEnterUser()
    {
        CopySegment(Offsets.SegmentOf(SegmentRegisters.Cs), Offsets.SysretCs);
        CopySegment(Offsets.SegmentOf(SegmentRegisters.Ss), Offsets.SysretSs);
        _asm.Load(HostStackPointer, Mem.Context(Offsets.UserShadowTop));
        _asm.JmpTo(_stubs.Jump[_mode & TranslationMode.NativeVectors]);
    }

    /// <summary>IRETQ from level 0 to user code as SYSRET enters it, or to where an interrupt found the same code segment.</summary>
    private void EmitIret(ref GuestInstruction instruction)
    {
        const int frame = 40, ripAt = 0, csAt = 8, flagsAt = 16, rspAt = 24, ssAt = 32;
        if (IsUser)
        {
            EmitInterpret(ref instruction);
            return;
        }

        FlagsToMemory(instruction.LiveBefore);
        _flags = FlagPlace.None;
        _ended = true;
        var rip = instruction.Iced.IP;
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.Shadow), 0); // an NMI's handler that returns
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), rip);
        _asm.TestImmediate32(Mem.Context(Offsets.Rflags), NestedTask);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), rip);
        EmitStackLookup(ref instruction, frame, false);
        _asm.Lea(Homes.Address, _operand);
        _asm.Load32(Homes.Scratch, Mem.At(Homes.Address, flagsAt));
        TestScratch(Trap | NestedTask | Virtual | AlignmentCheck | VirtualInterrupts);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), rip);
        TestScratch(InterruptFlag);
        var masked = _asm.Jcc(Condition.Equal);
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.InterruptWaits), 0);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), rip);
        _asm.Land(masked);
        _asm.Load(Homes.Scratch, Mem.At(Homes.Address, ripAt));
        _asm.Store(Mem.Context(Offsets.Temporary), Homes.Scratch);
        _asm.Shift(true, 4, Homes.Scratch, 16);
        _asm.Shift(true, 7, Homes.Scratch, 16);
        _asm.Alu(AluOp.Cmp, Homes.Scratch, Mem.Context(Offsets.Temporary));
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), rip);

        CompareSelector(csAt, Offsets.SysretCs);
        var supervisor = _asm.Jcc(Condition.NotEqual);
        CompareSelector(ssAt, Offsets.SysretSs);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), rip);
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.FastReturn), 0);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.Equal), rip);
        EmitTakeFrame(flagsAt, rspAt);
        EmitEnterUser();

        _asm.Land(supervisor);
        CompareSelector(csAt, Offsets.SegmentOf(SegmentRegisters.Cs));
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), rip);
        CompareSelector(ssAt, Offsets.SegmentOf(SegmentRegisters.Ss));
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), rip);
        if (_mode != ((_smap ? TranslationMode.SupervisorWithSmap : TranslationMode.Supervisor) | (_mode & TranslationMode.NativeVectors)))
        {
            EmitExit(Blocks.ExitKind.Interpret, rip); // AC changes
            return;
        }

        EmitTakeFrame(flagsAt, rspAt);
        _asm.JmpTo(_stubs.Jump[_mode]);
    }

    private void CompareSelector(int at, int segment)
    {
        _asm.RegMem(false, 0x0FB7, Homes.Scratch, Mem.At(Homes.Address, at));
        _asm.Byte(0x66);
        _asm.RegMem(false, 0x3B, Homes.Scratch, Mem.Context(segment + Offsets.Selector));
    }

    /// <summary>Takes RFLAGS and RSP from the frame that the address register points to, and leaves there the RIP that was kept.</summary>
    private void EmitTakeFrame(int flagsAt, int rspAt)
    {
        const int taken = 0x247FD7; // what IRETQ at level 0 loads, but for RF, TF and VM, which are not set, and RF, which nobody would see
        _asm.Load(Homes.StackPointer, Mem.At(Homes.Address, rspAt));
        _asm.Load32(Homes.Address, Mem.At(Homes.Address, flagsAt));
        _asm.AluImmediate(false, AluOp.And, Homes.Address, taken);
        _asm.AluImmediate(false, AluOp.Or, Homes.Address, 2);
        _asm.Store(Mem.Context(Offsets.Rflags), Homes.Address);
        EmitTakeStatus(Homes.Address);
        _asm.Load(Homes.Address, Mem.Context(Offsets.Temporary));
    }
}
