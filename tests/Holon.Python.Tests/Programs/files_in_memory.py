"""io: StringIO and BytesIO through pickle, their newlines, buffered files that are not ready, closed with errors, or have nothing yet."""
import io
import os
import pickle


def tried(function, *arguments, **named):
    try:
        return function(*arguments, **named)
    except Exception as error:
        return type(error).__name__, str(error).split(" at 0x")[0], type(error.__context__).__name__


for newline in (None, "", "\n", "\r", "\r\n"):
    text = io.StringIO("a\nb\r\nc\rd", newline=newline)
    text.note = "mine"
    text.read(2)
    again = pickle.loads(pickle.dumps(text))
    print(repr(newline), text.__getstate__(), again.tell(), again.note, list(again), repr(again.getvalue()), again.newlines == text.newlines)
data = io.BytesIO(b"0123456789")
data.seek(4)
copy = pickle.loads(pickle.dumps(data))
print(copy.read(), copy.__getstate__())
for make, states in ((io.StringIO, [("x", "\n", 0, None), ("", "f", 0, None), ("", "", -1, None), (b"", "", 0, None), ("", b"", 0, None), ("", "", 0.0, None), ("", "", 0, 0), ("x", 0), 0]),
                     (io.BytesIO, [(b"x", 0, {"a": 3}), (b"", -1, None), ("text", 0, None), (b"", 0.0, None), (b"", 0, 0), (b"x", 0), 0])):
    for state in states:
        print(tried(make().__setstate__, state))
for make, empty, one in ((io.StringIO, "", "x"), (io.BytesIO, b"", b"x")):
    file = make(one * 3)
    file.seek(5)
    file.write(empty)
    print(file.getvalue(), file.write(one), file.getvalue())
print(tried(io.StringIO, newline=b"\n"), tried(io.BytesIO().readinto, "text")[0])
held = io.BytesIO(b"xyz")
view = held.getbuffer()
print(tried(held.close), held.closed, tried(held.write, b"longer than it"))
view.release()
held.close()

reader = io.BufferedReader.__new__(io.BufferedReader)
print(tried(reader.read), tried(io.BufferedReader, io.BytesIO(), -1), tried(io.BufferedReader, io.BytesIO(), 1 << 62)[0])
reader = io.BufferedReader(io.BytesIO(b"abc"))
print(tried(reader.seek, 0, 9), tried(reader.truncate), reader.read(), reader.detach().tell(), tried(reader.read))
read, write = os.pipe()
os.set_blocking(read, False)
waiting = open(read, "rb")
print(waiting.read(3), waiting.read())
os.write(write, b"now")
print(waiting.read(2), waiting.read())


class Broken(io.RawIOBase):
    def writable(self): return True
    def close(self): raise OSError("close")


broken = io.BufferedWriter(Broken())


def flush():
    raise ValueError("flush")


broken.flush = flush
print(tried(broken.close))
Broken.close = io.RawIOBase.close
del broken.flush
decoder = io.IncrementalNewlineDecoder(None, True)
print(decoder.decode("a\r"), decoder.getstate(), decoder.setstate((b"", 0)), repr(decoder.decode("\nb")), decoder.newlines)
