"""Flipping prefixes of permutations: small lists of small integers."""


def fannkuch(n):
    order = list(range(n))
    counts = list(range(1, n + 1))
    most = checksum = sign = 0
    while True:
        first = order[0]
        if first:
            flipped = order[:]
            flips = 0
            while first:
                flipped[: first + 1] = flipped[first::-1]
                flips += 1
                first = flipped[0]
            if flips > most:
                most = flips
            checksum += -flips if sign else flips
        if not sign:
            order[0], order[1] = order[1], order[0]
            sign = 1
            continue
        order[1], order[2] = order[2], order[1]
        sign = 0
        for i in range(2, n):
            if counts[i] != 1:
                counts[i] -= 1
                break
            if i == n - 1:
                return checksum, most
            counts[i] = i + 1
            moved = order[0]
            for j in range(i + 1):
                order[j] = order[j + 1]
            order[i + 1] = moved


def run():
    return fannkuch(8)
