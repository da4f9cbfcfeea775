namespace Holon.Memory;

/// <summary>
/// A vCPU as others see it that hold, or overwrite, code of the same page. All members are callable from any thread, and none of them waits.
/// See docs/translator.md, "Code that several processors change".
/// </summary>
public interface ICodeHolder
{
    /// <summary>Whether it may store to a page without asking: it has a writable translation of it, or a store to it on the way.</summary>
    bool MayWrite(ulong page);

    /// <summary>Takes that right. It has lost it when <see cref="HasGivenUp"/> of the number returned says so: at once when it stands still, else between two blocks.</summary>
    long TakeWrite(ulong page);

    /// <summary>Whether it has lost what the call of <see cref="TakeWrite"/> that returned this number took.</summary>
    bool HasGivenUp(long number);

    /// <summary>Somebody else has overwritten code of a page: it must drop all that it made of the page before it looks at its next event.
    /// From now on the page does not count as one of its.</summary>
    void Overwritten(ulong page);
}
