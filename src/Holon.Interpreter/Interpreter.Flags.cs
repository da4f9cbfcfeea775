using Holon.X86;

namespace Holon.Interpreter;

// RFLAGS as POPF and IRET load it (SDM vol. 2, POPF).
public sealed unsafe partial class Interpreter
{
    /// <summary>Loads RFLAGS from a stack image: only what the privilege level may change changes.</summary>
    /// <param name="image">The value read.</param>
    /// <param name="size">2, 4 or 8 bytes; a 2-byte image has no upper flags.</param>
    /// <param name="fromIret">IRET also loads RF, and at level 0 VIF and VIP; VM is the caller's business.</param>
    internal void SetFlagsFromImage(ulong image, int size, bool fromIret)
    {
        var mask = Rflags.Status | Rflags.TF | Rflags.DF | Rflags.NT;
        if (size > 2) mask |= Rflags.AC | Rflags.ID | (fromIret ? Rflags.RF : 0);
        var level = (State.Cr0 & Cr0.PE) == 0 ? 0 : Cpl;
        if (level == 0) mask |= Rflags.Iopl | (size > 2 && fromIret ? Rflags.Vif | Rflags.Vip : 0);
        if (level <= (int)((State.Rflags >> 12) & 3)) mask |= Rflags.IF;
        var flags = (GetRflags() & ~mask) | (image & mask);
        if (!fromIret) flags &= ~Rflags.RF;
        SetRflags(flags | Rflags.Fixed);
    }

    /// <summary>Sets all of RFLAGS and what depends on it.</summary>
    internal void SetRflags(ulong flags)
    {
        LoadStatusFlags(flags);
        State.Rflags = flags;
        UpdateDataAccess();
        UpdateDebug();
        if ((flags & Rflags.IF) != 0) RecheckInterrupts();
    }
}
