def g(n):
    for i in range(n):
        r = yield i
        if r: print('got', r)
    return 'done'
def h():
    x = yield from g(3)
    print(x)
print(list(h()))
it = g(3); print(next(it), it.send('a')); it.close()
def t():
    try: yield 1
    except ValueError as e: print('caught', e); yield 2
    finally: print('fin')
a = t(); next(a); print(a.throw(ValueError('x'))); print(list(a))
print(sum(x*x for x in range(100)), [(*a, b) for a in [(1,2)] for b in 'xy' if b], {k: v for k, v in zip('abc', range(3))}, {x % 3 for x in range(10)})
import itertools
print(list(itertools.islice(itertools.count(5), 3)), list(itertools.permutations('abc', 2)), list(itertools.groupby('aabbc')) != [], [(k, list(v)) for k, v in itertools.groupby('aabbc')])
async def co(): return 5
async def main():
    return await co() + 1
c = main()
try: c.send(None)
except StopIteration as e: print(e.value)
def fib():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b
print(list(itertools.takewhile(lambda x: x < 100, fib())))
