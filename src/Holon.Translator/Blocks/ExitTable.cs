using Holon.Translator.Host;

namespace Holon.Translator.Blocks;

/// <summary>Which entry of its target a direct exit needs.</summary>
internal enum EntryPoint : byte
{
    /// <summary>Flags in the host's, no look at interrupts.</summary>
    Host,

    /// <summary>Flags in the context, no look at interrupts.</summary>
    Memory,

    /// <summary>Flags in the host's; looks at interrupts.</summary>
    PollHost,

    /// <summary>Flags in the context; looks at interrupts.</summary>
    PollMemory,
}

/// <summary>One direct exit of a block: a jump that leads to its stub until it is linked.</summary>
internal unsafe struct Exit
{
    /// <summary>The block that it belongs to; null when the number is free.</summary>
    public TranslatedBlock? Owner;

    /// <summary>The block that it is linked to.</summary>
    public TranslatedBlock? Target;

    /// <summary>Where the jump's 32-bit distance is, and the stub that it leads to while not linked.</summary>
    public byte* Distance, Stub;

    /// <summary>Code that makes the status flags again and goes on to where <see cref="PadDistance"/> says; null when they are not to be made.</summary>
    public byte* Pad, PadDistance;

    /// <summary>Where its <see cref="Blocks.FarLink"/> is in the context; 0 for a target in the same page.</summary>
    public int FarLink;

    /// <summary>Linear address that it leads to.</summary>
    public ulong Linear;

    /// <summary>Mode of the code there.</summary>
    public int Mode;

    /// <summary>Which entry it needs.</summary>
    public EntryPoint Entry;

    /// <summary>The next exit of its owner; the exits before and behind it among those that lead to its target. -1 for none.</summary>
    public int NextOfOwner, PreviousIncoming, NextIncoming;
}

/// <summary>All direct exits by number, and their links.</summary>
internal sealed unsafe class ExitTable
{
    private readonly byte* _context;
    private readonly Stack<int> _free = new(), _freeFarLinks = new();
    private Exit[] _exits = new Exit[4096];
    private int _count, _farLinkCount;

    /// <param name="context">The vCPU's context, where the far links are.</param>
    public ExitTable(byte* context) => _context = context;

    /// <summary>An exit by its number.</summary>
    public ref Exit this[int number] => ref _exits[number];

    /// <summary>Takes a number for an exit of a block.</summary>
    public int Add(in Exit exit)
    {
        if (!_free.TryPop(out var number))
        {
            if (_count == _exits.Length) Array.Resize(ref _exits, 2 * _count);
            number = _count++;
        }

        ref var added = ref _exits[number];
        added = exit;
        added.NextOfOwner = added.PreviousIncoming = added.NextIncoming = -1;
        var owner = exit.Owner!;
        if (owner.LastExit < 0) owner.FirstExit = number;
        else _exits[owner.LastExit].NextOfOwner = number;
        owner.LastExit = number;
        if (exit.FarLink != 0) SetFar(exit, number, null, 0);
        return number;
    }

    /// <summary>Takes a far link for an exit that is added next: its offset in the context; null when there are none left.</summary>
    public int? NewFarLink() =>
        _freeFarLinks.TryPop(out var link) ? link : _farLinkCount < Offsets.MostFarLinks ? Offsets.FarLinks + (_farLinkCount++ * sizeof(FarLink)) : null;

    private void SetFar(in Exit exit, int number, byte* target, uint generation) =>
        *(FarLink*)(_context + exit.FarLink) = new FarLink { Target = target, Number = number, Generation = generation };

    /// <summary>Makes an exit jump to a block directly.</summary>
    /// <param name="number">The exit.</param>
    /// <param name="target">The block at its address.</param>
    /// <param name="generation">The generation that the link holds for, if it leads to another page.</param>
    /// <param name="entry">Where the jump cache leads for that block.</param>
    public void Link(int number, TranslatedBlock target, uint generation, byte* entry)
    {
        ref var exit = ref _exits[number];
        if (exit.FarLink != 0) SetFar(exit, number, entry, generation);
        if (exit.Target == target) return; // found again where it was: only the generation is another
        if (exit.Target != null) Unlink(ref exit);
        exit.Target = target;
        exit.NextIncoming = target.FirstIncoming;
        if (target.FirstIncoming >= 0) _exits[target.FirstIncoming].PreviousIncoming = number;
        target.FirstIncoming = number;
        if (exit.Pad != null)
        {
            var polls = exit.Entry is EntryPoint.PollMemory or EntryPoint.PollHost;
            HostAssembler.Patch(exit.Distance, target.NeedsFlags ? exit.Pad : polls ? target.PollMemory : target.EnterMemory);
            HostAssembler.Patch(exit.PadDistance, polls ? target.PollHost : target.EnterHost);
        }
        else
        {
            HostAssembler.Patch(exit.Distance, exit.Entry switch
            {
                EntryPoint.Host => target.EnterHost,
                EntryPoint.Memory => target.EnterMemory,
                EntryPoint.PollHost => target.PollHost,
                _ => target.PollMemory,
            });
        }
    }

    /// <summary>Frees a block's exits, and sends those that lead to it to their stubs again.</summary>
    public void Drop(TranslatedBlock block)
    {
        for (var number = block.FirstIncoming; number >= 0;)
        {
            ref var exit = ref _exits[number];
            if (exit.FarLink != 0) SetFar(exit, number, null, 0);
            HostAssembler.Patch(exit.Distance, exit.Pad != null ? exit.Pad : exit.Stub);
            if (exit.Pad != null) HostAssembler.Patch(exit.PadDistance, exit.Stub);
            exit.Target = null;
            number = exit.NextIncoming;
            exit.PreviousIncoming = exit.NextIncoming = -1;
        }

        for (var number = block.FirstExit; number >= 0;)
        {
            ref var exit = ref _exits[number];
            var next = exit.NextOfOwner;
            if (exit.Target != null) Unlink(ref exit);
            if (exit.FarLink != 0) _freeFarLinks.Push(exit.FarLink);
            exit = default;
            _free.Push(number);
            number = next;
        }

        block.FirstIncoming = block.FirstExit = block.LastExit = -1;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        Array.Clear(_exits, 0, _count);
        _free.Clear();
        _freeFarLinks.Clear();
        _count = _farLinkCount = 0;
    }

    /// <summary>Takes an exit out of those that lead to its target.</summary>
    private void Unlink(ref Exit exit)
    {
        if (exit.PreviousIncoming >= 0) _exits[exit.PreviousIncoming].NextIncoming = exit.NextIncoming;
        else exit.Target!.FirstIncoming = exit.NextIncoming;
        if (exit.NextIncoming >= 0) _exits[exit.NextIncoming].PreviousIncoming = exit.PreviousIncoming;
        exit.PreviousIncoming = exit.NextIncoming = -1;
        exit.Target = null;
    }
}
