using System.Globalization;
using System.Text;

namespace Holon.Python.Tests.Tier1;

/// <summary>
/// Writes Python programs at random: integers that leave 64 bits, floats, exceptions, closures, generators, attributes and globals that
/// change under the feet of compiled code. What they print depends on nothing but the language.
/// </summary>
internal sealed class RandomProgram(int seed)
{
    private const string Prelude = """
        import sys

        class Num(int):
            def __add__(self, other):
                return Num(int(self) * 2 + int(other))

        class Real(float):
            pass

        class Row(list):
            def __getitem__(self, i):
                return list.__getitem__(self, i) if -len(self) <= i < len(self) else -1

        class Thing:
            kind = 1

            def __init__(self, v):
                self.v = v

            def get(self, k=1):
                return self.v

            def put(self, v):
                self.v = v
                return self

            @property
            def twice(self):
                return self.v + self.v

            def __enter__(self):
                self.open = 1
                return self

            def __exit__(self, kind, error, traceback):
                self.open = 0
                return kind is ZeroDivisionError

        class Other(Thing):
            kind = 2

            def get(self, k=2):
                return super().get(k)

            def __eq__(self, other):
                return self.v == other

            __hash__ = None

        G = 3
        H = 0.5

        def clamp(x):
            if type(x) is int and abs(x) > 1 << 140:
                return x % 1000003
            if type(x) in (str, list, tuple, Row) and len(x) > 40:
                return x[:3]
            return x

        def spread(n, x):
            for i in range(n):
                got = yield x
                x = clamp(x + i if got is None else got)

        def chain(n, x):
            yield from spread(n, x)
            yield n

        """;

    private static readonly string[] _errors = ["ZeroDivisionError", "TypeError", "(ValueError, IndexError)", "Exception", "AttributeError", "NameError"];
    private static readonly string[] _leaves =
        ["0", "1", "-1", "2", "7", "-3", "255", "1 << 31", "1 << 62", "(1 << 63) - 1", "-(1 << 63)", "3037000500", "0.5", "-2.0", "1e300", "1e-5", "float('inf')", "float('nan')",
            "True", "None", "'a'", "'xyz'", "(1, 2)", "[1, 2, 3]", "Num(5)", "Real(1.5)", "Row([4, 5])", "{1: 2}"];

    private readonly Random random = new(seed);
    private readonly StringBuilder text = new();
    private readonly string[] variables = ["a", "b", "x", "y", "z"];
    private int names;

    /// <summary>The program.</summary>
    public string Write(int functions)
    {
        text.Append(Prelude);
        for (var i = 0; i < functions; i++)
            Function(i);
        text.Append(CultureInfo.InvariantCulture, $$"""

            def attempt(f, *args):
                try:
                    return repr(f(*args))
                except (MemoryError, OverflowError):
                    return 'too much'
                except Exception as error:
                    return type(error).__name__

            def show(text):
                return text if len(text) < 200 else text[:200]

            functions = [{{string.Join(", ", Enumerable.Range(0, functions).Select(i => $"f{i}"))}}]
            for f in functions:
                for turn in range(12):
                    print(f.__name__, turn, show(attempt(f, turn, 2 * turn + 1)))
                for pair in ((1.5, 2), ('s', 'tt'), (1 << 62, 1 << 62), (-7, 2.5), ([1], 2), (Num(3), 4), (True, None), (0, 0), (Real(2.0), -1)):
                    print(f.__name__, show(attempt(f, *pair)))
                if f is functions[len(functions) // 2]:
                    G = 'changed'
                    Thing.get = lambda self, k=1: (self.v, k)
                    Other.kind = 2.5
                    del Thing.kind
            """);
        return text.ToString();
    }

    private int Next(int n) => random.Next(n);

    private string Pick(params string[] of) => of[Next(of.Length)];

    private string Variable() => variables[Next(variables.Length)];

    private void Line(int depth, string line) => text.Append(' ', depth * 4).Append(line).Append('\n');

