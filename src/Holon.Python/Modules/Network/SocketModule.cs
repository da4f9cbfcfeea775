using System.Buffers.Binary;
using System.Net;

namespace Holon.Python.Modules.Network;

/// <summary>_socket: sockets as the kernel has them.</summary>
internal static partial class SocketModule
{
    private static readonly NativeParameters SocketParameters = new("socket", "family=-1, type=-1, proto=-1, fileno=None");
    private const int CloseOnExec = 0x80000, NonBlocking = 0x800, SolSocket = 1, SoType = 3, SoDomain = 39, SoProtocol = 38;
    private const short PollIn = 1, PollOut = 4;
    private const int EInProgress = 115, EIsConnected = 106;

    public static readonly PyType GaiErrorType = new("gaierror", ExceptionTypes.OSError, null, "socket");
    public static readonly PyType HErrorType = new("herror", ExceptionTypes.OSError, null, "socket");

    private sealed class Defaults
    {
        /// <summary>Seconds that new sockets wait; negative is for ever.</summary>
        public double Timeout { get; set; } = -1;
    }

    internal sealed class PySocket(PyType type) : PyExtensible(type)
    {
        ~PySocket()
        {
            if (Fd >= 0 && Gate.Owns(Fd))
                _ = Gate.Close(Fd);
        }

        private int descriptor = -1;

        public Gate Gate { get; } = Gate.Current;

        /// <summary>The descriptor for a call; -1 when the socket is closed.</summary>
        public int Fd
        {
            get => descriptor >= 0 && !Gate.Owns(descriptor) ? -1 : descriptor;
            set => descriptor = value;
        }

        /// <summary>Takes the descriptor away from the socket.</summary>
        public int Detach() => Interlocked.Exchange(ref descriptor, -1);

        public int Family, Kind, Protocol;
        public double Timeout = -1;
    }

    private static PySocket S(PyObject o) => (PySocket)o;

    private static PyError OSFailure() => Err.OS(LibC.LastError, (PyObject?)null);

    private static long Check(long result) => result >= 0 ? result : throw OSFailure();

    private static PyObject Done(long result)
    {
        Check(result);
        return Values.None;
    }

    private static PyError TimedOut() => Err.Of(ExceptionTypes.TimeoutError, "timed out");

    /// <summary>
    /// Does a call that may block: waits first, in slices, so that other threads run, limits hold and signals are seen; then calls.
    /// </summary>
    private static long Blocking(PySocket s, short events, Func<long> call)
    {
        var thread = PyThread.Current;
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (true)
        {
            if (s.Timeout != 0 && !Wait(thread, s, events, clock))
                throw TimedOut();
            var (result, error) = thread.Machine.Gil.Without(() =>
            {
                var value = call();
                return (value, value < 0 ? LibC.LastError : 0);
            });
            if (result >= 0)
                return result;
            if (error == Errno.EINTR || (error == Errno.EAGAIN && s.Timeout != 0))
                continue;
            throw Err.OS(error, (PyObject?)null);
        }
    }

    internal static bool Wait(PyThread thread, PySocket s, short events, System.Diagnostics.Stopwatch clock)
    {
        var fd = s.Fd;
        if (fd < 0)
            throw Err.OS(Errno.EBADF, (PyObject?)null);
        while (true)
        {
            var left = s.Timeout < 0 ? double.PositiveInfinity : s.Timeout - clock.Elapsed.TotalSeconds;
            var slice = (int)Math.Clamp(Math.Ceiling(left * 1000), 0, 50);
            var ready = thread.Machine.Gil.Without(() => SocketCalls.Poll([new PollEntry { Fd = fd, Events = events }], 1, slice));
            if (ready != 0)
                return true;
            if (left <= 0)
                return false;
            thread.Machine.Limits.ChargeInstructions(1);
            thread.Machine.RunPending(thread);
            if (s.Fd != fd)
                throw Err.OS(Errno.EBADF, (PyObject?)null);
        }
    }

