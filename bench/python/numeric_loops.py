"""Integers: remainders, greatest common divisors, a sieve without lists of objects, and a generator of pseudo-random numbers."""


def gcd(a, b):
    while b:
        a, b = b, a % b
    return a


def collatz(limit):
    longest = 0
    for start in range(1, limit):
        n, steps = start, 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        if steps > longest:
            longest = steps
    return longest


def random_bits(count):
    x, ones = 88172645463325252, 0
    for _ in range(count):
        x ^= (x << 13) & 0x7FFFFFFFFFFFFFFF
        x ^= x >> 7
        x ^= (x << 17) & 0x7FFFFFFFFFFFFFFF
        ones += x & 1
    return ones


def run():
    total = 0
    for a in range(1, 150):
        for b in range(1, 150):
            total += gcd(a, b)
    return total, collatz(1500), random_bits(20000)
