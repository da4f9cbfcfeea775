using System.Text;
using Holon.Machines;

namespace Holon.SystemMachine.Boot;

/// <summary>Text that a guest is handed, such as its command line: UTF-8 with a terminating zero, in conventional memory.</summary>
internal static class BootText
{
    /// <summary>Puts text into memory.</summary>
    /// <param name="layout">Where.</param>
    /// <param name="text">The text.</param>
    /// <param name="what">What it is, for errors.</param>
    public static ulong Place(GuestLayout layout, string text, string what)
    {
        if (text.Contains('\0', StringComparison.Ordinal)) throw new HolonException($"The guest cannot be given {what} with a zero character in it; remove it.");
        var bytes = Encoding.UTF8.GetBytes(text + '\0');
        var address = layout.AllocateLow(bytes.Length, 16, what);
        layout.Memory.Write(address, bytes);
        return address;
    }
}
