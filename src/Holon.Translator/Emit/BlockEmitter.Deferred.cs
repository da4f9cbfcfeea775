using Holon.Interpreter;
using Holon.Translator.Blocks;
using Holon.Translator.Host;

namespace Holon.Translator.Emit;

// What is seldom executed comes behind the block, out of the way of what is often.
internal sealed unsafe partial class BlockEmitter
{
    /// <summary>Kinds of code behind the block.</summary>
    private enum DeferredKind : byte
    {
        /// <summary>A lookup in the TLB failed; the address was mixed with the tag of the entry in scratch.</summary>
        Miss,

        /// <summary>The same for a constant address.</summary>
        ConstantMiss,

        /// <summary>The page is not that of the stack, or of the site.</summary>
        KnownPageMiss,

        /// <summary>An exit that is not linked.</summary>
        Link,

        /// <summary>The entry with flags in the host's, of a block that wants them in the context.</summary>
        EnterHost,

        /// <summary>A conditional branch to another page.</summary>
        FarBranch,

        /// <summary>The jump cache does not know the address.</summary>
        JumpMiss,

        /// <summary>The call on top of the host's stack is not the one that returns.</summary>
        ReturnMiss,

        /// <summary>The jump cache does not know where SYSCALL enters.</summary>
        SyscallMiss,

        /// <summary>Too many calls without return on the host's stack.</summary>
        ShadowFull,

        /// <summary>The host's x87 state is not the guest's yet.</summary>
        LoadX87,

        /// <summary>An event waits at the block's start.</summary>
        Events,

        /// <summary>Translations of linear addresses have changed.</summary>
        Lookup,

        /// <summary>The accesses of a group are not all in one page that the TLB knows.</summary>
        Group,

        /// <summary>The same in hot code; where the group begins and what it is relative to are in the fields for addresses.</summary>
        HotGroup,

        /// <summary>The operands are not for the host.</summary>
        Interpret,
    }

    /// <summary>A piece of code behind the block.</summary>
    /// <param name="kind">What it does.</param>
    /// <param name="from">The jump that leads to it.</param>
    /// <param name="back">Where it returns to, or a second jump that leads to it.</param>
    /// <param name="rip">The guest instruction, or the target of an exit.</param>
    /// <param name="value">By kind.</param>
    /// <param name="tag">Where the tag is that was mixed into the address; the offset in the page of a constant address; or what undoes a change of the stack pointer.</param>
    /// <param name="linear">A constant address.</param>
    private readonly struct Deferred(DeferredKind kind, byte* from, byte* back, ulong rip, uint value, int tag, ulong linear)
    {
        public DeferredKind Kind { get; } = kind;

        public byte* From { get; init; } = from;

        public byte* Back { get; } = back;

        public ulong Rip { get; } = rip;

        public uint Value { get; } = value;

        public int Tag { get; } = tag;

        public ulong Linear { get; } = linear;

        /// <summary>Where the status flags are, and which instruction made them.</summary>
        public FlagPlace Flags { get; init; }

        /// <summary>The guest register that scratch has a copy of where the code goes on.</summary>
        public int ScratchGuest { get; init; }

        /// <inheritdoc cref="Flags"/>
        public FlagRecipe Recipe { get; init; }

        /// <summary>How many bytes the accesses of a group span.</summary>
        public int Bytes { get; init; }

        /// <summary>What the address of a group must be a multiple of; 0 and 1 for nothing.</summary>
        public int Alignment { get; init; }

        /// <summary>Another jump that leads to it, or null.</summary>
        public byte* Second { get; init; }

        /// <summary>The page that was looked at.</summary>
        public KnownPage Page { get; init; }

        /// <summary>The address, when the code that goes on names its registers again; then the tag was mixed into it.</summary>
        public Mem? Operand { get; init; }
    }

    private void Defer(DeferredKind kind, byte* from, ulong rip) => Defer(new Deferred(kind, from, null, rip, 0, 0, 0));

    private void Defer(in Deferred deferred) => _deferred.Add(deferred with { Flags = _flags, Recipe = _recipe, ScratchGuest = _scratchGuest });

