using System.Net.Sockets;
using System.Runtime.InteropServices;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>sun.nio.ch.Net: sockets of IPv4 and IPv6. As on HotSpot one socket serves both where the host has both.</summary>
internal static unsafe class NetNatives
{
    private const int Eacces = 13, Einprogress = 115, Eagain = 11;
    private const int Unavailable = -2, Interrupted = -3; // sun.nio.ch.IOStatus

    public static void Register(Func<string, NativeClass> of)
    {
        AddressNatives.Register(of);
        RegisterSockets(of("sun/nio/ch/Net"));
        RegisterOptions(of("sun/nio/ch/Net"));
        RegisterGroups(of("sun/nio/ch/Net"));
        of("sun/nio/ch/SocketDispatcher")
            .Int("read0(Ljava/io/FileDescriptor;JI)I", a => Read(a, Fd(a, 0), a.Long(1), a.Int(3)))
            .Long("readv0(Ljava/io/FileDescriptor;JI)J", ReadVector);
        of("sun/nio/ch/UnixDomainSockets").Bool("init()Z", _ => false);
        of("sun/net/PortConfig").Int("getLower0()I", _ => 32768).Int("getUpper0()I", _ => 60999);
        of("sun/net/spi/DefaultProxySelector").Bool("init()Z", _ => false);
        of("jdk/net/LinuxSocketOptions")
            .Bool("keepAliveOptionsSupported0()Z", _ => false)
            .Bool("quickAckSupported0()Z", _ => false)
            .Bool("incomingNapiIdSupported0()Z", _ => false);
        RegisterDatagrams(of);
    }

    // Sockets ---------------------------------------------------------------------------------------------------------

    private static int Fd(Args a, int slot) => FileNatives.Number(a, a.Object(slot));

    /// <summary>The exception that the error of the last call becomes.</summary>
    private static JavaThrow Failure(Args a) => Failure(a, Marshal.GetLastPInvokeError());

    private static JavaThrow Failure(Args a, int error) => a.Thread.Error("java/net/" + error switch
    {
        71 => "ProtocolException",
        111 or 110 or 107 => "ConnectException",
        113 => "NoRouteToHostException",
        98 or 99 or Eacces => "BindException",
        _ => "SocketException",
    }, Libc.ErrorText(error));

    private static int Check(Args a, int result) => result >= 0 ? result : throw Failure(a);

    private static void CheckGrant(Args a, Libc.SocketAddress address)
    {
        if (address.Family is not (Libc.SocketAddress.Version4 or Libc.SocketAddress.Version6) || !a.Machine.Net.Allows(address.Address, address.HostPort)) throw Failure(a, Eacces);
    }

    private static Libc.SocketAddress Address(Args a, int slot, int port, bool isVersion6)
    {
        var address = AddressNatives.Of(a, a.Object(slot));
        if (!isVersion6 && address.AddressFamily != AddressFamily.InterNetwork) throw a.Thread.Error("java/net/SocketException", "Protocol family unavailable");
        return Libc.SocketAddress.Of(address, port, isVersion6);
    }

