using Holon.Translator.Blocks;
using Holon.Translator.Guest;
using Holon.Translator.Host;

namespace Holon.Translator.Emit;

/// <summary>
/// The back of the translator: writes host code for a decoded block. Each guest instruction becomes itself, with registers exchanged
/// for their homes and the memory operand for a host address, surrounded by what the guest must not notice.
/// </summary>
/// <remarks>
/// Between two instructions nothing is in the scratch registers. Status flags are in the host's, in the context, or in both; see <see cref="FlagPlace"/>.
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
    private FlagPlace _flags;
    private bool _x87Ready, _ended, _smap;

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

    /// <summary>When not null, takes each guest instruction and where its host code begins, and at last where what is common begins.</summary>
    public List<(Iced.Intel.Instruction Guest, nint Host)>? Listing { get; set; }

    /// <summary>Where the guest's status flags are while code is written.</summary>
    [Flags]
    private enum FlagPlace : byte
    {
        /// <summary>Nowhere, because nobody will ask.</summary>
        None = 0,

        /// <summary>In the host's flags.</summary>
        Host = 1,

        /// <summary>In the context.</summary>
        Memory = 2,
    }

    /// <summary>Writes a block at the assembler's position and fills in its entries.</summary>
    /// <param name="guest">The decoded block.</param>
    /// <param name="block">What becomes of it.</param>
    /// <param name="mode">See <see cref="TranslationMode"/>.</param>
    /// <param name="smap">CR4.SMAP is set.</param>
    public void Emit(GuestBlock guest, TranslatedBlock block, int mode, bool smap)
    {
        _smap = smap;
        _guest = guest;
        _block = block;
        _mode = mode;
        _deferred.Clear();
        _groups.Clear();
        _x87Ready = false;
        _group = null;
        _isHot = block.IsHot;
        EmitEntries();
        _ended = false;
        for (var i = 0; i < guest.Count && !_ended; i++)
        {
            Listing?.Add((guest.Instructions[i].Iced, (nint)_asm.Position));
            EmitWithGroup(i);
        }

        Listing?.Add((default, (nint)_asm.Position));
        if (!_ended) EmitDirectExit(guest.End, guest.End - 1, _mode);
        EmitDeferred();
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
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.Events), 0);
        Defer(DeferredKind.Events, _asm.Jcc(Condition.NotEqual), _guest.Start);
        _block.EnterMemory = _asm.Position;
        if (live != 0) RestoreFlags();
        _block.EnterHost = _asm.Position;
        _flags = live != 0 ? FlagPlace.Host : FlagPlace.None;
    }

    /// <summary>
    /// The entries of an instruction across two pages: whoever jumps here has made sure of the first page only, so that the second one is made sure of here.
    /// </summary>
    private void EmitCheckedEntries(StatusFlags live)
    {
        _block.PollHost = _block.EnterHost = _asm.Position;
        if (live != 0) SaveFlags();
        _block.PollMemory = _block.EnterMemory = _asm.Position;
        _asm.RegMem(false, 0x81, 7, Mem.Context(IsUser ? Offsets.UserGeneration : Offsets.KernelGeneration));
        _block.Generation = _asm.Position;
        _asm.Int32(0);
        Defer(DeferredKind.Lookup, _asm.Jcc(Condition.NotEqual), _guest.Start);
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.Events), 0);
        Defer(DeferredKind.Events, _asm.Jcc(Condition.NotEqual), _guest.Start);
        if (live != 0) RestoreFlags();
        _flags = live != 0 ? FlagPlace.Host | FlagPlace.Memory : FlagPlace.None;
    }

    private void EmitInstruction(ref GuestInstruction instruction, bool isLast)
    {
        switch (instruction.Class.Kind)
        {
            case InstructionKind.Copy: EmitCopy(ref instruction); break;
            case InstructionKind.Nop: break;
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
            case InstructionKind.InterruptFlag: EmitInterruptFlag(ref instruction, isLast); break;
            case InstructionKind.AccessFlag: EmitAccessFlag(ref instruction); break;
            case InstructionKind.SwapGs: EmitSwapGs(ref instruction); break;
            case InstructionKind.ReadSelector: EmitReadSelector(ref instruction); break;
            case InstructionKind.Syscall: EmitSyscall(ref instruction); break;
            case InstructionKind.Sysret: EmitSysret(ref instruction); break;
            case InstructionKind.InterruptReturn: EmitIret(ref instruction); break;
            case InstructionKind.RepeatedString: EmitRepeatedString(ref instruction); break;
            case InstructionKind.BitString: EmitBitString(ref instruction); break;
            case InstructionKind.LoadControl: EmitLoadControl(ref instruction); break;
            default: EmitInterpret(ref instruction); break;
        }
    }

    // ---- status flags ------------------------------------------------------------------------------------------------

    private void SaveFlags()
    {
        _asm.Mov(Homes.Scratch, 0);
        _asm.Lahf();
        _asm.SetoAl();
        _asm.Store16(Mem.Context(Offsets.SavedFlags), 0);
        _asm.Mov(0, Homes.Scratch);
    }

    private void RestoreFlags()
    {
        _asm.Mov(Homes.Scratch, 0);
        _asm.LoadZero16(0, Mem.Context(Offsets.SavedFlags));
        _asm.AddAl(0x7F); // overflows when OF was 1
        _asm.Sahf();
        _asm.Mov(0, Homes.Scratch);
    }

    /// <summary>Before something that changes the host's flags: keeps the guest's, if anybody needs them.</summary>
    private void LoseHostFlags(StatusFlags needed)
    {
        if (_flags == FlagPlace.Host && needed != 0)
        {
            SaveFlags();
            _flags = FlagPlace.Memory;
        }
        else
        {
            _flags &= ~FlagPlace.Host;
        }
    }

    /// <summary>Makes the context hold the flags, before an exit by which somebody may ask for them.</summary>
    private void FlagsToMemory(StatusFlags needed)
    {
        if (_flags != FlagPlace.Host || needed == 0) return;
        SaveFlags();
        _flags |= FlagPlace.Memory;
    }

    /// <summary>Makes the host's flags the guest's. Changes only flags and scratch.</summary>
    private void FlagsToHost()
    {
        if ((_flags & FlagPlace.Host) != 0) return;
        if ((_flags & FlagPlace.Memory) != 0) RestoreFlags();
        _flags |= FlagPlace.Host;
    }

    /// <summary>The last step before an instruction's own host instruction: brings the flags that it needs, in itself or to leave some as they were.</summary>
    private void PrepareFlags(in GuestInstruction instruction)
    {
        var passed = instruction.Writes != 0 ? instruction.LiveAfter & ~instruction.Kills : StatusFlags.None;
        if ((instruction.Reads | passed) != 0) FlagsToHost();
    }

    private void FlagsWritten(in GuestInstruction instruction)
    {
        if (instruction.Writes != 0) _flags = FlagPlace.Host;
    }
}
