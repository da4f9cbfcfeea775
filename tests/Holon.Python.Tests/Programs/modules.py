"""A little of the modules that CPython has in C."""
import array
import ast
import asyncio
import base64
import binascii
import bz2
import contextvars
import csv
import dataclasses
import datetime
import decimal
import gzip
import hashlib
import hmac
import inspect
import io
import json
import os
import plistlib
import queue
import select
import signal
import socket
import statistics
import subprocess
import symtable
import tarfile
import tempfile
import threading
import time
import unicodedata
import unittest
import weakref
import xml.dom.minidom
import xml.etree.ElementTree as ET
import zipfile
import zlib

# Syntax trees.
tree = ast.parse("def f(x, *, y=1):\n    try:\n        return [x @ y for _ in {**z}]\n    except* E as e:\n        pass")
print(ast.dump(tree, include_attributes=True))
print(ast.unparse(tree))
print(eval(compile(ast.Expression(ast.fix_missing_locations(ast.BinOp(ast.Constant(2), ast.Pow(), ast.Constant(10)))), "<t>", "eval")))
for wrong in (ast.Module(body=[ast.Pass()], type_ignores=[]), ast.Expression(body=ast.Name("x", ast.Store()))):
    try:
        compile(wrong, "<t>", "exec" if isinstance(wrong, ast.Module) else "eval")
    except (TypeError, ValueError) as error:
        print(type(error).__name__, error)
print(symtable.symtable("def f(a):\n    global b\n    return lambda: a + b", "s", "exec").get_children()[0].get_symbols())


@dataclasses.dataclass(order=True, slots=True)
class Point:
    x: int
    y: int = 2


print(Point(1), Point(1) < Point(1, 3), inspect.signature(Point))

# Text in bytes.
print(base64.b64encode(b"\x00\xff any"), base64.b32encode(b"q"), binascii.crc32(b"abc"), binascii.hexlify(b"abc", "-", 2))
try:
    binascii.a2b_base64(b"abc=d", strict_mode=True)
except binascii.Error as error:
    print(error)
out = io.StringIO()
csv.writer(out, quoting=csv.QUOTE_NONNUMERIC).writerows([[1, "a,b", 'q"q'], ["x\ny", None, 2.5]])
print(repr(out.getvalue()), list(csv.reader(io.StringIO(out.getvalue()))))
print(json.loads('{"a": [1, 2.5, null, true, "\\u00e9\\ud83d\\ude00"]}'), json.dumps({"b": [1, {"c": None}], "a": 1.5}, indent=1, sort_keys=True))
for text in ('[1,', '{"a" 1}', '"\\x"', "[1, 2"):
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        print(error)

# Compression and hashes.
data = b"hello world, " * 500
for module in (zlib, gzip, bz2):
    print(module.__name__, module.decompress(module.compress(data)) == data)
part = zlib.decompressobj()
print(part.decompress(zlib.compress(data) + b"rest", 10), part.eof, part.unused_data)
for name in ("md5", "sha1", "sha224", "sha256", "sha512", "sha3_256", "blake2b", "blake2s"):
    print(name, hashlib.new(name, data).hexdigest())
print(hashlib.shake_128(data).hexdigest(20), hmac.new(b"key", data, "sha256").hexdigest())
archive = io.BytesIO()
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
    file.writestr("a.txt", data)
print(zipfile.ZipFile(archive).read("a.txt") == data)
archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w:bz2") as file:
    info = tarfile.TarInfo("b")
    info.size = len(data)
    file.addfile(info, io.BytesIO(data))
archive.seek(0)
print(tarfile.open(fileobj=archive).extractfile("b").read() == data)

# XML.
root = ET.fromstring('<?xml version="1.0" encoding="iso-8859-1"?><!DOCTYPE a [<!ENTITY e "<i>in</i>">]><a x="1&#65;"><b>t&amp;u&e;</b><!-- c --><c xmlns="urn:q" xmlns:p="urn:p" p:z="1"/></a>')
print(ET.tostring(root), [e.tag for e in root.iter()], root[1].attrib)
for text in ("<a><b></a>", "<a", "<a>&x;</a>", "<a x='1' x='2'/>", "", "<a/><b/>", "<p:a/>"):
    try:
        ET.fromstring(text)
    except ET.ParseError as error:
        print(error, error.position, error.code)
print(xml.dom.minidom.parseString("<a><![CDATA[q]]></a>").toprettyxml())
print(plistlib.loads(plistlib.dumps({"k": [1, b"x", datetime.datetime(2020, 1, 2)]})))

# Characters, numbers, time.
print(unicodedata.name("é"), unicodedata.lookup("GREEK SMALL LETTER ALPHA"), "\N{SNOWMAN}", ascii(unicodedata.normalize("NFD", "é가")), unicodedata.numeric("½"))
print(array.array("h", [1, -2]).tobytes(), memoryview(array.array("d", [1.5]))[0], decimal.Decimal("1.1") + 2, statistics.median([3, 1, 2]))
os.environ["TZ"] = "Europe/Berlin"
time.tzset()
print(time.strftime("%Y-%m-%d %H:%M:%S %Z %z", time.localtime(1700000000)), time.tzname, time.mktime((2024, 7, 1, 12, 0, 0, 0, 0, -1)))
print(datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc).isoformat(), datetime.date(2024, 1, 1).strftime("%a %j"))

# Processes, sockets, signals, threads.
print(subprocess.run("cat; echo err >&2; exit 3", shell=True, input=b"abc", capture_output=True))
try:
    subprocess.run(["/does/not/exist"])
except FileNotFoundError as error:
    print(error)
with tempfile.TemporaryDirectory() as folder:
    print(subprocess.run(["pwd"], cwd=folder, capture_output=True, text=True).stdout.strip() == os.path.realpath(folder))
server = socket.create_server(("127.0.0.1", 0))


def serve():
    with server.accept()[0] as peer:
        while got := peer.recv(100):
            peer.sendall(got.upper())


thread = threading.Thread(target=serve)
thread.start()
with socket.create_connection(server.getsockname(), timeout=5) as client:
    client.sendall(b"hello")
    print(client.recv(10), select.select([client], [client], [], 0)[0])
thread.join()
server.close()
caught = []
signal.signal(signal.SIGALRM, lambda number, frame: caught.append(number))
signal.setitimer(signal.ITIMER_REAL, 0.01)
time.sleep(0.2)
print(caught)
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")


async def main():
    async def answer(reader, writer):
        writer.write((await reader.readline())[::-1])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"abc\n")
    print(await reader.read(), await asyncio.gather(*[asyncio.sleep(0.001, i) for i in range(3)]))
    writer.close()
    server.close()
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(10)
    except TimeoutError:
        print("timeout")


asyncio.run(main())
variable = contextvars.ContextVar("variable", default=0)
context = contextvars.copy_context()
context.run(variable.set, 5)
print(variable.get(), context[variable])
jobs = queue.SimpleQueue()
jobs.put(1)
print(jobs.get(), jobs.empty())


class Case(unittest.TestCase):
    def test_sub(self):
        with self.subTest(i=1), self.assertRaisesRegex(ValueError, "bad"):
            raise ValueError("bad value")


print(unittest.TextTestRunner(stream=io.StringIO()).run(unittest.defaultTestLoader.loadTestsFromTestCase(Case)))
