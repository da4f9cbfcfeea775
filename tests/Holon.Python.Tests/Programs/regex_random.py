"""Random expressions on random texts: every way to use a pattern, digested."""
import hashlib
import random
import re
import warnings

warnings.simplefilter("ignore")
rnd = random.Random(7)


def atom(depth):
    r = rnd.random()
    if r < .35:
        return rnd.choice("abcxyAB01 _\u00e9\u0130\u212a\U0001F600")
    if r < .5:
        return rnd.choice([r"\w", r"\d", r"\s", r"\W", r"\D", r"\S", ".", r"\n"])
    if r < .65:
        items = ["a-c", "x", "y", "0-5", r"\w", r"\s", r"\D", "\u00e0-\u00ff", "\u0400-\u0460", "A-Z", "\U0001F600-\U0001F610", "_"]
        return "[" + rnd.choice(["", "^"]) + "".join(rnd.choice(items) for _ in range(rnd.randint(1, 3))) + "]"
    if r < .72:
        return rnd.choice(["^", "$", r"\b", r"\B", r"\A", r"\Z"])
    if depth <= 0:
        return "a"
    if r < .93:
        return rnd.choice(["(", "(", "(?:", "(?=", "(?!"]) + alternatives(depth - 1) + ")"
    if r < .97:
        return rnd.choice(["(?<=a)", "(?<!b)", "(?>" + alternatives(depth - 1) + ")"])
    return rnd.choice([r"\1", "(?(1)a|b)"])


def piece(depth):
    made = atom(depth)
    if rnd.random() < (.35 if len(made) < 4 or made[0] == "[" else .12) and made not in ("^", "$", r"\b", r"\B", r"\A", r"\Z"):
        made += rnd.choice(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?", "*+", "++", "?+", "{2,}"])
    return made


def alternatives(depth):
    count = 1 if rnd.random() < .6 else rnd.randint(2, 3)
    return "|".join("".join(piece(depth) for _ in range(rnd.randint(1, 4))) for _ in range(count))


def result(function):
    try:
        return function()
    except Exception as error:
        return repr(error)


def whole(match):
    return match and (match.span(), match.groups("none"), match.lastindex, match.regs, match.pos, match.endpos)


digest = hashlib.md5()
compiled = 0
for number in range(400):
    text = alternatives(3)
    flags = rnd.choice([0, 0, 0, re.I, re.M, re.S, re.A, re.I | re.A, re.M | re.S])
    subject = "".join(rnd.choice("aabbccxyAB01 _\n\u00e9\u00c9k") for _ in range(rnd.choice([0, 1, 5, 12, 24])))
    wide = subject[:8] + rnd.choice(["\U0001F600", "\u212a", "\u0130", "\u0410"]) + subject[8:]
    try:
        pattern = re.compile(text, flags)
    except re.error as error:
        digest.update(str(error).encode())
        continue
    compiled += 1
    for s in (subject, wide):
        results = [result(f) for f in (
            lambda: [whole(m) for m in pattern.finditer(s)],
            lambda: pattern.findall(s, 2),
            lambda: pattern.split(s),
            lambda: pattern.sub("<>", s),
            lambda: pattern.subn(lambda m: m.group() + "!", s, 2),
            lambda: whole(pattern.match(s)),
            lambda: whole(pattern.fullmatch(s)),
            lambda: whole(pattern.search(s, 1, len(s) - 1)),
        )]
        digest.update(repr(results).encode("utf-8", "surrogatepass"))
    try:
        pattern = re.compile(text.encode("latin-1"), flags)
    except (re.error, UnicodeEncodeError, ValueError):
        continue
    data = subject.encode("latin-1")
    digest.update(repr([pattern.findall(data), pattern.split(data), pattern.sub(b"<>", data), [m.span() for m in pattern.finditer(bytearray(data))]]).encode())
print(compiled, digest.hexdigest())

# An engine that has done much is used again.
for pattern, s in ((r"(a|b)*c", "ab" * 3000 + "c"), (r"(?:(a)|(b)|x)*?$", "ab" * 3000), (r"((a)(b)?)+", "aab" * 2000)):
    pattern = re.compile(pattern)
    print([len(m.group()) for m in (pattern.match(s), pattern.match(s), pattern.match("abc"), pattern.match("c"), pattern.search("ab")) if m])

# Searches that begin with one of several things, in texts longer than the block that is looked at.
s = "".join(rnd.choice("acgt") for _ in range(3000)) + "\n"
for text in ("agggtaaa|tttaccct", "[cgt]gggt|ttt[acg]cc", "a[act]gt{2}", "tg(?:a|cc)t", r"\bacg", "(?=ac)a", "g+a+t", "[^acg]t", "(?i)AGGT|ttaa", "x|gtca"):
    print(text, len(re.findall(text, s)), len(re.findall(text.encode(), s.encode())), len(re.findall(text, s + "\U0001F600")))
