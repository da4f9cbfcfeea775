using System.Globalization;
using System.Text;

namespace Holon.Jvm.Tests;

/// <summary>
/// Writes random Java programs that end, and print what they computed: arithmetic of all kinds with its edge cases, arrays, fields,
/// loops, switches, calls of every sort, exceptions, locks, lambdas, strings. The same seed gives the same program.
/// </summary>
internal sealed class RandomJava
{
    private readonly Random _random;
    private readonly StringBuilder _text = new();
    private readonly string _name;
    private int _indent, _loops, _fresh;
    private List<(string Name, char Kind)> _locals = [];
    private int _functions;

    private RandomJava(string name, int seed)
    {
        _name = name;
        _random = new Random(seed);
    }

    public static string Write(string name, int seed) => new RandomJava(name, seed).Program();

    private const string Kinds = "IJFDRS";

    private static string TypeOf(char kind) => kind switch
    {
        'I' => "int",
        'J' => "long",
        'F' => "float",
        'D' => "double",
        'R' => "Shape",
        _ => "String",
    };

    private int Next(int below) => _random.Next(below);

    private string Pick(params string[] choices) => choices[Next(choices.Length)];

    private void Line(string text) => _text.Append(' ', _indent * 4).Append(text).Append('\n');

    private string Program()
    {
        Line($"final class {_name} {{");
        _indent++;
        _text.Append("""
                static int fuel;
                static int si = 3; static long sj = 5; static float sf = 1.5f; static double sd = 2.5; static String ss = "s";
                static final int CONST = 42; static volatile int vi;
                static final int[] ia = new int[8]; static final long[] ja = new long[8]; static final double[] da = new double[8]; static final float[] fa = new float[8];
                static final byte[] ba = new byte[8]; static final char[] ca = new char[8]; static final short[] ha = new short[8]; static final boolean[] za = new boolean[8];
                static final Object[] oa = new String[8];
                interface Shape { int area(int k); default long twice(long x) { return x * 2 + area(1); } }
                static class Square implements Shape { int side = 3; long seen; public int area(int k) { seen++; return side * side + k; } int plain() { return side; } }
                static class Cube extends Square { double depth = 0.5; public int area(int k) { return super.area(k) * 6; } int plain() { return side * 2; } }
                record Point(int x, long y) implements Shape { public int area(int k) { return x ^ k; } public long twice(long z) { return y - z; } }
                static final Shape[] shapes = { new Square(), new Cube(), new Point(7, 9L), null };
                static Shape shape(int k) { return shapes[k & 3]; }
                static class Oops extends RuntimeException { final int code; Oops(int code) { super("oops " + code); this.code = code; } }

            """);
        var count = 4 + Next(4);
        for (var i = 0; i < count; i++) Function(i);
        Main(count);
        _indent--;
        Line("}");
        return _text.ToString();
    }

    private readonly List<string> _signatures = [];

    private void Function(int number)
    {
        _functions = number;
        var kinds = string.Concat(Enumerable.Range(0, 1 + Next(4)).Select(_ => Kinds[Next(5)]));
        var result = Kinds[Next(Kinds.Length)];
        _signatures.Add(kinds + result);
        _locals = [.. kinds.Select((k, i) => ("p" + i, k))];
        _loops = 0;
        var modifier = Next(8) == 0 ? "static synchronized" : "static";
        Line($"{modifier} {TypeOf(result)} f{number}({string.Join(", ", _locals.Select(l => TypeOf(l.Kind) + " " + l.Name))}) {{");
        _indent++;
        Line($"if (--fuel < 0) return {Literal(result)};");
        foreach (var kind in Kinds) Declare(kind);
        Block(4 + Next(5), 3);
        Line($"return {Expression(result, 3)};");
        _indent--;
        Line("}");
    }

    private void Declare(char kind)
    {
        var name = "v" + _fresh++;
        Line($"{TypeOf(kind)} {name} = {Expression(kind, 2)};");
        _locals.Add((name, kind));
    }

    private void Block(int statements, int depth)
    {
        var locals = _locals.Count;
        for (var i = 0; i < statements; i++) Statement(depth);
        _locals.RemoveRange(locals, _locals.Count - locals);
    }

