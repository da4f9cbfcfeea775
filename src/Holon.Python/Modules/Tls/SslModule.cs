using System.Security.Cryptography;
using System.Text;
using Holon.Python.Modules.Network;

namespace Holon.Python.Modules.Tls;

/// <summary>_ssl: TLS, on the library that .NET's own TLS stands on. It is asked directly because SslStream cannot be used the way this module is.</summary>
internal static unsafe class SslModule
{
    private static readonly NativeParameters SSLContextParameters = new("_SSLContext", "protocol, /");

    private static PySslContext C(PyObject o) => (PySslContext)o;

    private static PySslSocket S(PyObject o) => (PySslSocket)o;

    private static PyMemoryBio M(PyObject o) => (PyMemoryBio)o;

    private static PyObject Done(Action action)
    {
        action();
        return Values.None;
    }

    public static readonly PyType MemoryBio = new("MemoryBIO", PyType.Object, t =>
    {
        t.New = (_, args, names) =>
        {
            Args.Exactly("MemoryBIO", args, names, 0);
            return new PyMemoryBio();
        };
        t.Def("read", "size=-1, /", (o, a) => M(o).Read(Args.Long(a[0]!)));
        t.Def1("write", (o, data) => PyInt.Of(M(o).Write(Buffers.Bytes(data))));
        t.Def0("write_eof", o => Done(M(o).WriteEnd));
        t.Getter("pending", o => PyInt.Of(M(o).Waiting));
        t.Getter("eof", o => Values.Bool(M(o).HasEnded && M(o).Waiting == 0));
    }, "_ssl");

    public static readonly PyType Session = new("SSLSession", PyType.Object, t =>
    {
        t.New = (_, _, _) => throw Err.Type("cannot create '_ssl.SSLSession' instances");
        static nint H(PyObject o) => ((PySslSession)o).Handle;
        static byte[] Id(PyObject o)
        {
            var id = OpenSsl.SessionId(H(o), out var length);
            return new ReadOnlySpan<byte>(id, (int)length).ToArray();
        }
        t.Getter("id", o => new PyBytes(Id(o)));
        t.Getter("time", o => PyInt.Of(OpenSsl.SessionTime(H(o))));
        t.Getter("timeout", o => PyInt.Of(OpenSsl.SessionTimeout(H(o))));
        t.Getter("ticket_lifetime_hint", o => PyInt.Of((long)OpenSsl.SessionHint(H(o))));
        t.Getter("has_ticket", o => Values.Bool(OpenSsl.SessionHasTicket(H(o)) != 0));
        t.Compare = (a, b, op) => b is not PySslSession || op is not (CompareOp.Eq or CompareOp.Ne) ? Values.NotImplemented : Values.Bool(Id(a).AsSpan().SequenceEqual(Id(b)) == (op == CompareOp.Eq));
    }, "_ssl");

    public static readonly PyType Certificate = new("Certificate", PyType.Object, t =>
    {
        t.New = (_, _, _) => throw Err.Type("cannot create '_ssl.Certificate' instances");
        t.Def("public_bytes", "format=1", (o, a) =>
        {
            var encoded = ((PySslCertificate)o).Encoded;
            return Args.Int(a[0]!) switch
            {
                2 => new PyBytes(encoded),
                1 => new PyStr(PemEncoding.WriteString("CERTIFICATE", encoded) + "\n"),
                _ => throw Err.Value("Unsupported format"),
            };
        });
        t.Def0("get_info", o => SslCertificates.Decode(((PySslCertificate)o).Encoded));
    }, "_ssl");

