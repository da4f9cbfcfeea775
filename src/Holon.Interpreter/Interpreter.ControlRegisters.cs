using Holon.X86;

namespace Holon.Interpreter;

// Control registers and what a change of them means (SDM vol. 3 §2.5, §4.10.4).
public sealed unsafe partial class Interpreter
{
    private const ulong Cr0Known = Cr0.PE | Cr0.MP | Cr0.EM | Cr0.TS | Cr0.ET | Cr0.NE | Cr0.WP | Cr0.AM | Cr0.NW | Cr0.CD | Cr0.PG;

    internal void SetCr0(ulong value)
    {
        if (value >> 32 != 0) RaiseGp();
        value = (value & Cr0Known) | Cr0.ET;
        if ((value & Cr0.PG) != 0 && (value & Cr0.PE) == 0) RaiseGp();
        if ((value & (Cr0.NW | Cr0.CD)) == Cr0.NW) RaiseGp();
        var changed = State.Cr0 ^ value;
        if ((changed & value & Cr0.PG) != 0 && (State.Efer & Efer.Lme) == 0 && (State.Cr4 & Cr4.Pae) != 0) CheckPdptes(State.Cr3);
        if ((changed & Cr0.PG) != 0)
        {
            if ((value & Cr0.PG) != 0)
            {
                if ((State.Efer & Efer.Lme) != 0)
                {
                    if ((State.Cr4 & Cr4.Pae) == 0 || State.Segments[SegmentRegisters.Cs].IsLong || (State.Tr.Type & 8) == 0) RaiseGp();
                    State.Efer |= Efer.Lma;
                }
            }
            else
            {
                if (Code64 || (State.Cr4 & Cr4.Pcide) != 0) RaiseGp();
                State.Efer &= ~Efer.Lma;
            }
        }

        State.Cr0 = value;
        if ((changed & (Cr0.PG | Cr0.WP | Cr0.PE)) != 0) FlushTranslations(true);
        UpdateMode();
    }

    internal void SetCr3(ulong value)
    {
        var noFlush = false;
        if ((State.Cr4 & Cr4.Pcide) != 0)
        {
            noFlush = value >> 63 != 0;
            value &= ~(1ul << 63);
        }

        if (LongModeActive && value >> X86.Paging.PageWalk.PhysicalAddressBits != 0) RaiseGp();
        if (UsesPae) CheckPdptes(value);
        // The TLB keeps no translations of other address spaces, so it can honour "do not flush" for the same one only; a listener may do more.
        var same = noFlush && value == State.Cr3;
        State.Cr3 = value;
        if (same) return;
        if ((State.Cr4 & Cr4.Pge) == 0)
        {
            FlushTranslations(true);
            return;
        }

        _tlb.FlushNonGlobal();
        _code.ForgetTranslations();
        CodeListener?.AddressSpaceLoaded(value, noFlush);
    }

    internal void SetCr4(ulong value)
    {
        var known = Cr4.Vme | Cr4.Pvi | Cr4.Tsd | Cr4.De | Cr4.Pse | Cr4.Pae | Cr4.Mce | Cr4.Pge | Cr4.Pce | Cr4.Osfxsr | Cr4.Osxmmexcpt | Cr4.Umip
            | Cr4.Fsgsbase | Cr4.Pcide | Cr4.Smep | Cr4.Smap | (Model.XsaveMask != 0 ? Cr4.Osxsave : 0);
        if ((value & ~known) != 0) RaiseGp();
        var changed = State.Cr4 ^ value;
        if (LongModeActive && (value & Cr4.Pae) == 0) RaiseGp();
        if ((changed & value & Cr4.Pcide) != 0 && (!LongModeActive || (State.Cr3 & 0xFFF) != 0)) RaiseGp();
        if (!LongModeActive && (State.Cr0 & Cr0.PG) != 0 && (value & Cr4.Pae) != 0 && (changed & (Cr4.Pae | Cr4.Pge | Cr4.Pse | Cr4.Smep)) != 0) CheckPdptes(State.Cr3);
        State.Cr4 = value;
        if ((changed & (Cr4.Pse | Cr4.Pae | Cr4.Pge | Cr4.Pcide | Cr4.Smep | Cr4.Smap)) != 0) FlushTranslations(true);
        UpdateMode();
    }

    private bool UsesPae => !LongModeActive && (State.Cr0 & Cr0.PG) != 0 && (State.Cr4 & Cr4.Pae) != 0;

    /// <summary>PAE paging loads its four PDPTEs with CR3 and faults when a present one has reserved bits (SDM vol. 3 §4.4.1).
    /// We read them again at each walk instead of keeping them, as guests that change them load CR3 anyway.</summary>
    internal void CheckPdptes(ulong cr3)
    {
        const ulong reserved = ~((1ul << X86.Paging.PageWalk.PhysicalAddressBits) - 1) | 0x1E6;
        var table = cr3 & 0xFFFFFFE0;
        for (var i = 0u; i < 4; i++)
        {
            if (!_memory.Contains(table + (8 * i), 8)) continue;
            var entry = _memory.Read<ulong>(table + (8 * i));
            if ((entry & 1) != 0 && (entry & reserved) != 0) RaiseGp();
        }
    }

    /// <summary>Forgets translations.</summary>
    /// <param name="global">Global ones too.</param>
    internal void FlushTranslations(bool global)
    {
        global |= (State.Cr4 & Cr4.Pge) == 0;
        if (global) _tlb.Flush();
        else _tlb.FlushNonGlobal();
        _code.ForgetTranslations();
        CodeListener?.TranslationsForgotten(global);
    }

    /// <summary>Forgets the translation of one page.</summary>
    internal void FlushPage(ulong linear)
    {
        if (_tlb.IsLarge(linear))
        {
            FlushTranslations(true);
            return;
        }

        _tlb.FlushPage(linear);
        _code.ForgetTranslation(linear);
        CodeListener?.TranslationForgotten(linear);
    }

    /// <summary>A large page is used: INVLPG of any address in it must forget all of it (SDM vol. 3 §4.10.4.1).</summary>
    internal void NoteLargePage(ulong linear, uint pageBytes) => _tlb.NoteLarge(linear, pageBytes);
}
