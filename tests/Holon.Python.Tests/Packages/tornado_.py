"""tornado: an HTTP server with clients, web sockets and streams, whose buffers shrink while views of them are made and dropped."""
import asyncio
import logging

import tornado.httpclient
import tornado.httpserver
import tornado.iostream
import tornado.tcpclient
import tornado.tcpserver
import tornado.testing
import tornado.web
import tornado.websocket


class Main(tornado.web.RequestHandler):
    def get(self, name="world"):
        self.write({"hello": name, "q": self.get_arguments("q")})

    def post(self):
        self.set_status(201)
        self.write(self.request.body[::-1])


class Big(tornado.web.RequestHandler):
    async def get(self):
        for _ in range(20):
            self.write(b"x" * 65536)
            await self.flush()


class Echo(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message("you said " + message)


class Upper(tornado.tcpserver.TCPServer):
    async def handle_stream(self, stream, address):
        try:
            while True:
                await stream.write((await stream.read_until(b"\n")).upper())
        except tornado.iostream.StreamClosedError:
            pass


def listen(server):
    socket, port = tornado.testing.bind_unused_port()
    server.add_socket(socket)
    return port


async def main():
    logging.getLogger("tornado.access").disabled = True
    port = listen(tornado.httpserver.HTTPServer(tornado.web.Application([(r"/", Main), (r"/n/(\w+)", Main), (r"/big", Big), (r"/ws", Echo)])))
    base = f"http://127.0.0.1:{port}"
    client = tornado.httpclient.AsyncHTTPClient()
    answer = await client.fetch(base + "/n/ada?q=1&q=2")
    print(answer.code, answer.body, sorted(answer.headers.keys()))
    answer = await client.fetch(base + "/", method="POST", body=b"abc" * 100000)
    print(answer.code, len(answer.body), answer.body[:6])
    print(len((await client.fetch(base + "/big")).body))
    try:
        await client.fetch(base + "/nothing")
    except tornado.httpclient.HTTPClientError as error:
        print(error)
    print([each.code for each in await asyncio.gather(*[client.fetch(base + "/") for _ in range(30)])])
    socket = await tornado.websocket.websocket_connect(f"ws://127.0.0.1:{port}/ws")
    await socket.write_message("hi")
    print(await socket.read_message())
    socket.close()
    stream = await tornado.tcpclient.TCPClient().connect("127.0.0.1", listen(Upper()))
    await stream.write(b"hello\n" * 5000)
    lines = [await stream.read_until(b"\n") for _ in range(5000)]
    print(len(lines), set(lines))
    stream.close()


asyncio.run(main())
