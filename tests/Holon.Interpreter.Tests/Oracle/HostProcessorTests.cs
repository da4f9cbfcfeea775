using Holon.Oracle;
using Holon.Oracle.Generation;
using Holon.Oracle.Host;
using Holon.X86;


namespace Holon.Interpreter.Tests.Oracle;

/// <summary>The oracle itself: what it says of instructions whose result everybody knows, and that nothing they do harms it.</summary>
public sealed class HostProcessorTests
{
    private const int Rax = 0, Rbx = 3, Rdi = 7;

    [Fact]
    public void An_addition_gives_sum_and_flags()
    {
        var result = RunAlone(Case([0x48, 0x01, 0xD8], rax: ulong.MaxValue, rbx: 1)); // add rax, rbx
        Assert.Equal(CaseResult.Completed, result.Vector);
        Assert.Equal(0ul, result.After.Gpr[Rax]);
        Assert.Equal(AddressLayout.Code + 3, result.After.Rip);
        Assert.Equal(Rflags.CF | Rflags.PF | Rflags.AF | Rflags.ZF, result.After.Rflags & Rflags.Status);
    }

    [Fact]
    public void A_store_shows_in_the_window()
    {
        var result = RunAlone(Case([0x48, 0x89, 0x03], rax: 0x1122334455667788, rbx: AddressLayout.Window + 0xFFC)); // mov [rbx], rax
        Assert.Equal((0xFFC, 8), (result.WrittenStart, result.WrittenLength));
        Assert.Equal(0x88, result.WrittenSpan[0]);
    }

    [Fact]
    public void A_store_to_the_read_only_page_faults()
    {
        var address = AddressLayout.Window + AddressLayout.WindowWritable;
        var result = RunAlone(Case([0x48, 0x89, 0x03], rax: 1, rbx: address));
        Assert.Equal((14, 7u, address), (result.Vector, result.ErrorCode, result.FaultAddress));
        Assert.Equal(AddressLayout.Code, result.After.Rip);
        Assert.Equal(0, result.WrittenLength);
    }

    [Fact]
    public void A_branch_ends_at_its_target()
    {
        var test = Case([0xFF, 0xE0], rax: AddressLayout.Window, rbx: 0); // jmp rax
        test.Flags = CaseFlags.SingleStep;
        Assert.Equal(AddressLayout.Window, RunAlone(test).After.Rip);
    }

    [Fact]
    public void An_instruction_that_ends_the_worker_is_reported_and_the_next_case_runs()
    {
        SkipWithoutHost();
        using var host = new HostProcessor();
        const ulong exitGroup = 231;
        TestCase[] cases = [Case([0x0F, 0x05], rax: exitGroup, rbx: 0), Case([0x48, 0x01, 0xD8], rax: 1, rbx: 2)];
        var results = new CaseResult[cases.Length];
        host.Run(new byte[AddressLayout.WindowSize], cases, results);
        Assert.Equal(CaseResult.Lost, results[0].Vector);
        Assert.Equal(3ul, results[1].After.Gpr[Rax]);
    }

    [Fact]
    public void Every_form_can_be_encoded_and_gives_the_same_result_twice()
    {
        SkipWithoutHost();
        using var run = new FormRun(new HostProcessor(), new HostProcessor(), seed: 7);
        const int cases = 4;
        foreach (var code in FormCatalog.All())
        {
            if (FormCatalog.ReasonToExclude(code) is not null || HostFeatures.Missing(code) is not null) continue;
            var outcome = run.Run(code, cases);
            Assert.True(outcome is { Cases: cases, Failures: 0 }, $"{code}: {outcome.Cases} cases, {outcome.Failures} differ\n{string.Join('\n', outcome.Reports)}");
        }
    }

    private static CaseResult RunAlone(TestCase test)
    {
        SkipWithoutHost();
        using var host = new HostProcessor();
        var results = new CaseResult[1];
        host.Run(new byte[AddressLayout.WindowSize], [test], results);
        return results[0];
    }

    private static TestCase Case(ReadOnlySpan<byte> code, ulong rax, ulong rbx)
    {
        var test = new TestCase { CodeLength = code.Length, PatchAddress = AddressLayout.Window };
        code.CopyTo(test.Code);
        test.Before.Rip = AddressLayout.Code;
        test.Before.Rflags = Rflags.Fixed | Rflags.IF;
        test.Before.FpuControl = 0x37F;
        test.Before.Mxcsr = 0x1F80;
        test.Before.SetAllInUse();
        (test.Before.Gpr[Rax], test.Before.Gpr[Rbx], test.Before.Gpr[Rdi]) = (rax, rbx, 0);
        return test;
    }

    private static void SkipWithoutHost()
    {
        if (WorkerProgram.MissingRequirement() is { } reason) Assert.Skip($"The host cannot be the oracle: {reason}.");
    }
}
