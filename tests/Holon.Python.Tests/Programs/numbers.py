# Integers of any size, floats, formatting.
print(2 ** 100, -7 // 2, -7 % 3, divmod(-7, 2), 7 / 2, 10 ** 20 // 3)
print(0.1 + 0.2, 1e16, 1e15, 1.0, -0.0, 1e-5, 123456789.123, float('inf'), float('nan'))
print(f'{3.14159:.2f} {42:>8} {42:08.3f} {255:#x} {1234567:,} {0.5:%} {1e10:g}')
print('%5d|%-5d|%05.1f|%s|%r' % (3, 4, 2.5, 'a', 'b'))
print(hash(1) == hash(1.0) == hash(True), round(2.5), round(3.5), round(2.675, 2))
print(int('0x1f', 16), int('101', 2), (255).to_bytes(2, 'big'), int.from_bytes(b'\x01\x00', 'little'))
print([x for x in range(10, 0, -3)], sum(range(101)), min(3, 1, 2), max([4, 9, 2]))
print((12345678901234567890).bit_length(), 1 << 70, -1 >> 3, ~5, 5 & 3, 5 | 3, 5 ^ 3)
