import random, _md5, _sha256, _sha512
r = random.Random(42)
print(r.random(), r.getrandbits(10), r.getrandbits(100), r.randint(1, 6), r.choice('abc'), r.sample(range(100), 5), r.gauss(0, 1))
r.seed('text'); print(r.random()); state = r.getstate(); a = r.random(); r.setstate(state); print(a == r.random())
r.seed(2**200); x = list(range(10)); r.shuffle(x); print(x)
h = _sha256.sha256(b'a'); h.update(b'b'); print(h.hexdigest(), h.copy().digest() == h.digest(), _md5.md5(b'x').hexdigest(), _sha512.sha512(b'').hexdigest()[:20], h.name, h.block_size, h.digest_size)
for n in (0, 1, 55, 56, 64, 200): print(_sha256.sha224(b'q' * n).hexdigest(), _sha256.sha256(b'q' * n).hexdigest())
