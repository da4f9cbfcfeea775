"""decimal: arithmetic, functions, contexts, signals, text and formats, at the edges and with random numbers."""
import sys

sys.path.pop(0)  # this folder's numbers.py is not the library's
import decimal
import random
from decimal import Context, Decimal, getcontext, localcontext

small = Context(prec=1, Emin=-1, Emax=1)
for text in """Decimal(' 1_3.3e4_0 ')|Decimal('\\u0665')|Decimal('Nan123')|Decimal('')|Decimal(5) + 123456789000|small.add(Decimal('1e-99'), 1)|small.abs(Decimal(-10))
small.divide(10, 5)|small.fma(Decimal('1.2'), Decimal('0.01'), 1)|small.exp(Decimal('1.01'))|small.ln(Decimal(20))|small.logb(Decimal(580))|small.quantize(Decimal('9e2'), 0)
small.next_plus(Decimal(10))|small.logical_invert(Decimal(10))|small.power(10, 2, 7)|small.sqrt(Decimal(2))|small.shift(Decimal(23), -1)|Decimal(2) ** Decimal('0.5')
Decimal(4) ** Decimal('0.5')|Decimal(2).exp()|Decimal('1.1') ** -100|Decimal(10).ln()|Decimal('0.001').log10()|Decimal('1e10') // 3|round(Decimal('2.675'), 2)
hash(Decimal('1.5')) == hash(1.5)|Decimal('1.00').normalize()|Decimal('1e400') ** 2|Decimal('-7') % 3|divmod(Decimal(-7), 3)|Decimal('1e-999999') / 10 ** 30|Decimal('1.0000000001') ** 10 ** 12
Decimal('NaN').compare(1)|Decimal('NaN') < 1|Decimal('0E+3')|Decimal('123456E+2').to_eng_string()|Decimal(1) / 0|Decimal(0) / 0|Decimal('1e1000000')|Decimal((1, (1, 2), -3)).as_tuple()
format(Decimal('123456.789'), '015,.2f')|format(Decimal('0.000001'), 'e')|format(Decimal('-0.0'), 'z')|format(Decimal('1e5'), '%')|format(Decimal('nan'), '010')|Decimal(0.1)|float(Decimal('1e-400'))
Decimal('Infinity').as_integer_ratio()|Decimal('2.50').as_integer_ratio()|Decimal('1.5') == 1.5|Decimal(1) < 1.5|Decimal(3) + 1.5|Context(prec=0)|small.flags|getcontext()""".replace("\n", "|").split("|"):
    try:
        print(text, "->", eval(text))
    except Exception as error:
        print(text, "!", type(error).__name__, error)

numbers = random.Random(11)


def number():
    if numbers.random() < 0.05:
        return Decimal(numbers.choice(["Infinity", "-Infinity", "NaN", "-sNaN7", "0", "-0", "0E-50", "0E+50"]))
    digits = numbers.choice([1, 3, 9, 19, 28, 40, 120])
    return Decimal((numbers.randrange(2), tuple(numbers.randrange(10) for _ in range(digits)), numbers.choice([0, -digits, numbers.randrange(-60, 60)])))


binary = "add subtract multiply divide divide_int remainder remainder_near quantize compare compare_signal compare_total max min max_mag min_mag next_toward copy_sign divmod".split()
unary = "abs plus minus sqrt normalize to_integral_exact to_integral_value next_plus next_minus logb number_class to_sci_string to_eng_string is_normal is_subnormal copy_negate".split()
for rounding in ["ROUND_UP", "ROUND_DOWN", "ROUND_CEILING", "ROUND_FLOOR", "ROUND_HALF_UP", "ROUND_HALF_DOWN", "ROUND_HALF_EVEN", "ROUND_05UP"]:
    for precision, least, most, clamp in [(1, -3, 3, 0), (9, -20, 20, 1), (28, -999999, 999999, 0), (60, -99, 99, 1)]:
        context = Context(prec=precision, rounding=rounding, Emin=least, Emax=most, clamp=clamp, traps=[])
        for name in binary:
            context.clear_flags()
            a, b = number(), number()
            print(name, a, b, getattr(context, name)(a, b), [s.__name__ for s, on in context.flags.items() if on])
        for name in unary:
            context.clear_flags()
            a = number()
            print(name, a, getattr(context, name)(a), [s.__name__ for s, on in context.flags.items() if on])

for precision in [3, 16, 28, 75]:
    with localcontext() as context:
        context.prec = precision
        for _ in range(10):
            a = Decimal(numbers.randrange(1, 10 ** 12)).scaleb(numbers.randrange(-14, 3))
            print(a.ln(), a.log10(), (a % 40).exp(), a ** numbers.randrange(-9, 9), a ** (Decimal(numbers.randrange(100)) / 8))
print((Decimal(7) / 3).quantize(Decimal("0.01")), sum([Decimal("0.1")] * 10), max(Decimal(1), 2), decimal.MAX_PREC)
