using System.Globalization;
using Holon.Machines;

namespace Holon.SystemMachine.Images;

/// <summary>Full disks, noticed before the work where possible, and said in a way that people can act on.</summary>
internal static class DiskSpace
{
    /// <summary>ENOSPC and EDQUOT, which .NET passes on as an I/O exception's HResult.</summary>
    public const int NoSpaceLeft = 28, QuotaExceeded = 122;

    /// <summary>Checks before some work that a folder's disk has room for it.</summary>
    /// <exception cref="DiskFullException">It has not.</exception>
    public static void Require(string folder, long bytes)
    {
        if (new DriveInfo(folder).AvailableFreeSpace < bytes) throw new DiskFullException(bytes);
    }

    /// <summary>Whether a file's file system has space again, after it had none.</summary>
    public static bool IsThereAgain(string path)
    {
        const long Enough = 1 << 20; // for a few clusters; should it not do, there is another look
        try
        {
            return new DriveInfo(Path.GetDirectoryName(Path.GetFullPath(path))!).AvailableFreeSpace >= Enough;
        }
        catch (IOException)
        {
            return false; // as long as the file system cannot be asked
        }
    }

    /// <summary>True when an exception means that the disk is full.</summary>
    public static bool IsFull(IOException exception) => exception is DiskFullException || exception.HResult is NoSpaceLeft or QuotaExceeded;

    /// <summary>The error for a disk that was full, or became so.</summary>
    public static HolonException Explain(string folder, IOException cause)
    {
        var needed = cause is DiskFullException { Needed: > 0 } full ? string.Create(CultureInfo.InvariantCulture, $": building the image needs {full.Needed / 1e6:0} MB more there") : "";
        var message = $"The disk of {folder} is full{needed}; free some, or set XDG_CACHE_HOME to a folder on a larger disk.";
        return cause is DiskFullException ? new HolonException(message) : new HolonException(message, cause);
    }
}

/// <summary>There is no room for something on a disk.</summary>
/// <param name="needed">How many bytes it takes; 0 when nobody knows.</param>
internal sealed class DiskFullException(long needed) : IOException
{
    /// <summary>How many bytes it takes; 0 when nobody knows.</summary>
    public long Needed => needed;
}