    private void Function(int number)
    {
        Line(0, $"def f{number}(a, b{Pick("", "=3", ", *rest", ", **more")}):");
        if (Next(3) == 0)
            Line(1, "global G");
        Line(1, $"x = {Pick("0", "1", "0.0", "a", "b")}");
        Line(1, $"y = {Pick("1", "a", "[1, 2, 3]", "'s'", "2.5")}");
        if (Next(2) == 0)
            Line(1, "z = " + Expression(1));
        Line(1, $"o = {Pick("Thing", "Other")}({Pick("1", "a", "2.5", "b")})");
        Line(1, "l = [3, 1, 2]");
        Line(1, "d = {}");
        Block(1, 3, 4 + Next(5));
        Line(1, $"return clamp(x), clamp(y), {Pick("clamp(o.v)", "len(l)", "d", "sorted(map(repr, d))", "o.kind")}");
        Line(0, "");
    }

    private void Block(int depth, int levels, int count)
    {
        for (var i = 0; i < count; i++)
            Statement(depth, levels);
    }

    private void Statement(int depth, int levels)
    {
        var loopVariable = "i" + names++;
        switch (Next(levels > 0 ? 24 : 12))
        {
            case 0 or 1 or 2:
                Line(depth, $"{Variable()} = clamp({Expression(2)})");
                break;
            case 3 or 4:
                var target = Variable();
                Line(depth, $"{target} {Pick("+=", "-=", "*=", "//=", "%=", "&=", "|=", "^=", "/=")} {Expression(1)}");
                Line(depth, $"{target} = clamp({target})");
                break;
            case 5:
                Line(depth, $"o.{Pick("v", "v", "w", "kind")} = {Expression(1)}");
                break;
            case 6:
                Line(depth, Pick("l.append(x)", "l[x] = y", "l[-1] = a", "d[a] = x", "d[x] = d.get(x, 0)", "l = l[1:]", "l.sort()", "o.put(x)", "del l[0]"));
                break;
            case 7:
                Line(depth, $"{Variable()}, {Variable()} = {Expression(1)}, {Expression(1)}");
                break;
            case 8:
                Line(depth, Pick("G = x", "x = G", "x = H + 1", "o.__class__ = Other", "o.extra = 1", "Thing.kind = 1", "del z", "o = Thing(x)", "y = o.__dict__", "o.get = len"));
                break;
            case 9:
                Line(depth, $"{Variable()} = {Pick("len(l)", "o.get()", "o.get(k=2)", "o.twice", "o.kind", "isinstance(x, int)", "abs(x)", "max(x, 1)", "min(x, y)", "f'{x}:{a!r}'", "str(x)", "l[0]", "l[x]", "x if x else y", "not x", "x is y", "x in l", "-x", "~x", "[*l, x]", "(lambda q: q)(x)", "sum(v for v in (1, 2))", "[v * 2 for v in l]", "{v: 1 for v in l}", "next(spread(2, x))", "sum(chain(3, 1))")}");
                break;
            case 10:
                Line(depth, $"y = {Pick("x", "a")} {Pick("<", "<=", "==", "!=", ">", ">=")} {Expression(1)}");
                break;
            case 11:
                Line(depth, Pick("pass", $"assert x is not {Expression(0)}", "x = y = a", "x, *y = l"));
                break;
            case 12 or 13:
                Line(depth, $"if {Condition()}:");
                Block(depth + 1, levels - 1, 1 + Next(2));
                if (Next(2) == 0)
                {
                    Line(depth, "else:");
                    Block(depth + 1, levels - 1, 1 + Next(2));
                }
                break;
            case 14 or 15:
                Line(depth, $"for {loopVariable} in {Pick($"range({Next(9)})", "range(a & 7 if type(a) is int else 3)", "l[:5]", "list(d)[:4]", "chain(4, x)", "spread(3, 1)", "(1, 2.5, 'q')", "enumerate((x, y))", "[1 << 62, 1 << 62, 5]")}:");
                Block(depth + 1, levels - 1, 1 + Next(3));
                Line(depth + 1, $"{Variable()} = {Pick($"{loopVariable}", "x", $"(x, {loopVariable})[1]")}");
                if (Next(4) == 0)
                    Line(depth + 1, $"if {Condition()}: {Pick("break", "continue")}");
                break;
            case 16:
                Line(depth, $"{loopVariable} = 0");
                Line(depth, $"while {loopVariable} < {2 + Next(6)}:");
                Line(depth + 1, $"{loopVariable} += 1");
                Block(depth + 1, levels - 1, 1 + Next(2));
                break;
            case 17 or 18:
                Line(depth, "try:");
                Block(depth + 1, levels - 1, 1 + Next(2));
                if (Next(3) == 0)
                {
                    Line(depth, "finally:");
                    Block(depth + 1, 0, 1);
                    break;
                }
                Line(depth, $"except {_errors[Next(_errors.Length)]} as error:");
                Line(depth + 1, $"{Variable()} = type(error).__name__");
                if (Next(3) == 0)
                    Line(depth + 1, Pick("raise", "raise ValueError(1)", "raise TypeError from error"));
                break;
            case 19:
                Line(depth, $"with Thing(x) as {Pick("o", "q")}:");
                Block(depth + 1, levels - 1, 1 + Next(2));
                break;
            case 20:
                Line(depth, $"def inner(p, q={Expression(0)}):");
                Line(depth + 1, "nonlocal x, y");
                Line(depth + 1, $"x = clamp(p {Pick("+", "-", "*")} q)");
                Line(depth + 1, "return y");
                Line(depth, $"{Pick("y", "a")} = {Pick("inner(b)", "inner(1, q=2)", "inner(*[1, 2])", "inner(**{'p': b})", "list(map(inner, (1, 2)))")}");
                break;
            case 21:
                Line(depth, $"g = {Pick("spread(3, x)", "chain(2, y)")}");
                Line(depth, $"{Variable()} = next(g)");
                Line(depth, $"{Variable()} = {Pick("g.send(None)", "g.send(5)", "list(g)", "g.close()")}");
                break;
            case 22:
                Line(depth, $"match {Variable()}:");
                Line(depth + 1, $"case {Pick("0", "int()", "[p, *q]", "{1: p}", "Thing(v=p)", "'a' | 'b'")}:");
                Line(depth + 2, "x = 1");
                Line(depth + 1, "case _:");
                Line(depth + 2, "x = 2");
                break;
            default:
                Line(depth, $"if {Condition()}:");
                Line(depth + 1, Pick("return x", "raise KeyError(x)", "return clamp(y)", "x = 1 // 0"));
                break;
        }
    }

    private string Condition() => Pick(Variable(), $"{Variable()} {Pick("<", ">", "==", "!=")} {Expression(1)}", $"type({Variable()}) is int", $"{Variable()} is None", $"0 < {Variable()} < 9", $"a and {Variable()}", $"not {Variable()}");

    private string Expression(int levels)
    {
        if (levels == 0 || Next(3) == 0)
            return Next(3) == 0 ? _leaves[Next(_leaves.Length)] : Variable();
        return Next(14) switch
        {
            < 9 => $"({Expression(levels - 1)} {Pick("+", "-", "*", "+", "-", "*", "//", "%", "/", "&", "|", "^", ">>")} {Expression(levels - 1)})",
            9 => $"({Expression(0)} << {Next(70)})",
            10 => $"({Expression(levels - 1)} if {Condition()} else {Expression(levels - 1)})",
            11 => $"({Variable()} {Pick("and", "or")} {Expression(levels - 1)})",
            12 => Pick("o.v", "o.get()", "l[0]", "G", "H", "len(l)", "o.kind"),
            _ => $"(-{Expression(levels - 1)})",
        };
    }
}
