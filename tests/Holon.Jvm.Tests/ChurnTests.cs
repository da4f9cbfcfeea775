using Holon.Jvm.Runtime;

namespace Holon.Jvm.Tests;

/// <summary>Machines made, ended by a limit and disposed of, again and again in one process: memory, threads and files stay as they were. Runs alone: what is measured is the whole process.</summary>
[Collection(nameof(ChurnTests))]
[CollectionDefinition(nameof(ChurnTests), DisableParallelization = true)]
public sealed class ChurnTests(ITestOutputHelper output)
{
    /// <summary>What the process holds once machines are gone.</summary>
    private readonly record struct Held(long Managed, long Resident, int Threads, int Files)
    {
        public static Held Now()
        {
            for (var i = 0; i < 3; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            var pages = long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
            return new Held(GC.GetTotalMemory(true), pages * Environment.SystemPageSize, Directory.GetDirectories("/proc/self/task").Length, Directory.GetFiles("/proc/self/fd").Length);
        }
    }

    [Fact]
    public void A_few_machines_leave_no_objects_behind()
    {
        var folder = HostingTests.Classes.Value;
        if (folder == null) Assert.Skip("javac is not installed (openjdk-17-jdk-headless).");
        Held first = default;
        for (var i = 0; i < 12; i++)
        {
            var limit = i % 3 == 0 ? 3_000_000L : (long?)null;
            using (var machine = JavaMachine.Create(new JavaMachineOptions { ClassPath = [folder], InstructionLimit = limit }))
            {
                if (limit != null) Assert.Throws<JavaLimitException>(() => machine.Class("Rules").InvokeStatic("loop"));
                else Assert.Equal(1, machine.Class("Rules").InvokeStatic<int>("next"));
            }
            if (i == 3) first = Held.Now();
        }
        Assert.InRange(Held.Now().Managed, 0, first.Managed + (20 << 20));
    }

    [Fact]
    public void What_a_program_left_open_is_closed_with_its_machine()
    {
        var classes = HostingTests.Classes.Value;
        if (classes == null) Assert.Skip("javac is not installed (openjdk-17-jdk-headless).");
        var folder = Directory.CreateTempSubdirectory("holon-java").FullName;
        var file = Path.Combine(folder, "left-open");
        File.WriteAllText(file, "text");
        var mapped = 0;
        string[] Open() => [.. Directory.GetFiles("/proc/self/fd").Select(f => new FileInfo(f).LinkTarget ?? "").Where(f => f.Contains(folder) || f.StartsWith("socket:") || f.StartsWith("pipe:") || f.Contains("eventpoll")).Order()];
        int Mapped() => File.ReadLines("/proc/self/maps").Count(l => l.Contains(file));
        var before = Open();
        using (var machine = JavaMachine.Create(new JavaMachineOptions { ClassPath = [classes], Grants = new JavaGrants { Read = [folder], Net = ["127.0.0.1"] } }))
        {
            machine.Class("Rules").InvokeStatic("leaveOpen", file);
            var opened = Open().Except(before).ToArray();
            Assert.Contains(file, opened);
            Assert.Contains(opened, f => f.StartsWith("socket:"));
            mapped = Mapped();
        }
        var after = Open();
        Assert.Equal((1, 0), (mapped, Mapped()));
        Assert.Empty(after.Except(before));
        Directory.Delete(folder, true);
    }

    [Fact]
    public void Machines_that_are_killed_leave_nothing_behind()
    {
        if (!Commands.Have("javac")) Assert.Skip("javac is not installed (openjdk-17-jdk-headless).");
        Assert.SkipUnless(Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1", "It takes minutes; ./holon test --all runs it.");
        var folder = Directory.CreateTempSubdirectory("holon-java").FullName;
        Commands.MustRun("javac", "-d", folder, Path.Combine(AppContext.BaseDirectory, "Hosted", "Rules.java"), Path.Combine(AppContext.BaseDirectory, "Hosted", "Churn.java"));
        // 100,000 take an hour; the memory of 10,000 tells as much.
        var count = int.TryParse(Environment.GetEnvironmentVariable("HOLON_CHURN"), out var asked) ? asked : 10_000;
        const int readings = 10;
        Held first = default, last = default;
        var clock = System.Diagnostics.Stopwatch.StartNew();
        for (var i = 1; i <= count; i++)
        {
            One(folder, i, 100);
            if (i % Math.Max(1, count / readings) != 0) continue;
            last = Held.Now();
            if (first == default) first = last;
            output.WriteLine($"{i} machines in {clock.Elapsed}: {last}");
        }
        Directory.Delete(folder, true);
        Assert.True(last.Managed < first.Managed + (16 << 20), $"{first} became {last}");
        Assert.True(last.Resident < first.Resident + (128 << 20), $"{first} became {last}");
        Assert.True(last.Threads <= first.Threads + 4, $"{first} became {last}");
        Assert.True(last.Files <= first.Files + 4, $"{first} became {last}");
    }

    [Fact]
    public void Loaders_that_come_and_go_in_one_machine_leave_nothing_behind()
    {
        var folder = HostingTests.Classes.Value;
        if (folder == null) Assert.Skip("javac is not installed (openjdk-17-jdk-headless).");
        Assert.SkipUnless(Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1", "It takes minutes; ./holon test --all runs it.");
        var classes = Directory.CreateTempSubdirectory("holon-java").FullName;
        Commands.MustRun("javac", "-d", classes, Path.Combine(AppContext.BaseDirectory, "Hosted", "Rules.java"), Path.Combine(AppContext.BaseDirectory, "Hosted", "Churn.java"));
        Held first = default, last = default;
        using (var machine = JavaMachine.Create(new JavaMachineOptions { ClassPath = [classes] }))
        {
            var clock = System.Diagnostics.Stopwatch.StartNew();
            for (var i = 1; i <= 10; i++)
            {
                Assert.Equal(5_000, machine.Class("Churn").InvokeStatic<int>("classes", classes, 5_000));
                last = Held.Now();
                if (i == 2) first = last;
                output.WriteLine($"{i * 5_000} loaders in {clock.Elapsed}: {last}");
            }
        }
        Directory.Delete(classes, true);
        Assert.True(last.Managed < first.Managed + (8 << 20), $"{first} became {last}");
        Assert.True(last.Resident < first.Resident + (64 << 20), $"{first} became {last}");
    }

    /// <summary>Most are ended somewhere in the start of their class library, each at another place; some by each limit in the middle of a program.</summary>
    private static void One(string folder, int number, int period)
    {
        var options = new JavaMachineOptions { ClassPath = [folder] };
        switch (number % period)
        {
            case 1:
                using (var machine = JavaMachine.Create(options with { InstructionLimit = 6_000_000 })) Assert.Throws<JavaLimitException>(() => machine.Class("Rules").InvokeStatic("loop"));
                return;
            case 2:
                using (var machine = JavaMachine.Create(options with { MemoryLimit = 48 << 20 })) Assert.Throws<JavaLimitException>(() => machine.Class("Rules").InvokeStatic("hoard"));
                return;
            case 3:
                using (var machine = JavaMachine.Create(options with { TimeLimit = TimeSpan.FromSeconds(10) })) Assert.Equal(30, machine.Class("Churn").InvokeStatic<int>("classes", folder, 30));
                return;
            case 4:
                using (var machine = JavaMachine.Create(options)) Assert.Equal(100, machine.Class("Churn").InvokeStatic<int>("threads", 100));
                return;
            case 5:
                using (var machine = JavaMachine.Create(options)) machine.Class("Churn").InvokeStatic("leaveThreads");
                return;
            default:
                Assert.Throws<JavaLimitException>(() => JavaMachine.Create(options with { InstructionLimit = 1 + number * 7919L % 60_000 }).Dispose());
                return;
        }
    }
}
