using System.Globalization;
using Holon.Machines;

namespace Holon.SystemMachine.Images;

/// <summary>Full disks, said in a way that people can act on.</summary>
internal static class DiskSpace
{
    /// <summary>ENOSPC, which .NET passes on as an I/O exception's HResult.</summary>
    public const int NoSpaceLeft = 28;

    /// <summary>EDQUOT: the user's share of the disk is full.</summary>
    private const int QuotaExceeded = 122;

    /// <summary>Checks before the work that a folder's disk has room.</summary>
    /// <exception cref="HolonException">It does not.</exception>
    public static void Require(string folder, long bytes)
    {
        if (new DriveInfo(folder).AvailableFreeSpace < bytes) throw Full(folder, bytes, null);
    }

    /// <summary>True when an exception means that the disk is full.</summary>
    public static bool IsFull(IOException exception) => exception.HResult is NoSpaceLeft or QuotaExceeded;

    /// <summary>The error for a full disk.</summary>
    public static HolonException Full(string folder, long bytes, Exception? cause)
    {
        var message = string.Create(CultureInfo.InvariantCulture,
            $"The disk of {folder} is full: building the image needs {bytes / 1e6:0} MB there; free some, or set XDG_CACHE_HOME to a folder on a larger disk.");
        return cause is null ? new HolonException(message) : new HolonException(message, cause);
    }
}