    private string Assignable(char kind)
    {
        var choices = _locals.Where(l => l.Kind == kind && l.Name[0] != 'i').Select(l => l.Name).ToList();
        switch (kind)
        {
            case 'I': choices.AddRange(["si", "vi", $"ia[{Index()}]", $"ba[{Index()}]"]); break;
            case 'J': choices.AddRange(["sj", $"ja[{Index()}]"]); break;
            case 'F': choices.AddRange(["sf", $"fa[{Index()}]"]); break;
            case 'D': choices.AddRange(["sd", $"da[{Index()}]"]); break;
            case 'S': choices.Add("ss"); break;
        }
        return choices[Next(choices.Count)];
    }

    /// <summary>Mostly within bounds.</summary>
    private string Index() => Next(12) == 0 ? Expression('I', 1) : $"({Expression('I', 1)}) & 7";

    private void Statement(int depth)
    {
        switch (Next(depth > 0 ? 15 : 5))
        {
            case 0 or 1 or 2:
                var kind = Kinds[Next(Kinds.Length)];
                var target = Assignable(kind);
                var value = Expression(kind, 3);
                Line(target.StartsWith("ba", StringComparison.Ordinal) ? $"{target} = (byte) ({value});" : kind == 'S' ? $"{target} = cut({value});" : $"{target} = {value};");
                break;
            case 3:
                Line(Pick($"si += {Expression('I', 2)};", $"sj ^= {Expression('J', 2)};", $"ca[{Index()}] = (char) ({Expression('I', 2)});", $"ha[{Index()}] += (short) ({Expression('I', 2)});", $"za[{Index()}] ^= {Condition()};", $"oa[{Index()}] = {Pick("ss", "null", "ss")};", $"ia[{Index()}]++;"));
                break;
            case 4:
                Line($"if ({Condition()}) si = {Expression('I', 2)};");
                break;
            case 5 or 6:
                Line($"if ({Condition()}) {{");
                Nested(depth);
                Line("} else {");
                Nested(depth);
                Line("}");
                break;
            case 7 or 8:
                if (_loops >= 2) goto case 4;
                _loops++;
                var counter = "i" + _fresh++;
                Line($"for (int {counter} = 0; {counter} < {2 + Next(7)}; {counter}++) {{");
                _locals.Add((counter, 'I'));
                Nested(depth);
                if (Next(4) == 0) Line($"if ({Condition()}) {Pick("break", "continue")};");
                _locals.RemoveAt(_locals.Count - 1);
                Line("}");
                _loops--;
                break;
            case 9:
                Line($"switch ((int) ({Expression('I', 2)}){Pick("", " & 7")}) {{");
                var step = Pick("1", "1000");
                for (var i = 0; i < 3 + Next(4); i++)
                {
                    Line($"case {i * int.Parse(step, CultureInfo.InvariantCulture)}:");
                    Nested(depth - 1);
                    if (Next(3) != 0) Line("break;");
                }
                Line("default:");
                Nested(depth - 1);
                Line("}");
                break;
            case 10 or 11:
                Line("try {");
                Nested(depth);
                if (Next(3) == 0) Line($"if ({Condition()}) throw new {Pick("Oops(" + Expression('I', 1) + ")", "IllegalStateException()", "Oops(1)")};");
                var caught = "e" + _fresh++;
                Line($"}} catch ({Pick("Oops", "RuntimeException", "ArithmeticException | NullPointerException", "ArrayIndexOutOfBoundsException")} {caught}) {{");
                Line($"si += what({caught});");
                Nested(depth - 1);
                if (Next(3) == 0)
                {
                    Line("} finally {");
                    Line("si ^= 77;");
                    Nested(depth - 2);
                }
                Line("}");
                break;
            case 12:
                Line($"synchronized ({Pick("ia", "shapes", _name + ".class")}) {{");
                Nested(depth - 1);
                Line("}");
                break;
            case 13:
                var lambda = "g" + _fresh++;
                var captured = "c" + _fresh++;
                Line($"final int {captured} = {Expression('I', 2)};");
                Line($"java.util.function.IntUnaryOperator {lambda} = z -> z * 31 + {captured};");
                Line($"si += {lambda}.applyAsInt({Expression('I', 1)});");
                break;
            default:
                Declare(Kinds[Next(Kinds.Length)]);
                break;
        }
    }

    private void Nested(int depth)
    {
        _indent++;
        if (depth > 0) Block(1 + Next(3), depth - 1);
        else Line("si++;");
        _indent--;
    }

