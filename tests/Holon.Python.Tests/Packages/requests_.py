"""requests against servers in the same program, by HTTP and by TLS."""
import gzip, http.server, json, os, ssl, tempfile, threading
import requests


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, code, body=b"", **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path.startswith("/redirect"):
            self.reply(302, Location="/plain")
        elif self.path == "/gzip":
            self.reply(200, gzip.compress(b"packed" * 100), Content_Encoding="gzip")
        elif self.path == "/cookie":
            self.reply(200, (self.headers.get("Cookie") or "none").encode(), Set_Cookie="a=1; Path=/")
        elif self.path == "/auth":
            self.reply(200 if self.headers.get("Authorization") else 401, b"")
        elif self.path == "/slow":
            threading.Event().wait(2)
            self.reply(200)
        else:
            self.reply(200 if self.path.startswith("/plain") else 404, self.path.encode(), Content_Type="text/plain; charset=utf-8")

    def do_POST(self):
        self.reply(200, self.rfile.read(int(self.headers["Content-Length"])), Content_Type=self.headers["Content-Type"])

    def log_message(self, *args):
        pass


def serve(context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


server = serve()
base = f"http://127.0.0.1:{server.server_port}"
r = requests.get(base + "/plain", params={"q": "ä b", "n": [1, 2]})
print(r.status_code, r.text, r.encoding, r.headers["content-type"], r.reason)
r = requests.get(base + "/redirect")
print(r.status_code, r.text, [h.status_code for h in r.history])
print(requests.get(base + "/gzip").content == b"packed" * 100)
print(requests.post(base + "/x", json={"a": [1, None, "ü"]}).json(), requests.post(base + "/x", data={"k": "v w"}).text)
r = requests.post(base + "/x", files={"f": ("n.txt", b"data")})
print(r.headers["content-type"].split(";")[0], b'filename="n.txt"' in r.content)
with requests.Session() as session:
    print([session.get(base + "/cookie").text for _ in range(2)], session.cookies.get_dict())
print(requests.get(base + "/auth").status_code, requests.get(base + "/auth", auth=("u", "p")).status_code)
for call in (lambda: requests.get(base + "/none").raise_for_status(), lambda: requests.get(base + "/slow", timeout=0.2), lambda: requests.get("http://127.0.0.1:1/")):
    try:
        call()
    except requests.RequestException as error:
        print(type(error).__name__, type(error).__mro__[1].__name__)
print(b"".join(requests.get(base + "/gzip", stream=True).iter_content(7)) == b"packed" * 100)

certificate = os.environ["HOLON_TEST_CERTIFICATE"]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate)
secure = serve(context)
url = f"https://localhost:{secure.server_port}/plain"
print(requests.get(url, verify=certificate).text)
with requests.Session() as session:
    session.verify, session.trust_env = certificate, False
    print([session.get(url + str(i)).text for i in range(3)], session.post(url, json=[1]).json())
try:
    requests.get(url)
except requests.exceptions.SSLError as error:
    print("SSLError", "CERTIFICATE_VERIFY_FAILED" in str(error))
