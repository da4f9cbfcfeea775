namespace Holon.Interpreter;

/// <summary>What an engine that keeps code of its own, made from guest code, is told by the interpreter that it is built on. Called on the vCPU's thread.</summary>
internal interface ICodeListener
{
    /// <summary>Whether it keeps code made from a physical page, by page number.</summary>
    bool HasCode(ulong page);

    /// <summary>A store of the vCPU changed bytes of a page that holds code. Returns whether it still keeps code made from that page.</summary>
    bool Overwritten(ulong physical, int size);

    /// <summary>Whether a range touches a piece of a page that it made code from.</summary>
    bool Overlaps(ulong physical, int size);

    /// <summary>Somebody else has overwritten code of a page: nothing made from it may be used any more.</summary>
    void Drop(ulong page);

    /// <summary>Translations of linear addresses were dropped.</summary>
    /// <param name="global">Global ones too.</param>
    void TranslationsForgotten(bool global);

    /// <summary>CR3 was loaded, and translations that are not global were dropped.</summary>
    /// <param name="cr3">Its value, which ends with the PCID if there are such.</param>
    /// <param name="kept">The guest allows what was known of this PCID to be used again.</param>
    void AddressSpaceLoaded(ulong cr3, bool kept);

    /// <summary>The translation of one linear page was dropped.</summary>
    void TranslationForgotten(ulong linear);

    /// <summary>State or memory was changed from outside: nothing kept may be used any more.</summary>
    void Invalidated();
}
