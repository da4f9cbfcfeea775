using System.Text;
using Holon.Python.Compiler;

namespace Holon.Python.Tests.Compiler;

/// <summary>Wrong sources give CPython's error, with its place.</summary>
public sealed class SyntaxErrorTests(ITestOutputHelper output)
{
    /// <summary>One source for each rule about mistakes, and for each error of the tokenizer, the symbol table and the compiler.</summary>
    public static readonly string[] WrongSources =
    [
        "x = (", "x = [1, 2", "x = )", "x = (]", "(\n[\n)", "'abc", "'''abc\ndef", "x = 0777", "x = 0x", "x = 0b2", "x = 0o8", "1_", "1__0", "1e+",
        "0_7", "1abc", "1or 2", "0xfor x in y", "a = 1 +", "x = $", "x = ?", "x = !", "a\\ b", "a\\", "if x:\n\ty\n        z", "if x:\n  y\n z",
        "  x", "if x:\npass", "while x:\npass", "for x in y:\npass", "def f():\npass", "class C:\npass", "try:\npass", "try:\n  x\nexcept:\npass",
        "try:\n  x\nfinally:\npass", "with x:\npass", "with (x as y):\npass", "match x:\n  case 1:\n  pass", "match x:\npass", "else:\n  x",
        "if x\n  y", "if x:\n  y\nelif z\n  y", "while x\n  y", "for x in y\n  z", "class C\n  x", "def f(\n", "def f)", "def f(x", "try:\n  x\ny",
        "try:\n  x\nexcept A, B:\n  y", "try:\n  x\nexcept* A:\n  y\nexcept B:\n  z", "try:\n  x\nexcept A:\n  y\nexcept* B:\n  z",
        "try:\n  x\nexcept*:\n  y", "try:\n  x\nexcept:\n  y\nexcept A:\n  z", "print x", "exec 'x'", "print", "f(x for x in y, 1)",
        "f(1, x for x in y)", "f(**x, *y)", "f(**x, y)", "f(x=1, y)", "f(a=1, a=2)", "f(True=1)", "f(a.b=1)", "f(a, b=c for c in d)", "f(x=)",
        "f(x y)", "[x y]", "(x y)", "{x y}", "x y", "a, b c", "x = y z", "x if y", "x if y else", "(x if y)", "x := 1", "(x.y := 1)",
        "(x[0] := 1)", "if x = 1: pass", "if x.a = 1: pass", "if (x, y) = 1: pass", "while x = 3: pass", "x = 1 = 2", "f() = 1", "1 = x", "None = 1",
        "(a, 1) = x", "[a, f()] = x", "a + 1 = 2", "-x = 1", "x < y = 1", "lambda: x = 1", "yield = 1", "x = yield = 1", "'a' = 1", "f'{x}' = 1",
        "... = 1", "{} = 1", "{1} = 1", "[x for x in y] = 1", "(x for x in y) = 1", "x if y else z = 1", "await x = 1", "True = 1", "*a = b",
        "*a, *b = c", "a: 1: 2", "(a, b): int", "[a]: int", "f(): int", "a, b: int", "x += y += z", "f() += 1", "(a, b) += 1", "None += 1",
        "del f()", "del 1", "del (a, b.c, 1)", "del *a", "del a + b", "del None", "for f() in x: pass", "for 1 in x: pass", "for x y in z: pass",
        "[x for f() in y]", "[x for 1 in y]", "[*x for x in y]", "{**x for x in y}", "[x, y for x in y]", "[x, for x in y]", "{x: y, **z for a in b}",
        "(*x)", "(**x)", "{1: *x}", "{1:}", "{1: 2, 3}", "{1, 2: 3}", "{**x, y}", "def f(a=1, b): pass", "def f(*): pass", "def f(*, **k): pass",
        "def f(**k, a): pass", "def f(**k, *a): pass", "def f(**k=1): pass", "def f(*a=1): pass", "def f(*a, *b): pass", "def f(a, /, b, /): pass",
        "def f(*a, b, /): pass", "def f(/, a): pass", "def f(a, /*): pass", "def f((a, b)): pass", "def f(a=): pass", "def f(a, a): pass",
        "def f(x for x in y): pass", "lambda a=1, b: 0", "lambda *: 0", "lambda (a, b): 0", "lambda **k, a: 0", "lambda a, a: 0", "lambda a=: 0",
        "from x import", "from x import a,", "from x import (a, b", "from . import *, a", "import a.b as c.d", "import", "from __future__ import braces",
        "from __future__ import nope", "x = 1\nfrom __future__ import annotations", "from __future__ import annotations; x: (yield)",
        "def f():\n  from x import *", "global x\ndef f(x):\n  global x", "def f():\n  x = 1\n  global x", "def f():\n  print(x)\n  global x",
        "def f():\n  x: int\n  global x", "nonlocal x", "def f():\n  nonlocal x", "def f(x):\n  nonlocal x", "def f():\n  global x\n  nonlocal x",
        "def f():\n  global x\n  x: int", "def f():\n  [x := 1 for x in y]", "[y := 1 for x in (y := z)]", "class C:\n  [x := 1 for y in z]",
        "[x for x in y if (lambda: (x := 1))]", "def f():\n  [(yield x) for x in y]", "return 1", "yield 1", "await x", "break", "continue",
        "def f():\n  await x", "async def f():\n  yield from x", "async def f():\n  yield 1\n  return 2", "def f():\n  async for x in y: pass",
        "def f():\n  async with x: pass", "def f():\n  [x async for x in y]", "class C:\n  return 1", "for x in y:\n  def f():\n    break",
        "try:\n  x\nexcept* A:\n  return", "while x:\n  try:\n    y\n  except* A:\n    break", "x = *a", "*a", "f(*a for a in b)", "print(*a, end=)",
        "__debug__ = 1", "def f(__debug__): pass", "f(__debug__=1)", "del __debug__", "import __debug__", "x.__debug__ = 1", "match x:\n  case a: 1\n  case b: 2",
        "match x:\n  case _: 1\n  case b: 2", "match x:\n  case (a, a): 1", "match x:\n  case a | b: 1", "match x:\n  case [*a, *b]: 1",
        "match x:\n  case {**a, 'b': 1}: 1", "match x:\n  case C(a=1, 2): 1", "match x:\n  case C(a=1, a=2): 1", "match x:\n  case 1 + 2: 1",
        "match x:\n  case 1j + 2: 1", "match x:\n  case {1: a, 1: b}: 1", "match x:\n  case a as _: 1", "match x:\n  case a as b.c: 1",
        "match x:\n  case -a: 1", "match x:\n  case f'{x}': 1", "match x\n  case 1: 1", "match x:\n  case 1\n    y", "f'{'", "f'}'", "f'{}'", "f'{ }'",
        "f'{x!}'", "f'{x!z}'", "f'{x'", "f'{x:'", "f'{x y}'", "f'{a[}'", "f'{a)}'", "f'{#}'", "f'{\\n}'", "f'{x:{y:{z:{w}}}}'", "f'{lambda x: 1}'",
        "f'{!r}'", "f'{=}'", "f'{a b}'", "x = 1\ny = f'{a b}'", "f'''\n{a\nb c}'''", "b'é'", "b'a' 'b'", "'a' b'b'", "'\\x1'", "'\\u12'", "'\\N{nope}'",
        "'\\U00110000'", "b'\\x1'", "'\\N'", "é$ = 1", "x€ = 1", "a = 1\n\u00a0b = 2", "def f():\n    x = (1,\n  2", "x = {'a': 1, 'b' 2}",
        "with x as f(): pass", "with x as 1: pass", "with x", "with (a, b as c)\n  x", "async x", "async def", "def f() -> : pass", "def f(): pass pass",
        "class C(x for x in y): pass", "class C(a=1, a=2): pass", "@\ndef f(): pass", "@x", "lambda", "not", "a not b", "a is is b", "a <> b", "a ! b",
        "assert", "raise x from", "import a from b", "x[", "x[]", "x[1:2:3:4]", "x.1", "x..y", "1.a", "x = 1;; y = 2", "pass x", "if True: x = 1 else: y = 2",
        "x = 'a' 'b' c", "x = 1 2", "x = {1 2}", "x = (1 2)", "f(1 2)", "f(a b c)", "(1\n2)", "x = [1,\n2\n3]", "\tx\n  y", "if x:\n        a\n\tb",
        "x" + "(", "{[(", "{[(}", "def f():\n\n\n", "x = \"abc\ny = 1", "x = '''abc", "for", "while", "if", "elif x: y", "except: y", "finally: y",
    ];

