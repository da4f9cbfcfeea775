l = [3, 1, 2]; l.sort(); l += [4]; l[1:2] = [9, 9]; del l[0]; print(l, l[::-1], l * 2, l.count(9), l.index(9)); l.insert(0, 'x'); l.reverse(); print(l, l.pop(), l.pop(0))
d = {'a': 1, 'b': 2}; d |= {'c': 3}; print(d, d.get('z', 0), list(d.items()), d.pop('a'), d.setdefault('q', []), dict(x=1, **{'y': 2}), {**d, 'n': 1}, d.keys() & {'b'}, list(reversed(d)))
s = {1, 2, 3}; print(s | {4}, s & {1}, s - {1}, s ^ {1, 9}, frozenset([1]) <= s, s.isdisjoint({7}))
a, *b, c = range(5); print(a, b, c); (x, y), z = (1, 2), 3; print(x, y, z)
print(list(map(lambda a, b: a + b, [1, 2], [3, 4])), list(filter(None, [0, 1, 2])), list(enumerate('ab', 1)), list(zip([1, 2], 'ab')), sorted({'b': 1, 'a': 2}.items()), [1, 2] < [1, 3], (1,) + (2,), slice(1, 2, 3), range(0, 10, 3), list(range(10))[2:8:2], 5 in range(10))
x = [[0] * 2 for _ in range(2)]; x[0][0] = 1; print(x); y = []; y.append(y); print(y)
import copy
print(copy.deepcopy([1, [2, {3: 4}]]))
from collections import OrderedDict, defaultdict, Counter, deque, namedtuple, ChainMap
print(Counter('abracadabra').most_common(2), defaultdict(list, {1: [2]}), deque([1, 2, 3], maxlen=2), OrderedDict(a=1), namedtuple('P', 'x y')(1, 2), ChainMap({1: 2}, {3: 4})[3])
import functools, operator
print(functools.reduce(operator.add, [1, 2, 3]), functools.partial(pow, 2)(5))
@functools.lru_cache
def fib(n): return n if n < 2 else fib(n-1) + fib(n-2)
print(fib(80), fib.cache_info())
