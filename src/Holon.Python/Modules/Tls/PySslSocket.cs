using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Holon.Python.Modules.Network;

namespace Holon.Python.Modules.Tls;

/// <summary>A TLS connection over a socket or two memory BIOs.</summary>
internal sealed unsafe class PySslSocket : PyObject
{
    private const int Retry = 8, RetryRead = 1, RetryWrite = 2, RetryFlags = 15;
    private const int SetName = 55, SetMode = 33;

    private static readonly nint SocketMethod = MakeMethod();

    private GCHandle self;
    private readonly SocketModule.PySocket? socket;
    private WeakReference<PyObject>? owner;
    private PyError? raised;
    private bool hasEnded;

    /// <summary>Over a socket, or over memory when there is none.</summary>
    public PySslSocket(PySslContext context, SocketModule.PySocket? socket, PyMemoryBio? incoming, PyMemoryBio? outgoing, bool isServer, PyObject? host, PyObject? owner, PyObject? session)
    {
        Context = context;
        IsServer = isServer;
        this.socket = socket;
        SetOwner(owner);
        if (context.Protocol == (isServer ? PySslContext.Client : PySslContext.Server))
            throw SslErrors.Of(SslErrors.Error, 0, isServer ? "Cannot create a server socket with a PROTOCOL_TLS_CLIENT context" : "Cannot create a client socket with a PROTOCOL_TLS_SERVER context");
        OpenSsl.ClearErrors();
        Handle = OpenSsl.NewConnection(context.Handle);
        if (Handle == 0)
            throw SslErrors.Last();
        self = GCHandle.Alloc(this, GCHandleType.Weak);
        _ = OpenSsl.SetData(Handle, 0, GCHandle.ToIntPtr(self));
        if (socket is not null)
        {
            var stream = OpenSsl.NewStream(SocketMethod);
            OpenSsl.SetStreamData(stream, GCHandle.ToIntPtr(self));
            OpenSsl.SetStreamReady(stream, 1);
            OpenSsl.SetStreams(Handle, stream, stream);
        }
        else
        {
            _ = OpenSsl.ShareStream(incoming!.Handle);
            _ = OpenSsl.ShareStream(outgoing!.Handle);
            OpenSsl.SetStreams(Handle, incoming.Handle, outgoing.Handle);
        }
        const int partialWrite = 1, movingBuffer = 2, autoRetry = 4;
        _ = OpenSsl.Control(Handle, SetMode, partialWrite | movingBuffer | autoRetry, []);
        if (!Args.IsNone(host))
            SetHost(host!);
        if (isServer)
            OpenSsl.BeServer(Handle);
        else
            OpenSsl.BeClient(Handle);
        if (context.AsksLater)
        {
            if (isServer)
                OpenSsl.SetConnectionVerify(Handle, OpenSsl.ConnectionVerifyMode(Handle) | 8, 0); // SSL_VERIFY_POST_HANDSHAKE
            else
                OpenSsl.SetConnectionPostHandshake(Handle, 1);
        }
        if (context.MessageCallback != Values.None)
            OpenSsl.SetMessages(Handle, &OnMessage);
        if (!Args.IsNone(session))
            Session = session!;
    }

    ~PySslSocket()
    {
        if (Handle != 0)
            OpenSsl.FreeConnection(Handle);
        if (self.IsAllocated)
            self.Free();
    }

    public override PyType Type => SslModule.Socket;

    public nint Handle { get; }

    public PySslContext Context { get; private set; }

    public bool IsServer { get; }

    public PyObject HostName { get; private set; } = Values.None;

    public string HostText => HostName is PyStr text ? text.Value : "";

    public PyObject Owner => owner is not null && owner.TryGetTarget(out var alive) ? alive : Values.None;

    /// <summary>The socket below, for the time after the connection.</summary>
    public PyObject SocketObject => (PyObject?)socket ?? Values.None;

    public void SetOwner(PyObject? value) => owner = Args.IsNone(value) ? null : new WeakReference<PyObject>(value!);

    public bool IsReady => OpenSsl.IsReady(Handle) != 0;

    public static PySslSocket? Of(nint ssl) => OpenSsl.GetData(ssl, 0) is not 0 and var data ? GCHandle.FromIntPtr(data).Target as PySslSocket : null;