    private static void SetBlocking(PySocket s)
    {
        const int getFlags = 3, setFlags = 4;
        var flags = (int)Check(LibC.FileControl(s.Fd, getFlags, 0));
        Check(LibC.FileControl(s.Fd, setFlags, s.Timeout < 0 ? flags & ~NonBlocking : flags | NonBlocking));
    }

    private static double TimeoutOf(PyObject value)
    {
        if (value == Values.None)
            return -1;
        var seconds = Args.Double(value);
        if (double.IsNaN(seconds))
            throw Err.Value("Invalid value NaN (not a number)");
        if (seconds < 0)
            throw Err.Value("Timeout value out of range");
        return seconds < 9.2e9 ? seconds : throw Err.Overflow("timestamp out of range for platform time_t");
    }

    private static int Option(int fd, int option)
    {
        var value = new byte[4];
        var length = 4;
        Check(SocketCalls.GetSockOpt(fd, SolSocket, option, value, ref length));
        return BitConverter.ToInt32(value);
    }

    private static void Init(PyObject o, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var a = SocketParameters.Bind(args, names);
        var s = S(o);
        var (family, type, protocol) = (Args.Int(a[0]!), Args.Int(a[1]!), Args.Int(a[2]!));
        if (a[3] != Values.None)
        {
            if (a[3] is PyFloat)
                throw Err.Type("integer argument expected, got float");
            var fd = Args.Int(a[3]!);
            if (fd < 0)
                throw Err.Value("negative file descriptor");
            s.Gate.Use(fd);
            var name = new byte[SocketAddress.MaxSize];
            var length = name.Length;
            Check(SocketCalls.GetSockName(fd, name, ref length));
            s.Family = family == -1 ? BitConverter.ToInt16(name) : family;
            s.Kind = type == -1 ? Option(fd, SoType) : type;
            s.Protocol = protocol == -1 ? Option(fd, SoProtocol) : protocol;
            s.Fd = fd;
        }
        else
        {
            s.Family = family == -1 ? SocketAddress.Inet : family;
            s.Kind = (type == -1 ? 1 : type) & ~(CloseOnExec | NonBlocking);
            s.Protocol = protocol == -1 ? 0 : protocol;
            s.Gate.AskSocket(s.Family);
            s.Fd = (int)Check(s.Gate.Keep(Descriptors.Get(() => SocketCalls.Socket(s.Family, (type == -1 ? 1 : type) | CloseOnExec, s.Protocol))));
        }
        s.Timeout = type != -1 && (type & NonBlocking) != 0 ? 0 : PyThread.Current.Machine.State<Defaults>("_socket").Timeout;
        if (s.Timeout >= 0)
            SetBlocking(s);
    }

