using System.Globalization;
using Holon.Interpreter.Tests.Cpu;
using Holon.X86;

namespace Holon.Translator.Tests.LockStep;

/// <summary>Random programs leave the same registers, flags and memory on the interpreter and in translated code.</summary>
/// <remarks>Environment: HOLON_PROGRAMS how many, HOLON_PROGRAM_SEED the first seed. A failure names its seed.</remarks>
public sealed class RandomProgramTests
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Random_programs_end_alike(bool preciseFlags, bool hot)
    {
        if (!Translator.IsSupported) Assert.Skip("The translator does not run on this host.");
        var most = Environment.GetEnvironmentVariable("HOLON_TEST_ALL") is not null ? 20_000 : 400;
        var count = Number("HOLON_PROGRAMS", most);
        var first = Number("HOLON_PROGRAM_SEED", 1);
        for (var seed = first; seed < first + count; seed++) Compare(seed, preciseFlags, hot);
    }

    private static unsafe void Compare(int seed, bool preciseFlags, bool hot)
    {
        using var expected = Run(seed, interpreted: true, preciseFlags, hot);
        using var found = Run(seed, interpreted: false, preciseFlags, hot);
        string[] names = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
        for (var i = 0; i < 16; i++) Assert.True(expected[i] == found[i], $"seed {seed}: {names[i]} is 0x{found[i]:x} instead of 0x{expected[i]:x}");
        Assert.True(expected.State.Rip == found.State.Rip, $"seed {seed}: RIP is 0x{found.State.Rip:x} instead of 0x{expected.State.Rip:x}");
        Assert.True(expected.State.Rflags == found.State.Rflags, $"seed {seed}: RFLAGS is 0x{found.State.Rflags:x} instead of 0x{expected.State.Rflags:x}");
        for (var i = 0; i < 512; i++) Assert.True(expected.State.Ymm[i] == found.State.Ymm[i], $"seed {seed}: byte {i} of the vector registers differs");
        const int data = 0x4000;
        var differs = expected.Memory.Span(GuestProgram.Data, data).CommonPrefixLength(found.Memory.Span(GuestProgram.Data, data));
        Assert.True(differs == data, $"seed {seed}: memory differs at data + 0x{differs:x}");
    }

    private static GuestProgram Run(int seed, bool interpreted, bool preciseFlags, bool hot)
    {
        (GuestProgram.Interpreted, GuestProgram.PreciseFlags, GuestProgram.Hot) = (interpreted, preciseFlags, hot);
        var guest = new GuestProgram(GuestMode.Long);
        (GuestProgram.Interpreted, GuestProgram.PreciseFlags, GuestProgram.Hot) = (false, true, false);
        var random = new Random(seed);
        guest.State.Cr4 |= Cr4.Osfxsr | Cr4.Osxsave | Cr4.Osxmmexcpt;
        guest.State.Xcr0 = 7;
        guest.Code(code => RandomProgram.Write(random, code));
        for (var i = 0; i < 16; i++)
        {
            if (i != 4) guest[i] = (ulong)random.NextInt64();
        }

        (guest[3], guest[5], guest[1]) = (RandomProgram.DataBase, RandomProgram.EdgeBase, 5);
        random.NextBytes(guest.Memory.Span(GuestProgram.Data, 0x4000));
        guest.Run();
        Assert.Empty(guest.Events);
        return guest;
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