    private void SetHost(PyObject host)
    {
        var name = host as PyStr ?? (host is PyBytes or PyByteArray ? new PyStr(Encoding.ASCII.GetString(Buffers.Bytes(host))) : throw Err.Type("server_hostname must be str or None"));
        if (name.Length == 0 || name.Value[0] == '.')
            throw Err.Value("server_hostname cannot be an empty string or start with a leading dot.");
        if (name.Value.Contains('\0', StringComparison.Ordinal))
            throw Err.Type("embedded null character");
        var ascii = name.Value.All(char.IsAscii) ? name.Value : Encoding.ASCII.GetString(Buffers.Bytes(Calls.CallMethod(name, "encode", new PyStr("idna"))));
        HostName = new PyStr(ascii);
        var isAddress = IPAddress.TryParse(ascii, out var address) && (address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 || ascii.Count(c => c == '.') == 3);
        if (!isAddress)
            _ = OpenSsl.Control(Handle, SetName, 0, [.. Encoding.ASCII.GetBytes(ascii), 0]);
        if (!Context.ChecksHost)
            return;
        var parameters = OpenSsl.ConnectionParameters(Handle);
        if ((isAddress ? OpenSsl.SetAddress(parameters, ascii) : OpenSsl.SetHost(parameters, ascii, (nuint)ascii.Length)) == 0)
            throw SslErrors.Last();
    }

    // The socket as a stream of OpenSSL's: reads and writes that never wait, by the machine's own gate.
    private static nint MakeMethod()
    {
        const int kind = 0x7f | 0x400; // a type of our own, of sources and sinks
        var method = OpenSsl.NewMethod(kind, "python socket");
        _ = OpenSsl.SetMethodRead(method, &OnRead);
        _ = OpenSsl.SetMethodWrite(method, &OnWrite);
        _ = OpenSsl.SetMethodControl(method, &OnControl);
        return method;
    }

    private static PySslSocket? OfStream(nint stream) => OpenSsl.GetStreamData(stream) is not 0 and var data ? GCHandle.FromIntPtr(data).Target as PySslSocket : null;

    private const int DontWait = 0x40, NoSignal = 0x4000;

    [UnmanagedCallersOnly]
    private static int OnRead(nint stream, byte* buffer, int size)
    {
        OpenSsl.ClearStreamFlags(stream, RetryFlags);
        if (OfStream(stream) is not { socket: { } socket } connection)
            return -1;
        var length = 0;
        var got = SocketCalls.RecvFrom(socket.Fd, new Span<byte>(buffer, size), size, DontWait, [], ref length);
        if (got < 0 && LibC.LastError is Errno.EAGAIN or Errno.EINTR)
            OpenSsl.SetStreamFlags(stream, Retry | RetryRead);
        connection.systemError = got < 0 ? LibC.LastError : 0;
        connection.hasEnded |= got == 0;
        return (int)got;
    }

    [UnmanagedCallersOnly]
    private static int OnWrite(nint stream, byte* data, int size)
    {
        OpenSsl.ClearStreamFlags(stream, RetryFlags);
        if (OfStream(stream) is not { socket: { } socket } connection)
            return -1;
        var sent = SocketCalls.Send(socket.Fd, new ReadOnlySpan<byte>(data, size), size, DontWait | NoSignal);
        if (sent < 0 && LibC.LastError is Errno.EAGAIN or Errno.EINTR)
            OpenSsl.SetStreamFlags(stream, Retry | RetryWrite);
        connection.systemError = sent < 0 ? LibC.LastError : 0;
        return (int)sent;
    }

    [UnmanagedCallersOnly]
    private static nint OnControl(nint stream, int command, nint number, nint pointer)
    {
        const int end = 2, flush = 11;
        return command switch { flush => 1, end => OfStream(stream)?.hasEnded == true ? 1 : 0, _ => 0 };
    }

    private int systemError;

    /// <summary>
    /// Calls until it has succeeded or failed, and waits for the socket in between. The result is the call's; 0 is given for an end in good order when the caller takes that.
    /// </summary>
    private int Repeat(string what, Func<int> call, Func<int, int, bool>? isEnd = null)
    {
        const short input = 1, output = 4;
        if (socket is { Fd: < 0 })
            throw SslErrors.Of(SslErrors.Error, 0, "Underlying socket connection gone");
        var waits = socket is { Timeout: not 0 };
        var clock = Stopwatch.StartNew();
        while (true)
        {
            OpenSsl.ClearErrors();
            systemError = 0;
            var result = call();
            GC.KeepAlive(this);
            if (raised is { } error)
            {
                raised = null;
                throw error;
            }
            if (result > 0)
                return result;
            var kind = OpenSsl.GetError(Handle, result);
            if (isEnd?.Invoke(result, kind) == true)
                return 0;
            if (kind is SslErrors.WantRead or SslErrors.WantWrite)
            {
                if (!waits)
                    throw SslErrors.Of(kind == SslErrors.WantRead ? SslErrors.Read : SslErrors.Write, kind, $"The operation did not complete ({(kind == SslErrors.WantRead ? "read" : "write")})");
                if (!SocketModule.Wait(PyThread.Current, socket!, kind == SslErrors.WantRead ? input : output, clock))
                    throw Err.Of(ExceptionTypes.TimeoutError, what);
                if (socket!.Fd < 0)
                    throw SslErrors.Of(SslErrors.Error, 0, "Underlying socket connection gone");
                continue;
            }
            throw kind switch
            {
                SslErrors.ZeroReturn => SslErrors.Of(SslErrors.Zero, kind, "TLS/SSL connection has been closed (EOF)"),
                SslErrors.Syscall when OpenSsl.PeekError() == 0 => systemError != 0 ? Err.OS(systemError, (PyObject?)null) : SslErrors.Of(SslErrors.End, SslErrors.Eof, "EOF occurred in violation of protocol"),
                _ => SslErrors.Last(kind, this),
            };
        }
    }

