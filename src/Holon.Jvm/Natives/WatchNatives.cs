using System.Runtime.InteropServices;

namespace Holon.Jvm.Natives;

/// <summary>The file system's WatchService: inotify(7), and the poller thread that the class library runs on it.</summary>
internal static unsafe class WatchNatives
{
    /// <summary>Where an event has its watch, mask, cookie, length of the name, and name.</summary>
    private static ReadOnlySpan<int> EventOffsets => [0, 4, 8, 12, 16];

    public static void Register(Func<string, NativeClass> of) => of("sun/nio/fs/LinuxWatchService")
        .Int("eventSize()I", _ => 16)
        .Ref("eventOffsets()[I", _ => EventOffsets.ToArray())
        .Int("inotifyInit()I", a => (int)NioFileNatives.Check(a, a.Machine.OpenFiles.Opened(Libc.INotifyInit(Libc.CloseOnExec))))
        .Int("inotifyAddWatch(IJI)I", a => (int)NioFileNatives.Check(a, Libc.INotifyAdd(NioFileNatives.Fd(a, 0), NioFileNatives.Readable(a, 1), (uint)a.Int(3))))
        .Void("inotifyRmWatch(II)V", a => NioFileNatives.Check(a, Libc.INotifyRemove(NioFileNatives.Fd(a, 0), a.Int(1))))
        .Void("configureBlocking(IZ)V", a =>
        {
            var flags = (int)NioFileNatives.Check(a, Libc.FCntl(NioFileNatives.Fd(a, 0), 3, 0));
            NioFileNatives.Check(a, Libc.FCntl(NioFileNatives.Fd(a, 0), 4, a.Bool(1) ? flags & ~Libc.NonBlocking : flags | Libc.NonBlocking));
        })
        .Void("socketpair([I)V", a =>
        {
            var pair = (int[])a.Ref(0)!;
            var made = stackalloc int[2];
            NioFileNatives.Check(a, Libc.SocketPair(1, 1 | Libc.CloseOnExec, 0, made));
            (pair[0], pair[1]) = (a.Machine.OpenFiles.Opened(made[0]), a.Machine.OpenFiles.Opened(made[1]));
        })
        .Int("poll(II)I", Poll);

    /// <summary>Waits for either of two descriptors without an end, in pieces, so that a machine that ends is noticed.</summary>
    private static int Poll(Args a)
    {
        const int Piece = 50;
        var entries = stackalloc Libc.PollFd[2];
        while (true)
        {
            entries[0] = new Libc.PollFd { Fd = NioFileNatives.Fd(a, 0), Events = Libc.PollIn };
            entries[1] = new Libc.PollFd { Fd = NioFileNatives.Fd(a, 1), Events = Libc.PollIn };
            var n = Libc.Poll(entries, 2, Piece);
            if (a.Machine.Ending) throw new Runtime.MachineEnd(a.Machine.ExitCode);
            if (n > 0) return n;
            if (n < 0 && Marshal.GetLastPInvokeError() != Libc.Eintr) throw NioFileNatives.Failure(a);
        }
    }
}
