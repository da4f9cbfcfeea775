using System.Runtime.InteropServices;
using System.Text;

namespace Holon.Python.Modules.Tls;

/// <summary>ssl's context: certificates, keys and settings that connections are made with.</summary>
internal sealed unsafe class PySslContext : PyExtensible
{
    public const int Tls = 2, Client = 16, Server = 17;

    private const int NoCertificate = 0, AskCertificate = 1, NeedCertificate = 3;
    private const int SetMode = 33, SetNameCallback = 53, SetMinimum = 123, SetMaximum = 124, GetMinimum = 130, GetMaximum = 131, SetGroups = 92;

    [ThreadStatic]
    private static byte[]? password;

    private byte* protocols;
    private int protocolsLength;
    private bool checksHost;
    private uint hostFlags = 4;
    private bool asksLater;

    public PySslContext(PyType type, int protocol)
        : base(type)
    {
        Protocol = protocol;
        var method = protocol switch { Client => OpenSsl.ClientMethod(), Server => OpenSsl.ServerMethod(), Tls or 3 or 4 or 5 => OpenSsl.AnyMethod(), _ => throw Err.Value("invalid or unsupported protocol version") };
        if (protocol is not (Client or Server))
            Warn.Deprecated(protocol == Tls ? "ssl.PROTOCOL_TLS is deprecated" : $"ssl.PROTOCOL_{(protocol == 3 ? "TLSv1" : protocol == 4 ? "TLSv1_1" : "TLSv1_2")} is deprecated");
        Handle = OpenSsl.NewContext(method);
        if (Handle == 0)
            throw SslErrors.Last();
        if (protocol is 3 or 4 or 5)
        {
            Set(SetMinimum, 0x301 + protocol - 3);
            Set(SetMaximum, 0x301 + protocol - 3);
        }
        // OP_ALL, OP_NO_SSLv3, OP_CIPHER_SERVER_PREFERENCE, OP_NO_COMPRESSION, OP_IGNORE_UNEXPECTED_EOF.
        _ = OpenSsl.SetOptions(Handle, 0x80000050 | 0x2000000 | 0x400000 | 0x20000 | 0x80);
        const int releaseBuffers = 0x10, trustedFirst = 0x8000;
        Set(SetMode, releaseBuffers);
        _ = OpenSsl.SetSessionName(Handle, "Python"u8, 6);
        _ = OpenSsl.SetFlags(OpenSsl.ContextParameters(Handle), trustedFirst);
        OpenSsl.SetHostFlags(OpenSsl.ContextParameters(Handle), hostFlags);
        OpenSsl.SetPassword(Handle, &OnPassword);
        checksHost = protocol == Client;
        OpenSsl.SetVerify(Handle, protocol == Client ? NeedCertificate : NoCertificate, 0);
    }

    ~PySslContext()
    {
        OpenSsl.FreeContext(Handle);
        NativeMemory.Free(protocols);
    }

    public nint Handle { get; }

    public int Protocol { get; }

    public PyObject NameCallback { get; private set; } = Values.None;

    public PyObject MessageCallback { get; set; } = Values.None;

    public PyObject KeyLog { get; private set; } = Values.None;

    public bool AsksLater
    {
        get => asksLater;
        set
        {
            asksLater = value;
            OpenSsl.SetPostHandshake(Handle, value ? 1 : 0);
        }
    }

    public bool ChecksHost
    {
        get => checksHost;
        set
        {
            if (value && VerifyMode == NoCertificate)
                VerifyMode = 2;
            checksHost = value;
        }
    }

    public uint HostFlags
    {
        get => hostFlags;
        set => OpenSsl.SetHostFlags(OpenSsl.ContextParameters(Handle), hostFlags = value);
    }

    /// <summary>CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED: 0, 1, 2.</summary>
    public int VerifyMode
    {
        get => OpenSsl.GetVerify(Handle) switch { NoCertificate => 0, AskCertificate => 1, _ => 2 };
        set
        {
            if (value is < 0 or > 2)
                throw Err.Value("invalid value for verify_mode");
            if (value == 0 && checksHost)
                throw Err.Value("Cannot set verify_mode to CERT_NONE when check_hostname is enabled.");
            OpenSsl.SetVerify(Handle, value switch { 0 => NoCertificate, 1 => AskCertificate, _ => NeedCertificate }, 0);
        }
    }