    public static readonly PyType Socket = new("_SSLSocket", PyType.Object, t =>
    {
        t.New = (_, _, _) => throw Err.Type("cannot create '_ssl._SSLSocket' instances");
        t.Def0("do_handshake", o => Done(S(o).Handshake));
        t.Def("read", "size, buffer=?, /", (o, a) =>
        {
            var size = Args.Long(a[0]!);
            if (a[1] is null)
                return new PyBytes(S(o).Read(size));
            var room = Buffers.Writable(a[1]).Bytes.Length;
            var data = S(o).Read(size <= 0 || size > room ? room : size);
            data.CopyTo(Buffers.Writable(a[1]).Writable);
            return PyInt.Of(data.Length);
        });
        t.Def1("write", (o, data) => PyInt.Of(S(o).Write(Buffers.Bytes(data))));
        t.Def0("pending", o => PyInt.Of(S(o).Pending));
        t.Def0("shutdown", o =>
        {
            S(o).ShutDown();
            return S(o).SocketObject;
        });
        t.Def("getpeercert", "binary_mode=False, /", (o, a) => S(o).PeerCertificate(Ops.IsTrue(a[0]!)));
        t.Def0("get_unverified_chain", o => S(o).Chain(false));
        t.Def0("get_verified_chain", o => S(o).Chain(true));
        t.Def("get_channel_binding", "cb_type='tls-unique'", (o, a) => S(o).Binding(Args.Str(a[0], "get_channel_binding").Value));
        t.Def0("cipher", o => S(o).CurrentCipher);
        t.Def0("shared_ciphers", o => S(o).SharedCiphers());
        t.Def0("version", o => S(o).Version);
        t.Def0("selected_alpn_protocol", o => S(o).Protocol);
        t.Def0("compression", _ => Values.None);
        t.Def0("verify_client_post_handshake", o => Done(S(o).AskClient));
        t.Getter("context", o => S(o).Context, (o, v) => S(o).ChangeContext(v ?? Values.None));
        t.Getter("server_side", o => Values.Bool(S(o).IsServer));
        t.Getter("server_hostname", o => S(o).HostName);
        t.Getter("owner", o => S(o).Owner, (o, v) => S(o).SetOwner(v));
        t.Getter("session", o => S(o).Session, (o, v) => S(o).Session = v ?? Values.None);
        t.Getter("session_reused", o => Values.Bool(OpenSsl.IsReused(S(o).Handle) != 0));
    }, "_ssl");