    private void EmitDeferred()
    {
        for (var i = 0; i < _deferred.Count; i++) // grows meanwhile
        {
            var deferred = _deferred[i];
            if (deferred.From != null) _asm.Land(deferred.From);
            if (deferred.Second != null) _asm.Land(deferred.Second);
            (_flags, _recipe, _scratchGuest) = (deferred.Flags, deferred.Recipe, NoGuest);
            switch (deferred.Kind)
            {
                case DeferredKind.Miss:
                    _asm.Alu(AluOp.Xor, Homes.Address, Mem.Context(deferred.Tag, Homes.Scratch, 0));
                    FlagsToMemory(Guest.StatusFlags.All);
                    EmitMissCall(deferred, _stubs.Refill[TranslationMode.TlbSet(_mode)]);
                    break;
                case DeferredKind.ConstantMiss:
                    FlagsToMemory(Guest.StatusFlags.All);
                    _asm.MovImmediate(Homes.Address, deferred.Linear);
                    StoreRip(deferred.Rip);
                    _asm.MovImmediate(Homes.Scratch, deferred.Value);
                    _asm.CallTo(_stubs.Refill[TranslationMode.TlbSet(_mode)]);
                    if (deferred.Tag != 0) _asm.Lea(Homes.Address, Mem.At(Homes.Address, -deferred.Tag));
                    GoBack(deferred);
                    break;
                case DeferredKind.KnownPageMiss:
                    EmitKnownPageMiss(deferred);
                    break;
                case DeferredKind.Link:
                    EmitLink(deferred);
                    break;
                case DeferredKind.EnterHost:
                    _block.EnterHost = _asm.Position;
                    SaveFlags();
                    _asm.JmpTo(deferred.Back);
                    break;
                case DeferredKind.FarBranch:
                    LoseHostFlags(Guest.StatusFlags.All);
                    EmitFarExit(deferred.Rip, _mode, deferred.Value != 0, isCall: false);
                    break;
                case DeferredKind.JumpMiss:
                    _asm.Alu(AluOp.Xor, Homes.Address, Mem.Context(Offsets.Mix + (8 * _mode)));
                    EmitCanonicalCheck(deferred);
                    _asm.MovImmediate(Homes.Scratch, 0);
                    if (deferred.Back == null)
                    {
                        _asm.JmpTo(_stubs.Find[_mode]);
                    }
                    else
                    {
                        _asm.CallTo(_stubs.Find[_mode]);
                        _asm.JmpTo(deferred.Back);
                    }

                    break;
                case DeferredKind.SyscallMiss:
                    _asm.Load(Homes.Address, Mem.Context(Offsets.Lstar));
                    _asm.Store(Mem.Context(Offsets.Rip), Homes.Address);
                    _asm.MovImmediate(Homes.Scratch, (uint)ExitKind.Lookup);
                    _asm.JmpTo(_stubs.Exit);
                    break;
                case DeferredKind.ReturnMiss:
                    EmitCanonicalCheck(deferred);
                    _asm.JmpTo(_stubs.ReturnMiss[_mode]);
                    break;
                case DeferredKind.ShadowFull:
                    _asm.Load(HostStackPointer, Mem.Context(Offsets.ShadowBase));
                    _asm.JmpTo(deferred.Back);
                    break;
                case DeferredKind.LoadX87:
                    _asm.CallTo(_stubs.LoadX87);
                    _asm.JmpTo(deferred.Back);
                    break;
                case DeferredKind.Events:
                    FlagsToMemory(Guest.StatusFlags.All);
                    EmitExit(ExitKind.Events, deferred.Rip);
                    break;
                case DeferredKind.Group:
                    EmitGroupOneByOne(_groups[(int)deferred.Value]);
                    break;
                case DeferredKind.HotGroup:
                    EmitHotGroupMiss(deferred);
                    break;
                case DeferredKind.Lookup:
                    FlagsToMemory(Guest.StatusFlags.All);
                    EmitExit(ExitKind.Lookup, deferred.Rip);
                    break;
                case DeferredKind.Interpret:
                    FlagsToMemory(Guest.StatusFlags.All);
                    EmitExit(ExitKind.Interpret, deferred.Rip);
                    break;
            }
        }
    }