    private nint Set(int command, long value) => OpenSsl.ContextControl(Handle, command, (nint)value, 0);

    public PyObject Statistic(int which) => PyInt.Of(OpenSsl.ContextControl(Handle, which, 0, 0));

    /// <summary>The lowest or highest version: -2 and -1 stand for all that there are.</summary>
    public long Version(bool maximum)
    {
        var version = OpenSsl.ContextControl(Handle, maximum ? GetMaximum : GetMinimum, 0, 0);
        return version != 0 ? version : maximum ? -1 : -2;
    }

    public void SetVersion(bool maximum, long version)
    {
        if (Protocol is not (Tls or Client or Server))
            throw Err.Value("The context's protocol doesn't support modification of highest and lowest version.");
        if (version is not (-2 or -1 or >= 0x300 and <= 0x304))
            throw Err.Value($"Unsupported TLS/SSL version 0x{version:x}");
        var value = version == -2 ? maximum ? 0x301 : 0 : version == -1 ? maximum ? 0 : 0x304 : version;
        if (Set(maximum ? SetMaximum : SetMinimum, value) == 0)
            throw Err.Value($"Unsupported protocol version 0x{version:x}");
    }

    public ulong Options
    {
        get => OpenSsl.GetOptions(Handle);
        set
        {
            var now = OpenSsl.GetOptions(Handle);
            _ = OpenSsl.ClearOptions(Handle, now & ~value);
            _ = OpenSsl.SetOptions(Handle, value & ~now);
        }
    }

    public uint VerifyFlags
    {
        get => OpenSsl.GetFlags(OpenSsl.ContextParameters(Handle));
        set
        {
            var parameters = OpenSsl.ContextParameters(Handle);
            var now = OpenSsl.GetFlags(parameters);
            _ = OpenSsl.ClearFlags(parameters, now & ~value);
            _ = OpenSsl.SetFlags(parameters, value & ~now);
        }
    }

    public void SetCiphers(string list)
    {
        if (OpenSsl.SetCiphers(Handle, list) == 0)
        {
            OpenSsl.ClearErrors();
            throw SslErrors.Of(SslErrors.Error, 0, "No cipher can be selected.");
        }
    }

    public PyList Ciphers()
    {
        var ssl = OpenSsl.NewConnection(Handle);
        var list = OpenSsl.Ciphers(ssl);
        var result = new PyList();
        for (var i = 0; i < OpenSsl.StackCount(list); i++)
            result.Add(Describe(OpenSsl.StackItem(list, i)));
        OpenSsl.FreeConnection(ssl);
        return result;
    }

    private static PyDict Describe(nint cipher)
    {
        var text = new byte[512];
        _ = OpenSsl.CipherText(cipher, text, text.Length);
        var description = Encoding.ASCII.GetString(text, 0, Math.Max(0, Array.IndexOf(text, (byte)0))).TrimEnd('\n');
        var strength = OpenSsl.CipherBits(cipher, out var bits);
        PyObject Name(int number) => number == 0 ? Values.None : new PyStr(OpenSsl.Text(OpenSsl.LongName(number)));
        var result = new PyDict();
        result.Set("id", PyInt.Of(OpenSsl.CipherId(cipher)));
        result.Set("name", new PyStr(OpenSsl.Text(OpenSsl.CipherName(cipher))));
        result.Set("protocol", new PyStr(OpenSsl.Text(OpenSsl.CipherVersion(cipher))));
        result.Set("description", new PyStr(description));
        result.Set("strength_bits", PyInt.Of(strength));
        result.Set("alg_bits", PyInt.Of(bits));
        result.Set("aead", Values.Bool(OpenSsl.CipherIsAead(cipher) != 0));
        result.Set("symmetric", Name(OpenSsl.CipherAlgorithm(cipher)));
        result.Set("digest", Name(OpenSsl.CipherDigest(cipher)));
        result.Set("kea", Name(OpenSsl.CipherExchange(cipher)));
        result.Set("auth", Name(OpenSsl.CipherAuthentication(cipher)));
        return result;
    }