    public void Handshake() => Repeat("The handshake operation timed out", () => OpenSsl.Handshake(Handle));

    public byte[] Read(long size)
    {
        if (size < 0)
            throw Err.Value("size should not be negative");
        PyThread.Current.Machine.Limits.CheckSize(size);
        if (size == 0)
            return [];
        var buffer = new byte[Math.Min(size, 1 << 20)];
        const int received = 2;
        var got = Repeat("The read operation timed out", () => OpenSsl.Read(Handle, buffer, buffer.Length), (_, kind) => kind == SslErrors.ZeroReturn && OpenSsl.GetShutdown(Handle) == received);
        return got == buffer.Length ? buffer : buffer[..got];
    }

    public int Write(byte[] data) => data.Length == 0 ? 0 : Repeat("The write operation timed out", () => OpenSsl.Write(Handle, data, data.Length));

    public int Pending => OpenSsl.Pending(Handle);

    /// <summary>Says good-bye and waits for the other's.</summary>
    public void ShutDown()
    {
        var zeros = 0;
        Repeat("The read operation timed out", () =>
        {
            var result = OpenSsl.ShutDown(Handle);
            // 0: ours is sent; the second call waits for the other's.
            if (result == 0 && ++zeros == 1)
                result = OpenSsl.ShutDown(Handle);
            return result;
        }, (result, kind) => zeros > 1 && result == 0 || (kind == SslErrors.Syscall && systemError == 0 && OpenSsl.PeekError() == 0 && result == 0));
    }

    public PyObject PeerCertificate(bool encoded)
    {
        if (!IsReady)
            throw Err.Value("handshake not done yet");
        var certificate = OpenSsl.PeerCertificate(Handle);
        if (certificate == 0)
            return Values.None;
        var bytes = SslCertificates.Encode(certificate);
        OpenSsl.FreeCertificate(certificate);
        return encoded ? new PyBytes(bytes) : (OpenSsl.ConnectionVerifyMode(Handle) & 1) == 0 ? new PyDict() : SslCertificates.Decode(bytes);
    }

    public PyObject Chain(bool verified)
    {
        var list = verified ? OpenSsl.VerifiedChain(Handle) : OpenSsl.PeerChain(Handle);
        if (list == 0)
            return Values.None;
        var result = new PyList();
        for (var i = 0; i < OpenSsl.StackCount(list); i++)
            result.Add(new PySslCertificate(SslCertificates.Encode(OpenSsl.StackItem(list, i))));
        return result;
    }

    private static PyTuple Cipher(nint cipher) =>
        new(new PyStr(OpenSsl.Text(OpenSsl.CipherName(cipher))), new PyStr(OpenSsl.Text(OpenSsl.CipherVersion(cipher))), PyInt.Of(OpenSsl.CipherBits(cipher, out _)));

    public PyObject CurrentCipher => OpenSsl.CurrentCipher(Handle) is not 0 and var cipher ? Cipher(cipher) : Values.None;

    /// <summary>What CPython 3.11 gives: all that this side would use.</summary>
    public PyObject SharedCiphers()
    {
        var own = OpenSsl.Ciphers(Handle);
        return own == 0 ? Values.None : new PyList(Enumerable.Range(0, OpenSsl.StackCount(own)).Select(i => (PyObject)Cipher(OpenSsl.StackItem(own, i))));
    }

    public PyObject Version => IsReady ? new PyStr(OpenSsl.Text(OpenSsl.VersionName(Handle))) : Values.None;

    public PyObject Protocol
    {
        get
        {
            OpenSsl.AlpnChosen(Handle, out var name, out var length);
            return name == null || length == 0 ? Values.None : new PyStr(Encoding.ASCII.GetString(name, (int)length));
        }
    }

    public PyObject Binding(string kind)
    {
        if (kind != "tls-unique")
            throw Err.Value($"'{kind}' channel binding type not implemented");
        var buffer = new byte[128];
        // The first Finished of a full handshake is the client's, of a resumed one the server's.
        var length = (OpenSsl.IsReused(Handle) != 0) ^ !IsServer ? OpenSsl.Finished(Handle, buffer, (nuint)buffer.Length) : OpenSsl.PeerFinished(Handle, buffer, (nuint)buffer.Length);
        return length == 0 ? Values.None : new PyBytes(buffer[..(int)length]);
    }

