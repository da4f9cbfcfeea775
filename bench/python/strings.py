"""Text: building, splitting, formatting, searching, replacing."""


def words(count):
    letters = "abcdefghijklmnopqrstuvwxyz"
    seed = 42
    result = []
    for _ in range(count):
        word = ""
        for _ in range(3 + seed % 6):
            seed = (seed * 1309 + 13849) & 65535
            word += letters[seed % 26]
        result.append(word)
    return result


def caesar(text, by):
    return "".join(chr((ord(c) - 97 + by) % 26 + 97) if c.isalpha() else c for c in text)


def run():
    all_words = words(3000)
    text = " ".join(all_words)
    counts = {}
    for word in text.split():
        counts[word[:2]] = counts.get(word[:2], 0) + 1
    lines = [f"{key:>4}: {value:05d}" for key, value in sorted(counts.items())]
    report = "\n".join(lines)
    turned = caesar(text, 3)
    out = ""
    for line in report.split("\n"):
        out += line.strip().replace(":", "=") + ";"
    return len(report), turned[:20], out.count("=0"), text.find("zzz"), turned.upper()[-10:], "%s-%d" % (out[:9], len(out))