    public static readonly PyType Context = new("_SSLContext", PyType.Object, t =>
    {
        t.New = (type, args, names) => new PySslContext(type, Args.Int(SSLContextParameters.Bind(args, names)[0]!));
        t.Init = (_, _, _) => { };
        t.Def("_wrap_socket", "sock, server_side, server_hostname=None, *, owner=None, session=None", (o, a) =>
        {
            var socket = a[0] as SocketModule.PySocket ?? throw Err.Type($"_wrap_socket() argument 1 must be _socket.socket, not {Args.TypeName(a[0])}");
            var made = new PySslSocket(C(o), socket, null, null, Ops.IsTrue(a[1]!), a[2], a[3], a[4]);
            return made;
        });
        t.Def("_wrap_bio", "incoming, outgoing, server_side, server_hostname=None, *, owner=None, session=None", (o, a) =>
            new PySslSocket(C(o), null, Args.As<PyMemoryBio>(a[0]!, "_wrap_bio", "_ssl.MemoryBIO"), Args.As<PyMemoryBio>(a[1]!, "_wrap_bio", "_ssl.MemoryBIO"), Ops.IsTrue(a[2]!), a[3], a[4], a[5]));
        t.Def1("set_ciphers", (o, list) => Done(() => C(o).SetCiphers(Args.Str(list, "set_ciphers").Value)));
        t.Def0("get_ciphers", o => C(o).Ciphers());
        t.Def1("_set_alpn_protocols", (o, list) => Done(() => C(o).SetProtocols(Buffers.Bytes(list))));
        t.DefKept("load_cert_chain", "certfile, keyfile=None, password=None", (o, a) => Done(() => C(o).LoadCertificate(a[0]!, a[1], a[2])));
        t.DefKept("load_verify_locations", "cafile=None, capath=None, cadata=None", (o, a) => Done(() => C(o).LoadVerify(a[0], a[1], a[2])));
        t.Def1("load_dh_params", (o, path) => Done(() => C(o).LoadDhParameters(path)));
        t.Def0("set_default_verify_paths", o => Done(C(o).LoadDefaults));
        t.Def1("set_ecdh_curve", (o, name) => Done(() => C(o).SetCurve(name is PyBytes bytes ? Encoding.ASCII.GetString(bytes.Content) : Args.Str(name, "set_ecdh_curve").Value)));
        t.Def0("session_stats", o =>
        {
            var result = new PyDict();
            foreach (var (name, number) in new[] { ("number", 20), ("connect", 21), ("connect_good", 22), ("connect_renegotiate", 23), ("accept", 24), ("accept_good", 25), ("accept_renegotiate", 26), ("hits", 27), ("misses", 29), ("timeouts", 30), ("cache_full", 31) })
                result.Set(name, C(o).Statistic(number));
            return result;
        });
        t.Def0("cert_store_stats", o =>
        {
            var (all, authorities, revocations) = C(o).Counts();
            var result = new PyDict();
            result.Set("x509", PyInt.Of(all));
            result.Set("crl", PyInt.Of(revocations));
            result.Set("x509_ca", PyInt.Of(authorities));
            return result;
        });
        t.DefKept("get_ca_certs", "binary_form=False", (o, a) =>
        {
            var encoded = C(o).Certificates().Where(c => OpenSsl.IsAuthority(c) != 0).Select(SslCertificates.Encode).ToList();
            return new PyList(encoded.Select(e => Ops.IsTrue(a[0]!) ? new PyBytes(e) : (PyObject)SslCertificates.Decode(e)));
        });
        t.Getter("protocol", o => PyInt.Of(C(o).Protocol));
        t.Getter("check_hostname", o => Values.Bool(C(o).ChecksHost), (o, v) => C(o).ChecksHost = Ops.IsTrue(v!));
        t.Getter("_host_flags", o => PyInt.Of(C(o).HostFlags), (o, v) => C(o).HostFlags = (uint)Args.Long(v!));
        t.Getter("minimum_version", o => PyInt.Of(C(o).Version(false)), (o, v) => C(o).SetVersion(false, Args.Int(v!)));
        t.Getter("maximum_version", o => PyInt.Of(C(o).Version(true)), (o, v) => C(o).SetVersion(true, Args.Int(v!)));
        t.Getter("options", o => PyInt.Of((long)C(o).Options), (o, v) => C(o).Options = (ulong)Args.Long(v!));
        t.Getter("verify_flags", o => PyInt.Of(C(o).VerifyFlags), (o, v) => C(o).VerifyFlags = (uint)Args.Long(v!));
        t.Getter("verify_mode", o => PyInt.Of(C(o).VerifyMode), (o, v) => C(o).VerifyMode = Args.Int(v!));
        t.Getter("post_handshake_auth", o => Values.Bool(C(o).AsksLater), (o, v) => C(o).AsksLater = Ops.IsTrue(v ?? throw Err.Attribute(o, new PyStr("cannot delete attribute"))));
        t.Getter("num_tickets", o => PyInt.Of((long)OpenSsl.GetTickets(C(o).Handle)), (o, v) =>
        {
            if (Args.Long(v!) < 0)
                throw Err.Value("value must be non-negative");
            if (C(o).Protocol != PySslContext.Server)
                throw Err.Value("SSLContext is not a server context.");
            _ = OpenSsl.SetTickets(C(o).Handle, (nuint)Args.Long(v!));
        });
        t.Getter("security_level", o => PyInt.Of(OpenSsl.SecurityLevel(C(o).Handle)));
        t.Getter("sni_callback", o => C(o).NameCallback, (o, v) => C(o).SetNameCallbackTo(v ?? Values.None));
        t.Getter("_msg_callback", o => C(o).MessageCallback, (o, v) => C(o).MessageCallback = v is null || v == Values.None || BuiltinsModule.IsCallable(v) ? v ?? Values.None : throw Err.Type($"{Ops.Repr(v)} is not callable."));
        t.Getter("keylog_filename", o => C(o).KeyLog, (o, v) => C(o).SetKeyLog(v ?? Values.None));
    }, "_ssl");

    private static readonly (string Name, int Number)[] Alerts =
    [
        ("CLOSE_NOTIFY", 0), ("UNEXPECTED_MESSAGE", 10), ("BAD_RECORD_MAC", 20), ("RECORD_OVERFLOW", 22), ("DECOMPRESSION_FAILURE", 30), ("HANDSHAKE_FAILURE", 40), ("BAD_CERTIFICATE", 42), ("UNSUPPORTED_CERTIFICATE", 43), ("CERTIFICATE_REVOKED", 44),
        ("CERTIFICATE_EXPIRED", 45), ("CERTIFICATE_UNKNOWN", 46), ("ILLEGAL_PARAMETER", 47), ("UNKNOWN_CA", 48), ("ACCESS_DENIED", 49), ("DECODE_ERROR", 50), ("DECRYPT_ERROR", 51), ("PROTOCOL_VERSION", 70), ("INSUFFICIENT_SECURITY", 71), ("INTERNAL_ERROR", 80),
        ("USER_CANCELLED", 90), ("NO_RENEGOTIATION", 100), ("UNSUPPORTED_EXTENSION", 110), ("CERTIFICATE_UNOBTAINABLE", 111), ("UNRECOGNIZED_NAME", 112), ("BAD_CERTIFICATE_STATUS_RESPONSE", 113), ("BAD_CERTIFICATE_HASH_VALUE", 114), ("UNKNOWN_PSK_IDENTITY", 115),
    ];

