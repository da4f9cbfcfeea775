"""The spectral norm of an infinite matrix: calls in the innermost loop."""


def element(i, j):
    return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)


def multiply(v, transposed):
    n = len(v)
    result = []
    for i in range(n):
        total = 0.0
        for j in range(n):
            total += (element(j, i) if transposed else element(i, j)) * v[j]
        result.append(total)
    return result


def run():
    u = [1.0] * 60
    for _ in range(5):
        v = multiply(multiply(u, False), True)
        u = multiply(multiply(v, False), True)
    return repr((sum(a * b for a, b in zip(u, v)) / sum(b * b for b in v)) ** 0.5)
