using Holon.Python.Interpreter;
using Holon.Python.Marshalling;
using Holon.Python.Runtime;

namespace Holon.Python.Tests.Hostile;

/// <summary>
/// Code objects made from valid ones by changing bytes: whatever they are, the machine ends with a Python exception or a limit, in both tiers, and
/// the process lives. <c>HOLON_TEST_ALL=1</c> tries many more; <c>HOLON_PYTHON_SEED</c> names the first case.
/// </summary>
public sealed class HostileBytecodeTests(ITestOutputHelper output)
{
    // No name here leads out of the machine, so that changed code cannot do harm either.
    private static readonly string[] _sources =
    [
        """
        def f(n, *a, k=3, **d):
            total = 0
            for i in range(n):
                if i % 3: total += i * k
                elif i > 5: continue
                else: total -= 1
            return total, a, d
        x = [f(i, 1, k=i) for i in range(12)]
        y = {k: v for k, v in enumerate(x)}
        """,
        """
        class A:
            __slots__ = ('p', 'q')
            def __init__(self, p): self.p = p; self.q = 1.5
            def m(self, o): return self.p + o.q * 2
            def __enter__(self): return self
            def __exit__(self, *e): return True
        class B(A):
            def __init__(self, p):
                super().__init__(p)
        s = 0
        for i in range(30):
            with B(i) as b:
                s += b.m(A(i))
                if i == 7: raise ValueError(i)
        """,
        """
        def g(n):
            try:
                while n:
                    got = yield n
                    n -= 1
            finally:
                n = 0
        def h(n):
            r = yield from g(n)
            return r
        async def c(n):
            return [i async for i in ag(n)]
        async def ag(n):
            for i in range(n): yield i
        t = sum(h(20)) + sum(g(9))
        try: c(3).send(None)
        except StopIteration as e: t = e.value
        """,
        """
        def p(v):
            match v:
                case [1, x, *r] if x: return r
                case {'a': a, **m}: return a, m
                case int() | str(): return 'n'
                case _: return None
        q = [p(v) for v in ([1, 2, 3], {'a': 1, 'b': 2}, 5, 's', None) * 4]
        def e(i):
            try:
                try: return 1 // i
                except ZeroDivisionError as z: raise KeyError(i) from z
                finally: i += 1
            except* KeyError: pass
        def e2(i):
            try: return [][i]
            except (IndexError, TypeError): return f'{i!r:>4}{i}'
        w = [e2(i) for i in range(20)]
        del w[3:5]; a, *b = w; c = lambda z=1: z + t2; t2 = 4; c()
        """,
    ];

    private static bool IsLong => Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1";

    private static PythonMachine NewMachine(int compileAfter) => PythonMachine.Create(new PythonMachineOptions
    {
        Compiler = new SourceCompiler(),
        NoSite = true,
        CompileAfter = compileAfter,
        InstructionLimit = 3_000_000,
        MemoryLimit = 512 << 20,
        RecursionLimit = 200,
    });

    [Fact]
    public void Changed_code_objects_end_with_a_Python_exception_or_a_limit()
    {
        var first = int.TryParse(Environment.GetEnvironmentVariable("HOLON_PYTHON_SEED"), out var given) ? given : 1;
        var cases = given > 0 ? 1 : IsLong ? 200_000 : 2_000;
        // Deep recursion of a hostile program needs the stack that the command gives it.
        Exception? failure = null;
        var thread = new Thread(() => failure = Record.Exception(() => Run(first, cases)), 64 << 20);
        thread.Start();
        thread.Join();
        Assert.Null(failure);
    }

    private void Run(int first, int cases)
    {
        var compiled = _sources.Select(s => new SourceCompiler().Compile(System.Text.Encoding.UTF8.GetBytes(s), "<hostile>", "exec", 0, 0)).ToArray();
        var (ended, raised, refused) = (0, 0, 0);
        var machine = NewMachine(1);
        for (var seed = first; seed < first + cases; seed++)
        {
            var random = new Random(seed);
            var bytes = (byte[])compiled[random.Next(compiled.Length)].Clone();
            var inStream = random.Next(3) == 0;
            for (var n = inStream ? random.Next(1, 5) : 0; n > 0; n--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                machine.Enter(() =>
                {
                    if (MarshalReader.Load(bytes) is not PyCode code)
                        return 0;
                    if (!inStream)
                        Damage(code, random);
                    _ = EvaluationLoop.RunCode(code, machine.MainDict, machine.MainDict) ?? throw PyThread.Current.TakeError();
                    return 0;
                });
                ended++;
            }
            catch (PythonException error)
            {
                raised++;
                if (!error.Message.Contains("used up its", StringComparison.Ordinal) && seed % 256 != 0)
                    continue;
                refused++;
                machine.Dispose();
                machine = NewMachine(seed % 2 == 0 ? 1 : 40);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"seed {seed}: {error.Message}", error);
            }
        }

        machine.Dispose();
        output.WriteLine($"{ended} ran to their end, {raised} raised, {refused} new machines");
    }

    // Opcodes, operands, exception tables and sizes, in the module or any function of it.
    private static void Damage(PyCode code, Random random)
    {
        var all = new List<PyCode> { code };
        for (var i = 0; i < all.Count; i++)
            all.AddRange(all[i].Consts.OfType<PyCode>());
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            var target = all[random.Next(all.Count)];
            var table = random.Next(5) == 0 && target.ExceptionTable.Length > 0 ? target.ExceptionTable : target.Code;
            var at = random.Next(table.Length);
            switch (random.Next(4))
            {
                case 0:
                    table[at] = (byte)random.Next(256);
                    break;
                case 1:
                    table[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    table[at] = table[random.Next(table.Length)];
                    break;
                default:
                    // Another instruction in its place, the operand kept.
                    table[at & ~1] = table[random.Next(table.Length) & ~1];
                    break;
            }
        }
    }
}