    public static void Fill(ModuleBuilder m)
    {
        m.Types(Context, Socket, MemoryBio, Session, Certificate);
        m.Types(SslErrors.Error, SslErrors.Verification, SslErrors.Zero, SslErrors.Read, SslErrors.Write, SslErrors.System, SslErrors.End);
        foreach (var (name, value) in new (string, long)[]
        {
            ("CERT_NONE", 0), ("CERT_OPTIONAL", 1), ("CERT_REQUIRED", 2), ("ENCODING_DER", 2), ("ENCODING_PEM", 1), ("HOSTFLAG_ALWAYS_CHECK_SUBJECT", 1), ("HOSTFLAG_NO_WILDCARDS", 2), ("HOSTFLAG_NO_PARTIAL_WILDCARDS", 4), ("HOSTFLAG_MULTI_LABEL_WILDCARDS", 8),
            ("HOSTFLAG_SINGLE_LABEL_SUBDOMAINS", 16), ("HOSTFLAG_NEVER_CHECK_SUBJECT", 32), ("OP_ALL", 0x80000050), ("OP_NO_SSLv2", 0), ("OP_NO_SSLv3", 0x2000000), ("OP_NO_TLSv1", 0x4000000), ("OP_NO_TLSv1_1", 0x10000000), ("OP_NO_TLSv1_2", 0x8000000),
            ("OP_NO_TLSv1_3", 0x20000000), ("OP_CIPHER_SERVER_PREFERENCE", 0x400000), ("OP_SINGLE_DH_USE", 0), ("OP_SINGLE_ECDH_USE", 0), ("OP_NO_TICKET", 0x4000), ("OP_NO_COMPRESSION", 0x20000), ("OP_ENABLE_MIDDLEBOX_COMPAT", 0x100000),
            ("OP_IGNORE_UNEXPECTED_EOF", 0x80), ("OP_NO_RENEGOTIATION", 0x40000000), ("PROTOCOL_SSLv23", 2), ("PROTOCOL_TLS", 2), ("PROTOCOL_TLS_CLIENT", 16), ("PROTOCOL_TLS_SERVER", 17), ("PROTOCOL_TLSv1", 3), ("PROTOCOL_TLSv1_1", 4), ("PROTOCOL_TLSv1_2", 5),
            ("PROTO_MINIMUM_SUPPORTED", -2), ("PROTO_MAXIMUM_SUPPORTED", -1), ("PROTO_SSLv3", 768), ("PROTO_TLSv1", 769), ("PROTO_TLSv1_1", 770), ("PROTO_TLSv1_2", 771), ("PROTO_TLSv1_3", 772), ("SSL_ERROR_SSL", 1), ("SSL_ERROR_WANT_READ", 2), ("SSL_ERROR_WANT_WRITE", 3),
            ("SSL_ERROR_WANT_X509_LOOKUP", 4), ("SSL_ERROR_SYSCALL", 5), ("SSL_ERROR_ZERO_RETURN", 6), ("SSL_ERROR_WANT_CONNECT", 7), ("SSL_ERROR_EOF", 8), ("SSL_ERROR_INVALID_ERROR_CODE", 10), ("VERIFY_DEFAULT", 0), ("VERIFY_CRL_CHECK_LEAF", 4),
            ("VERIFY_CRL_CHECK_CHAIN", 12), ("VERIFY_X509_STRICT", 32), ("VERIFY_ALLOW_PROXY_CERTS", 64), ("VERIFY_X509_TRUSTED_FIRST", 32768), ("VERIFY_X509_PARTIAL_CHAIN", 524288),
        })
            m.Set(name, value);
        foreach (var name in new[] { "HAS_SNI", "HAS_ECDH", "HAS_ALPN", "HAS_TLSv1", "HAS_TLSv1_1", "HAS_TLSv1_2", "HAS_TLSv1_3", "HAS_TLS_UNIQUE" })
            m.Set(name, Values.True);
        foreach (var name in new[] { "HAS_NPN", "HAS_SSLv2", "HAS_SSLv3" })
            m.Set(name, Values.False);
        foreach (var (name, number) in Alerts)
            m.Set("ALERT_DESCRIPTION_" + name, number);
        var version = OpenSsl.VersionNumber();
        var parts = new PyTuple(PyInt.Of((long)(version >> 28 & 0xff)), PyInt.Of((long)(version >> 20 & 0xff)), PyInt.Of((long)(version >> 12 & 0xff)), PyInt.Of((long)(version >> 4 & 0xff)), PyInt.Of((long)(version & 0xf)));
        m.Set("OPENSSL_VERSION_NUMBER", (long)version);
        m.Set("OPENSSL_VERSION_INFO", parts);
        m.Set("_OPENSSL_API_VERSION", parts);
        m.Set("OPENSSL_VERSION", OpenSsl.Text(OpenSsl.VersionText(0)));
        m.Set("_DEFAULT_CIPHERS", "ALL:!COMPLEMENTOFDEFAULT:!eNULL");
        m.Def1("_test_decode_cert", path =>
        {
            var text = File.ReadAllText(Gate.Current.Ask(path, Access.Read));
            var found = PemEncoding.TryFind(text, out var fields) ? Convert.FromBase64String(text[fields.Base64Data]) : throw SslErrors.Of(SslErrors.Error, 0, "Can't open file");
            return SslCertificates.Decode(found);
        });
        m.Def0("get_default_verify_paths", () => new PyTuple(new PyStr(OpenSsl.Text(OpenSsl.FileVariable())), new PyStr(OpenSsl.Text(OpenSsl.DefaultFile())), new PyStr(OpenSsl.Text(OpenSsl.FolderVariable())), new PyStr(OpenSsl.Text(OpenSsl.DefaultFolder()))));
        m.Def("txt2obj", "txt, name=False", a =>
        {
            var text = Args.Str(a[0], "txt2obj").Value;
            var item = OpenSsl.ObjectFrom(text, Ops.IsTrue(a[1]!) ? 0 : 1);
            OpenSsl.ClearErrors();
            return item != 0 ? Identifier(item, true) : throw Err.Value($"unknown object '{text}'");
        });
        m.Def1("nid2obj", number =>
        {
            if (Args.Int(number) < 0)
                throw Err.Value("NID must be positive");
            var item = OpenSsl.ObjectOf(Args.Int(number));
            OpenSsl.ClearErrors();
            return item != 0 ? Identifier(item, false) : throw Err.Value($"unknown NID {Args.Int(number)}");
        });
        m.Def("RAND_add", "string, entropy, /", _ => Values.None);
        m.Def0("RAND_status", () => Values.True);
        PyBytes Random(PyObject count)
        {
            if (Args.Int(count) < 0)
                throw Err.Value("num must be positive");
            m.Machine.Limits.CheckSize(Args.Int(count));
            return new PyBytes(RandomNumberGenerator.GetBytes(Args.Int(count)));
        }
        m.Def1("RAND_bytes", Random);
        m.Def1("RAND_pseudo_bytes", count =>
        {
            Warn.Deprecated("ssl.RAND_pseudo_bytes() is deprecated");
            return new PyTuple(Random(count), Values.True);
        });
    }

    private static PyTuple Identifier(nint item, bool owned)
    {
        var number = OpenSsl.NumberOf(item);
        var text = new byte[256];
        var length = OpenSsl.ObjectText(text, text.Length, item, 1);
        if (owned)
            OpenSsl.FreeObject(item);
        return new PyTuple(PyInt.Of(number), new PyStr(OpenSsl.Text(OpenSsl.ShortName(number))), new PyStr(OpenSsl.Text(OpenSsl.LongName(number))), length > 0 ? new PyStr(Encoding.ASCII.GetString(text, 0, Math.Min(length, text.Length))) : Values.None);
    }
}