    public void AskClient()
    {
        OpenSsl.ClearErrors();
        if (OpenSsl.AskClient(Handle) == 0)
            throw SslErrors.Last();
    }

    public PyObject Session
    {
        get => OpenSsl.TakeSession(Handle) is not 0 and var session ? new PySslSession(Context, session) : Values.None;
        set
        {
            var given = value as PySslSession ?? throw Err.Type("Value is not a SSLSession.");
            if (given.Context.Handle != Context.Handle)
                throw Err.Value("Session refers to a different SSLContext.");
            if (IsServer)
                throw Err.Value("Cannot set session for server-side SSLSocket.");
            if (IsReady)
                throw Err.Value("Cannot set session after handshake.");
            if (OpenSsl.SetSession(Handle, given.Handle) == 0)
                throw SslErrors.Last();
        }
    }

    public void ChangeContext(PyObject value)
    {
        Context = value as PySslContext ?? throw Err.Type("The value must be a SSLContext");
        _ = OpenSsl.ChangeContext(Handle, Context.Handle);
    }

    private PyObject Shown => Owner == Values.None ? this : Owner;

    /// <summary>Runs what OpenSSL calls; an exception must not pass through it.</summary>
    private bool Try(Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (PyError error)
        {
            if (error.Value is PyKillException)
                raised = error;
            else
                ErrorPrinter.PrintUnraisable(PyThread.Current.Machine, error.Value, this);
            return false;
        }
        catch (Exception error)
        {
            raised = Err.System("internal error: " + error.Message);
            return false;
        }
    }

    [UnmanagedCallersOnly]
    public static int OnName(nint ssl, int* alert, nint data)
    {
        const int accepted = 0, fatal = 2, handshakeFailure = 40, internalError = 80;
        if (Of(ssl) is not { } socket || socket.Context.NameCallback == Values.None)
            return accepted;
        var name = OpenSsl.ServerName(ssl, 0);
        var result = Values.None;
        var text = name == null ? (PyObject)Values.None : new PyStr(OpenSsl.Text(name));
        PyObject answer = Values.None;
        if (!socket.Try(() => answer = Calls.Call(socket.Context.NameCallback, socket.Shown, text, socket.Context)))
        {
            *alert = handshakeFailure;
            return fatal;
        }
        if (answer == result)
            return accepted;
        *alert = answer is PyInt number && number.TryLong(out var value) ? (int)value : internalError;
        return fatal;
    }

    [UnmanagedCallersOnly]
    public static void OnKeys(nint ssl, byte* line)
    {
        if (Of(ssl) is not { } socket || socket.Context.KeyLog == Values.None)
            return;
        var text = new PyBytes(Encoding.ASCII.GetBytes(OpenSsl.Text(line) + "\n"));
        socket.Try(() =>
        {
            var file = Calls.Call(Attributes.Get(PyThread.Current.Machine.ImportModule("io"), "open"), socket.Context.KeyLog, new PyStr("ab"));
            Calls.CallMethod(file, "write", text);
            Calls.CallMethod(file, "close");
        });
    }

    [UnmanagedCallersOnly]
    private static void OnMessage(int isWrite, int version, int kind, byte* data, nuint length, nint ssl, nint argument)
    {
        if (Of(ssl) is not { } socket || socket.Context.MessageCallback == Values.None)
            return;
        var bytes = new ReadOnlySpan<byte>(data, (int)length).ToArray();
        const int alert = 21, handshake = 22, header = 0x100, innerType = 0x101;
        var message = kind switch { alert when bytes.Length > 1 => bytes[1], handshake when bytes.Length > 0 => bytes[0], header when bytes.Length > 0 => bytes[0], innerType when bytes.Length > 0 => bytes[0], _ => -1 };
        socket.Try(() => Calls.Call(socket.Context.MessageCallback, socket.Shown, new PyStr(isWrite != 0 ? "write" : "read"), PyInt.Of(version), PyInt.Of(kind), PyInt.Of(message), new PyBytes(bytes)));
    }
}

/// <summary>What a connection can be taken up again with.</summary>
internal sealed class PySslSession(PySslContext context, nint handle) : PyObject
{
    ~PySslSession() => OpenSsl.FreeSession(Handle);

    public PySslContext Context { get; } = context;

    public nint Handle { get; } = handle;

    public override PyType Type => SslModule.Session;
}

/// <summary>A certificate of a chain, as its bytes.</summary>
internal sealed class PySslCertificate(byte[] encoded) : PyObject
{
    public byte[] Encoded { get; } = encoded;

    public override PyType Type => SslModule.Certificate;
}
