"""jinja2: inheritance, macros, filters, escaping, the sandbox, errors."""
from jinja2 import DictLoader, Environment, StrictUndefined, TemplateSyntaxError, UndefinedError, nodes
from jinja2.ext import Extension
from jinja2.sandbox import SandboxedEnvironment, SecurityError

env = Environment(loader=DictLoader({
    "base": "<title>{% block title %}base{% endblock %}</title>{% block body %}{% endblock %}",
    "child": "{% extends 'base' %}{% from 'm' import field with context %}{% block title %}{{ super() }}/child{% endblock %}{% block body %}{% for u in users|sort(attribute='age', reverse=true) if u.age > 1 %}{{ loop.index }}/{{ loop.length }} {{ u.name|upper }} {{ field(u.age) }}{% if not loop.last %}, {% endif %}{% else %}none{% endfor %}{% endblock %}",
    "m": "{% macro field(x, w=3) -%}[{{ '%0*d'|format(w, x) }}]{%- endmacro %}",
}), autoescape=True, trim_blocks=True, extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])
print(env.get_template("child").render(users=[dict(name="<a>", age=3), dict(name="b", age=9), dict(name="c", age=1)]))
print(env.from_string("{{ xs|batch(2, 0)|map('sum')|list }} {{ xs|groupby('real')|length }} {{ 'a,b'.split(',')|join('|') }} {{ {'b': 1, 'a': 2}|dictsort }} {{ 3.14159|round(2) }} {{ 'x y'|urlencode }} {{ '<i>'|safe }}{{ '<i>' }}").render(xs=[1, 2, 3]))
print(env.from_string("{% set ns = namespace(t=0) %}{% for i in range(10) %}{% if i == 7 %}{% break %}{% endif %}{% set ns.t = ns.t + i %}{% endfor %}{{ ns.t }} {% do [].append(1) %}{{ caller is defined }} {% filter upper %}abc{% endfilter %} {% raw %}{{ x }}{% endraw %} {{ 'yes' if 3 is odd and 4 is divisibleby 2 }}").render())
print(env.from_string("{% call(x) outer() %}<{{ x }}>{% endcall %}").render(outer=lambda caller: caller(1) + caller(2)))
for source in ("{% if %}", "{{ x", "{% block a %}{% block a %}{% endblock %}{% endblock %}", "{{ 1 | nofilter }}"):
    try:
        env.from_string(source)
    except TemplateSyntaxError as error:
        print(type(error).__name__, error, error.lineno)
try:
    Environment(undefined=StrictUndefined).from_string("{{ missing.x }}").render()
except UndefinedError as error:
    print(error)
try:
    print(SandboxedEnvironment().from_string("{{ f.__globals__ }}").render(f=env.get_template))
    SandboxedEnvironment().from_string("{{ f.__globals__['x'] }}").render(f=lambda: 0)
except (SecurityError, UndefinedError) as error:
    print(type(error).__name__, error)
print(Environment(variable_start_string="<<", variable_end_string=">>", line_statement_prefix="#").from_string("# for i in [1, 2]\n<<i>>\n# endfor").render())
print(list(env.lexer.tokeniter("{{ a.b }} c", None)))
