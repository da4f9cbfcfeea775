"""Dicts, sets, lists, tuples as keys."""


def run():
    grid = {}
    for x in range(60):
        for y in range(60):
            grid[x, y] = (x * 7 + y * 13) % 10
    steps = ((0, 1), (1, 0), (0, -1), (-1, 0))
    seen = set()
    sizes = []
    for start in grid:
        if start in seen or grid[start] > 6:
            continue
        todo = [start]
        seen.add(start)
        size = 0
        while todo:
            x, y = todo.pop()
            size += 1
            for dx, dy in steps:
                place = (x + dx, y + dy)
                if place in grid and place not in seen and grid[place] <= 6:
                    seen.add(place)
                    todo.append(place)
        sizes.append(size)
    table = {}
    for i in range(5000):
        table.setdefault(i % 97, []).append(i)
    longest = max(len(v) for v in table.values())
    matrix = [[i * j for j in range(40)] for i in range(40)]
    flipped = [list(row) for row in zip(*matrix)]
    for key in list(table)[::2]:
        del table[key]
    return len(sizes), max(sizes), longest, sum(map(sum, flipped)), len(table)
