# Exceptions, generators, context managers, pattern matching, closures.
def numbers(n):
    try:
        for i in range(n):
            got = yield i
            if got:
                print('got', got)
    finally:
        print('closed')
    return 'end'


def outer():
    result = yield from numbers(2)
    print('result', result)


print(list(outer()))
g = numbers(5)
print(next(g), g.send('hello'))
g.close()
try:
    try:
        1 / 0
    except ZeroDivisionError as e:
        raise ValueError('bad') from e
except ValueError as e:
    print(repr(e), repr(e.__cause__), repr(e.__context__))


class Manager:
    def __enter__(self):
        print('enter')
        return self

    def __exit__(self, kind, value, traceback):
        print('exit', kind and kind.__name__)
        return True


with Manager():
    raise KeyError('x')


def classify(value):
    match value:
        case 0:
            return 'zero'
        case [a, b, *rest]:
            return f'list {a} {b} {rest}'
        case {'k': v, **others}:
            return f'map {v} {others}'
        case str() as s:
            return f'str {s}'
        case _:
            return 'other'


print([classify(v) for v in (0, [1, 2, 3], {'k': 1, 'z': 2}, 'x', 3.5)])
counter = 0


def make():
    n = 0

    def step(by=1, *args, key=None, **kw):
        nonlocal n
        n += by
        return n, args, key, kw

    return step


s = make()
print(s(), s(5), s(1, 2, 3, key='k', z=1))
try:
    s(bad=1, by=2)(3)
except TypeError as e:
    print(e)
try:
    raise ExceptionGroup('many', [ValueError(1), TypeError(2)])
except* ValueError as group:
    print('values', group.exceptions)
except* TypeError as group:
    print('types', group.exceptions)
a, (b, *c), d = 1, (2, 3, 4), 5
print(a, b, c, d, [*range(3), *'ab'], {**{'x': 1}, 'y': 2})
