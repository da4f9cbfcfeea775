namespace Holon.Python.Tests.Hostile;

/// <summary>Machines come and go in one process: nothing of them stays, and none sees another. Runs alone: what is measured is the whole process.</summary>
[Collection(nameof(ManyMachinesTests))]
[CollectionDefinition(nameof(ManyMachinesTests), DisableParallelization = true)]
public sealed class ManyMachinesTests(ITestOutputHelper output)
{
    private static bool IsLong => Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1";

    private static PythonMachine NewMachine(long instructions = 100_000_000) => PythonMachine.Create(new PythonMachineOptions
    {
        Compiler = new SourceCompiler(),
        NoSite = true,
        InstructionLimit = instructions,
    });

    /// <summary>100,000 with <c>--all</c>: what lives afterwards is what lived after the first ones.</summary>
    [Fact]
    public void Machines_that_are_killed_by_a_limit_leave_nothing()
    {
        var count = IsLong ? 100_000 : 150;
        var settled = 0L;
        var descriptors = 0;
        for (var i = 0; i < count; i++)
        {
            using (var machine = NewMachine(200_000))
            {
                var error = Assert.Throws<PythonException>(() => machine.Execute("class A: pass\nkeep = [A() for i in range(1000)]\nwhile True: keep.append(keep)\n"));
                Assert.Contains("instructions", error.Message, StringComparison.Ordinal);
            }

            if (i == 99)
            {
                settled = Live();
                descriptors = Descriptors();
            }

            if (i > 0 && i % 1000 == 0) output.WriteLine($"{i} machines: {Live() >> 10} KiB live, {Descriptors()} descriptors");
        }

        var growth = Live() - settled;
        output.WriteLine($"{count} machines: {growth / (count - 100)} bytes a machine");
        Assert.True(growth < Math.Max(4 << 20, (count - 100) * 64L), $"{growth} bytes live more after {count} machines than after 100");
        Assert.True(Descriptors() <= descriptors + 2, $"{Descriptors()} descriptors are open; after 100 machines there were {descriptors}");
    }

    [Fact]
    public void Machines_that_run_at_once_do_not_see_each_other()
    {
        var results = new string[4];
        var threads = Enumerable.Range(0, results.Length).Select(i => new Thread(() =>
        {
            using var machine = NewMachine();
            for (var round = 0; round < 20; round++)
            {
                machine.Execute($"""
                    import sys, builtins
                    seen = getattr(builtins, 'mine', None), sys.modules.get('m'), sys.getrecursionlimit()
                    assert seen == (({i}, {i}, {300 + i}) if {round} else (None, None, 1000)), seen
                    builtins.mine = {i}
                    sys.modules['m'] = {i}
                    sys.setrecursionlimit({300 + i})
                    class C: n = {i}
                    assert sum(C.n for _ in range(500)) == {500 * i}
                    assert object.__subclasses__().count(C) == 1 and all(s.__module__ != '__main__' or s.n == {i} for s in object.__subclasses__() if s.__name__ == 'C')
                    """);
            }

            results[i] = "done";
        }, 16 << 20)).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        Assert.All(results, r => Assert.Equal("done", r));
    }

    private static long Live()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        return GC.GetTotalMemory(true);
    }

    private static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;
}
