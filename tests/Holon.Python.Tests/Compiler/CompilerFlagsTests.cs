using System.Text;
using Holon.Python.Compiler;
using Holon.Python.Compiler.Ast;

namespace Holon.Python.Tests.Compiler;

/// <summary>Flags, modes, encodings and trees made by programs.</summary>
public sealed class CompilerFlagsTests
{
    private static readonly string[] s_sources =
    [
        "await x", "async for x in y: pass\n", "async with x as y: pass\n", "[x async for x in y]", "def f(): await x\n", "x = (yield)\n", "if x:\n  y\n", "if x:\n  y",
        "if x:", "if x:\n", "for x in y:\n  z\n\n", "def f():\n  return (\n", "x = '''abc\n", "x = 'abc", "x = (1,\n", "x \\\n", "a <> b\n", "a != b\n", "x = 1\n",
        "class C:\n  def f(self):\n    pass\n", "1 +", "", "\n", "# comment", "@x\n", "try:\n  x\n", "x; y\n", "x\ny\n", "else", "x: int\n",
    ];

    [Theory]
    [InlineData(CompilerFlags.AllowTopLevelAwait)]
    [InlineData(CompilerFlags.AllowIncompleteInput)]
    [InlineData(CompilerFlags.DontImplyDedent)]
    [InlineData(CompilerFlags.AllowIncompleteInput | CompilerFlags.DontImplyDedent)]
    [InlineData(CompilerFlags.FutureBarryAsBdfl)]
    [InlineData(CompilerFlags.FutureAnnotations)]
    public void Flags_act_as_in_CPython(CompilerFlags flags)
    {
        Assert.SkipUnless(CPythonOracle.IsInstalled, CPythonOracle.Missing);
        using var oracle = new CPythonOracle();
        var failures = new StringBuilder();
        foreach (var source in s_sources)
        {
            foreach (var mode in new[] { CompileMode.Exec, CompileMode.Single, CompileMode.Eval })
            {
                foreach (var d in oracle.Compare(Encoding.UTF8.GetBytes(source), "<test>", mode, asText: true, flags: flags))
                    failures.AppendLine($"{mode} {source}: {d[0]}\n    theirs {d[2]}\n    ours   {d[3]}");
            }
        }

        Assert.True(failures.Length == 0, failures.ToString());
    }

    [Theory]
    [InlineData("# coding: latin-1\nx = '\u00e9'\n", "latin1")]
    [InlineData("# -*- coding: iso-8859-15 -*-\nx = '\u20ac'\n", "iso-8859-15")]
    [InlineData("\n# vim: set fileencoding=cp1252 :\nx = '\u20ac'\n", "windows-1252")]
    [InlineData("# coding: utf-8\nx = '\u00e9'\n", "utf-8")]
    [InlineData("# coding: nope\nx = 1\n", "utf-8")]
    [InlineData("x = 1\n# coding: nope\n", "utf-8")]
    [InlineData("\ufeff# coding: latin-1\nx = 1\n", "utf-8")]
    [InlineData("\ufeffx = '\u00e9' $\n", "utf-8")]
    [InlineData("x = '\u00e9' $\n", "latin1")]
    [InlineData("\u00e9 = 1\n", "latin1")]
    [InlineData("# \u00e9\nx = 1\n", "latin1")]
    public void Encodings_are_read_as_in_CPython(string source, string encoding)
    {
        Assert.SkipUnless(CPythonOracle.IsInstalled, CPythonOracle.Missing);
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        using var oracle = new CPythonOracle();
        var differences = oracle.Compare(Encoding.GetEncoding(encoding).GetBytes(source), "<test>");
        Assert.True(differences.Count == 0, string.Join("\n", differences.Select(d => string.Join("\n", d))));
    }

    [Fact]
    public void A_tree_that_the_grammar_forbids_is_refused()
    {
        var span = new SourceSpan(1, 0, 1, 1);
        var name = new NameExpr("x", ExprContext.Load, span);
        var tree = new ModuleMod([new AssignStmt([name], name, null, span)], []);
        var error = Assert.Throws<PythonCompileException>(() => PythonCompiler.Compile(tree, "<tree>", new CompileOptions()));
        Assert.Equal(CompileErrorKind.ValueError, error.Kind);
        Assert.Equal("expression must have Store context but has Load instead", error.Message);
    }

    [Fact]
    public void A_parsed_tree_compiles_like_its_source()
    {
        const string source = "def f(x, *a, y=1, **k):\n    return [x + 1 for x in a if x] or (lambda: y)\n";
        var direct = PythonCompiler.Compile(source, "<tree>", new CompileOptions());
        var viaTree = PythonCompiler.Compile(PythonCompiler.Parse(source, "<tree>", new CompileOptions()), "<tree>", new CompileOptions());
        Assert.Equal(MarshalWriter.Write(direct), MarshalWriter.Write(viaTree));
    }

    [Fact]
    public void A_pyc_file_is_one_that_CPython_runs()
    {
        Assert.SkipUnless(CPythonOracle.IsInstalled, CPythonOracle.Missing);
        var file = Path.Combine(Path.GetTempPath(), $"holon-{Guid.NewGuid():N}.pyc");
        File.WriteAllBytes(file, MarshalWriter.WritePyc(PythonCompiler.Compile("print(sum(range(10)))", "x.py", new CompileOptions()), 0, 0));
        try
        {
            using var process = System.Diagnostics.Process.Start(
                new System.Diagnostics.ProcessStartInfo(CPythonOracle.Interpreter, file) { RedirectStandardOutput = true })!;
            Assert.Equal("45\n", process.StandardOutput.ReadToEnd());
        }
        finally
        {
            File.Delete(file);
        }
    }
}
