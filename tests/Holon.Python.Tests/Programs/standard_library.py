import json, re, io, os, string, textwrap, datetime, enum, typing, contextlib, abc, heapq, bisect, copy, operator, itertools, functools, collections, pathlib, html, shlex, fnmatch, types, weakref, struct, threading, queue, logging, argparse, urllib.parse
print(json.dumps({'a': [1, 2.5, None, True, 'é"\n'], 'b': {}}, indent=1, sort_keys=True), json.loads('{"x": [1, 2, {"y": "z\\u00e9"}], "n": -1.5e3}'))
print(re.findall(r'(\w+)@(\w+)\.com', 'joe@x.com, ann@yy.com'), re.sub(r'(?P<a>\d+)', lambda m: str(int(m['a']) * 2), 'a1b22'), re.split(r'[,;]\s*', 'a, b;c'), re.match(r'(?i)ABC|x(?=y)', 'abcd').span(), re.fullmatch(r'a{2,3}?b*', 'aab'))
print(string.Template('$a ${b}').substitute(a=1, b=2), textwrap.fill('the quick brown fox jumps over the lazy dog', 20), textwrap.dedent('  a\n   b'))
class Color(enum.Enum):
    RED = 1
    GREEN = 2
    def hi(self): return self.name.lower()
class Fl(enum.IntFlag):
    A = 1
    B = 2
print(Color.RED, Color(2), Color['RED'].hi(), list(Color), Fl.A | Fl.B, repr(Fl(3)), Color.RED.value)
print(datetime.date(2024, 2, 29) + datetime.timedelta(days=366), datetime.datetime(2020, 1, 1, 12).isoformat(), (datetime.date(2024, 1, 1) - datetime.date(2023, 1, 1)).days, datetime.datetime(2020, 1, 1).strftime('%Y-%m-%d %a'))
@contextlib.contextmanager
def cm():
    print('in')
    try: yield 5
    finally: print('out')
with cm() as v, contextlib.suppress(ValueError): print(v); raise ValueError
class Abs(abc.ABC):
    @abc.abstractmethod
    def f(self): ...
try: Abs()
except TypeError as e: print(e)
h = [5, 1, 4]; heapq.heapify(h); print(heapq.heappop(h), heapq.nsmallest(2, h), bisect.bisect([1, 2, 3], 2))
print(pathlib.PurePosixPath('/a/b/../c.txt').suffix, os.path.join('a', 'b'), os.path.splitext('x.tar.gz'), html.escape('<a>&'), shlex.split("a 'b c' d"), fnmatch.fnmatch('a.py', '*.py'), urllib.parse.urlparse('http://h:80/p?q=1#f').netloc, urllib.parse.quote('a b/é'))
print(struct.pack('<IhB', 1, -2, 3), struct.unpack('>H', b'\1\2'), struct.calcsize('<qd'))
out = []
def work(n):
    with lock: out.append(n)
lock = threading.Lock()
ts = [threading.Thread(target=work, args=(i,)) for i in range(5)]
[t.start() for t in ts]; [t.join() for t in ts]; print(sorted(out))
q = queue.Queue(); q.put(1); print(q.get(), q.empty())
p = argparse.ArgumentParser(prog='p'); p.add_argument('--n', type=int, default=3); p.add_argument('f'); print(p.parse_args(['--n', '5', 'x']))
f = io.StringIO(); print('hi', file=f, end='!'); print(f.getvalue(), io.BytesIO(b'a\nb').readlines())
class N(typing.NamedTuple):
    a: int
    b: str = 'x'
print(N(1), typing.Optional[int], list[int], typing.get_type_hints(N))
@functools.singledispatch
def sd(x): return 'obj'
@sd.register
def _(x: int): return 'int'
print(sd(1), sd('a'))
print(functools.cmp_to_key(lambda a, b: b - a)(1) < functools.cmp_to_key(lambda a, b: b - a)(0), operator.itemgetter(1)([1, 2]), types.SimpleNamespace(a=1))
