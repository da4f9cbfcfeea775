namespace Holon.Memory;

/// <summary>
/// Which guest pages hold instructions that an engine has decoded or translated. Engines consult it before they let a
/// page be written directly; everyone else who writes guest memory (loaders, device DMA) reports through <see cref="NotifyWrite"/>.
/// </summary>
public sealed class CodePageMap
{
    private readonly byte[] _hasCode;

    /// <summary>An empty map for a number of page frames.</summary>
    public CodePageMap(ulong pageCount) => _hasCode = new byte[pageCount];

    /// <summary>Raised with the physical range when somebody other than a vCPU's own store writes to a page that holds code.
    /// Handlers must not block: they mark the range and let their vCPU discard the code at its next block boundary.</summary>
    public event Action<ulong, ulong>? CodeOverwritten;

    /// <summary>True when decoded code comes from this page.</summary>
    public bool HasCode(ulong page) => page < (ulong)_hasCode.Length && _hasCode[page] != 0;

    /// <summary>Marks a page as holding code.</summary>
    public void Mark(ulong page) => _hasCode[page] = 1;

    /// <summary>Marks a page as free of code.</summary>
    public void Clear(ulong page) => _hasCode[page] = 0;

    /// <summary>Tells every engine that a range was written from outside a vCPU.</summary>
    public void NotifyWrite(ulong physicalAddress, ulong length)
    {
        if (length == 0) return;
        var last = (physicalAddress + length - 1) >> GuestMemory.PageShift;
        for (var page = physicalAddress >> GuestMemory.PageShift; page <= last; page++)
        {
            if (!HasCode(page)) continue;
            CodeOverwritten?.Invoke(physicalAddress, length);
            return;
        }
    }
}
