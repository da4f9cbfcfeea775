using Holon.Translator.Blocks;
using Holon.Translator.Guest;
using Holon.Translator.Host;

namespace Holon.Translator.Emit;

/// <summary>
/// The back of the translator: writes host code for a decoded block. Each guest instruction becomes itself, with registers exchanged
/// for their homes and the memory operand for a host address, surrounded by what the guest must not notice.
/// </summary>
/// <remarks>
/// Between two instructions the scratch registers have at most copies: see <see cref="_scratchGuest"/> and <see cref="_held"/>. Status flags are in the host's, in the context, or in both; see <see cref="FlagPlace"/>.
/// No guest state changes before the last thing in an instruction that can fail, since then it is executed again from its start.
/// </remarks>
internal sealed unsafe partial class BlockEmitter
{
    private readonly HostAssembler _asm;
    private readonly Stubs _stubs;
    private readonly ExitTable _exits;
    private readonly HotCode _hot;
    private readonly List<Deferred> _deferred = [];

    private GuestBlock _guest = null!;
    private TranslatedBlock _block = null!;
    private int _mode;
    private bool _x87Ready, _ended, _smap, _alone;

    /// <param name="assembler">Where to write.</param>
    /// <param name="stubs">The shared code.</param>
    /// <param name="exits">Where exits are entered.</param>
    /// <param name="hot">Who gives sites to accesses of hot code.</param>
    public BlockEmitter(HostAssembler assembler, Stubs stubs, ExitTable exits, HotCode hot)
    {
        _hot = hot;
        _asm = assembler;
        _stubs = stubs;
        _exits = exits;
        _keepsAddress = KeepsAddress;
    }

    /// <summary>The guest register without a home whose value scratch has, too; or -1. Whoever changes scratch says so here.</summary>
    private int _scratchGuest = NoGuest;

    private const int NoGuest = -1;

    /// <summary>Whether <see cref="TranslatorContext.ClockEpoch"/> is set.</summary>
    public bool ReadsHostCounter { get; set; }

    /// <summary>See <see cref="Translator.CountsExecution"/>.</summary>
    public bool CountsExecution { get; set; }

    /// <summary>When not null, takes each guest instruction and where its host code begins, and at last where what is common begins.</summary>
    public List<(Iced.Intel.Instruction Guest, nint Host)>? Listing { get; set; }

    /// <summary>Writes a block at the assembler's position and fills in its entries.</summary>
    /// <param name="guest">The decoded block.</param>
    /// <param name="block">What becomes of it.</param>
    /// <param name="mode">See <see cref="TranslationMode"/>.</param>
    /// <param name="smap">CR4.SMAP is set.</param>
    /// <param name="alone">There is no other vCPU.</param>
    /// <param name="seldom">Where what is seldom executed goes; afterwards, where the next block's goes.</param>
    public void Emit(GuestBlock guest, TranslatedBlock block, int mode, bool smap, bool alone, ref byte* seldom)
    {
        (_smap, _alone) = (smap, alone);
        _guest = guest;
        _block = block;
        _mode = mode;
        _deferred.Clear();
        _groups.Clear();
        _x87Ready = false;
        _group = null;
        ForgetRegions();
        _scratchGuest = NoGuest;
        _isHot = block.IsHot;
        EmitEntries();
        if (block.RunCounter >= 0) EmitCount(Mem.Context(Offsets.Runs + (8 * block.RunCounter)), 1);
        if (CountsExecution)
        {
            EmitCount(Mem.Context(Offsets.BlocksExecuted), 1);
            EmitCount(Mem.Context(Offsets.MemoryAccesses), MemoryAccesses());
        }

        _ended = false;
        for (var i = 0; i < guest.Count && !_ended; i++)
        {
            Listing?.Add((guest.Instructions[i].Iced, (nint)_asm.Position));
            if (_isHot) EmitInRegion(i);
            else EmitWithGroup(i);
        }

        Listing?.Add((default, (nint)_asm.Position));
        if (!_ended) EmitDirectExit(guest.End, guest.End - 1, _mode);
        block.CodeEnd = _asm.Position;
        _asm.Position = seldom;
        EmitDeferred();
        seldom = _asm.Position;
        _asm.Position = block.CodeEnd;
    }

    /// <summary>Adds to a counter, whatever the status flags are.</summary>
    private void EmitCount(in Mem counter, int by)
    {
        _asm.Load(Homes.Scratch, counter);
        _asm.Lea(Homes.Scratch, Mem.At(Homes.Scratch, by));
        _asm.Store(counter, Homes.Scratch);
    }

    /// <summary>How many of the block's instructions access memory.</summary>
    private int MemoryAccesses()
    {
        var count = 0;
        for (var i = 0; i < _guest.Count; i++)
        {
            ref readonly var instruction = ref _guest.Instructions[i];
            var stack = instruction.Class.Kind is InstructionKind.Push or InstructionKind.Pop or InstructionKind.Call or InstructionKind.CallIndirect or InstructionKind.Return or InstructionKind.Leave;
            var memory = false;
            for (var operand = 0; operand < instruction.Iced.OpCount; operand++) memory |= instruction.Iced.GetOpKind(operand) == Iced.Intel.OpKind.Memory;
            if (stack || (memory && instruction.Class.Kind is not (InstructionKind.Lea or InstructionKind.Nop))) count++;
        }

        return count;
    }

