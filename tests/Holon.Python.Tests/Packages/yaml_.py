"""PyYAML's loader and dumper in Python."""
import datetime, yaml

text = """
a: &x {n: 1, f: 1.5e3, t: true, none: ~, s: "esc\\u00e4\\n", d: 2024-02-29, ts: 2001-12-14t21:59:43.10-05:00}
b: *x
c:
  <<: *x
  n: 0x1F
list: [1, two, 0o17, 1_000, .inf, -.inf, 0b101]
folded: >
  one
  two

  three
literal: |+
  keep

? complex key
: - nested
  - {deep: [1, 2, {x: y}]}
set: !!set {p, q}
omap: !!omap [a: 1, b: 2]
bin: !!binary aGVsbG8=
"""
data = yaml.load(text, Loader=yaml.SafeLoader)
for key, value in data.items():
    print(repr(key), sorted(value) if isinstance(value, set) else repr(value))
print(yaml.dump(data, Dumper=yaml.SafeDumper, sort_keys=True, allow_unicode=True))
print(yaml.dump({"x": [1, {"y": "multi\nline", "z": "", "q": "yes", "n": "123"}]}, default_flow_style=None, indent=4, width=40))
print(list(yaml.safe_load_all("--- 1\n--- [a]\n...\n--- {b: c}\n")))
shared = [1]
print(yaml.safe_dump([shared, shared, {"d": datetime.date(2020, 1, 2)}]))


class Point(yaml.YAMLObject):
    yaml_tag, yaml_loader, yaml_dumper = "!point", yaml.SafeLoader, yaml.SafeDumper

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __repr__(self):
        return f"Point({self.x}, {self.y})"


print(yaml.safe_load("!point {x: 1, y: [2]}"), yaml.safe_dump(Point(3, 4)))
for bad in ("a: [1, 2", "a: b: c", "\t- x", "&a *a", "!unknown x", "- 1\n- {a", "key: 'open", "%YAML 3.0\n--- x", "a: 1\na: 2\n- b"):
    try:
        print(yaml.safe_load(bad))
    except yaml.YAMLError as error:
        print(type(error).__name__, str(error).replace("\n", " | "))
print([type(e).__name__ for e in yaml.parse("a: [1, *b]")], [type(t).__name__ for t in yaml.scan("- x: 'y'")])
