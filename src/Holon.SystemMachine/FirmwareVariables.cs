using Holon.Devices.Flash;
using Holon.Machines;
using Microsoft.Win32.SafeHandles;

namespace Holon.SystemMachine;

/// <summary>UEFI's variables: the contents of a flash below the firmware's, kept in a file of the user's, or forgotten at the end.</summary>
internal sealed class FirmwareVariables : IDisposable
{
    private const int MostLength = 4 << 20;

    private readonly SafeFileHandle? _file;

    private FirmwareVariables(byte[] content, SafeFileHandle? file)
    {
        _file = file;
        Length = content.Length;
        Flash = new ParallelFlash(content, file is null ? null : Store);
    }

    /// <summary>Bytes.</summary>
    public int Length { get; }

    /// <summary>The flash.</summary>
    public ParallelFlash Flash { get; }

    /// <summary>Opens them.</summary>
    /// <param name="template">The empty variables that come with the firmware.</param>
    /// <param name="path">The user's file, made from the template when it is not there; null to forget all changes.</param>
    /// <exception cref="HolonException">A file cannot be used.</exception>
    public static FirmwareVariables Open(string template, string? path)
    {
        try
        {
            if (path is null) return new FirmwareVariables(Check(template, File.ReadAllBytes(template)), null);
            if (!File.Exists(path)) File.Copy(template, path);
            var content = Check(path, File.ReadAllBytes(path));
            return new FirmwareVariables(content, File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HolonException($"The firmware's variables cannot be kept in {path ?? template}; give a file that you can read and write.", exception);
        }
    }

    public void Dispose() => _file?.Dispose();

    private static byte[] Check(string path, byte[] content) =>
        content.Length is > 0 and <= MostLength && content.Length % ParallelFlash.BlockLength == 0
            ? content
            : throw new HolonException($"{path} has {content.Length} bytes, and a file of firmware variables has a multiple of 4 KiB up to 4 MiB; give another one.");

    /// <summary>Variables are few and rarely written: each change goes to the file at once. A full disk loses the change, not the machine.</summary>
    private void Store(long offset, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            RandomAccess.Write(_file!, bytes.Span, offset);
        }
        catch (IOException)
        {
            // The guest has its variable until the machine ends.
        }
    }
}
