using System.Runtime.InteropServices;

namespace Holon.Python.Modules.Tls;

/// <summary>OpenSSL 3's libssl and libcrypto, which .NET's own TLS is made on, too (openssl.org/docs/man3.0).</summary>
internal static unsafe partial class OpenSsl
{
    private const string Ssl = "libssl.so.3", Crypto = "libcrypto.so.3";

    [LibraryImport(Ssl, EntryPoint = "TLS_method")]
    public static partial nint AnyMethod();

    [LibraryImport(Ssl, EntryPoint = "TLS_client_method")]
    public static partial nint ClientMethod();

    [LibraryImport(Ssl, EntryPoint = "TLS_server_method")]
    public static partial nint ServerMethod();

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_new")]
    public static partial nint NewContext(nint method);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_free")]
    public static partial void FreeContext(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_ctrl")]
    public static partial nint ContextControl(nint context, int command, nint number, nint pointer);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_callback_ctrl")]
    public static partial nint ContextCallback(nint context, int command, delegate* unmanaged<nint, int*, nint, int> callback);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_options")]
    public static partial ulong SetOptions(nint context, ulong options);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_clear_options")]
    public static partial ulong ClearOptions(nint context, ulong options);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_get_options")]
    public static partial ulong GetOptions(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_verify")]
    public static partial void SetVerify(nint context, int mode, nint callback);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_get_verify_mode")]
    public static partial int GetVerify(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_get0_param")]
    public static partial nint ContextParameters(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_get0_param")]
    public static partial nint ConnectionParameters(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_cipher_list", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetCiphers(nint context, string list);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_session_id_context")]
    public static partial int SetSessionName(nint context, ReadOnlySpan<byte> name, uint length);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_post_handshake_auth")]
    public static partial void SetPostHandshake(nint context, int value);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_num_tickets")]
    public static partial int SetTickets(nint context, nuint count);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_get_num_tickets")]
    public static partial nuint GetTickets(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_get_security_level")]
    public static partial int SecurityLevel(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_alpn_protos")]
    public static partial int SetAlpn(nint context, ReadOnlySpan<byte> protocols, uint length);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_alpn_select_cb")]
    public static partial void SetAlpnChoice(nint context, delegate* unmanaged<nint, byte**, byte*, byte*, uint, nint, int> choose, nint data);

    [LibraryImport(Ssl, EntryPoint = "SSL_select_next_proto")]
    public static partial int ChooseProtocol(byte** chosen, byte* length, byte* server, uint serverLength, byte* client, uint clientLength);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_use_certificate_chain_file", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int UseChainFile(nint context, string file);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_use_PrivateKey_file", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int UseKeyFile(nint context, string file, int type);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_check_private_key")]
    public static partial int CheckKey(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_default_passwd_cb")]
    public static partial void SetPassword(nint context, delegate* unmanaged<byte*, int, int, nint, int> callback);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_load_verify_locations", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int LoadVerify(nint context, string? file, string? folder);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_default_verify_paths")]
    public static partial int DefaultVerify(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_get_cert_store")]
    public static partial nint Store(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_keylog_callback")]
    public static partial void SetKeyLog(nint context, delegate* unmanaged<nint, byte*, void> callback);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set0_tmp_dh_pkey")]
    public static partial int SetDhKey(nint context, nint key);

    [LibraryImport(Ssl, EntryPoint = "SSL_new")]
    public static partial nint NewConnection(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_free")]
    public static partial void FreeConnection(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_bio")]
    public static partial void SetStreams(nint ssl, nint read, nint write);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_connect_state")]
    public static partial void BeClient(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_accept_state")]
    public static partial void BeServer(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_ex_data")]
    public static partial int SetData(nint ssl, int index, nint data);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_ex_data")]
    public static partial nint GetData(nint ssl, int index);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_SSL_CTX")]
    public static partial nint ChangeContext(nint ssl, nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_ctrl")]
    public static partial nint Control(nint ssl, int command, nint number, ReadOnlySpan<byte> pointer);

    [LibraryImport(Ssl, EntryPoint = "SSL_do_handshake")]
    public static partial int Handshake(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_read")]
    public static partial int Read(nint ssl, Span<byte> buffer, int count);

    [LibraryImport(Ssl, EntryPoint = "SSL_write")]
    public static partial int Write(nint ssl, ReadOnlySpan<byte> data, int count);

    [LibraryImport(Ssl, EntryPoint = "SSL_pending")]
    public static partial int Pending(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_shutdown")]
    public static partial int ShutDown(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_shutdown")]
    public static partial int GetShutdown(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_error")]
    public static partial int GetError(nint ssl, int result);

    [LibraryImport(Ssl, EntryPoint = "SSL_is_init_finished")]
    public static partial int IsReady(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_verify_result")]
    public static partial nint VerifyResult(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_verify_mode")]
    public static partial int ConnectionVerifyMode(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get1_peer_certificate")]
    public static partial nint PeerCertificate(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_peer_cert_chain")]
    public static partial nint PeerChain(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get0_verified_chain")]
    public static partial nint VerifiedChain(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_current_cipher")]
    public static partial nint CurrentCipher(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_ciphers")]
    public static partial nint Ciphers(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_CIPHER_get_name")]
    public static partial byte* CipherName(nint cipher);

    [LibraryImport(Ssl, EntryPoint = "SSL_CIPHER_get_version")]
    public static partial byte* CipherVersion(nint cipher);

    [LibraryImport(Ssl, EntryPoint = "SSL_CIPHER_get_bits")]
    public static partial int CipherBits(nint cipher, out int algorithm);

    [LibraryImport(Ssl, EntryPoint = "SSL_CIPHER_get_id")]
    public static partial uint CipherId(nint cipher);

    [LibraryImport(Ssl, EntryPoint = "SSL_CIPHER_description")]
    public static partial byte* CipherText(nint cipher, Span<byte> buffer, int size);

    [LibraryImport(Ssl, EntryPoint = "SSL_CIPHER_is_aead")]
    public static partial int CipherIsAead(nint cipher);

    [LibraryImport(Ssl, EntryPoint = "SSL_CIPHER_get_cipher_nid")]
    public static partial int CipherAlgorithm(nint cipher);

    [LibraryImport(Ssl, EntryPoint = "SSL_CIPHER_get_digest_nid")]
    public static partial int CipherDigest(nint cipher);

    [LibraryImport(Ssl, EntryPoint = "SSL_CIPHER_get_kx_nid")]
    public static partial int CipherExchange(nint cipher);

    [LibraryImport(Ssl, EntryPoint = "SSL_CIPHER_get_auth_nid")]
    public static partial int CipherAuthentication(nint cipher);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_version")]
    public static partial byte* VersionName(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get0_alpn_selected")]
    public static partial void AlpnChosen(nint ssl, out byte* name, out uint length);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_servername")]
    public static partial byte* ServerName(nint ssl, int type);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_finished")]
    public static partial nuint Finished(nint ssl, Span<byte> buffer, nuint count);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_peer_finished")]
    public static partial nuint PeerFinished(nint ssl, Span<byte> buffer, nuint count);

    [LibraryImport(Ssl, EntryPoint = "SSL_session_reused")]
    public static partial int IsReused(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get1_session")]
    public static partial nint TakeSession(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_session")]
    public static partial int SetSession(nint ssl, nint session);

    [LibraryImport(Ssl, EntryPoint = "SSL_SESSION_free")]
    public static partial void FreeSession(nint session);

    [LibraryImport(Ssl, EntryPoint = "SSL_SESSION_get_id")]
    public static partial byte* SessionId(nint session, out uint length);

    [LibraryImport(Ssl, EntryPoint = "SSL_SESSION_get_time")]
    public static partial long SessionTime(nint session);

    [LibraryImport(Ssl, EntryPoint = "SSL_SESSION_get_timeout")]
    public static partial long SessionTimeout(nint session);

    [LibraryImport(Ssl, EntryPoint = "SSL_SESSION_get_ticket_lifetime_hint")]
    public static partial ulong SessionHint(nint session);

    [LibraryImport(Ssl, EntryPoint = "SSL_SESSION_has_ticket")]
    public static partial int SessionHasTicket(nint session);

    [LibraryImport(Ssl, EntryPoint = "SSL_verify_client_post_handshake")]
    public static partial int AskClient(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_post_handshake_auth")]
    public static partial void SetConnectionPostHandshake(nint ssl, int value);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_verify")]
    public static partial void SetConnectionVerify(nint ssl, int mode, nint callback);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_msg_callback")]
    public static partial void SetMessages(nint ssl, delegate* unmanaged<int, int, int, byte*, nuint, nint, nint, void> callback);

    [LibraryImport(Crypto, EntryPoint = "X509_VERIFY_PARAM_set_flags")]
    public static partial int SetFlags(nint parameters, uint flags);

    [LibraryImport(Crypto, EntryPoint = "X509_VERIFY_PARAM_clear_flags")]
    public static partial int ClearFlags(nint parameters, uint flags);

    [LibraryImport(Crypto, EntryPoint = "X509_VERIFY_PARAM_get_flags")]
    public static partial uint GetFlags(nint parameters);

    [LibraryImport(Crypto, EntryPoint = "X509_VERIFY_PARAM_set_hostflags")]
    public static partial void SetHostFlags(nint parameters, uint flags);

    [LibraryImport(Crypto, EntryPoint = "X509_VERIFY_PARAM_set1_host", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetHost(nint parameters, string name, nuint length);

    [LibraryImport(Crypto, EntryPoint = "X509_VERIFY_PARAM_set1_ip_asc", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetAddress(nint parameters, string address);

    [LibraryImport(Crypto, EntryPoint = "X509_verify_cert_error_string")]
    public static partial byte* VerifyText(nint code);

    [LibraryImport(Crypto, EntryPoint = "X509_free")]
    public static partial void FreeCertificate(nint certificate);

    [LibraryImport(Crypto, EntryPoint = "i2d_X509")]
    public static partial int EncodeCertificate(nint certificate, byte** output);

    [LibraryImport(Crypto, EntryPoint = "X509_check_ca")]
    public static partial int IsAuthority(nint certificate);

    [LibraryImport(Crypto, EntryPoint = "X509_STORE_add_cert")]
    public static partial int AddCertificate(nint store, nint certificate);

    [LibraryImport(Crypto, EntryPoint = "X509_STORE_get0_objects")]
    public static partial nint StoreObjects(nint store);

    [LibraryImport(Crypto, EntryPoint = "X509_OBJECT_get_type")]
    public static partial int ObjectType(nint item);

    [LibraryImport(Crypto, EntryPoint = "X509_OBJECT_get0_X509")]
    public static partial nint ObjectCertificate(nint item);

    [LibraryImport(Crypto, EntryPoint = "OPENSSL_sk_num")]
    public static partial int StackCount(nint stack);

    [LibraryImport(Crypto, EntryPoint = "OPENSSL_sk_value")]
    public static partial nint StackItem(nint stack, int index);

    [LibraryImport(Crypto, EntryPoint = "PEM_read_bio_X509")]
    public static partial nint ReadPem(nint stream, nint into, nint password, nint data);

    [LibraryImport(Crypto, EntryPoint = "d2i_X509_bio")]
    public static partial nint ReadDer(nint stream, nint into);

    [LibraryImport(Crypto, EntryPoint = "PEM_read_bio_Parameters")]
    public static partial nint ReadParameters(nint stream, nint into);

    [LibraryImport(Crypto, EntryPoint = "EVP_PKEY_free")]
    public static partial void FreeKey(nint key);

    [LibraryImport(Crypto, EntryPoint = "BIO_new")]
    public static partial nint NewStream(nint method);

    [LibraryImport(Crypto, EntryPoint = "BIO_s_mem")]
    public static partial nint MemoryStreams();

    [LibraryImport(Crypto, EntryPoint = "BIO_new_mem_buf")]
    public static partial nint NewReader(byte* data, int length);

    [LibraryImport(Crypto, EntryPoint = "BIO_free")]
    public static partial int FreeStream(nint stream);

    [LibraryImport(Crypto, EntryPoint = "BIO_up_ref")]
    public static partial int ShareStream(nint stream);

    [LibraryImport(Crypto, EntryPoint = "BIO_read")]
    public static partial int ReadStream(nint stream, Span<byte> buffer, int count);

    [LibraryImport(Crypto, EntryPoint = "BIO_write")]
    public static partial int WriteStream(nint stream, ReadOnlySpan<byte> data, int count);

    [LibraryImport(Crypto, EntryPoint = "BIO_ctrl")]
    public static partial nint StreamControl(nint stream, int command, nint number, nint pointer);

    [LibraryImport(Crypto, EntryPoint = "BIO_clear_flags")]
    public static partial void ClearStreamFlags(nint stream, int flags);

    [LibraryImport(Crypto, EntryPoint = "BIO_set_flags")]
    public static partial void SetStreamFlags(nint stream, int flags);

    [LibraryImport(Crypto, EntryPoint = "BIO_set_data")]
    public static partial void SetStreamData(nint stream, nint data);

    [LibraryImport(Crypto, EntryPoint = "BIO_get_data")]
    public static partial nint GetStreamData(nint stream);

    [LibraryImport(Crypto, EntryPoint = "BIO_set_init")]
    public static partial void SetStreamReady(nint stream, int value);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_new", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint NewMethod(int type, string name);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_set_read")]
    public static partial int SetMethodRead(nint method, delegate* unmanaged<nint, byte*, int, int> read);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_set_write")]
    public static partial int SetMethodWrite(nint method, delegate* unmanaged<nint, byte*, int, int> write);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_set_ctrl")]
    public static partial int SetMethodControl(nint method, delegate* unmanaged<nint, int, nint, nint, nint> control);

    [LibraryImport(Crypto, EntryPoint = "ERR_peek_last_error")]
    public static partial ulong PeekError();

    [LibraryImport(Crypto, EntryPoint = "ERR_peek_error")]
    public static partial ulong PeekFirstError();

    [LibraryImport(Crypto, EntryPoint = "ERR_clear_error")]
    public static partial void ClearErrors();

    [LibraryImport(Crypto, EntryPoint = "ERR_reason_error_string")]
    public static partial byte* Reason(ulong code);

    [LibraryImport(Crypto, EntryPoint = "ERR_lib_error_string")]
    public static partial byte* LibraryName(ulong code);

    [LibraryImport(Crypto, EntryPoint = "OBJ_nid2sn")]
    public static partial byte* ShortName(int number);

    [LibraryImport(Crypto, EntryPoint = "OBJ_nid2ln")]
    public static partial byte* LongName(int number);

    [LibraryImport(Crypto, EntryPoint = "OBJ_nid2obj")]
    public static partial nint ObjectOf(int number);

    [LibraryImport(Crypto, EntryPoint = "OBJ_obj2nid")]
    public static partial int NumberOf(nint item);

    [LibraryImport(Crypto, EntryPoint = "OBJ_obj2txt")]
    public static partial int ObjectText(Span<byte> text, int size, nint item, int numeric);

    [LibraryImport(Crypto, EntryPoint = "OBJ_txt2obj", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint ObjectFrom(string text, int numericOnly);

    [LibraryImport(Crypto, EntryPoint = "ASN1_OBJECT_free")]
    public static partial void FreeObject(nint item);

    [LibraryImport(Crypto, EntryPoint = "OpenSSL_version")]
    public static partial byte* VersionText(int what);

    [LibraryImport(Crypto, EntryPoint = "OpenSSL_version_num")]
    public static partial ulong VersionNumber();

    [LibraryImport(Crypto, EntryPoint = "X509_get_default_cert_file_env")]
    public static partial byte* FileVariable();

    [LibraryImport(Crypto, EntryPoint = "X509_get_default_cert_file")]
    public static partial byte* DefaultFile();

    [LibraryImport(Crypto, EntryPoint = "X509_get_default_cert_dir_env")]
    public static partial byte* FolderVariable();

    [LibraryImport(Crypto, EntryPoint = "X509_get_default_cert_dir")]
    public static partial byte* DefaultFolder();

    public static string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";
}