    private string Condition() => Next(8) switch
    {
        0 => $"{Expression('I', 1)} {Pick("<", "<=", "==", "!=", ">", ">=")} {Expression('I', 1)}",
        1 => $"{Expression('J', 1)} {Pick("<", "<=", "==", "!=", ">", ">=")} {Expression('J', 1)}",
        2 => $"{Expression('D', 1)} {Pick("<", "<=", "==", "!=", ">", ">=")} {Expression('D', 1)}",
        3 => $"{Expression('F', 1)} {Pick("<", "<=", "==", "!=", ">", ">=")} {Expression('F', 1)}",
        4 => $"{Expression('R', 1)} instanceof {Pick("Square", "Cube", "Point")}",
        5 => $"{Expression('R', 1)} {Pick("==", "!=")} {Pick("null", Expression('R', 1))}",
        6 => $"!({Expression('I', 1)} > 0 && {Expression('J', 1)} != 0)",
        _ => $"za[{Index()}]",
    };

    private string Literal(char kind) => kind switch
    {
        'I' => Pick("0", "1", "-1", "7", "31", "Integer.MIN_VALUE", "Integer.MAX_VALUE", "CONST", "0xCAFE", "100000"),
        'J' => Pick("0L", "1L", "-1L", "63L", "Long.MIN_VALUE", "Long.MAX_VALUE", "0x123456789ABCDEFL", "1000000007L"),
        'F' => Pick("0f", "-0f", "1f", "0.1f", "Float.NaN", "Float.MAX_VALUE", "Float.MIN_VALUE", "Float.NEGATIVE_INFINITY", "1e10f", "16777217f"),
        'D' => Pick("0d", "-0d", "1d", "0.1", "Double.NaN", "Double.MAX_VALUE", "Double.MIN_VALUE", "Double.POSITIVE_INFINITY", "1e19", "-1e300"),
        'R' => Pick("shapes[0]", "shapes[1]", "shapes[2]", "null"),
        _ => Pick("\"\"", "\"abc\"", "\"\\u1234x\"", "ss"),
    };

    private string Local(char kind)
    {
        var choices = _locals.Where(l => l.Kind == kind).Select(l => l.Name).ToArray();
        return choices.Length == 0 ? Literal(kind) : choices[Next(choices.Length)];
    }

    private string Expression(char kind, int depth)
    {
        if (depth <= 0 || Next(5) == 0) return Next(3) == 0 ? Literal(kind) : Local(kind);
        if (Next(8) == 0 && _signatures.FindIndex(s => s[^1] == kind) is var callee && callee >= 0 && callee < _functions)
            return $"f{callee}({string.Join(", ", _signatures[callee][..^1].Select(k => Expression(k, depth - 1)))})";
        if (Next(12) == 0) return $"({Condition()} ? {Expression(kind, depth - 1)} : {Expression(kind, depth - 1)})";
        string Sub(char k) => Expression(k, depth - 1);
        switch (kind)
        {
            case 'I':
                return Next(16) switch
                {
                    < 6 => $"({Sub('I')} {Pick("+", "-", "*", "&", "|", "^", "<<", ">>", ">>>", "/", "%")} {Sub('I')})",
                    6 => $"(int) ({Sub(Kinds[1 + Next(3)])})",
                    7 => Pick($"ia[{Index()}]", $"ba[{Index()}]", $"ca[{Index()}]", $"ha[{Index()}]", "si", "vi"),
                    8 => Pick($"(byte) ({Sub('I')})", $"(short) ({Sub('I')})", $"(char) ({Sub('I')})"),
                    9 => $"shape({Sub('I')}).area({Sub('I')})",
                    10 => $"((Square) {Sub('R')}).plain()",
                    11 => $"((Square) {Sub('R')}).side",
                    12 => Pick($"Math.abs({Sub('I')})", $"Math.max({Sub('I')}, {Sub('I')})", $"Integer.bitCount({Sub('I')})", $"Integer.rotateLeft({Sub('I')}, {Sub('I')})", $"Long.numberOfTrailingZeros({Sub('J')})"),
                    13 => $"({Sub('S')}).length()",
                    14 => $"-({Sub('I')})",
                    _ => $"Long.compare({Sub('J')}, {Sub('J')})",
                };
            case 'J':
                return Next(10) switch
                {
                    < 5 => $"({Sub('J')} {Pick("+", "-", "*", "&", "|", "^", "/", "%")} {Sub('J')})",
                    5 => $"({Sub('J')} {Pick("<<", ">>", ">>>")} {Sub('I')})",
                    6 => $"(long) ({Sub("IFD"[Next(3)])})",
                    7 => Pick($"ja[{Index()}]", "sj", $"Math.abs({Sub('J')})"),
                    8 => $"shape({Sub('I')}).twice({Sub('J')})",
                    _ => $"Double.doubleToLongBits({Sub('D')})",
                };
            case 'F':
                return Next(8) switch
                {
                    < 5 => $"({Sub('F')} {Pick("+", "-", "*", "/", "%")} {Sub('F')})",
                    5 => $"(float) ({Sub("IJD"[Next(3)])})",
                    6 => Pick($"fa[{Index()}]", "sf"),
                    _ => $"-({Sub('F')})",
                };
            case 'D':
                return Next(9) switch
                {
                    < 5 => $"({Sub('D')} {Pick("+", "-", "*", "/", "%")} {Sub('D')})",
                    5 => $"(double) ({Sub("IJF"[Next(3)])})",
                    6 => Pick($"da[{Index()}]", "sd"),
                    7 => Pick($"Math.sqrt({Sub('D')})", $"Math.abs({Sub('D')})", $"Math.floor({Sub('D')})", $"Math.max({Sub('D')}, {Sub('D')})"),
                    _ => $"-({Sub('D')})",
                };
            case 'R':
                return Next(4) == 0 ? $"((Shape) new Point({Sub('I')}, {Sub('J')}))" : $"shape({Sub('I')})";
            default:
                return Next(4) switch
                {
                    0 => $"({Sub('S')} + {Sub("IJS"[Next(3)])})",
                    1 => $"String.valueOf({Sub("IJ"[Next(2)])})",
                    2 => $"({Sub('S')} + '-' + {Sub('I')} + {Sub('S')})",
                    _ => $"(String) oa[{Index()}]",
                };
        }
    }