    public void SetProtocols(byte[] given)
    {
        if (OpenSsl.SetAlpn(Handle, given, (uint)given.Length) != 0)
            throw Err.Memory();
        NativeMemory.Free(protocols);
        protocols = (byte*)NativeMemory.Alloc((nuint)Math.Max(1, given.Length));
        protocolsLength = given.Length;
        given.CopyTo(new Span<byte>(protocols, given.Length));
        OpenSsl.SetAlpnChoice(Handle, &OnProtocols, 0);
    }

    [UnmanagedCallersOnly]
    private static int OnProtocols(nint ssl, byte** chosen, byte* length, byte* offered, uint offeredLength, nint data)
    {
        const int accepted = 0, noAnswer = 3, negotiated = 1;
        // The context lives as long as a connection of it, and so does its list.
        if (PySslSocket.Of(ssl)?.Context is not { } context || context.protocols == null)
            return noAnswer;
        return OpenSsl.ChooseProtocol(chosen, length, context.protocols, (uint)context.protocolsLength, offered, offeredLength) == negotiated ? accepted : noAnswer;
    }

    [UnmanagedCallersOnly]
    private static int OnPassword(byte* buffer, int size, int writing, nint data)
    {
        if (password is not { } text || text.Length > size)
            return -1;
        text.CopyTo(new Span<byte>(buffer, size));
        return text.Length;
    }

    public void LoadCertificate(PyObject certificate, PyObject? key, PyObject? secret)
    {
        var file = File(certificate, "certfile should be a valid filesystem path");
        var keyFile = Args.IsNone(key) ? file : File(key!, "keyfile should be a valid filesystem path");
        password = Args.IsNone(secret) ? null : Password(secret!);
        try
        {
            const int pem = 1;
            OpenSsl.ClearErrors();
            if (OpenSsl.UseChainFile(Handle, file) != 1 || OpenSsl.UseKeyFile(Handle, keyFile, pem) != 1 || OpenSsl.CheckKey(Handle) != 1)
                throw SslErrors.Last(1);
        }
        finally
        {
            password = null;
        }
    }

    private static byte[] Password(PyObject secret)
    {
        var value = BuiltinsModule.IsCallable(secret) ? Calls.Call(secret) : secret;
        var bytes = value switch
        {
            PyStr text => Codecs.EncodeUtf8(text, "strict"),
            PyBytes or PyByteArray => Buffers.Bytes(value),
            _ => throw Err.Type(BuiltinsModule.IsCallable(secret) ? "password callback must return a string" : "password should be a string or callable"),
        };
        const int longest = 1024;
        return bytes.Length <= longest ? bytes : throw Err.Value($"password cannot be longer than {longest} bytes");
    }

    /// <summary>A file by grant that is there.</summary>
    private static string File(PyObject path, string message)
    {
        if (path is not (PyStr or PyBytes) && Calls.Special(path, Names.Intern("__fspath__")) is null)
            throw Err.Type(message);
        var real = Gate.Current.Ask(path, Access.Read);
        return System.IO.File.Exists(real) ? real : throw Err.OS(Directory.Exists(real) ? Errno.EISDIR : Errno.ENOENT, (PyObject?)null);
    }

    public void LoadVerify(PyObject? file, PyObject? folder, PyObject? data)
    {
        if (Args.IsNone(file) && Args.IsNone(folder) && Args.IsNone(data))
            throw Err.Type("cafile, capath and cadata cannot be all omitted");
        if (!Args.IsNone(data))
            Add(data!);
        if (Args.IsNone(file) && Args.IsNone(folder))
            return;
        OpenSsl.ClearErrors();
        var path = Args.IsNone(file) ? null : File(file!, "cafile should be a valid filesystem path");
        if (OpenSsl.LoadVerify(Handle, path, Args.IsNone(folder) ? null : Gate.Current.Ask(folder!, Access.Read)) != 1)
            throw SslErrors.Last();
    }

