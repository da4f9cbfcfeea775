using Holon.Interpreter;
using Holon.Translator.Guest;
using Holon.Translator.Host;
using Iced.Intel;

namespace Holon.Translator.Emit;

// Hot code: groups of accesses that one look serves although others lie between, since the page of the stack or of a site stays what it is until that very
// place is looked at again. Groups may overlap. A region is a run of instructions with at least one group under way; there is one copy of it behind the
// block in which each access is looked up by itself, and a look that fails leads there.
internal sealed unsafe partial class BlockEmitter
{
    private readonly List<Region> _regions = [];
    private readonly List<HotGroup> _open = [];
    private int _regionLast = -1;
    private int _held = -1; // the addend that the address register has, by its offset in the context
    private bool _keepsHeld;

    /// <summary>A group under way.</summary>
    private readonly record struct HotGroup(AccessGroup Group, KnownPage Page);

    /// <summary>What is needed to write the copy.</summary>
    private sealed class Region
    {
        public required int First;
        public int Last;
        public bool X87Ready, IsWritten, Ended;
        public FlagPlace FlagsAfter;
        public byte* After;

        /// <summary>Where looks of the hot code lead when they fail: by instruction, where it is in the copy and where the flags are there.</summary>
        public readonly Dictionary<int, (nint Code, FlagPlace Flags)> Entries = [];
    }

    private void ForgetRegions()
    {
        _regions.Clear();
        _open.Clear();
        _regionLast = -1;
        _held = -1;
    }

    /// <summary>Emits an instruction of a hot block, after the look of a group that begins with it.</summary>
    private void EmitInRegion(int index)
    {
        _open.RemoveAll(open => open.Group.Last < index);
        if (!IsMember(index) && AccessGroups.FindScattered(_guest, index) is { } found) BeginHotGroup(index, found);
        EmitInstruction(index);
        if (_regionLast < 0 || (index < _regionLast && !_ended)) return;
        var region = _regions[^1];
        (region.Last, region.FlagsAfter, region.Ended) = (index, _flags, _ended);
        region.After = _asm.Position;
        _regionLast = -1;
        _open.Clear();
        _scratchGuest = NoGuest; // the other way here does not have it
    }

    private bool IsMember(int index)
    {
        foreach (var open in _open)
        {
            if (AccessGroups.Access(_guest.Instructions[index], open.Group.Register, aligned: true) is not null) return true;
        }

        return false;
    }

    private void BeginHotGroup(int index, in AccessGroup group)
    {
        ref var instruction = ref _guest.Instructions[index];
        var page = group.Register == Register.RSP ? KnownPage.Stack(TranslationMode.TlbSet(_mode)) : NextSite(instruction, group.Writes);
        if (page is not { } known || (known.IsWindow && group.Bytes > Blocks.AccessWindows.LongestAccess)) return;
        LoseHostFlags(instruction.LiveBefore);
        if (_regionLast < 0) _regions.Add(new Region { First = index, X87Ready = _x87Ready });
        _regions[^1].Entries[index] = default;
        _regionLast = Math.Max(_regionLast, group.Last);
        _open.Add(new HotGroup(group, known));
        _held = -1;

        var @base = Value(Number(group.Register), Homes.Scratch);
        _scratchGuest = NoGuest;
        if (group.Lowest != 0) _asm.Lea(Homes.Scratch, Mem.At(@base, group.Lowest));
        else MovUnlessSame(Homes.Scratch, @base);
        var other = CheckKnown(known, group.Bytes, false, Homes.Scratch, out _);
        byte* misaligned = null;
        if (group.Alignment > 1)
        {
            _asm.TestImmediate(Homes.Scratch, group.Alignment - 1);
            misaligned = _asm.Jcc(Condition.NotEqual);
        }

        var miss = new Deferred(DeferredKind.HotGroup, other, _asm.Position, (ulong)index, (uint)(_regions.Count - 1), group.Lowest, (ulong)group.Register) { Page = known, Bytes = group.Bytes, Alignment = group.Alignment };
        // Looks of a misaligned group fail after the page was found, again and again: they need not look for it.
        if (misaligned != null) Defer(miss with { From = misaligned, Page = KnownPage.None });
        Defer(miss);
    }

