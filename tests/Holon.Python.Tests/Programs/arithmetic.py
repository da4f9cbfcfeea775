print(2**200, -7 // 2, -7 % 3, divmod(-7, 2), 7.5 // 2, -7.5 % 2, 10**20 // 3, pow(3, 100, 7), pow(3, -1, 7), 1 << 70, -(1 << 70) >> 3, ~5, 5 & 3 | 8 ^ 1)
print(round(2.5), round(3.5), round(2.675, 2), round(1234, -2), int('ff', 16), int('-0b11', 0), 0xff, 1_000, hex(-255), bin(10), oct(8), (255).bit_length(), 1e308 * 10, 5 / 2, 3 + 4j, (1+2j) * (3-1j), abs(3+4j), complex('1+2j'))
print(0.1, 1e100, 1.0, 123456789012345678.0, 1e22, 5e-324, 1/3, float('nan'), (0.5).as_integer_ratio(), (0.1).hex(), float.fromhex('0x1.8p3'), 1.5.is_integer(), 2.0**0.5)
import math
print(math.sqrt(2), math.factorial(30), math.gcd(12, 18), math.pi, math.floor(-2.5), math.isclose(0.1+0.2, 0.3), math.comb(10, 3), math.log(10), math.hypot(3, 4), math.fsum([.1]*10), math.isqrt(10**20), math.prod([1,2,3]))
print(True + 1, True & False, 3 < 4 < 5, 1 == 1.0, hash(1) == hash(1.0), hash(2**61), hash(-1), hash(1.5), 10**30 == 1e30, 2**53 + 1 == 2.0**53 + 1, bool([]), int(3.9), int(-3.9))
print(sum(range(10**5)), min(3, 1, 2), sum([0.1] * 3), all([]), any([0, 1]))
a = 3**500; b = 7**300; print(a * b % 10**20, a // b, str(a)[:20], a > b)
