using System.Text;
using Holon.Python.Compiler;

namespace Holon.Python.Tests.Compiler;

/// <summary>Expressions whose code depends on arithmetic, unparsing or details that the library has nowhere.</summary>
public sealed class ConstantFoldingTests(ITestOutputHelper output)
{
    private static readonly string[] s_operands =
    [
        "0", "1", "-1", "2", "7", "-7", "255", "256", "257", "10**20", "-10**20", "2**127", "2**128", "123456789012345678901234567890", "True", "False", "0.0", "-0.0",
        "1.5", "-2.5", "1e16", "1e-5", "1e308", "1e309", "5e-324", "0.1", "1j", "-1j", "1.5j", "1e309j", "''", "'a'", "'abc'", "b'xyz'", "()", "(1, 2)", "None",
        "...", "'\\ud800'", "'\\udc00'", "'\\U0001F600'", "(1, 'a')", "100", "3", "0x7fffffffffffffff", "-0x8000000000000000", "0xffffffffffffffff",
    ];

    private static readonly string[] s_operators = ["+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^", "@"];

    private static readonly string[] s_annotations =
    [
        "1 + 2 * 3", "(1 + 2) * 3", "-x ** 2", "(-x) ** 2", "x ** -y", "not a or b and c", "(a or b) and c", "not (a and b)", "a if b else c", "(a if b else c).d",
        "lambda: 0", "lambda x, /, y=1, *a, z, w=2, **k: (yield)", "lambda *, a: a", "[x for x in y if z if w]", "{x: y for x, y in z}", "{*a, 1}", "{**a, 'b': 1}",
        "f(x for x in y)", "f(*a, b=1, **c)", "x[1:2, ::3, ...]", "x[a, *b]", "f'{x!r:>{w}}a{{b}}'", "f'{ {1: 2}[1] }'", "'it\\'s'", "b'\\x00'", "u'x'", "1e400", "-1e400j",
        "1 .real", "1.5.real", "a < b <= c is not d not in e", "(a, )", "()", "await x", "(x := 1)", "a @ b // c % d", "~a + -b", "*a", "a.b.c[d](e)", "'\\n\\t\\xe9\\u1234'", "1e16",
        "1e22", "1.0", "123456789012345678.0", "0.00001", "1j", "(a for a in b)", "a << b >> c & d ^ e | f", "[a, b][0]", "'a' 'b' f'{c}'", "async_", "None", "True", "...",
    ];

    [Fact]
    public void Folded_constants_equal_CPythons()
    {
        Assert.SkipUnless(CPythonOracle.IsInstalled, CPythonOracle.Missing);
        using var oracle = new CPythonOracle();
        var failures = new List<string>();
        foreach (var left in s_operands)
        {
            var lines = new StringBuilder();
            foreach (var right in s_operands)
            {
                foreach (var op in s_operators)
                    lines.Append($"x = ({left}) {op} ({right})\n");
                lines.Append($"x = ({left})[{right}]\n");
            }

            lines.Append($"x = -({left}), +({left}), ~({left}), not ({left})\nif {left}: a\nwhile {left}: b\nx = a in [{left}, 1], b in {{{left}, 1}}\n");
            var whole = new List<string>();
            Check(oracle, lines.ToString(), whole);
            if (whole.Count == 0)
                continue;
            foreach (var line in lines.ToString().Split('\n'))
                Check(oracle, line, failures);
        }

        output.WriteLine(string.Join("\n", failures.Take(60)));
        Assert.Empty(failures);
    }

    [Fact]
    public void Unparsed_annotations_equal_CPythons()
    {
        Assert.SkipUnless(CPythonOracle.IsInstalled, CPythonOracle.Missing);
        using var oracle = new CPythonOracle();
        var failures = new List<string>();
        foreach (var annotation in s_annotations)
            Check(oracle, $"from __future__ import annotations\nx: {annotation}\ndef f(a: {annotation}) -> {annotation}: pass\n", failures);
        output.WriteLine(string.Join("\n", failures));
        Assert.Empty(failures);
    }

    [Theory]
    [InlineData("'%s' % (a,)")]
    [InlineData("'%r %5s %-7.3a%%' % (a, b, c)")]
    [InlineData("'%d' % (a,)")]
    [InlineData("'%s %s' % (a,)")]
    [InlineData("'%s' % (a, b)")]
    [InlineData("'%05s%+s%1000s' % (a, b, c)")]
    [InlineData("'%(x)s' % (a,)")]
    [InlineData("'%s' % (*a,)")]
    [InlineData("'%' % (a,)")]
    [InlineData("'%.' % (a,)")]
    [InlineData("'%10' % (a,)")]
    [InlineData("'%.s|%.0s|%0s' % (a, b, c)")]
    public void Percent_formats_equal_CPythons(string expression)
    {
        Assert.SkipUnless(CPythonOracle.IsInstalled, CPythonOracle.Missing);
        using var oracle = new CPythonOracle();
        var failures = new List<string>();
        Check(oracle, $"x = {expression}\n", failures);
        Assert.Empty(failures);
    }

    private static void Check(CPythonOracle oracle, string source, List<string> failures)
    {
        foreach (var d in oracle.Compare(Encoding.UTF8.GetBytes(source), "<test>", CompileMode.Exec, asText: true))
            failures.Add($"{source}: {d[0]}\n    theirs {d[2]}\n    ours   {d[3]}");
    }
}