    /// <summary>If an open group has the access, makes <see cref="_operand"/> its place. Changes no flags; may change scratch.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="plain">The operand may name no register but the address register.</param>
    private bool TakeFromGroup(in GuestInstruction instruction, bool plain = false)
    {
        if (_group is { } group && AccessGroups.Access(instruction, group.Register) is not null)
        {
            _operand = Mem.At(Homes.Address, _groupOffset);
            return true;
        }

        foreach (var open in _open)
        {
            if (AccessGroups.Access(instruction, open.Group.Register, aligned: true) is not { } access) continue;
            var home = Homes.Of(Number(open.Group.Register));
            if (home == Homes.InContext)
            {
                _asm.Load(Homes.Address, Mem.Context(Offsets.Gpr(Number(open.Group.Register))));
                _scratchGuest = NoGuest;
                _asm.Load(Homes.Scratch, Mem.Context(open.Page.Addend));
                _asm.Lea(Homes.Address, new Mem(Homes.Address, Homes.Scratch, 0, 0, false));
                _operand = Mem.At(Homes.Address, access.Offset);
                return true;
            }

            if (_held != open.Page.Addend) _asm.Load(Homes.Address, Mem.Context(open.Page.Addend));
            _held = open.Page.Addend;
            if (plain)
            {
                _asm.Lea(Homes.Address, new Mem(Homes.Address, home, 0, access.Offset, false));
                _operand = Mem.At(Homes.Address);
                return true;
            }

            _keepsHeld = true;
            _operand = new Mem(Homes.Address, home, 0, access.Offset, false);
            return true;
        }

        return false;
    }

    /// <summary>A look of a group failed: the page is another one that the TLB knows, or the copy does it.</summary>
    private void EmitHotGroupMiss(in Deferred deferred)
    {
        var index = (int)deferred.Rip;
        var region = _regions[(int)deferred.Value];
        if (deferred.Page.Number >= 0)
        {
            var @base = Value(Number((Register)deferred.Linear), Homes.Address);
            _asm.Lea(Homes.Address, Mem.At(@base, deferred.Tag));
            _asm.MovImmediate(Homes.Scratch, (uint)deferred.Bytes | deferred.Page.MissInfo);
            if (deferred.Page.IsWindow)
            {
                _asm.CallTo(_stubs.WindowGroupMiss);
            }
            else
            {
                byte* misaligned = null;
                if (deferred.Alignment > 1)
                {
                    _asm.TestImmediate(Homes.Address, deferred.Alignment - 1); // it goes on behind where this is looked at
                    misaligned = _asm.Jcc(Condition.NotEqual);
                }

                _asm.CallTo(_stubs.GroupMiss[deferred.Page.Number / Tlb.Sites]);
                _asm.Test(Homes.Address, Homes.Address);
                _asm.JccTo(Condition.NotEqual, deferred.Back);
                if (misaligned != null) _asm.Land(misaligned);
            }
        }

        if (!region.IsWritten)
        {
            EmitCopyOfRegion(region, index);
            return;
        }

        var (code, flags) = region.Entries[index];
        FlagsTo(flags);
        _asm.JmpTo((byte*)code);
    }

    /// <summary>The same instructions, each with its own look; then back to behind the region, with the status flags where they are expected there.</summary>
    private void EmitCopyOfRegion(Region region, int entered)
    {
        System.Diagnostics.Debug.Assert(entered == region.First, "Looks are deferred in order.");
        region.IsWritten = true;
        _x87Ready = region.X87Ready;
        _ended = _isHot = false;
        _held = -1;
        for (var i = region.First; i <= region.Last && !_ended; i++)
        {
            if (region.Entries.ContainsKey(i))
            {
                region.Entries[i] = ((nint)_asm.Position, _flags);
                _scratchGuest = NoGuest;
            }

            EmitInstruction(i);
        }

        _isHot = true;
        if (_ended) return;
        if (region.Ended)
        {
            EmitDirectExit(_guest.Instructions[region.Last].Iced.NextIP, _guest.Instructions[region.Last].Iced.IP, _mode);
            return;
        }

        FlagsTo(region.FlagsAfter);
        _asm.JmpTo(region.After);
    }

    private void FlagsTo(FlagPlace place)
    {
        if ((place & FlagPlace.Host) != 0) FlagsToHost();
        if ((place & FlagPlace.Memory) != 0) FlagsToMemory(StatusFlags.All);
    }
}