    [Fact]
    public void Errors_of_wrong_sources_equal_CPythons()
    {
        Assert.SkipUnless(CPythonOracle.IsInstalled, CPythonOracle.Missing);
        using var oracle = new CPythonOracle();
        var report = new StringBuilder();
        var wrong = 0;
        foreach (var source in WrongSources)
        {
            foreach (var mode in new[] { CompileMode.Exec, CompileMode.Single, CompileMode.Eval })
                wrong += Report(oracle.Compare(Encoding.UTF8.GetBytes(source), "<test>", mode, asText: true), source, report);
            wrong += Report(oracle.Compare(Encoding.UTF8.GetBytes(source), "<test>"), source, report);
        }

        output.WriteLine($"{WrongSources.Length * 4} compilations, {wrong} different");
        output.WriteLine(report.ToString());
        Assert.Equal(0, wrong);
    }

    [Fact]
    public void Errors_of_damaged_sources_equal_CPythons()
    {
        Assert.SkipUnless(CPythonOracle.IsInstalled, CPythonOracle.Missing);
        var all = Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1";
        var files = Directory.EnumerateFiles("/usr/lib/python3.11", "*.py", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Where(f => new FileInfo(f).Length is > 200 and < 6000).ToArray();
        using var oracle = new CPythonOracle();
        var report = new StringBuilder();
        var random = new Random(11);
        int wrong = 0, count = all ? 6000 : 600;
        for (var i = 0; i < count; i++)
        {
            var text = Damage(File.ReadAllText(files[random.Next(files.Length)]), random);
            if (text.Contains('\0', StringComparison.Ordinal) || PythonTextIsBroken(text))
                continue;
            wrong += Report(oracle.Compare(Encoding.UTF8.GetBytes(text), "<test>", CompileMode.Exec, asText: i % 2 == 0), text, report);
        }

        output.WriteLine($"{count} damaged sources, {wrong} different");
        output.WriteLine(report.ToString());
        Assert.True(wrong * 200 <= count, $"{wrong} of {count} differ\n{report}");
    }

    private static bool PythonTextIsBroken(string text) => text.Any(char.IsSurrogate);

    private static int Report(List<string[]> differences, string source, StringBuilder report)
    {
        if (differences.Count == 0)
            return 0;
        var d = differences[0];
        var shown = source.Length < 200 ? source : "...";
        if (report.Length < 20_000)
            report.AppendLine($"{d[0]}: {System.Text.Json.JsonSerializer.Serialize(shown)}\n    theirs {d[2]}\n    ours   {d[3]}");
        return 1;
    }

    // Deletes, doubles, swaps or inserts a token or two.
    private static string Damage(string text, Random random)
    {
        string[] inserts = ["(", ")", "[", "]", "{", "}", ":", ",", "=", ".", "if", "for", "in", "else", "import", "lambda", "*", "**", "'", "\"", "\n", "x", "1", "not", "is", ":=", "async", "await", "\\", "f'{x'", "@", "yield", "    "];
        var tokens = Split(text);
        for (var n = random.Next(1, 3); n > 0; n--)
        {
            var at = random.Next(tokens.Count - 1);
            switch (random.Next(4))
            {
                case 0: tokens.RemoveAt(at); break;
                case 1: tokens.Insert(at, tokens[at]); break;
                case 2: (tokens[at], tokens[at + 1]) = (tokens[at + 1], tokens[at]); break;
                default: tokens.Insert(at, inserts[random.Next(inserts.Length)]); break;
            }
        }

        return string.Concat(tokens);
    }

    private static List<string> Split(string text)
    {
        var tokens = new List<string>();
        for (var i = 0; i < text.Length;)
        {
            var start = i++;
            if (char.IsLetterOrDigit(text[start]) || text[start] == '_')
            {
                while (i < text.Length && (char.IsLetterOrDigit(text[i]) || text[i] == '_'))
                    i++;
            }

            tokens.Add(text[start..i]);
        }

        return tokens;
    }
}
