"""A Flask application served by werkzeug's threaded server, with clients that all ask at the same time."""
import http.client, json, logging, threading
from flask import Flask, abort, jsonify, redirect, render_template_string, request, session, url_for
from werkzeug.serving import make_server

app = Flask(__name__)
app.secret_key = "k"
logging.getLogger("werkzeug").setLevel(logging.ERROR)
lock, hits = threading.Lock(), 0


@app.route("/add/<int:a>/<int:b>")
def add(a, b):
    global hits
    with lock:
        hits += 1
    return jsonify(sum=a + b, q=request.args.get("q"))


@app.post("/echo")
def echo():
    return request.get_json()


@app.route("/page/<name>")
def page(name):
    session["seen"] = session.get("seen", 0) + 1
    return render_template_string("<p>{{ name }} {{ session.seen }} {{ url_for('add', a=1, b=2) }}</p>", name=name)


@app.route("/go")
def go():
    return redirect(url_for("page", name="x"))


@app.route("/no")
def no():
    abort(418)


@app.route("/fail")
def fail():
    raise RuntimeError("broken")


@app.errorhandler(404)
def missing(error):
    return f"nothing at {request.path}", 404


client = app.test_client()
for path in ("/add/1/2?q=z", "/page/<b>", "/page/2", "/go", "/no", "/nowhere", "/add/x/1"):
    r = client.get(path)
    print(path, r.status_code, r.get_data(as_text=True).splitlines()[:1], r.headers.get("Location"))
app.logger.disabled = True
print(client.get("/fail").status_code, client.post("/echo", json={"a": 1}).json, client.post("/echo", data="{").status_code)

server = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
failures = []


def ask(number):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    for i in range(25):
        connection.request("GET", f"/add/{number}/{i}?q={i}")
        answer = json.loads(connection.getresponse().read())
        if answer != {"sum": number + i, "q": str(i)}:
            failures.append((number, i, answer))
        connection.close()


threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
server.shutdown()
print("served", hits - 1, "failures", failures)