    private static readonly PyType Socket = new("socket", PyType.Object, t =>
    {
        t.New = (type, _, _) => new PySocket(type);
        t.Allocate = type => new PySocket(type);
        t.Init = Init;
        t.Repr = o => Values.Str($"<socket object, fd={S(o).Fd}, family={S(o).Family}, type={S(o).Kind}, proto={S(o).Protocol}>");
        t.Member("family", o => PyInt.Of(S(o).Family));
        t.Member("type", o => PyInt.Of(S(o).Kind));
        t.Member("proto", o => PyInt.Of(S(o).Protocol));
        t.Getter("timeout", o => S(o).Timeout < 0 ? Values.None : new PyFloat(S(o).Timeout));
        t.Def0("fileno", o => PyInt.Of(S(o).Fd));
        t.Def0("close", o =>
        {
            var fd = S(o).Detach();
            return fd >= 0 && S(o).Gate.Close(fd) < 0 && LibC.LastError != 104 ? throw OSFailure() : Values.None;
        });
        t.Def0("detach", o => PyInt.Of(S(o).Detach()));
        t.Def1("settimeout", (o, value) =>
        {
            S(o).Timeout = TimeoutOf(value);
            SetBlocking(S(o));
            return Values.None;
        });
        t.Def0("gettimeout", o => S(o).Timeout < 0 ? Values.None : new PyFloat(S(o).Timeout));
        t.Def1("setblocking", (o, value) =>
        {
            S(o).Timeout = Ops.IsTrue(value) ? -1 : 0;
            SetBlocking(S(o));
            return Values.None;
        });
        t.Def0("getblocking", o => Values.Bool(S(o).Timeout != 0));
        t.Def1("bind", (o, address) =>
        {
            var bytes = SocketAddress.FromPython(address, S(o).Family, "bind");
            return Done(S(o).Gate.OnAddress(bytes, true, to => SocketCalls.Bind(S(o).Fd, to, to.Length)));
        });
        t.Def1("connect", (o, address) => Connect(S(o), address) is 0 ? Values.None : throw Err.OS(LibC.LastError, (PyObject?)null));
        t.Def1("connect_ex", (o, address) =>
        {
            try
            {
                Connect(S(o), address);
                return PyInt.Zero;
            }
            catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.OSError) && error.Value.Field("errno") is PyInt number)
            {
                return number;
            }
            catch (PyError error) when (error.Value.Type == ExceptionTypes.TimeoutError)
            {
                return PyInt.Of(Errno.EAGAIN);
            }
        });
        t.Def("listen", "backlog=128, /", (o, a) =>
        {
            var name = new byte[SocketAddress.MaxSize];
            var length = name.Length;
            Check(SocketCalls.GetSockName(S(o).Fd, name, ref length));
            S(o).Gate.AskListen(name.AsSpan(0, Math.Clamp(length, 0, name.Length)));
            return Done(SocketCalls.Listen(S(o).Fd, Math.Max(0, Args.Int(a[0]!))));
        });
        t.Def0("_accept", o =>
        {
            var address = new byte[SocketAddress.MaxSize];
            var length = address.Length;
            var fd = Blocking(S(o), PollIn, () =>
            {
                length = address.Length;
                return S(o).Gate.Keep(SocketCalls.Accept(S(o).Fd, address, ref length, CloseOnExec));
            });
            return new PyTuple(PyInt.Of(fd), SocketAddress.ToPython(address.AsSpan(0, Math.Clamp(length, 0, address.Length))));
        });
        t.Def0("getsockname", o =>
        {
            var address = new byte[SocketAddress.MaxSize];
            var length = address.Length;
            Check(SocketCalls.GetSockName(S(o).Fd, address, ref length));
            return SocketAddress.ToPython(address.AsSpan(0, Math.Clamp(length, 0, address.Length)));
        });
        t.Def0("getpeername", o =>
        {
            var address = new byte[SocketAddress.MaxSize];
            var length = address.Length;
            Check(SocketCalls.GetPeerName(S(o).Fd, address, ref length));
            return SocketAddress.ToPython(address.AsSpan(0, Math.Clamp(length, 0, address.Length)));
        });
        t.Def("getsockopt", "level, option, buflen=0, /", (o, a) =>
        {
            var size = Args.Int(a[2]!);
            if (size is < 0 or > 1024)
                throw Err.Of(ExceptionTypes.OSError, "getsockopt buflen out of range");
            var value = new byte[Math.Max(size, 4)];
            var length = size == 0 ? 4 : size;
            Check(SocketCalls.GetSockOpt(S(o).Fd, Args.Int(a[0]!), Args.Int(a[1]!), value, ref length));
            return size == 0 ? PyInt.Of(BitConverter.ToInt32(value)) : new PyBytes(value[..Math.Clamp(length, 0, value.Length)]);
        });
        t.Def("setsockopt", "level, option, value, optlen=?, /", (o, a) =>
        {
            var value = a[2] == Values.None ? new byte[Args.Int(a[3] ?? throw Err.Type("setsockopt() takes 4 arguments when value is None"))] : a[2] is PyInt ? BitConverter.GetBytes(Args.Int(a[2]!)) : Buffers.Bytes(a[2]);
            return Done(SocketCalls.SetSockOpt(S(o).Fd, Args.Int(a[0]!), Args.Int(a[1]!), value, value.Length));
        });
        t.Def1("shutdown", (o, how) => Done(SocketCalls.ShutDown(S(o).Fd, Args.Int(how))));
        DefineTransfers(t);
        DefineMessages(t);
    }, "_socket");

    private static int Connect(PySocket s, PyObject address)
    {
        var bytes = SocketAddress.FromPython(address, s.Family, "connect");
        var thread = PyThread.Current;
        var error = 0;
        // A blocking connect is made as one that is waited for, so that it can be interrupted.
        var result = s.Gate.OnAddress(bytes, false, to => thread.Machine.Gil.Without(() =>
        {
            var value = SocketCalls.Connect(s.Fd, to, to.Length);
            error = value < 0 ? LibC.LastError : 0;
            return value;
        }));
        if (result < 0 && error == 0)
            throw OSFailure();
        if (result == 0)
            return 0;
        if (error != Errno.EINTR && (error != EInProgress || s.Timeout == 0))
            throw Err.OS(error, (PyObject?)null);
        if (!Wait(thread, s, PollOut, System.Diagnostics.Stopwatch.StartNew()))
            throw TimedOut();
        const int soError = 4;
        error = Option(s.Fd, soError);
        return error is 0 or EIsConnected ? 0 : throw Err.OS(error, (PyObject?)null);
    }

    public static void Fill(ModuleBuilder m)
    {
        foreach (var (name, value) in SocketConstants.All)
            m.Set(name, value);
        m.Set("socket", Socket);
        m.Set("SocketType", Socket);
        m.Set("error", ExceptionTypes.OSError);
        m.Set("timeout", ExceptionTypes.TimeoutError);
        m.Set("gaierror", GaiErrorType);
        m.Set("herror", HErrorType);
        m.Set("has_ipv6", Values.True);
        var defaults = m.Machine.State<Defaults>("_socket");
        m.Def0("getdefaulttimeout", () => defaults.Timeout < 0 ? Values.None : new PyFloat(defaults.Timeout));
        m.Def1("setdefaulttimeout", value =>
        {
            defaults.Timeout = TimeoutOf(value);
            return Values.None;
        });
        m.Def1("close", fd => Done(m.Machine.Gate.Close(Args.Int(fd))));
        m.Def1("dup", fd =>
        {
            const int duplicateCloseOnExec = 1030;
            return PyInt.Of(Check(m.Machine.Gate.Keep(LibC.FileControl(m.Machine.Gate.Use(Args.Int(fd)), duplicateCloseOnExec, 0))));
        });
        m.Def("socketpair", "family=1, type=1, proto=0, /", a =>
        {
            var ends = new int[2];
            var (family, type, protocol) = (Args.Int(a[0]!), Args.Int(a[1]!), Args.Int(a[2]!));
            Check(Descriptors.Get(() => SocketCalls.SocketPair(family, type | CloseOnExec, protocol, ends)));
            m.Machine.Gate.Keep(ends[0]);
            m.Machine.Gate.Keep(ends[1]);
            return new PyTuple(Make(family, type, protocol, ends[0]), Make(family, type, protocol, ends[1]));

            PyObject Make(int f, int k, int p, int fd) => Calls.Call(Socket, PyInt.Of(f), PyInt.Of(k), PyInt.Of(p), PyInt.Of(fd));
        });
        m.Def0("gethostname", () => PyStr.FromUtf16(Dns.GetHostName()));
        m.Def1("sethostname", _ => throw Err.OS(1, (PyObject?)null));
        NameResolution.Fill(m);
        FillNumbers(m);
    }

    private static void FillNumbers(ModuleBuilder m)
    {
        foreach (var name in new[] { "htons", "ntohs" })
            m.Def1(name, n => PyInt.Of(BinaryPrimitives.ReverseEndianness((ushort)Unsigned(n, 0xffff, name, "16"))));
        foreach (var name in new[] { "htonl", "ntohl" })
            m.Def1(name, n => PyInt.Of(BinaryPrimitives.ReverseEndianness((uint)Unsigned(n, uint.MaxValue, name, "32"))));
        m.Def1("inet_aton", text =>
        {
            var host = Args.Str(text, "inet_aton").Value;
            // As the C library: fewer than four parts, and hexadecimal and octal numbers.
            return host.Length > 0 && host[0] is >= '0' and <= '9' && IPAddress.TryParse(host, out var address) && address.GetAddressBytes() is { Length: 4 } bytes ? new PyBytes(bytes) : throw Err.Of(ExceptionTypes.OSError, "illegal IP address string passed to inet_aton");
        });
        m.Def1("inet_ntoa", packed => Buffers.Bytes(packed) is { Length: 4 } bytes ? new PyStr(new IPAddress(bytes).ToString()) : throw Err.Of(ExceptionTypes.OSError, "packed IP wrong length"));
        m.Def("inet_pton", "address_family, ip_string, /", a =>
        {
            var (family, text) = (Args.Int(a[0]!), Args.Str(a[1], "inet_pton").Value);
            if (family is not (SocketAddress.Inet or SocketAddress.Inet6))
                throw Err.OS(97, (PyObject?)null);
            var good = IPAddress.TryParse(text, out var address) && !text.Contains('%', StringComparison.Ordinal) && !text.Contains('[', StringComparison.Ordinal) &&
                (family == SocketAddress.Inet ? address.GetAddressBytes().Length == 4 && address.ToString() == text : text.Contains(':', StringComparison.Ordinal));
            return good ? new PyBytes(address!.GetAddressBytes()) : throw Err.Of(ExceptionTypes.OSError, "illegal IP address string passed to inet_pton");
        });
        m.Def("inet_ntop", "address_family, packed_ip, /", a =>
        {
            var (family, packed) = (Args.Int(a[0]!), Buffers.Bytes(a[1]));
            if (family is not (SocketAddress.Inet or SocketAddress.Inet6))
                throw Err.Value($"unknown address family {family}");
            return packed.Length == (family == SocketAddress.Inet ? 4 : 16) ? new PyStr(new IPAddress(packed).ToString()) : throw Err.Value("invalid length of packed IP address string");
        });
        m.Def1("CMSG_LEN", n => PyInt.Of(Args.Long(n) is >= 0 and < 0x7fffffef and var length ? length + 16 : throw Err.Overflow("CMSG_LEN() argument out of range")));
        m.Def1("CMSG_SPACE", n => PyInt.Of(Args.Long(n) is >= 0 and < 0x7fffffe8 and var length ? (length + 7 & ~7L) + 16 : throw Err.Overflow("CMSG_SPACE() argument out of range")));
    }

    private static long Unsigned(PyObject n, long most, string function, string bits)
    {
        if (n is not PyInt)
            throw Err.Type(bits == "16" ? $"'{n.Type.FullName}' object cannot be interpreted as an integer" : $"expected int, {n.Type.FullName} found");
        var fits = Ops.Index(n).TryLong(out var value);
        if (fits && value >= 0 && value <= most)
            return value;
        throw Err.Overflow(bits == "16" ? $"{function}: {(fits && value >= 0 || !fits && !((PyInt)n).IsNegative ? "Python int too large to convert to C 16-bit unsigned integer" : "can't convert negative Python int to C 16-bit unsigned integer")}"
            : fits && value < 0 ? "can't convert negative value to unsigned int" : "int larger than 32 bits");
    }
}
