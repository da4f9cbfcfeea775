using Holon.Interpreter.Tests.Cpu;
using Holon.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Translator.Tests.Blocks;

/// <summary>RDTSC and RDTSCP in translated code, where guest time follows from the host processor's counter. Asked by the interpreter, the tests' clock says next to nothing.</summary>
public sealed unsafe class TimeStampTests
{
    private const long Now = 0x1234_5678_9ABC;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Time_that_stands_still_is_read_as_it_is(bool processorToo)
    {
        using var guest = Run(new ClockEpoch(0, 0, Now), c =>
        {
            c.mov(rcx, 0x1_0000_0003);
            c.stc();
            if (processorToo) c.rdtscp();
            else c.rdtsc();
            c.setc(bl); // flags are as before
        });
        const ulong expected = Now + 5;
        Assert.Equal((expected & 0xFFFFFFFF, expected >> 32), (guest.Rax, guest.Rdx));
        Assert.Equal(processorToo ? 7u : 0x1_0000_0003u, guest.Rcx);
        Assert.Equal(1ul, guest.Rbx & 0xFF);
    }

    [Theory]
    [InlineData(50)]
    [InlineData(-50)]
    public void Time_goes_on_as_the_epoch_says(int distance)
    {
        // The epoch began long ago, or will begin: 16 ns a tick make more than 64 bits of the product.
        var before = HostCounter();
        var epoch = new ClockEpoch(before - (ulong)(Math.Sign(distance) * (1L << Math.Abs(distance))), 16L << 32, Now);
        using var guest = Run(epoch, c => c.rdtscp());
        Assert.InRange((long)((guest.Rdx << 32) | guest.Rax) - 5, epoch.At(before), epoch.At(HostCounter()));
    }

    [Fact]
    public void User_code_may_be_forbidden_to_ask() // vol. 3 §2.5, CR4.TSD
    {
        using var guest = Run(new ClockEpoch(0, 0, Now), c => c.rdtsc(), guest => guest.State.Cr4 |= Cr4.Tsd, user: true);
        Assert.Equal((ExceptionVector.GeneralProtection, GuestProgram.UserCode), (guest.Event.Vector, guest.Event.Rip));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-3)]
    [InlineData(1L << 40)]
    [InlineData(-(1L << 40))]
    [InlineData(1L << 62)]
    public void An_epoch_is_exact_for_long_times(long ticks)
    {
        var epoch = new ClockEpoch(1000, (1L << 32) / 3, 10);
        Assert.Equal(10 + (long)(((Int128)ticks * epoch.Scale) >> 32), epoch.At(1000 + (ulong)ticks));
    }

    /// <summary>The host's counter, by way of a guest with one nanosecond a tick.</summary>
    private static ulong HostCounter()
    {
        using var guest = Run(new ClockEpoch(0, 1L << 32, 0), c => c.rdtscp());
        return ((guest.Rdx << 32) | guest.Rax) - 5;
    }

    /// <summary>Runs a guest whose TSC is 5 ahead of the clock, with 7 in TSC_AUX.</summary>
    private static GuestProgram Run(ClockEpoch epoch, Action<Assembler> code, Action<GuestProgram>? prepare = null, bool user = false)
    {
        Assert.SkipUnless(Translator.IsSupported, "the translator does not work on this host");
        var current = &epoch;
        GuestDevices.Epoch = (nint)(&current);
        try
        {
            var guest = new GuestProgram(GuestMode.Long);
            (guest.State.TscOffset, guest.State.TscAux) = (5, 0xFFFF_0000_0000_0007);
            guest.Assemble(user ? GuestProgram.UserCode : GuestProgram.Start, code);
            if (user) guest.StartInUserMode();
            prepare?.Invoke(guest);
            guest.Run();
            return guest;
        }
        finally
        {
            GuestDevices.Epoch = 0;
        }
    }
}
