"""ssl: contexts, sockets, memory BIOs, asyncio, certificates, errors. The key below protects nothing."""
import asyncio, os, socket, ssl, tempfile, threading, urllib.request

PEM = """
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglqAHnMFSL25BUBWo
PrKgkSGKU0JRmQpQifhxrVAnxAOhRANCAAR2O7eqwkrKyGDhDkzCkmk04I/4bO+U
0GWTDQsWCEj54YUy/mk2bzw0+YjwQmrsszq5CGCE33hWi6XF4raL3YCj
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIICCjCCAbGgAwIBAgIUQjMo1iVQALYSXVMJ6SW+dmxFf9wwCgYIKoZIzj0EAwIw
MTELMAkGA1UEBhMCREUxDjAMBgNVBAoMBUhvbG9uMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjYxMTI3MTkxMDMzWhgPMjEyNjExMDMxOTEwMzNaMDExCzAJBgNVBAYT
AkRFMQ4wDAYDVQQKDAVIb2xvbjESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEdju3qsJKyshg4Q5MwpJpNOCP+GzvlNBlkw0LFghI
+eGFMv5pNm88NPmI8EJq7LM6uQhghN94VoulxeK2i92Ao6OBpDCBoTAdBgNVHQ4E
FgQUceLVIJFW5PJ2uOZUVTWjIj+JIi0wHwYDVR0jBBgwFoAUceLVIJFW5PJ2uOZU
VTWjIj+JIi0wDwYDVR0TAQH/BAUwAwEB/zBOBgNVHREERzBFgglsb2NhbGhvc3SC
DSouZXhhbXBsZS5vcmeHBH8AAAGHEAAAAAAAAAAAAAAAAAAAAAGBBWFAYi5jhgpo
dHRwczovL3gvMAoGCCqGSM49BAMCA0cAMEQCIHsmZ2oHXzINrIcAkk0UVCYWSX2M
KhqWjeRqPvFQETlQAiAg5+JspKCeGOF0mlqA1d7wQJqCnnzm3i1Q2Ec2NyhIkA==
-----END CERTIFICATE-----
"""
path = os.path.join(tempfile.mkdtemp(), "pem")
with open(path, "w") as file:
    file.write(PEM)
server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server_context.load_cert_chain(path)
client_context = ssl.create_default_context(cafile=path)
print(client_context.verify_mode, client_context.check_hostname, client_context.protocol, client_context.options, client_context.minimum_version, client_context.verify_flags, client_context.cert_store_stats(), server_context.session_stats()["accept"])
print([c["name"] for c in client_context.get_ciphers()][:3], client_context.get_ca_certs()[0], ssl.PEM_cert_to_DER_cert(PEM[PEM.index("-----BEGIN CERT"):])[:4])
server_context.set_alpn_protocols(["h2", "http/1.1"])
names = []
server_context.sni_callback = lambda sock, name, context: names.append(name)


def serve(sock, context, count=1):
    for _ in range(count):
        raw, _ = sock.accept()
        try:
            with context.wrap_socket(raw, server_side=True) as tls:
                while data := tls.recv(1000):
                    tls.sendall(data.upper())
        except (ssl.SSLError, OSError):
            raw.close()


def listen(count=1, context=server_context):
    sock = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, args=(sock, context, count), daemon=True)
    thread.start()
    return sock.getsockname()[1]


port = listen()
with socket.create_connection(("127.0.0.1", port)) as raw:
    client_context.set_alpn_protocols(["http/1.1"])
    with client_context.wrap_socket(raw, server_hostname="localhost") as tls:
        print(tls.version(), tls.cipher()[1:], tls.selected_alpn_protocol(), tls.server_hostname, tls.session_reused, tls.compression(), tls.pending(), tls.server_side)
        certificate = tls.getpeercert()
        print(certificate["subject"], certificate["subjectAltName"], certificate["notBefore"][-3:], certificate["version"], len(tls.getpeercert(True)) > 100)
        tls.sendall(b"hello" * 10000)
        got = b""
        while len(got) < 50000:
            got += tls.recv(70000)
        print(got == b"HELLO" * 10000, tls.write(b"x"), tls.read(1))
        tls.settimeout(0.05)
        try:
            tls.recv(1)
        except TimeoutError as error:
            print("timeout", error)
        tls.setblocking(False)
        try:
            tls.recv(1)
        except ssl.SSLWantReadError as error:
            print(error.errno, str(error)[:36])
