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

    /// <summary>Where the generation that the link holds for is compared; null for a target in the same page.</summary>
    public byte* Generation;

    /// <summary>Linear address that it leads to.</summary>
    public ulong Linear;

    /// <summary>Mode of the code there.</summary>
    public int Mode;

    /// <summary>Which entry it needs.</summary>
    public EntryPoint Entry;
}

/// <summary>All direct exits by number, and their links.</summary>
internal sealed unsafe class ExitTable
{
    private readonly Stack<int> _free = new();
    private Exit[] _exits = new Exit[4096];
    private int _count;

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

        _exits[number] = exit;
        exit.Owner!.Exits.Add(number);
        return number;
    }

    /// <summary>Makes an exit jump to a block directly.</summary>
    /// <param name="number">The exit.</param>
    /// <param name="target">The block at its address.</param>
    /// <param name="generation">The generation that the link holds for, if it leads to another page.</param>
    public void Link(int number, TranslatedBlock target, uint generation)
    {
        ref var exit = ref _exits[number];
        if (exit.Target is { } old) old.Incoming.Remove(number);
        exit.Target = target;
        target.Incoming.Add(number);
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

        if (exit.Generation != null) *(uint*)exit.Generation = generation;
    }

    /// <summary>Frees a block's exits, and sends those that lead to it to their stubs again.</summary>
    public void Drop(TranslatedBlock block)
    {
        foreach (var number in block.Incoming)
        {
            ref var exit = ref _exits[number];
            exit.Target = null;
            HostAssembler.Patch(exit.Distance, exit.Pad != null ? exit.Pad : exit.Stub);
            if (exit.Pad != null) HostAssembler.Patch(exit.PadDistance, exit.Stub);
        }

        foreach (var number in block.Exits)
        {
            if (_exits[number].Target is { } target && target != block) target.Incoming.Remove(number);
            _exits[number] = default;
            _free.Push(number);
        }

        block.Incoming.Clear();
        block.Exits.Clear();
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        Array.Clear(_exits, 0, _count);
        _free.Clear();
        _count = 0;
    }
}
