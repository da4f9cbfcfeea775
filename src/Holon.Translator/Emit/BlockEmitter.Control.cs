using Holon.Translator.Blocks;
using Holon.Translator.Guest;
using Holon.Translator.Host;
using Iced.Intel;

namespace Holon.Translator.Emit;

// Branches, the stack, and how blocks are left.
internal sealed unsafe partial class BlockEmitter
{
    private const int HostStackPointer = 4;

    /// <summary>Bytes of the call through the targets of the jump cache.</summary>
    private const int CallThroughTargets = 9;

    private bool IsOtherPage(ulong linear) => ((linear ^ _guest.Start) & ~0xFFFul) != 0;

    /// <summary>Leaves the block for a constant address, in a mode.</summary>
    private void EmitDirectExit(ulong target, ulong from, int mode)
    {
        _ended = true;
        var backward = target <= from;
        if (IsOtherPage(target))
        {
            LoseHostFlags(StatusFlags.All);
            EmitFarExit(target, mode, backward, isCall: false);
            return;
        }

        AddExit(_asm.Jmp(), 0, target, mode, backward);
    }

    /// <summary>A direct exit to another page: taken only while translations of linear addresses are what they were when it was linked. Flags are not in the host's.</summary>
    private void EmitFarExit(ulong target, int mode, bool backward, bool isCall)
    {
        var generation = TranslationMode.IsUser(mode) ? Offsets.UserGeneration : Offsets.KernelGeneration;
        if (_exits.NewFarLink() is not { } link)
        {
            FlagsToMemory(StatusFlags.All);
            _asm.MovImmediate(Homes.Address, target);
            if (isCall) _asm.CallTo(_stubs.Jump[mode]);
            else _asm.JmpTo(_stubs.Jump[mode]);
            return;
        }

        _asm.Load32(Homes.Scratch, Mem.Context(generation));
        _asm.RegMem(false, 0x3B, Homes.Scratch, Mem.Context(link + FarLink.GenerationOffset)); // CMP
        var changed = _asm.Jcc(Condition.NotEqual);
        AddExit(isCall ? _asm.Call() : _asm.Jmp(), link, target, mode, backward, changed, isCall);
    }

    private void AddExit(byte* distance, int link, ulong target, int mode, bool backward, byte* second = null, bool isCall = false)
    {
        var entry = (_flags & FlagPlace.Host) != 0 ? backward ? EntryPoint.PollHost : EntryPoint.Host : backward ? EntryPoint.PollMemory : EntryPoint.Memory;
        var number = _exits.Add(new Exit { Owner = _block, Distance = distance, FarLink = link, Linear = target, Mode = mode, Entry = entry });
        Defer(new Deferred(DeferredKind.Link, distance, second, target, (uint)number, isCall ? 1 : 0, 0));
    }

    private void EmitJumpIf(ref GuestInstruction instruction)
    {
        ref var iced = ref instruction.Iced;
        var target = iced.NearBranchTarget;
        var jump = iced.Code == Code.Jrcxz_rel8_64 ? EmitJumpIfRcxIsZero() : EmitJumpIfFlags(instruction);
        if (IsOtherPage(target))
        {
            Defer(new Deferred(DeferredKind.FarBranch, jump, null, target, target <= iced.IP ? 1u : 0, 0, 0));
            return;
        }

        AddExit(jump, 0, target, _mode, target <= iced.IP);
    }

    /// <summary>JRCXZ, whose distance has 8 bits only, over a jump over the jump. Looks at no flags and changes none.</summary>
    private byte* EmitJumpIfRcxIsZero()
    {
        _asm.Bytes([0xE3, 2, 0xEB, 5]);
        return _asm.Jmp();
    }

    private byte* EmitJumpIfFlags(in GuestInstruction instruction)
    {
        FlagsToHost();
        var bytes = _guest.BytesOf(instruction);
        var condition = bytes[^1];
        for (var i = 0; i < bytes.Length; i++)
        {
            // 70–7F, or 0F 80–8F; prefixes are hints.
            if (bytes[i] is >= 0x70 and <= 0x7F || (bytes[i] is >= 0x80 and <= 0x8F && i > 0 && bytes[i - 1] == 0x0F))
            {
                condition = (byte)(bytes[i] & 15);
                break;
            }
        }

        return _asm.Jcc(condition);
    }

    /// <summary>Loads the target of an indirect branch into scratch or says which register has it; a memory operand is kept in the context.</summary>
    private void EmitTargetToTemporary(ref GuestInstruction instruction)
    {
        EmitAccess(ref instruction, 8, false, false);
        _asm.Load(Homes.Scratch, _operand);
    }