print(names)
for name, context in (("wrong.example.com", client_context), ("127.0.0.1", client_context), ("a.example.org", client_context), ("localhost", ssl.create_default_context())):
    port = listen()
    try:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname=name) as tls:
            print(name, tls.version())
    except ssl.SSLCertVerificationError as error:
        print(name, error.reason, error.library, error.verify_code, error.verify_message)
insecure = ssl._create_unverified_context()
insecure.maximum_version = ssl.TLSVersion.TLSv1_2
with insecure.wrap_socket(socket.create_connection(("127.0.0.1", listen()))) as tls:
    print(tls.version(), tls.getpeercert(), len(tls.get_channel_binding()), tls.shared_ciphers()[:3])
only13 = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
only13.load_cert_chain(path)
only13.minimum_version = ssl.TLSVersion.TLSv1_3
try:
    insecure.wrap_socket(socket.create_connection(("127.0.0.1", listen(1, only13))))
except ssl.SSLError as error:
    print(error.reason, error.library)
plain = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: plain.accept()[0].sendall(b"HTTP/1.0 200 OK\r\n\r\n"), daemon=True).start()
try:
    client_context.wrap_socket(socket.create_connection(plain.getsockname()), server_hostname="localhost")
except ssl.SSLError as error:
    print(error.reason)

ca, cb, sa, sb = (ssl.MemoryBIO() for _ in range(4))
client, server = client_context.wrap_bio(sa, ca, server_hostname="localhost"), server_context.wrap_bio(ca, sa, server_side=True)
steps = []
while len(steps) < 20:
    done = 0
    for side in (client, server):
        try:
            side.do_handshake()
            done += 1
        except ssl.SSLWantReadError:
            steps.append(side.server_side)
    if done == 2:
        break
client.write(b"over memory")
print(server.read(100), steps, ca.pending, sa.eof, client.version(), client.session is not None)
try:
    server.read(1)
except ssl.SSLWantReadError:
    print("want read")
ca.write_eof()
print(ca.eof)


async def main():
    async def handle(reader, writer):
        data = await reader.readline()
        writer.write(data[::-1] * 1000)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=server_context)
    port = server.sockets[0].getsockname()[1]

    async def ask(i):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_context, server_hostname="localhost")
        writer.write(b"line %d\n" % i)
        data = await reader.read()
        writer.close()
        return len(data), data[:8]

    print(await asyncio.gather(*(ask(i) for i in range(5))))
    server.close()


asyncio.run(main())
import http.server

httpd = http.server.HTTPServer(("127.0.0.1", 0), type("H", (http.server.BaseHTTPRequestHandler,), {"do_GET": lambda s: (s.send_response(200), s.end_headers(), s.wfile.write(s.path.encode())), "log_message": lambda *a: None}))
httpd.socket = server_context.wrap_socket(httpd.socket, server_side=True)
threading.Thread(target=httpd.serve_forever, daemon=True).start()
print(urllib.request.urlopen(f"https://localhost:{httpd.server_port}/p", context=client_context).read())
for call in (lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations("/nonexistent"), lambda: server_context.load_cert_chain("/etc/hostname"), lambda: client_context.set_ciphers("NOTHING"), lambda: client_context.wrap_bio(sa, ca, server_hostname=""),
             lambda: client_context.load_verify_locations(), lambda: client_context.load_verify_locations(cadata=""), lambda: setattr(client_context, "verify_mode", ssl.CERT_NONE), lambda: server_context.wrap_bio(sa, ca), lambda: ssl.RAND_bytes(-1)):
    try:
        call()
    except (ssl.SSLError, OSError, ValueError, TypeError) as error:
        print(type(error).__name__)
print(ssl.OPENSSL_VERSION.split(".")[0], ssl._ssl.txt2obj("serverAuth", name=True), ssl._ssl.nid2obj(129)[1], len(ssl.RAND_bytes(9)), ssl.HAS_ALPN, ssl.get_default_verify_paths().openssl_cafile_env)
