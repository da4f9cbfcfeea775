using Holon.Translator.Guest;
using Holon.Translator.Host;
using Iced.Intel;

namespace Holon.Translator.Emit;

// Groups of accesses: one look into the TLB for all, and the address register kept between them.
internal sealed unsafe partial class BlockEmitter
{
    private readonly List<GroupStart> _groups = [];
    private AccessGroup? _group;
    private int _moved, _groupOffset;

    private readonly Func<int, bool> _keepsAddress;

    /// <summary>Whether a copied instruction needs one scratch register at most.</summary>
    private bool KeepsAddress(int index)
    {
        ref var instruction = ref _guest.Instructions[index];
        return instruction.Class.Kind != InstructionKind.Copy
            || Plan(new InstructionEncoding(_guest.BytesOf(instruction)), instruction, keepAddress: true, out _);
    }

    /// <summary>What is needed to do a group's instructions one by one, behind the block.</summary>
    private struct GroupStart
    {
        public int First, Last;
        public FlagRecipe Recipe;
        public FlagPlace Flags, FlagsAfter;
        public bool X87Ready, Ended;
        public byte* After;
    }

    /// <summary>Emits an instruction that may begin a group, or belong to the one under way.</summary>
    private void EmitWithGroup(int index)
    {
        ref var instruction = ref _guest.Instructions[index];
        if (_group is null && AccessGroups.Find(_guest, index, _keepsAddress) is { } found) BeginGroup(index, found);
        if (_group is not { } group)
        {
            EmitInstruction(index);
            return;
        }

        _groupOffset = AccessGroups.Access(instruction, group.Register) is { } access ? _moved + access.Offset - group.Lowest : 0;
        EmitInstruction(index);
        _moved += AccessGroups.Movement(instruction, group.Register) ?? 0;
        if (index == group.Last || _ended) EndGroup();
    }

    private void BeginGroup(int index, in AccessGroup group)
    {
        ref var instruction = ref _guest.Instructions[index];
        LoseHostFlags(instruction.LiveBefore);
        var start = new GroupStart { First = index, Last = group.Last, Flags = _flags, Recipe = _recipe, X87Ready = _x87Ready };
        var guest = Number(group.Register);
        var @base = Value(guest, Homes.Address);
        if (group.Lowest != 0) _asm.Lea(Homes.Address, Mem.At(@base, group.Lowest));
        var from = group.Lowest == 0 ? @base : Homes.Address;
        _scratchGuest = NoGuest;
        byte* fail;
        if (group.Register == Register.RSP || (group.Register == Register.RBP && group.Lowest < 0))
        {
            var known = KnownPage.Stack(TranslationMode.TlbSet(_mode));
            MovUnlessSame(Homes.Address, from);
            _asm.Mov(Homes.Scratch, from);
            _asm.Alu(AluOp.Xor, Homes.Scratch, Mem.Context(known.Tag));
            fail = Check(group.Bytes, false, Homes.Scratch);
            _asm.Alu(AluOp.Add, Homes.Address, Mem.Context(known.Addend));
        }
        else
        {
            fail = EmitThroughTlb(from, group.Bytes, group.Writes, false, out _);
        }

        Defer(new Deferred(DeferredKind.Group, fail, null, 0, (uint)_groups.Count, 0, 0));
        _groups.Add(start);
        _group = group;
        _moved = 0;
    }

    private void EndGroup()
    {
        _scratchGuest = NoGuest; // the other way here does not have it
        var start = _groups[^1];
        start.FlagsAfter = _flags;
        start.Ended = _ended;
        start.After = _asm.Position;
        _groups[^1] = start;
        _group = null;
    }

    /// <summary>The same instructions, each with its own look; then back to behind the group, with the status flags where they are expected there.</summary>
    private void EmitGroupOneByOne(in GroupStart start)
    {
        (_flags, _recipe) = (start.Flags, start.Recipe);
        _x87Ready = start.X87Ready;
        _ended = false;
        _scratchGuest = NoGuest;
        for (var i = start.First; i <= start.Last && !_ended; i++) EmitInstruction(i);
        if (_ended) return;
        if (start.Ended)
        {
            EmitDirectExit(_guest.Instructions[start.Last].Iced.NextIP, _guest.Instructions[start.Last].Iced.IP, _mode);
            return;
        }

        FlagsTo(start.FlagsAfter);
        _asm.JmpTo(start.After);
    }
}
