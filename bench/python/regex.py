"""Regular expressions."""
import re

LINE = re.compile(r"(?P<host>[\w.]+) - - \[(?P<day>\d+)/(\w+)/(\d+)\] \"(GET|POST) ([^ ]*)\" (\d{3}) (\d+|-)")
WORD = re.compile(r"\b[a-z]+(?:ing|ed|s)\b")
TEXT = "".join(f'host{i}.example.org - - [{i % 28 + 1}/Nov/2026] "{"GET" if i % 3 else "POST"} /page/{i}?q=walking+cats" {200 + i % 5} {i * 17}\n' for i in range(300))


def run():
    size = 0
    days = {}
    for match in LINE.finditer(TEXT):
        size += int(match.group(8))
        days[match["day"]] = days.get(match["day"], 0) + 1
    found = WORD.findall(TEXT)
    replaced = re.sub(r"(\d+)/Nov", lambda m: f"Nov/{m[1]}", TEXT)
    return size, len(days), len(found), len(replaced), re.split(r"[\s,;]+", "a, b;c  d,e")
