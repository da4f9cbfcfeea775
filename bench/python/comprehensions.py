"""Comprehensions of lists, sets and dicts."""


def primes(n):
    crossed = {j for i in range(2, int(n ** 0.5) + 1) for j in range(i * i, n, i)}
    return [i for i in range(2, n) if i not in crossed]


def run():
    squares = {i: i * i for i in range(4000)}
    odd = [v for k, v in squares.items() if k % 2]
    table = [[(i * j) % 10 for j in range(60)] for i in range(60)]
    diagonal = [row[i] for i, row in enumerate(table)]
    names = {str(i): [c for c in str(i)] for i in range(1000)}
    return sum(odd), sum(diagonal), len(primes(5000)), len(names)
