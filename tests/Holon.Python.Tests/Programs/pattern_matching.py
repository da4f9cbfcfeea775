def m(x):
    match x:
        case 0: return 'zero'
        case int(n) if n > 100: return f'big {n}'
        case int() | float(): return 'num'
        case [a, b, *rest]: return ('seq', a, b, rest)
        case {'k': v, **kw}: return ('map', v, kw)
        case str() as s: return 's' + s
        case P(x=1, y=yy): return yy
        case None: return 'none'
        case _: return 'other'
class P:
    def __init__(s, x, y): s.x = x; s.y = y
for v in [0, 5, 500, 1.5, [1, 2, 3, 4], {'k': 1, 'z': 2}, 'q', P(1, 2), P(2, 2), None, ()]: print(m(v))