    /// <summary>
    /// Four entries, by whether an interrupt is looked for and where the status flags are on entry. Where the block does not need them, fewer are apart.
    /// </summary>
    private void EmitEntries()
    {
        var live = _guest.Instructions[0].LiveBefore;
        if (_guest.Crosses)
        {
            EmitCheckedEntries(live);
            return;
        }

        _block.PollHost = _asm.Position;
        if (live != 0) SaveFlags();
        _block.PollMemory = _asm.Position;
        _flags = live != 0 ? FlagPlace.Memory : FlagPlace.None;
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.Events), 0);
        Defer(DeferredKind.Events, _asm.Jcc(Condition.NotEqual), _guest.Start);
        _block.EnterMemory = _asm.Position;
        _block.NeedsFlags = live != 0;
        if (live != 0 && !WantsHostFlags())
        {
            Defer(new Deferred(DeferredKind.EnterHost, null, _asm.Position, 0, 0, 0, 0));
            return;
        }

        if (live != 0) FlagsToHost();
        _block.EnterHost = _asm.Position;
    }

    /// <summary>Whether the flags at the start are looked at before something changes the host's.</summary>
    private bool WantsHostFlags()
    {
        for (var i = 0; i < _guest.Count; i++)
        {
            ref var instruction = ref _guest.Instructions[i];
            switch (instruction.Class.Kind)
            {
                case InstructionKind.Nop or InstructionKind.Lea or InstructionKind.ReadSelector or InstructionKind.SwapGs:
                    break;
                case InstructionKind.JumpIf:
                    return true;
                case InstructionKind.Copy when (instruction.Class.Traits & Traits.X87) == 0 && !new InstructionEncoding(_guest.BytesOf(instruction)).HasMemory:
                    if ((instruction.Reads | Passed(instruction)) != 0) return true;
                    break;
                default:
                    return false;
            }
        }

        return false;
    }

    /// <summary>
    /// The entries of an instruction across two pages: whoever jumps here has made sure of the first page only, so that the second one is made sure of here.
    /// </summary>
    private void EmitCheckedEntries(StatusFlags live)
    {
        _block.PollHost = _block.EnterHost = _asm.Position;
        if (live != 0) SaveFlags();
        _block.PollMemory = _block.EnterMemory = _asm.Position;
        _block.NeedsFlags = live != 0;
        _flags = live != 0 ? FlagPlace.Memory : FlagPlace.None;
        _asm.RegMem(false, 0x81, 7, Mem.Context(IsUser ? Offsets.UserGeneration : Offsets.KernelGeneration));
        _block.Generation = _asm.Position;
        _asm.Int32(0);
        Defer(DeferredKind.Lookup, _asm.Jcc(Condition.NotEqual), _guest.Start);
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.Events), 0);
        Defer(DeferredKind.Events, _asm.Jcc(Condition.NotEqual), _guest.Start);
        if (live != 0) FlagsToHost();
    }

    private void EmitInstruction(int index)
    {
        ref var instruction = ref _guest.Instructions[index];
        KeepFlagsFrom(instruction);
        _keepsHeld = instruction.Class.Kind is InstructionKind.Nop or InstructionKind.JumpIf;
        var tellsScratch = instruction.Class.Kind is InstructionKind.Nop or InstructionKind.JumpIf or InstructionKind.Copy or InstructionKind.Lea or InstructionKind.Push or InstructionKind.Pop;
        if (!tellsScratch) _scratchGuest = NoGuest;
        switch (instruction.Class.Kind)
        {
            case InstructionKind.Copy: EmitCopy(ref instruction, index); break;
            case InstructionKind.Nop: break;
            case InstructionKind.Pause: EmitPause(ref instruction); break;
            case InstructionKind.Lea: EmitLea(ref instruction); break;
            case InstructionKind.Push: EmitPush(ref instruction); break;
            case InstructionKind.Pop: EmitPop(ref instruction); break;
            case InstructionKind.Leave: EmitLeave(ref instruction); break;
            case InstructionKind.Divide: EmitDivide(ref instruction); break;
            case InstructionKind.Jump: EmitDirectExit(instruction.Iced.NearBranchTarget, instruction.Iced.IP, _mode); break;
            case InstructionKind.JumpIf: EmitJumpIf(ref instruction); break;
            case InstructionKind.JumpIndirect: EmitJumpIndirect(ref instruction); break;
            case InstructionKind.Call: EmitCall(ref instruction); break;
            case InstructionKind.CallIndirect: EmitCallIndirect(ref instruction); break;
            case InstructionKind.Return: EmitReturn(ref instruction); break;
            case InstructionKind.PushFlags: EmitPushFlags(ref instruction); break;
            case InstructionKind.PopFlags: EmitPopFlags(ref instruction); break;
            case InstructionKind.InterruptFlag: EmitInterruptFlag(ref instruction, index == _guest.Count - 1); break;
            case InstructionKind.AccessFlag: EmitAccessFlag(ref instruction); break;
            case InstructionKind.SwapGs: EmitSwapGs(ref instruction); break;
            case InstructionKind.ReadSelector: EmitReadSelector(ref instruction); break;
            case InstructionKind.SegmentBase: EmitSegmentBase(ref instruction); break;
            case InstructionKind.ReadControl: EmitReadControl(ref instruction); break;
            case InstructionKind.ClearDirection: EmitClearDirection(ref instruction); break;
            case InstructionKind.ReadTimeStamp: EmitReadTimeStamp(ref instruction); break;
            case InstructionKind.Syscall: EmitSyscall(ref instruction); break;
            case InstructionKind.Sysret: EmitSysret(ref instruction); break;
            case InstructionKind.InterruptReturn: EmitIret(ref instruction); break;
            case InstructionKind.RepeatedString: EmitRepeatedString(ref instruction); break;
            case InstructionKind.BitString: EmitBitString(ref instruction); break;
            case InstructionKind.LoadControl: EmitLoadControl(ref instruction); break;
            default: EmitInterpret(ref instruction); break;
        }

        if (!_keepsHeld) _held = -1;
        if (!tellsScratch) _scratchGuest = NoGuest;
    }
}
