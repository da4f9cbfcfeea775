"""A parser of JSON by recursive descent, and a writer."""


class Parser:
    def __init__(self, text):
        self.text = text
        self.at = 0

    def peek(self):
        while self.text[self.at] in " \n\t":
            self.at += 1
        return self.text[self.at]

    def expect(self, c):
        if self.peek() != c:
            raise ValueError(f"{c} expected at {self.at}")
        self.at += 1

    def value(self):
        c = self.peek()
        if c == "{":
            return self.object()
        if c == "[":
            return self.array()
        if c == '"':
            return self.string()
        for word, meaning in (("true", True), ("false", False), ("null", None)):
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return meaning
        return self.number()

    def object(self):
        result = {}
        self.expect("{")
        while self.peek() != "}":
            key = self.string()
            self.expect(":")
            result[key] = self.value()
            if self.peek() == ",":
                self.at += 1
        self.at += 1
        return result

    def array(self):
        result = []
        self.expect("[")
        while self.peek() != "]":
            result.append(self.value())
            if self.peek() == ",":
                self.at += 1
        self.at += 1
        return result

    def string(self):
        self.expect('"')
        start = self.at
        while self.text[self.at] != '"':
            self.at += 1
        self.at += 1
        return self.text[start:self.at - 1]

    def number(self):
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in "+-.eE0123456789":
            self.at += 1
        word = self.text[start:self.at]
        return float(word) if "." in word else int(word)


def dump(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{k}": {dump(v)}' for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(dump(v) for v in value) + "]"
    if isinstance(value, str):
        return '"' + value + '"'
    return {True: "true", False: "false", None: "null"}[value] if value is None or isinstance(value, bool) else repr(value)


TEXT = "[" + ", ".join(
    '{"id": %d, "name": "item %d", "tags": ["a", "bc", "def"], "price": %d.25, "ok": %s, "none": null}' % (i, i, i * 3, "true" if i % 2 else "false")
    for i in range(60)) + "]"


def run():
    value = Parser(TEXT).value()
    text = dump(value)
    return text == TEXT, len(text), sum(item["price"] for item in value)
