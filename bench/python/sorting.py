"""Sorting, by the built-in function and by hand."""


def numbers(count, seed=7):
    result = []
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        result.append(seed % 10000)
    return result


def quick(items):
    if len(items) < 2:
        return items
    pivot = items[len(items) // 2]
    return quick([i for i in items if i < pivot]) + [i for i in items if i == pivot] + quick([i for i in items if i > pivot])


def heap_sort(items):
    def sift(start, end):
        root = start
        while 2 * root + 1 < end:
            child = 2 * root + 1
            if child + 1 < end and items[child] < items[child + 1]:
                child += 1
            if items[root] >= items[child]:
                return
            items[root], items[child] = items[child], items[root]
            root = child

    for start in range(len(items) // 2 - 1, -1, -1):
        sift(start, len(items))
    for end in range(len(items) - 1, 0, -1):
        items[0], items[end] = items[end], items[0]
        sift(0, end)
    return items


def run():
    data = numbers(3000)
    by_hand = quick(data)
    heaped = heap_sort(data[:])
    built_in = sorted(data)
    keyed = sorted(data, key=lambda n: (n % 10, -n))
    texts = sorted(str(n) for n in data)
    return by_hand == heaped == built_in, keyed[:3], texts[-1]
