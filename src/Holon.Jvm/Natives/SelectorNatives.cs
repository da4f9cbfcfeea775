using System.Runtime.InteropServices;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>Selectors: epoll, wake-up descriptors and pipes (sun.nio.ch).</summary>
internal static unsafe class SelectorNatives
{
    public static void Register(Func<string, NativeClass> of)
    {
        of("sun/nio/ch/EPoll")
            .Int("eventSize()I", _ => 12) // packed on x86-64
            .Int("eventsOffset()I", _ => 0)
            .Int("dataOffset()I", _ => 4)
            .Int("create()I", a => Check(a, a.Machine.OpenFiles.Opened(Libc.EPollCreate(Libc.CloseOnExec))))
            .Int("ctl(IIII)I", a =>
            {
                var change = stackalloc int[3];
                (change[0], change[1], change[2]) = (a.Int(3), a.Int(2), 0);
                return Libc.EPollControl(NioFileNatives.Fd(a, 0), a.Int(1), NioFileNatives.Fd(a, 2), change) == 0 ? 0 : Marshal.GetLastPInvokeError();
            })
            .Int("wait(IJII)I", Wait);
        of("sun/nio/ch/EventFD")
            .Int("eventfd0()I", a => Check(a, a.Machine.OpenFiles.Opened(Libc.EventFd(0, Libc.CloseOnExec))))
            .Int("set0(I)I", a =>
            {
                var one = 1L;
                return Check(a, (int)Libc.Write(NioFileNatives.Fd(a, 0), &one, 8)) == 8 ? 0 : 0;
            });
        of("sun/nio/ch/IOUtil")
            .Bool("randomBytes([B)Z", a =>
            {
                System.Security.Cryptography.RandomNumberGenerator.Fill(a.Bytes(0));
                return true;
            })
            .Long("makePipe(Z)J", a =>
            {
                var pair = stackalloc int[2];
                Check(a, Libc.Pipe(pair, Libc.CloseOnExec | (a.Bool(0) ? 0 : Libc.NonBlocking)));
                return (long)a.Machine.OpenFiles.Opened(pair[0]) << 32 | (uint)a.Machine.OpenFiles.Opened(pair[1]);
            })
            .Int("write1(IB)I", a =>
            {
                var b = (byte)a.Int(1);
                return Check(a, (int)Libc.Write(NioFileNatives.Fd(a, 0), &b, 1));
            })
            .Bool("drain(I)Z", a => Drain(a) > 0)
            .Int("drain1(I)I", a =>
            {
                byte b;
                return (int)Math.Max(0, Libc.Read(NioFileNatives.Fd(a, 0), &b, 1));
            })
            .Void("configureBlocking(Ljava/io/FileDescriptor;Z)V", a =>
            {
                var fd = FileNatives.Number(a, a.Object(0));
                var flags = Check(a, Libc.FCntl(fd, 3, 0));
                Check(a, Libc.FCntl(fd, 4, a.Bool(1) ? flags & ~Libc.NonBlocking : flags | Libc.NonBlocking));
            });
    }

    private static int Check(Args a, int result) => result >= 0 ? result : throw FileNatives.Failure(a, "I/O failed");

    private static int Drain(Args a)
    {
        var buffer = stackalloc byte[128];
        var total = 0;
        while (Libc.Read(NioFileNatives.Fd(a, 0), buffer, 128) is var n && n > 0)
        {
            total += (int)n;
            if (n < 128) break;
        }
        return total;
    }

    /// <summary>Waits in pieces, so that a machine that ends is noticed.</summary>
    private static int Wait(Args a)
    {
        const int Piece = 50;
        var timeout = a.Int(4);
        var until = timeout < 0 ? long.MaxValue : Environment.TickCount64 + timeout;
        while (true)
        {
            var left = until - Environment.TickCount64;
            var n = Libc.EPollWait(NioFileNatives.Fd(a, 0), (void*)a.Long(1), a.Int(3), (int)Math.Clamp(left, 0, Piece));
            if (a.Machine.Ending) throw new MachineEnd(a.Machine.ExitCode);
            if (n > 0) return n;
            if (n < 0) return Marshal.GetLastPInvokeError() == Libc.Eintr ? -3 : throw FileNatives.Failure(a, "epoll_wait failed");
            if (Environment.TickCount64 >= until) return 0;
        }
    }
}
