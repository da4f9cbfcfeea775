# Strings, bytes, regular expressions, collections.
import re
from collections import deque, defaultdict, namedtuple, OrderedDict, Counter

print('Straße'.upper(), 'ß'.casefold(), 'a,b,,c'.split(','), '  x y '.split(), 'abc'[::-1], 'é\u20ac\U0001f600'.encode())
print(repr('a\n\t\x00\'"'), repr(b'\x00abc\xff'), '{0!r:>6}|{x[a]}|{y.real}'.format('q', x={'a': 1}, y=2))
print(re.sub(r'(\w+) (\w+)', r'\2 \1', 'hello world'), re.findall(r'\d+', 'a1b22c333'), re.split(r'[,;]\s*', 'a, b;c'))
print(re.match(r'(?P<year>\d{4})-(?P<month>\d\d)', '2024-05-06').groupdict(), re.search(r'(a|b)*c', 'xababc').span())
print(deque([1, 2, 3], maxlen=2), defaultdict(int, a=1), namedtuple('P', 'x y')(1, 2), OrderedDict(a=1), Counter('hello').most_common(2))
print(sorted([3, 1, 2], reverse=True), sorted('bca', key=lambda c: -ord(c)), sorted({3, 1} | {2}), {1: 2} | {3: 4})