    private void EmitJumpIndirect(ref GuestInstruction instruction)
    {
        _ended = true;
        FlagsToMemory(StatusFlags.All);
        if (instruction.Iced.Op0Kind == OpKind.Memory)
        {
            EmitTargetToTemporary(ref instruction);
            _asm.Mov(Homes.Address, Homes.Scratch);
        }
        else
        {
            MovUnlessSame(Homes.Address, Value(Number(instruction.Iced.Op0Register), Homes.Address));
        }

        EmitFindTarget(instruction.Iced.IP, 0);
        _asm.JmpThrough(Mem.Context(Offsets.JumpTargets(_mode), Homes.Scratch, 3));
    }

    /// <summary>Looks the address register up in the jump cache. Scratch is its entry afterwards.</summary>
    /// <param name="rip">The instruction.</param>
    /// <param name="undo">What must be added to the guest's stack pointer when the target turns out not to be canonical.</param>
    /// <param name="isCall">What comes next is a call, behind which the miss goes on.</param>
    private void EmitFindTarget(ulong rip, int undo, bool isCall = false)
    {
        _asm.JumpCacheIndex(Homes.Scratch, Homes.Address);
        _asm.Alu(AluOp.Xor, Homes.Address, Mem.Context(Offsets.Mix + (8 * _mode)));
        _asm.Alu(AluOp.Cmp, Homes.Address, Mem.Context(Offsets.JumpTags(_mode), Homes.Scratch, 3));
        Defer(new Deferred(DeferredKind.JumpMiss, _asm.Jcc(Condition.NotEqual), isCall ? _asm.Position + CallThroughTargets : null, rip, 0, undo, 0));
    }

    /// <summary>Pushes the return address onto the guest's stack, and with it onto the host's. Scratch has it afterwards.</summary>
    private void EmitPushReturn(ref GuestInstruction instruction)
    {
        if (!TakeFromGroup(instruction)) EmitStackLookup(ref instruction, 8, true, -8);
        _asm.MovImmediate(Homes.Scratch, instruction.Iced.NextIP);
        _asm.Store(_operand, Homes.Scratch);
        MoveStackPointer(-8);
        _asm.Alu(AluOp.Cmp, HostStackPointer, Mem.Context(Offsets.ShadowLimit));
        var full = _asm.Jcc(Condition.Below);
        Defer(new Deferred(DeferredKind.ShadowFull, full, _asm.Position, 0, 0, 0, 0));
    }

    private void EmitCall(ref GuestInstruction instruction)
    {
        ref var iced = ref instruction.Iced;
        var target = iced.NearBranchTarget;
        if (target == iced.NextIP)
        {
            EmitInterpret(ref instruction); // it only wants to know where it is, and never returns
            return;
        }

        LoseHostFlags(instruction.LiveBefore);
        EmitPushReturn(ref instruction);
        _asm.Push(Homes.Scratch);
        var backward = target <= iced.IP;
        if (IsOtherPage(target)) EmitFarExit(target, _mode, backward, isCall: true);
        else AddExit(_asm.Call(), 0, target, _mode, backward);
        EmitReturnPoint(iced);
    }

    private void EmitCallIndirect(ref GuestInstruction instruction)
    {
        ref var iced = ref instruction.Iced;
        FlagsToMemory(StatusFlags.All);
        _flags &= ~FlagPlace.Host;
        var register = -1;
        if (iced.Op0Kind == OpKind.Memory)
        {
            EmitTargetToTemporary(ref instruction);
            _asm.Store(Mem.Context(Offsets.Temporary), Homes.Scratch);
        }
        else
        {
            register = Number(iced.Op0Register);
            if (register == 4)
            {
                EmitInterpret(ref instruction); // CALL RSP: pushed over before it is read
                return;
            }
        }

        EmitPushReturn(ref instruction);
        _asm.Push(Homes.Scratch);
        if (register < 0) _asm.Load(Homes.Address, Mem.Context(Offsets.Temporary));
        else MovUnlessSame(Homes.Address, Value(register, Homes.Address));
        EmitFindTarget(iced.IP, 8, isCall: true);
        var call = _asm.Position;
        _asm.CallThrough(Mem.Context(Offsets.JumpTargets(_mode), Homes.Scratch, 3));
        System.Diagnostics.Debug.Assert(_asm.Position == call + CallThroughTargets, "The miss goes on behind the call.");
        EmitReturnPoint(iced);
    }

