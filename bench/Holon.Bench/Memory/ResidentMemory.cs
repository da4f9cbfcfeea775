using System.Globalization;

namespace Holon.Bench.Memory;

/// <summary>What a process that runs a guest holds in memory besides the guest's RAM, in bytes.</summary>
internal static class ResidentMemory
{
    // How guest RAM is called in the process's mappings: Holon's own, and QEMU's when it is told to use a memfd.
    private static readonly string[] _guestMemory = ["/memfd:holon-guest-memory", "/memfd:memory-backend-memfd"];

    /// <summary>Adds up the resident pages of all mappings but the guest's RAM (proc(5), smaps). Code in a memfd is mapped writable and executable, and counts once.</summary>
    public static long BeyondGuest(int process)
    {
        long kilobytes = 0;
        var counts = true;
        foreach (var line in File.ReadLines($"/proc/{process}/smaps"))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words is ["Rss:", var resident, "kB"])
            {
                if (counts) kilobytes += long.Parse(resident, CultureInfo.InvariantCulture);
            }
            else if (words[0].Contains('-', StringComparison.Ordinal)) // "from-to rights offset device inode name": a mapping begins
            {
                counts = words.Length < 6 || !(_guestMemory.Any(words[5].StartsWith) || (words[5].StartsWith("/memfd:", StringComparison.Ordinal) && words[1].Contains('x', StringComparison.Ordinal)));
            }
        }

        return kilobytes * 1024;
    }
}