    private static void RegisterSockets(NativeClass c) => c
        .Void("initIDs()V", _ => { })
        .Bool("isIPv6Available0()Z", a => a.Machine.UsesIPv6)
        .Bool("isReusePortAvailable0()Z", _ => true)
        .Int("isExclusiveBindAvailable()I", _ => -1)
        .Bool("shouldShutdownWriteBeforeClose0()Z", _ => false)
        .Bool("shouldSetBothIPv4AndIPv6Options0()Z", _ => true)
        .Bool("canIPv6SocketJoinIPv4Group0()Z", _ => true)
        .Bool("canJoin6WithIPv4Group0()Z", _ => false)
        .Bool("canUseIPv6OptionsWithIPv4LocalAddress0()Z", _ => true)
        .Int("pollinValue()S", _ => Libc.PollIn)
        .Int("polloutValue()S", _ => Libc.PollOut)
        .Int("pollerrValue()S", _ => Libc.PollError)
        .Int("pollhupValue()S", _ => Libc.PollHangUp)
        .Int("pollnvalValue()S", _ => Libc.PollInvalid)
        .Int("pollconnValue()S", _ => Libc.PollOut)
        .Int("socket0(ZZZZ)I", a =>
        {
            var isVersion6 = a.Bool(0) && a.Machine.UsesIPv6;
            var fd = Check(a, Libc.Socket(isVersion6 ? Libc.SocketAddress.Version6 : Libc.SocketAddress.Version4, (a.Bool(1) ? 1 : 2) | Libc.CloseOnExec, 0));
            int off = 0, on = 1;
            if (isVersion6) _ = Libc.SetOption(fd, Version6Level, OnlyVersion6, &off, 4);
            if (isVersion6 && !a.Bool(1)) _ = Libc.SetOption(fd, Version6Level, GroupHops6, &on, 4); // as Java wants it for IPv4 as well
            if (a.Bool(2)) _ = Libc.SetOption(fd, 1, 2, &on, 4);
            return a.Machine.OpenFiles.Opened(fd);
        })
        .Void("bind0(Ljava/io/FileDescriptor;ZZLjava/net/InetAddress;I)V", a =>
        {
            var address = Address(a, 3, a.Int(4), a.Bool(1) && a.Machine.UsesIPv6);
            CheckGrant(a, address);
            Check(a, Libc.Bind(Fd(a, 0), &address, address.Length));
        })
        .Void("listen(Ljava/io/FileDescriptor;I)V", a => Check(a, Libc.Listen(Fd(a, 0), a.Int(1))))
        .Int("connect0(ZLjava/io/FileDescriptor;Ljava/net/InetAddress;I)I", Connect)
        .Int("accept(Ljava/io/FileDescriptor;Ljava/io/FileDescriptor;[Ljava/net/InetSocketAddress;)I", Accept)
        .Void("shutdown(Ljava/io/FileDescriptor;I)V", a =>
        {
            if (Libc.ShutDown(Fd(a, 0), a.Int(1)) < 0 && Marshal.GetLastPInvokeError() != 107) throw Failure(a);
        })
        .Int("localPort(Ljava/io/FileDescriptor;)I", a => Name(a, false).HostPort)
        .Ref("localInetAddress(Ljava/io/FileDescriptor;)Ljava/net/InetAddress;", a => AddressNatives.New(a, null, Name(a, false).Address))
        .Int("remotePort(Ljava/io/FileDescriptor;)I", a => Name(a, true).HostPort)
        .Ref("remoteInetAddress(Ljava/io/FileDescriptor;)Ljava/net/InetAddress;", a => AddressNatives.New(a, null, Name(a, true).Address))
        .Int("poll(Ljava/io/FileDescriptor;IJ)I", a => Libc.WaitFor(a.Thread, Fd(a, 0), (short)a.Int(1), a.Long(2)))
        .Bool("pollConnect(Ljava/io/FileDescriptor;J)Z", a =>
        {
            if (Libc.WaitFor(a.Thread, Fd(a, 0), Libc.PollOut, a.Long(1)) == 0) return false;
            int error = 0, length = 4;
            Check(a, Libc.GetOption(Fd(a, 0), 1, 4, &error, &length));
            return error == 0 ? true : throw Failure(a, error);
        })
        .Int("available(Ljava/io/FileDescriptor;)I", a =>
        {
            int count;
            Check(a, Libc.IoCtl(Fd(a, 0), 0x541B, &count));
            return count;
        })
        .Int("sendOOB(Ljava/io/FileDescriptor;B)I", a =>
        {
            var b = (byte)a.Int(1);
            return Check(a, (int)Libc.SendTo(Fd(a, 0), &b, 1, 1, null, 0));
        })
        .Bool("discardOOB(Ljava/io/FileDescriptor;)Z", _ => false);

    private static int Connect(Args a)
    {
        var address = Address(a, 2, a.Int(3), a.Bool(0) && a.Machine.UsesIPv6);
        CheckGrant(a, address);
        var fd = Fd(a, 1);
        if (Libc.Connect(fd, &address, address.Length) == 0) return 1;
        return Marshal.GetLastPInvokeError() switch
        {
            Einprogress => Unavailable,
            Libc.Eintr => Interrupted,
            _ => throw Failure(a),
        };
    }

    private static int Accept(Args a)
    {
        var fd = Fd(a, 0);
        Libc.WaitIfBlocking(a.Thread, fd, Libc.PollIn);
        Libc.SocketAddress from;
        var length = sizeof(Libc.SocketAddress);
        int accepted;
        do accepted = Libc.Accept(fd, &from, &length, Libc.CloseOnExec);
        while (accepted < 0 && Marshal.GetLastPInvokeError() == 103); // the peer was gone already
        if (accepted < 0)
        {
            return Marshal.GetLastPInvokeError() switch
            {
                Eagain => Unavailable,
                Libc.Eintr => Interrupted,
                _ => throw Failure(a),
            };
        }
        a.Object(1).Field<int>(Known.Offset(a.Object(1).Class(), "fd")) = a.Machine.OpenFiles.Opened(accepted);
        var c = a.Machine.BootLoader.Load(a.Thread, "java/net/InetSocketAddress");
        Initialization.Initialize(a.Thread, c);
        var peer = c.Allocate();
        a.Thread.Call(c.DeclaredMethod("<init>", "(Ljava/net/InetAddress;I)V")!, Value.Of(peer), Value.Of(AddressNatives.New(a, null, from.Address)), Value.Of(from.HostPort));
        ((object?[])a.Ref(2)!)[1] = peer;
        return 1;
    }

