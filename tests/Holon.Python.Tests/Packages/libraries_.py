"""Small libraries that many programs stand on: attrs, click, rich, dateutil, six, BeautifulSoup, Markdown, jsonschema, networkx, pyparsing."""
import io, datetime
import attr, attrs

@attrs.define(order=True)
class Point:
    x: int = attrs.field(validator=attrs.validators.instance_of(int))
    y: int = attrs.field(default=0, converter=int)
    tags: list = attrs.Factory(list)
print(Point(1, "2"), attrs.asdict(Point(1)), Point(1) < Point(2), attrs.evolve(Point(1), y=5), [a.name for a in attrs.fields(Point)])
try:
    Point("x")
except TypeError as error:
    print(error.args[0])
frozen = attr.make_class("Frozen", ["a", "b"], frozen=True)
try:
    frozen(1, 2).a = 3
except attrs.exceptions.FrozenInstanceError as error:
    print(type(error).__name__, hash(frozen(1, 2)) == hash(frozen(1, 2)))

import click
from click.testing import CliRunner

@click.group()
@click.option("--verbose/--quiet", default=False, help="Say more.")
@click.pass_context
def cli(ctx, verbose):
    """A program."""
    ctx.obj = verbose
@cli.command()
@click.argument("names", nargs=-1, required=True)
@click.option("-n", "--count", type=click.IntRange(1, 5), default=1, show_default=True)
@click.option("--kind", type=click.Choice(["a", "b"]))
@click.pass_obj
def hello(verbose, names, count, kind):
    """Greets."""
    for name in names * count:
        click.secho(f"Hello {name} {kind} {verbose}", fg="green")
    click.echo(click.style("end", bold=True), err=True)
for args in ([], ["--help"], ["hello", "--help"], ["--verbose", "hello", "A", "B", "-n", "2", "--kind", "b"], ["hello"], ["hello", "A", "-n", "9"], ["hello", "A", "--kind", "c"], ["helo"]):
    result = CliRunner().invoke(cli, args, color=True)
    print(result.exit_code, result.output)

from rich.console import Console
from rich.table import Table
from rich.tree import Tree
from rich.markdown import Markdown
from rich.syntax import Syntax
from rich.panel import Panel
from rich.progress import track
from rich.traceback import Traceback
console = Console(file=io.StringIO(), width=70, force_terminal=True, color_system="truecolor", legacy_windows=False)
table = Table(title="Table", show_lines=True)
table.add_column("Name", style="cyan"); table.add_column("Größe", justify="right")
table.add_row("[bold]a[/]", "1"); table.add_row("日本語", "22"); console.print(table)
tree = Tree("root"); tree.add("one").add("two"); console.print(tree)
console.print(Markdown("# Title\n\n* a\n* b `code`\n\n> quote\n\n1. x\n\n```python\ndef f(): pass\n```\n"))
console.print(Panel(Syntax("for i in range(3):\n    print(i)", "python", line_numbers=True)), {"a": [1, 2.5, None, "x"]}, datetime.date(2020, 1, 2))
print(console.file.getvalue())

from dateutil import parser, relativedelta, rrule, tz
print(parser.parse("3rd of May 2001 10:36 pm"), parser.parse("2003-09-25T10:49:41.5-03:00"), parser.parse("Thu Sep 25 2003 10:49", fuzzy=True), parser.isoparse("2020-W10-3"))
print(datetime.date(2020, 2, 29) + relativedelta.relativedelta(years=1, weekday=relativedelta.MO(-1)), relativedelta.relativedelta(datetime.date(2020, 3, 1), datetime.date(2018, 5, 17)))
print([d.date().isoformat() for d in rrule.rrulestr("DTSTART:20200101T000000\nRRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=4")], datetime.datetime(2020, 7, 1, tzinfo=tz.gettz("Europe/Berlin")).utcoffset())
import six
from six.moves import urllib, range as six_range
print(six.PY3, six.ensure_binary("é"), six.with_metaclass(type, object).__name__, urllib.parse.quote("a b"), list(six_range(2)))

from bs4 import BeautifulSoup
page = "<html><head><title>T</title></head><body class='a b'><p id=x>One<br>two &amp; <b>three</p><ul><li>1<li>2</ul><a href='/q?a=1&b=2'>link</a><!-- c --><script>if (a < b) {}</script></body>"
soup = BeautifulSoup(page, "html.parser")
print(soup.title.string, soup.p["id"], soup.body["class"], [li.get_text() for li in soup.find_all("li")], soup.select("body.a > p#x b"), soup.a["href"])
print(soup.prettify()); soup.b.replace_with("gone"); print(soup.p, soup.find(string=lambda s: "c" in s))
soup5 = BeautifulSoup(page, "html5lib"); print(soup5.body)

import markdown
print(markdown.markdown("# H\n\nText *a* **b** `c` [l](http://x \"t\") ![i](p.png)\n\n1. a\n    - b\n\n> q\n\n    code\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\nTerm\n: Definition\n\n[TOC]\n\nNote[^1]\n\n[^1]: Foot.\n", extensions=["tables", "fenced_code", "footnotes", "def_list", "toc", "attr_list", "smarty"]))
from markdown_it import MarkdownIt
print(MarkdownIt("commonmark").enable("table").render("a\n\n- b\n- c\n\n```py\nx\n```\n| a |\n|---|\n| 1 |\n<b>h</b>"))

import jsonschema
schema = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"a": {"type": "integer", "minimum": 3}, "b": {"enum": ["x", "y"]}, "c": {"$ref": "#/definitions/d"}}, "required": ["a"], "additionalProperties": False, "definitions": {"d": {"type": "array", "items": {"type": "string", "pattern": "^a"}, "uniqueItems": True}}}
for value in ({"a": 3}, {"a": 1, "b": "z", "c": ["a", "a", "b", 1], "d": 0}, {}, []):
    for error in sorted(jsonschema.Draft7Validator(schema).iter_errors(value), key=str):
        print(list(error.absolute_path), error.message)

import networkx as nx
g = nx.Graph(); g.add_weighted_edges_from([(a, b, (a * b) % 7 + 1) for a in range(12) for b in range(a) if (a + b) % 3])
print(nx.shortest_path(g, 0, 11, weight="weight"), nx.minimum_spanning_tree(g).size(weight="weight"), nx.is_connected(g), nx.density(g), list(nx.bfs_tree(g, 0))[:6], nx.average_clustering(g))
d = nx.DiGraph([(1, 2), (2, 3), (3, 1), (3, 4)]); print(list(nx.strongly_connected_components(d)) != [], nx.has_path(d, 1, 4), list(nx.simple_cycles(d)), nx.maximum_flow_value(nx.DiGraph([("s", "t", {"capacity": 3})]), "s", "t"))
print(sorted(nx.greedy_color(g).items()), nx.diameter(g), list(nx.topological_sort(nx.DiGraph([(1, 2), (1, 3), (3, 2)]))), len(list(nx.generate_graphml(d))))

import pyparsing as pp
number = pp.pyparsing_common.number
expression = pp.infix_notation(number, [("^", 2, pp.OpAssoc.RIGHT), (pp.one_of("* /"), 2, pp.OpAssoc.LEFT), (pp.one_of("+ -"), 2, pp.OpAssoc.LEFT)])
print(expression.parse_string("1 + 2 * (3 - 4) ^ 2 / 5").as_list())
try:
    expression.parse_string("1 + ", parse_all=True)
except pp.ParseException as error:
    print(error)

