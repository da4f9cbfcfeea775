using System.Runtime.InteropServices;

namespace Holon.Cli.Terminal;

/// <summary>Reading and writing the standard descriptors as bytes, in whatever mode they are. See read(2), write(2), poll(2).</summary>
internal static unsafe partial class Descriptor
{
    private const int Interrupted = 4, TryAgain = 11; // EINTR, EAGAIN
    private const short Readable = 1, Writable = 4; // POLLIN, POLLOUT

    /// <summary>Waits until there is something to read, or the end.</summary>
    /// <returns>False when the time ran out first.</returns>
    public static bool WaitReadable(int descriptor, int milliseconds) => Wait(descriptor, Readable, milliseconds);

    /// <summary>Reads what is there.</summary>
    /// <returns>Bytes read; 0 at the end, which is also what a closed or broken descriptor gives.</returns>
    public static int Read(int descriptor, Span<byte> buffer)
    {
        while (true)
        {
            nint count;
            fixed (byte* pointer = buffer) count = ReadDescriptor(descriptor, pointer, (nuint)buffer.Length); // safe: within the span
            if (count >= 0) return (int)count;
            if (Marshal.GetLastPInvokeError() is var error && error == TryAgain) Wait(descriptor, Readable, Timeout.Infinite);
            else if (error != Interrupted) return 0;
        }
    }

    /// <summary>Writes everything.</summary>
    /// <returns>False when nobody reads any more.</returns>
    public static bool TryWrite(int descriptor, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            nint count;
            fixed (byte* pointer = data) count = WriteDescriptor(descriptor, pointer, (nuint)data.Length); // safe: within the span
            if (count >= 0) data = data[(int)count..];
            else if (Marshal.GetLastPInvokeError() is var error && error == TryAgain) Wait(descriptor, Writable, Timeout.Infinite);
            else if (error != Interrupted) return false;
        }

        return true;
    }

    private static bool Wait(int descriptor, short events, int milliseconds)
    {
        var entry = new PollEntry { Descriptor = descriptor, Events = events };
        return Poll(&entry, 1, milliseconds) != 0; // safe: one entry on our stack. An interrupted wait counts as ready; the read finds out
    }

    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Happened;
    }

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadDescriptor(int descriptor, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteDescriptor(int descriptor, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(PollEntry* entries, nuint count, int milliseconds);
}