    private static Libc.SocketAddress Name(Args a, bool peer)
    {
        Libc.SocketAddress address;
        var length = sizeof(Libc.SocketAddress);
        Check(a, peer ? Libc.PeerName(Fd(a, 0), &address, &length) : Libc.SocketName(Fd(a, 0), &address, &length));
        return address;
    }

    /// <summary>Bytes read, or one of IOStatus.</summary>
    private static int Read(Args a, int fd, long buffer, int length)
    {
        Libc.WaitIfBlocking(a.Thread, fd, Libc.PollIn);
        var n = Libc.Receive(fd, (void*)buffer, length, 0);
        if (n > 0) return (int)n;
        if (n == 0) return -1;
        return Marshal.GetLastPInvokeError() switch
        {
            Eagain => Unavailable,
            Libc.Eintr => Interrupted,
            104 => throw a.Thread.Error("sun/net/ConnectionResetException", "Connection reset"),
            _ => throw FileNatives.Failure(a, "Read failed"),
        };
    }

    private static long ReadVector(Args a)
    {
        var vector = (long*)a.Long(1);
        long total = 0;
        for (var i = 0; i < a.Int(3); i++)
        {
            if (vector[i * 2 + 1] == 0) continue;
            if (total > 0)
            {
                var entry = new Libc.PollFd { Fd = Fd(a, 0), Events = Libc.PollIn };
                if (Libc.Poll(&entry, 1, 0) <= 0) break;
            }
            var n = Read(a, Fd(a, 0), vector[i * 2], (int)vector[i * 2 + 1]);
            if (n <= 0) return total > 0 ? total : n;
            total += n;
            if (n < vector[i * 2 + 1]) break;
        }
        return total;
    }

    private static void RegisterOptions(NativeClass c) => c
        .Int("getIntOption0(Ljava/io/FileDescriptor;ZII)I", a =>
        {
            var pair = stackalloc int[2];
            var length = 8;
            Check(a, Libc.GetOption(Fd(a, 0), a.Int(2), a.Int(3), pair, &length));
            if (a.Int(2) == 1 && a.Int(3) == 13) return pair[0] != 0 ? pair[1] : -1; // SO_LINGER
            return length == 1 ? *(byte*)pair : a.Int(2) == 1 && a.Int(3) is 7 or 8 ? pair[0] / 2 : pair[0]; // Linux doubles the sizes of buffers
        })
        .Void("setIntOption0(Ljava/io/FileDescriptor;ZIIIZ)V", a =>
        {
            var pair = stackalloc int[2];
            pair[0] = a.Int(4);
            var length = 4;
            if (a.Int(2) == 1 && a.Int(3) == 13)
            {
                (pair[0], pair[1]) = a.Int(4) >= 0 ? (1, a.Int(4)) : (0, 0);
                length = 8;
            }
            Check(a, Libc.SetOption(Fd(a, 0), a.Int(2), a.Int(3), pair, length));
            // What a socket for both says of its packets' class of service holds for those of IPv4, too.
            if (a.Int(2) == Version6Level && a.Int(3) == 67 && a.Bool(5)) _ = Libc.SetOption(Fd(a, 0), 0, 1, pair, length);
        });

    // Multicast (ip(7), ipv6(7)) --------------------------------------------------------------------------------------

    private const int Version6Level = 41, OnlyVersion6 = 26, GroupHops6 = 18, GroupInterface6 = 17;

