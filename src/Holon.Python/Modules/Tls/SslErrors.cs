namespace Holon.Python.Modules.Tls;

/// <summary>ssl.SSLError and its kinds, and what OpenSSL's errors become.</summary>
internal static unsafe class SslErrors
{
    public const int Ssl = 1, WantRead = 2, WantWrite = 3, Syscall = 5, ZeroReturn = 6, Eof = 8;

    private const int VerifyFailed = 134, UnexpectedEof = 294, SslLibrary = 20;

    public static readonly PyType Error = new("SSLError", ExceptionTypes.OSError, t => t.Str = o =>
    {
        // The sentence alone, without a number in front.
        var error = (PyException)o;
        return error.Field("strerror") is PyStr text ? text : Ops.Str(error.Args);
    }, "ssl");

    public static readonly PyType Verification = MakeVerification();
    public static readonly PyType Zero = new("SSLZeroReturnError", Error, null, "ssl");
    public static readonly PyType Read = new("SSLWantReadError", Error, null, "ssl");
    public static readonly PyType Write = new("SSLWantWriteError", Error, null, "ssl");
    public static readonly PyType System = new("SSLSyscallError", Error, null, "ssl");
    public static readonly PyType End = new("SSLEOFError", Error, null, "ssl");

    private static PyType MakeVerification()
    {
        var type = new PyType("SSLCertVerificationError", Error, null, "ssl") { Bases = [Error, ExceptionTypes.ValueError] };
        type.Mro = [type, Error, ExceptionTypes.OSError, ExceptionTypes.ValueError, ExceptionTypes.Exception, ExceptionTypes.BaseException, PyType.Object];
        return type;
    }

    public static PyError Of(PyType type, int number, string text)
    {
        var error = new PyError((PyException)Calls.Call(type, PyInt.Of(number), PyStr.FromUtf16(text)));
        Attributes.Set(error.Value, "library", Values.None);
        Attributes.Set(error.Value, "reason", Values.None);
        return error;
    }

    /// <summary>The last error on OpenSSL's list, which is cleared.</summary>
    public static PyError Last(int number = 0, PySslSocket? socket = null)
    {
        var code = OpenSsl.PeekError();
        OpenSsl.ClearErrors();
        if (code == 0)
            return Of(Error, number, "unknown error");
        var (library, reason) = ((int)(code >> 23) & 0xff, (int)(code & 0x7fffff));
        if ((code & 0x80000000) != 0)
            return Err.OS((int)(code & 0x7fffffff), (PyObject?)null);
        var text = OpenSsl.Reason(code) is var found && found != null ? OpenSsl.Text(found) : $"unknown error ({reason})";
        var mnemonic = text.Replace(' ', '_').Replace('-', '_').ToUpperInvariant();
        var libraryName = library switch { SslLibrary => "SSL", 9 => "PEM", 11 => "X509", 13 => "ASN1", 34 => "X509V3", 6 => "EVP", 4 => "RSA", _ => OpenSsl.LibraryName(code) is var name && name != null ? OpenSsl.Text(name).Replace(" routines", "", StringComparison.Ordinal).ToUpperInvariant() : "unknown" };
        var type = Error;
        if (library == SslLibrary && reason == VerifyFailed && socket is not null)
        {
            type = Verification;
            var verify = OpenSsl.VerifyResult(socket.Handle);
            var why = (int)verify switch
            {
                62 => $"Hostname mismatch, certificate is not valid for '{socket.HostText}'.",
                64 => $"IP address mismatch, certificate is not valid for '{socket.HostText}'.",
                _ => OpenSsl.Text(OpenSsl.VerifyText(verify)),
            };
            var failed = Make(type, number, libraryName, mnemonic, $"[{libraryName}: {mnemonic}] {text}: {why}");
            Attributes.Set(failed.Value, "verify_code", PyInt.Of((long)verify));
            Attributes.Set(failed.Value, "verify_message", PyStr.FromUtf16(why));
            return failed;
        }
        if (library == SslLibrary && reason == UnexpectedEof)
            (type, number) = (End, Eof);
        return Make(type, number, libraryName, mnemonic, $"[{libraryName}: {mnemonic}] {text}");
    }

    private static PyError Make(PyType type, int number, string library, string reason, string text)
    {
        var error = new PyError((PyException)Calls.Call(type, PyInt.Of(number), PyStr.FromUtf16(text)));
        Attributes.Set(error.Value, "library", new PyStr(library));
        Attributes.Set(error.Value, "reason", new PyStr(reason));
        return error;
    }
}