    /// <summary>Where what goes on adds the linear address again.</summary>
    private void TakeAway(Mem? operand)
    {
        if (operand is not { } linear) return;
        _asm.Lea(Homes.Scratch, linear);
        _asm.Alu(AluOp.Sub, Homes.Address, Homes.Scratch);
    }

    /// <summary>Goes on where an access was looked up, with scratch as it is expected there.</summary>
    private void GoBack(in Deferred deferred)
    {
        if (deferred.ScratchGuest != NoGuest) _asm.Load(Homes.Scratch, Mem.Context(Offsets.Gpr(deferred.ScratchGuest)));
        _asm.JmpTo(deferred.Back);
    }

    private void EmitKnownPageMiss(in Deferred deferred)
    {
        if (deferred.Operand is { } mixed) _asm.Lea(Homes.Address, mixed);
        FlagsToMemory(Guest.StatusFlags.All);
        StoreRip(deferred.Rip);
        var page = deferred.Page;
        var set = TranslationMode.TlbSet(_mode);
        _asm.MovImmediate(Homes.Scratch, deferred.Value | page.MissInfo);
        _asm.CallTo(page.Number < 0 ? _stubs.StackMiss[set] : page.IsWindow ? _stubs.WindowMiss[(2 * set) + ((deferred.Value & Stubs.MissWrites) != 0 ? 1 : 0)] : _stubs.SiteMiss[page.Number / Tlb.Sites]);
        TakeAway(deferred.Operand);
        GoBack(deferred);
    }

    private void EmitMissCall(in Deferred deferred, byte* stub)
    {
        StoreRip(deferred.Rip);
        _asm.MovImmediate(Homes.Scratch, deferred.Value);
        _asm.CallTo(stub);
        TakeAway(deferred.Operand);
        _asm.JmpTo(deferred.Back);
    }

    /// <summary>A branch to an address that is not canonical faults before it has changed anything: the interpreter does that.</summary>
    private void EmitCanonicalCheck(in Deferred deferred)
    {
        _asm.Mov(Homes.Scratch, Homes.Address);
        _asm.Shift(true, 4, Homes.Scratch, 16);
        _asm.Shift(true, 7, Homes.Scratch, 16);
        _asm.Alu(AluOp.Cmp, Homes.Scratch, Homes.Address);
        var canonical = _asm.Jcc(Condition.Equal);
        if (deferred.Tag != 0) _asm.Lea(Homes.StackPointer, Mem.At(Homes.StackPointer, deferred.Tag));
        EmitExit(ExitKind.Interpret, deferred.Rip);
        _asm.Land(canonical);
    }

    /// <summary>
    /// Where an exit leads that is not linked. When the flags must be made again, it leads there by a pad: links to code that looks at flags go on using the
    /// pad, links to other code do not.
    /// </summary>
    private void EmitLink(in Deferred deferred)
    {
        ref var exit = ref _exits[(int)deferred.Value];
        if (_flags == FlagPlace.Recipe)
        {
            exit.Pad = _asm.Position;
            EmitRecipe(_recipe);
            exit.PadDistance = _asm.Jmp();
            if (deferred.Back != null)
            {
                _asm.Land(deferred.Back);
                EmitRecipe(_recipe);
            }

            _asm.Land(exit.PadDistance);
            exit.Stub = _asm.Position;
            SaveFlags();
        }
        else
        {
            if (deferred.Back != null) _asm.Land(deferred.Back);
            exit.Stub = _asm.Position;
            FlagsToMemory(Guest.StatusFlags.All);
        }

        if (exit.FarLink != 0)
        {
            // Not linked, or the generation is another one. Never reached by the exit's own call, since links that do not hold have no generation.
            _asm.MovImmediate(Homes.Address, deferred.Rip);
            _asm.MovImmediate(Homes.Scratch, (uint)exit.FarLink);
            if (deferred.Tag == 0)
            {
                _asm.JmpTo(_stubs.FindLinked[exit.Mode]);
            }
            else
            {
                _asm.CallTo(_stubs.FindLinked[exit.Mode]);
                _asm.JmpTo(exit.Distance + 4);
            }

            return;
        }

        _asm.MovImmediate(Homes.Scratch, deferred.Value + (uint)ExitKind.FirstLink); // managed code knows the address
        _asm.JmpTo(_stubs.Exit);
    }
}
