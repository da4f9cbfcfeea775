using System.Runtime.InteropServices;

namespace Holon.Cli.Terminal;

/// <summary>
/// The host's terminal, reached through libc and not through <see cref="Console"/>: the console class would change terminal settings
/// itself and decode what must stay bytes. See termios(3), ioctl_tty(2).
/// </summary>
internal static unsafe partial class HostTerminal
{
    /// <summary>Standard descriptors.</summary>
    public const int StandardInput = 0, StandardOutput = 1, StandardError = 2;

    /// <summary>Larger than struct termios of any libc (glibc has 60 bytes); its content is only handed back.</summary>
    private const int TermiosSize = 256;
    private const int ApplyNow = 0; // TCSANOW: waiting for output to drain could wait for ever on a stopped terminal
    private const nuint GetWindowSize = 0x5413; // TIOCGWINSZ

    private static readonly Lock Gate = new();
    private static byte[]? _saved;

    /// <summary>True when a descriptor is a terminal.</summary>
    public static bool IsTerminal(int descriptor) => IsATty(descriptor) == 1;

    /// <summary>Rows and columns of the terminal; 24 and 80 when it does not say.</summary>
    public static (int Rows, int Columns) Size
    {
        get
        {
            var size = stackalloc ushort[4]; // struct winsize: rows, columns, two unused. Safe: the kernel writes exactly 8 bytes
            return Control(StandardOutput, GetWindowSize, size) == 0 && size[0] > 0 && size[1] > 0 ? (size[0], size[1]) : (24, 80);
        }
    }

    /// <summary>Passes every key on as it is: no echo, no lines, no signals. <see cref="Restore"/> undoes it, however the process ends.</summary>
    /// <returns>False when the terminal refuses.</returns>
    public static bool TryMakeRaw()
    {
        lock (Gate)
        {
            var settings = new byte[TermiosSize];
            fixed (byte* pointer = settings) // safe: the buffer is larger than any struct termios
            {
                if (GetAttributes(StandardInput, pointer) != 0) return false;
                _saved = (byte[])settings.Clone();
                MakeRaw(pointer);
                return SetAttributes(StandardInput, ApplyNow, pointer) == 0;
            }
        }
    }

    /// <summary>Puts the terminal back as it was before <see cref="TryMakeRaw"/>. Does nothing when it was not changed.</summary>
    public static void Restore()
    {
        lock (Gate)
        {
            if (_saved is null) return;
            fixed (byte* pointer = _saved) _ = SetAttributes(StandardInput, ApplyNow, pointer); // safe: as saved by GetAttributes
            _saved = null;
        }
    }

    [LibraryImport("libc", EntryPoint = "isatty")]
    private static partial int IsATty(int descriptor);

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    private static partial int GetAttributes(int descriptor, byte* settings);

    [LibraryImport("libc", EntryPoint = "tcsetattr")]
    private static partial int SetAttributes(int descriptor, int when, byte* settings);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static partial void MakeRaw(byte* settings);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Control(int descriptor, nuint request, void* argument);
}