    private void Add(PyObject data)
    {
        var isText = data is PyStr;
        if (data is not (PyStr or IBuffer))
            throw Err.Type("cadata should be an ASCII string or a bytes-like object");
        var bytes = data is PyStr text ? Encoding.ASCII.GetBytes(text.Value.All(char.IsAscii) ? text.Value : throw Err.Type("cadata should be an ASCII string or a bytes-like object")) : Buffers.Bytes(data);
        if (bytes.Length == 0)
            throw Err.Value("Empty certificate data");
        var count = 0;
        fixed (byte* at = bytes)
        {
            var stream = OpenSsl.NewReader(at, bytes.Length);
            OpenSsl.ClearErrors();
            while ((isText ? OpenSsl.ReadPem(stream, 0, 0, 0) : OpenSsl.ReadDer(stream, 0)) is not 0 and var certificate)
            {
                _ = OpenSsl.AddCertificate(OpenSsl.Store(Handle), certificate);
                OpenSsl.FreeCertificate(certificate);
                count++;
            }
            _ = OpenSsl.FreeStream(stream);
        }
        if (count == 0)
        {
            OpenSsl.ClearErrors();
            throw SslErrors.Of(SslErrors.Error, 0, isText ? "no start line: cadata does not contain a certificate" : "not enough data: cadata does not contain a certificate");
        }
        OpenSsl.ClearErrors();
    }

    /// <summary>The host's authorities. OpenSSL reads them itself: no path of the program's is in it, unless its environment is the process's.</summary>
    public void LoadDefaults()
    {
        if (OpenSsl.DefaultVerify(Handle) == 0)
            throw SslErrors.Last();
    }

    public IEnumerable<nint> Certificates()
    {
        var list = OpenSsl.StoreObjects(OpenSsl.Store(Handle));
        for (var i = 0; i < OpenSsl.StackCount(list); i++)
        {
            var item = OpenSsl.StackItem(list, i);
            if (OpenSsl.ObjectType(item) == 1)
                yield return OpenSsl.ObjectCertificate(item);
        }
    }

    public (int All, int Authorities, int Revocations) Counts()
    {
        var list = OpenSsl.StoreObjects(OpenSsl.Store(Handle));
        var revocations = Enumerable.Range(0, OpenSsl.StackCount(list)).Count(i => OpenSsl.ObjectType(OpenSsl.StackItem(list, i)) == 2);
        var all = Certificates().ToList();
        return (all.Count, all.Count(c => OpenSsl.IsAuthority(c) != 0), revocations);
    }

    public void LoadDhParameters(PyObject path)
    {
        var bytes = System.IO.File.ReadAllBytes(File(path, "dh parameters should be a valid filesystem path"));
        fixed (byte* at = bytes.Length == 0 ? [0] : bytes)
        {
            var stream = OpenSsl.NewReader(at, bytes.Length);
            OpenSsl.ClearErrors();
            var key = OpenSsl.ReadParameters(stream, 0);
            _ = OpenSsl.FreeStream(stream);
            if (key == 0)
                throw SslErrors.Last();
            if (OpenSsl.SetDhKey(Handle, key) == 0)
            {
                OpenSsl.FreeKey(key);
                throw SslErrors.Last();
            }
        }
    }

    public void SetCurve(string name)
    {
        fixed (byte* at = (byte[])[.. Encoding.UTF8.GetBytes(name), 0])
        {
            if (OpenSsl.ContextControl(Handle, SetGroups, 0, (nint)at) != 1)
            {
                OpenSsl.ClearErrors();
                throw Err.Value($"unknown elliptic curve name '{name}'");
            }
        }
    }

    public void SetNameCallbackTo(PyObject callback)
    {
        if (Protocol == Client)
            throw Err.Value("sni_callback cannot be set on TLS_CLIENT context");
        if (callback != Values.None && !BuiltinsModule.IsCallable(callback))
            throw Err.Type("not a callable object");
        NameCallback = callback;
        _ = OpenSsl.ContextCallback(Handle, SetNameCallback, callback == Values.None ? null : &PySslSocket.OnName);
    }

    public void SetKeyLog(PyObject path)
    {
        if (path != Values.None)
            Calls.CallMethod(Calls.Call(Attributes.Get(PyThread.Current.Machine.ImportModule("io"), "open"), path, new PyStr("ab")), "close");
        KeyLog = path;
        OpenSsl.SetKeyLog(Handle, path == Values.None ? null : &PySslSocket.OnKeys);
    }
}