    /// <summary>Where the host's return address leads: to the instruction behind the call, with flags in the context.</summary>
    private void EmitReturnPoint(in Instruction iced)
    {
        _flags = FlagPlace.Memory;
        EmitDirectExit(iced.NextIP, iced.IP, _mode);
    }

    private void EmitReturn(ref GuestInstruction instruction)
    {
        _ended = true;
        FlagsToMemory(StatusFlags.All);
        _flags &= ~FlagPlace.Host;
        if (!TakeFromGroup(instruction)) EmitStackLookup(ref instruction, 8, false);
        _asm.Load(Homes.Address, _operand);
        var extra = instruction.Iced.Code == Code.Retnq_imm16 ? instruction.Iced.Immediate16 : 0;
        _asm.Lea(Homes.StackPointer, Mem.At(Homes.StackPointer, 8 + extra));
        _asm.Alu(AluOp.Cmp, Homes.Address, Mem.At(HostStackPointer, 8));
        Defer(new Deferred(DeferredKind.ReturnMiss, _asm.Jcc(Condition.NotEqual), null, instruction.Iced.IP, 0, -(8 + extra), 0));
        _asm.Ret(8);
    }

    private void EmitPush(ref GuestInstruction instruction)
    {
        ref var iced = ref instruction.Iced;
        if (TakeFromGroup(instruction))
        {
            if (iced.Op0Kind == OpKind.Register) _asm.Store(_operand, Value(Number(iced.Op0Register), Homes.Scratch));
            else _asm.StoreImmediate(_operand, (int)iced.GetImmediate(0));
            MoveStackPointer(-8);
            return;
        }

        LoseHostFlags(instruction.LiveBefore);
        if (iced.Op0Kind == OpKind.Memory)
        {
            EmitAccess(ref instruction, 8, false, false);
            _scratchGuest = NoGuest;
            _asm.Load(Homes.Scratch, _operand);
            _asm.Store(Mem.Context(Offsets.Temporary), Homes.Scratch); // a miss below needs scratch
        }

        EmitStackLookup(ref instruction, 8, true, -8);
        switch (iced.Op0Kind)
        {
            case OpKind.Register:
                _asm.Store(_operand, Value(Number(iced.Op0Register), Homes.Scratch));
                break;
            case OpKind.Memory:
                _scratchGuest = NoGuest;
                _asm.Load(Homes.Scratch, Mem.Context(Offsets.Temporary));
                _asm.Store(_operand, Homes.Scratch);
                break;
            default:
                _asm.StoreImmediate(_operand, (int)iced.GetImmediate(0));
                break;
        }

        MoveStackPointer(-8);
    }

    private void EmitPop(ref GuestInstruction instruction)
    {
        var guest = Number(instruction.Iced.Op0Register);
        var home = Homes.Of(guest);
        if (!TakeFromGroup(instruction))
        {
            LoseHostFlags(instruction.LiveBefore);
            EmitStackLookup(ref instruction, 8, false);
        }

        var to = home == Homes.InContext ? Homes.Scratch : home;
        _asm.Load(to, _operand);
        if (home == Homes.InContext)
        {
            _asm.Store(Mem.Context(Offsets.Gpr(guest)), Homes.Scratch);
            _scratchGuest = guest;
        }

        if (home != Homes.StackPointer) MoveStackPointer(8);
    }

    private void EmitLeave(ref GuestInstruction instruction)
    {
        const int rbp = 5;
        LoseHostFlags(instruction.LiveBefore);
        EmitStackLookup(ref instruction, 8, false, register: rbp);
        _asm.Lea(Homes.StackPointer, Mem.At(rbp, 8));
        _asm.Load(rbp, _operand);
    }

    /// <summary>Leaves the instruction, and with it the rest of the block, to the interpreter.</summary>
    private void EmitInterpret(ref GuestInstruction instruction)
    {
        _ended = true;
        FlagsToMemory(instruction.LiveBefore);
        EmitExit(ExitKind.Interpret, instruction.Iced.IP);
    }

    private void EmitExit(ExitKind kind, ulong rip)
    {
        StoreRip(rip);
        _asm.MovImmediate(Homes.Scratch, (uint)kind);
        _asm.JmpTo(_stubs.Exit);
    }

    private void StoreRip(ulong rip)
    {
        if ((long)rip == (int)rip)
        {
            _asm.StoreImmediate(Mem.Context(Offsets.Rip), (int)rip);
            return;
        }

        _asm.MovImmediate(Homes.Scratch, rip);
        _asm.Store(Mem.Context(Offsets.Rip), Homes.Scratch);
    }
}