    private void Main(int count)
    {
        _text.Append("""
                static String cut(String s) { return s != null && s.length() > 40 ? s.substring(0, 40) : s; }
                static int what(Throwable t) { String m = t.getMessage(); StackTraceElement[] trace = t.getStackTrace(); return t.getClass().getName().hashCode() + (m == null || m.contains("Cannot") || m.contains("because") ? 0 : m.hashCode()) + (trace.length == 0 ? 0 : trace[0].getMethodName().hashCode()); }
                static long sum;
                static void add(int x) { sum = sum * 31 + x; }
                static void add(long x) { sum = sum * 31 + x; }
                static void add(float x) { add(Float.floatToIntBits(x)); }
                static void add(double x) { add(Double.doubleToLongBits(x)); }
                static void add(String x) { add(x == null ? 17 : x.hashCode()); }
                static void add(Shape x) { add(x == null ? 19 : x.getClass().getSimpleName().hashCode()); }
                static void check() {
                    add(si); add(sj); add(sf); add(sd); add(ss); add(vi);
                    for (int i = 0; i < 8; i++) { add(ia[i]); add(ja[i]); add(fa[i]); add(da[i]); add(ba[i]); add(ca[i]); add(ha[i]); add(za[i] ? 1 : 0); add((String) oa[i]); }
                    ss = cut(ss);
                    for (int i = 0; i < 8; i++) oa[i] = cut((String) oa[i]);
                }

            """);
        Line("static void run(int rounds) {");
        _indent++;
        Line("for (int round = 0; round < rounds; round++) {");
        _indent++;
        for (var i = 0; i < count; i++)
        {
            var arguments = string.Join(", ", _signatures[i][..^1].Select(k => k switch
            {
                'I' => Pick("round", "round - 50", "round * 1000003"),
                'J' => Pick("(long) round", "round * 10000000019L"),
                'F' => Pick("round / 3f", "(float) round"),
                'D' => Pick("round / 7d", "(double) -round"),
                _ => "shape(round)",
            }));
            Line($"fuel = 60; try {{ add(f{i}({arguments})); }} catch (RuntimeException | StackOverflowError e) {{ add(what(e)); }}");
        }
        Line("check();");
        Line($"if (round % 500 == 0) System.out.println(\"{_name} \" + round + \" \" + sum);");
        _indent--;
        Line("}");
        Line($"System.out.println(\"{_name} \" + sum);");
        _indent--;
        Line("}");
    }
}