    private static void RegisterGroups(NativeClass c) => c
        .Int("joinOrDrop4(ZLjava/io/FileDescriptor;III)I", a =>
        {
            // Group, interface; with a source: group, interface, source.
            var request = stackalloc int[] { Network(a.Int(2)), Network(a.Int(3)), Network(a.Int(4)) };
            var (join, leave, length) = a.Int(4) == 0 ? (35, 36, 8) : (39, 40, 12);
            Check(a, Libc.SetOption(Fd(a, 1), 0, a.Bool(0) ? join : leave, request, length));
            return 0;
        })
        .Int("blockOrUnblock4(ZLjava/io/FileDescriptor;III)I", a =>
        {
            var request = stackalloc int[] { Network(a.Int(2)), Network(a.Int(3)), Network(a.Int(4)) };
            Check(a, Libc.SetOption(Fd(a, 1), 0, a.Bool(0) ? 38 : 37, request, 12));
            return 0;
        })
        .Int("joinOrDrop6(ZLjava/io/FileDescriptor;[BI[B)I", a =>
        {
            if (a.Ref(4) != null) return Unavailable; // membership by source
            var request = stackalloc byte[20];
            a.Bytes(2).AsSpan(0, 16).CopyTo(new Span<byte>(request, 16));
            *(int*)(request + 16) = a.Int(3);
            Check(a, Libc.SetOption(Fd(a, 1), Version6Level, a.Bool(0) ? 20 : 21, request, 20));
            return 0;
        })
        .Int("blockOrUnblock6(ZLjava/io/FileDescriptor;[BI[B)I", _ => Unavailable)
        .Void("setInterface4(Ljava/io/FileDescriptor;I)V", a =>
        {
            var address = Network(a.Int(1));
            Check(a, Libc.SetOption(Fd(a, 0), 0, 32, &address, 4));
        })
        .Int("getInterface4(Ljava/io/FileDescriptor;)I", a =>
        {
            int address, length = 4;
            Check(a, Libc.GetOption(Fd(a, 0), 0, 32, &address, &length));
            return Network(address);
        })
        .Void("setInterface6(Ljava/io/FileDescriptor;I)V", a =>
        {
            var index = a.Int(1);
            Check(a, Libc.SetOption(Fd(a, 0), Version6Level, GroupInterface6, &index, 4));
        })
        .Int("getInterface6(Ljava/io/FileDescriptor;)I", a =>
        {
            int index, length = 4;
            Check(a, Libc.GetOption(Fd(a, 0), Version6Level, GroupInterface6, &index, &length));
            return index;
        });

    private static int Network(int address) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(address);

    // Datagrams -------------------------------------------------------------------------------------------------------

    private static void RegisterDatagrams(Func<string, NativeClass> of)
    {
        of("sun/nio/ch/NativeSocketAddress")
            .Int("AFINET()I", _ => 2)
            .Int("AFINET6()I", _ => 10)
            .Int("sizeofSockAddr4()I", _ => 16)
            .Int("sizeofSockAddr6()I", _ => 28)
            .Int("sizeofFamily()I", _ => 2)
            .Int("offsetFamily()I", _ => 0)
            .Int("offsetSin4Port()I", _ => 2)
            .Int("offsetSin4Addr()I", _ => 4)
            .Int("offsetSin6Port()I", _ => 2)
            .Int("offsetSin6FlowInfo()I", _ => 4)
            .Int("offsetSin6Addr()I", _ => 8)
            .Int("offsetSin6ScopeId()I", _ => 24);
        of("sun/nio/ch/DatagramDispatcher")
            .Int("read0(Ljava/io/FileDescriptor;JI)I", a => Read(a, Fd(a, 0), a.Long(1), a.Int(3)))
            .Int("write0(Ljava/io/FileDescriptor;JI)I", a => Sent(a, Libc.SendTo(Fd(a, 0), (void*)a.Long(1), a.Int(3), 0, null, 0)))
            .Long("readv0(Ljava/io/FileDescriptor;JI)J", ReadVector);
        of("sun/nio/ch/DatagramChannelImpl")
            .Void("disconnect0(Ljava/io/FileDescriptor;Z)V", a =>
            {
                var none = default(Libc.SocketAddress);
                Check(a, Libc.Connect(Fd(a, 0), &none, a.Bool(1) ? sizeof(Libc.SocketAddress) : none.Length));
            })
            .Int("receive0(Ljava/io/FileDescriptor;JIJZ)I", a =>
            {
                Libc.WaitIfBlocking(a.Thread, Fd(a, 0), Libc.PollIn);
                var length = sizeof(Libc.SocketAddress);
                var n = Libc.ReceiveFrom(Fd(a, 0), (void*)a.Long(1), a.Int(3), 0, (Libc.SocketAddress*)a.Long(4), &length);
                if (n >= 0) return (int)n;
                return Marshal.GetLastPInvokeError() switch
                {
                    Eagain => Unavailable,
                    Libc.Eintr => Interrupted,
                    111 => throw a.Thread.Error("java/net/PortUnreachableException", null),
                    _ => throw Failure(a),
                };
            })
            .Int("send0(Ljava/io/FileDescriptor;JIJI)I", a =>
            {
                var to = default(Libc.SocketAddress);
                new ReadOnlySpan<byte>((byte*)a.Long(4), Math.Clamp(a.Int(6), 0, sizeof(Libc.SocketAddress))).CopyTo(new Span<byte>(&to, sizeof(Libc.SocketAddress)));
                CheckGrant(a, to);
                return Sent(a, Libc.SendTo(Fd(a, 0), (void*)a.Long(1), a.Int(3), 0, &to, to.Length));
            });
    }

    private static int Sent(Args a, nint n) => n >= 0 ? (int)n : Marshal.GetLastPInvokeError() switch
    {
        Eagain => Unavailable,
        Libc.Eintr => Interrupted,
        _ => throw Failure(a),
    };
}
