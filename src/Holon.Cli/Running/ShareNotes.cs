using Holon.SystemMachine;
using Holon.SystemMachine.Shares;

namespace Holon.Cli.Running;

/// <summary>What people must do themselves to find shared folders in a guest that nobody tells.</summary>
internal static class ShareNotes
{
    /// <summary>Prints a line for each folder that the guest does not mount by itself.</summary>
    /// <param name="spec">The machine.</param>
    /// <param name="told">True when the guest is told, by an image of Holon's or a cloud image's seed.</param>
    public static void Tell(SystemMachineSpec spec, bool told)
    {
        if (told) return;
        foreach (var share in spec.Shares) Console.Error.WriteLine($"holon: in the guest, {ShareMounts.Command(share)}");
    }
}
