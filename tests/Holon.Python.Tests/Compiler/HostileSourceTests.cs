using System.Diagnostics;
using System.Text;
using Holon.Python.Compiler;

namespace Holon.Python.Tests.Compiler;

/// <summary>Whatever the source is, the compiler ends with code or a Python error, and the process lives.</summary>
public sealed class HostileSourceTests(ITestOutputHelper output)
{
    private static string Repeat(string text, int count) => new StringBuilder(text.Length * count).Insert(0, text, count).ToString();

    public static TheoryData<string, string> DeepSources => new()
    {
        { "parentheses", Repeat("(", 300) + Repeat(")", 300) },
        { "199 parentheses", Repeat("(", 199) + "1" + Repeat(")", 199) },
        { "lists", Repeat("[", 150) + Repeat("]", 150) },
        { "minus signs", Repeat("-", 100_000) + "1" },
        { "not", Repeat("not ", 50_000) + "x" },
        { "sums", Repeat("x+", 20_000) + "x" },
        { "attributes", "x" + Repeat(".y", 20_000) },
        { "calls", "x" + Repeat("()", 20_000) },
        { "powers", Repeat("x**", 20_000) + "x" },
        { "lambdas", Repeat("lambda:", 20_000) + "x" },
        { "conditionals", Repeat("x if x else ", 20_000) + "x" },
        { "blocks", string.Concat(Enumerable.Range(0, 120).Select(i => new string(' ', i) + "if x:\n")) },
        { "99 blocks", string.Concat(Enumerable.Range(0, 99).Select(i => new string(' ', i) + "if x:\n")) + new string(' ', 99) + "x\n" },
        { "loops", string.Concat(Enumerable.Range(0, 30).Select(i => new string(' ', i) + "for x in y:\n")) + new string(' ', 30) + "x\n" },
        { "elifs", "if x: y\n" + Repeat("elif x: y\n", 20_000) },
        { "many statements", Repeat("x = 1\n", 50_000) },
        { "many names", string.Concat(Enumerable.Range(0, 20_000).Select(i => $"v{i} = {i}\n")) },
        { "strings", Repeat("'a' ", 20_000) },
        { "f-strings", "f'" + Repeat("{x}", 5_000) + "'" },
        { "nested f-strings", "f\"{f'{f\"\"\"{x}\"\"\"}'}\"" },
        { "comparisons", Repeat("x<", 20_000) + "x" },
        { "a large integer", new string('9', 5_000) },
        { "a large hexadecimal", "0x" + new string('f', 100_000) },
        { "with items", "with " + Repeat("x,", 100) + "x: pass" },
        { "patterns", "match x:\n  case " + Repeat("[", 150) + Repeat("]", 150) + ": pass" },
        { "open brackets", Repeat("{", 100) },
        { "comprehensions", Repeat("[x for x in ", 60) + "y" + Repeat("]", 60) },
    };

    [Theory]
    [MemberData(nameof(DeepSources))]
    public void Deep_sources_do_not_overflow_the_stack(string name, string source)
    {
        string result;
        var watch = Stopwatch.StartNew();
        try
        {
            var code = PythonCompiler.Compile(source, "<deep>", new CompileOptions());
            result = $"{code.Code.Length} bytes";
        }
        catch (PythonCompileException e)
        {
            result = $"{e.Kind}: {e.Message}";
        }

        output.WriteLine($"{name}: {result}, {watch.ElapsedMilliseconds} ms");
    }

    [Fact]
    public void Random_bytes_and_damaged_sources_give_code_or_a_Python_error()
    {
        var random = new Random(3);
        var seeds = SyntaxErrorTests.WrongSources;
        var cases = Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1" ? 300_000 : 20_000;
        for (var i = 0; i < cases; i++)
        {
            var bytes = new List<byte>(Encoding.UTF8.GetBytes(seeds[random.Next(seeds.Length)] + "\n" + seeds[random.Next(seeds.Length)]));
            for (var n = random.Next(6); n > 0 && bytes.Count > 0; n--)
            {
                var at = random.Next(bytes.Count);
                switch (random.Next(3))
                {
                    case 0: bytes.RemoveAt(at); break;
                    case 1: bytes.Insert(at, (byte)random.Next(1, 256)); break;
                    default: bytes[at] = (byte)random.Next(1, 128); break;
                }
            }

            var mode = (CompileMode)random.Next(4);
            try
            {
                var options = new CompileOptions { Mode = mode, Flags = random.Next(4) == 0 ? CompilerFlags.TypeComments : 0 };
                if (mode == CompileMode.FunctionType)
                    PythonCompiler.Parse([.. bytes], "<fuzz>", options);
                else
                    PythonCompiler.Compile([.. bytes], "<fuzz>", options);
            }
            catch (PythonCompileException)
            {
            }
            catch (Exception e)
            {
                Assert.Fail($"{Convert.ToBase64String([.. bytes])}: {e}");
            }
        }
    }
}
