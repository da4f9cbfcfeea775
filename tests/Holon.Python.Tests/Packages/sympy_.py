"""sympy: algebra and analysis."""
from sympy import *

x, y, n = symbols("x y n")
k = symbols("k", integer=True, positive=True)
print(expand((x + y) ** 5), factor(x**6 - 1), simplify(sin(x) ** 2 + cos(x) ** 2), apart(1 / (x**3 - x), x))
print(diff(exp(x**2) * sin(x) / x, x), diff(x**x, x, 2))
print(integrate(x**2 * exp(-x), x), integrate(1 / (x**2 + 1), (x, 0, oo)), integrate(log(x) * x, (x, 1, 2)), integrate(sqrt(1 - x**2), x))
print(solve(x**3 - 2 * x + 1, x), solve([x + y - 3, x * y - 2], [x, y]), solveset(sin(x) - 1, x, S.Reals))
print(limit(sin(x) / x, x, 0), limit((1 + 1 / n) ** n, n, oo), series(tan(x), x, 0, 8), summation(1 / k**2, (k, 1, oo)))
m = Matrix([[2, 1, 0], [1, 3, 1], [0, 1, 4]])
print(m.det(), m.inv(), m.charpoly(x).as_expr(), m.rank(), Matrix([[1, 2], [2, 1]]).eigenvals(), Matrix([[4, 1], [2, 3]]).diagonalize())
print(pi.evalf(50), sqrt(2).n(30), Rational(1, 3) + Rational(1, 6), factorint(600851475143), isprime(2**61 - 1), binomial(50, 25), gcd(x**2 - 1, x**2 - 2 * x + 1))
f = Function("f")
print(dsolve(f(x).diff(x, 2) + f(x), f(x)), dsolve(f(x).diff(x) - f(x) * x, f(x)))
print(latex(Integral(x**2 / sqrt(y), (x, 0, 1))), pretty(Rational(1, 2) * x**2 + sqrt(x), use_unicode=True), srepr(x + 1), ccode(x**2 + sin(y)))
print(Poly(x**4 + 3 * x**2 + 2).factor_list(), resultant(x**2 + y, x - y, x), groebner([x**2 + y, x * y - 1], x, y))
print(simplify(Or(And(x > 0, x < 2), x > 1)), piecewise_fold(Piecewise((x, x > 0), (0, True)) * 2), lambdify(x, x**2 + sin(x))(1.5))
print(parse_expr("2*x + sin(y)**2").subs({x: 3, y: pi / 4}), nsimplify(0.333333333333), trigsimp(2 * sin(x) * cos(x)), FiniteSet(1, 2) & Interval(0, 1))
