def f(x):
    try:
        return 10 // x
    except ZeroDivisionError as e:
        print('zde', e)
        raise ValueError('bad') from e
    finally:
        print('finally', x)
print(f(2))
try: f(0)
except ValueError as e: print(repr(e), repr(e.__cause__), e.__traceback__.tb_lineno)
class Ctx:
    def __enter__(self): print('enter'); return self
    def __exit__(self, t, v, tb): print('exit', t and t.__name__, v); return True
with Ctx() as c: raise KeyError('k')
try:
    raise ExceptionGroup('g', [ValueError(1), TypeError(2)])
except* ValueError as eg: print('V', eg.exceptions)
except* TypeError as eg: print('T', eg.exceptions)
for code in ['1/0', '[][1]', '{}["a"]', 'int("x")', 'undefined', 'None.x', '"a"+1', 'len(5)', '(lambda:0)(1)', 'import nope', 'a b', 'a,=1,2', '1 .x', '[1,2].index(3)', 'float("q")', "chr(-1)", "next(iter([]))", "abs('a')", "range(1,2,0)", "'a'.join([1])", "{}.pop(1)", "[].pop()", "2**-1j", "open('/nonexistent')", "1 if", "def f(:", "'abc", "for x in", "x = (1,", "return 5", "nonlocal x", "print 5"]:
    try: exec(code)
    except BaseException as e: print(code, '->', type(e).__name__, e)
def rec(n): return rec(n + 1)
try: rec(0)
except RecursionError as e: print(e)
import sys
try: sys.exit(3)
except SystemExit as e: print(e.code)
def deep():
    try:
        raise ValueError(1)
    except ValueError:
        raise KeyError(2)
deep()
