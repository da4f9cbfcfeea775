using System.Text;
using Holon.Machines;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.SystemMachine.Tests.Machine;

/// <summary>The first serial port: everything a guest prints arrives, in order; everything it is sent too.</summary>
public sealed class SerialTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_guest_answers_what_it_is_sent()
    {
        await using var test = new TestMachine(c =>
        {
            // Echoes letters in the other case until a full stop.
            var wait = c.CreateLabel();
            var end = c.CreateLabel();
            c.Label(ref wait);
            c.mov(edx, KernelCode.Serial + 5);
            c.@in(al, dx);
            c.test(al, 1);
            c.jz(wait);
            c.mov(edx, KernelCode.Serial);
            c.@in(al, dx);
            c.cmp(al, (sbyte)'.');
            c.je(end);
            c.xor(al, 0x20);
            c.@out(dx, al);
            c.jmp(wait);
            c.Label(ref end);
            c.Exit(0);
        });
        await test.Machine.StartAsync(Token);
        var message = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("Holon", 50)) + ".");
        for (var sent = 0; sent < message.Length;)
        {
            sent += test.Machine.SendSerial(message.AsSpan(sent));
            await Task.Delay(1, Token);
        }

        await test.End();
        Assert.Equal(string.Concat(Enumerable.Repeat("hOLON", 50)), test.Output);
    }

    [Fact]
    public async Task Much_output_arrives_whole_and_in_order()
    {
        const int bytes = 300_000; // more than waits at once
        await using var test = new TestMachine(c =>
        {
            c.mov(ecx, bytes);
            c.mov(edx, KernelCode.Serial);
            var again = c.CreateLabel();
            c.Label(ref again);
            c.mov(eax, ecx);
            c.and(al, 0x3F);
            c.add(al, 0x20);
            c.@out(dx, al);
            c.dec(ecx);
            c.jnz(again);
            c.Exit(0);
        });
        await test.Run();
        var output = test.Output;
        Assert.Equal(bytes, output.Length);
        for (var i = 0; i < bytes; i++) Assert.Equal((char)(((bytes - i) & 0x3F) + 0x20), output[i]);
    }

    [Fact]
    public async Task A_reader_that_does_not_read_cannot_keep_the_machine_from_stopping()
    {
        using var release = new ManualResetEventSlim();
        await using var test = new TestMachine(
            c => { c.mov(edx, KernelCode.Serial); var again = c.CreateLabel(); c.Label(ref again); c.@out(dx, al); c.jmp(again); },
            serial: _ => release.Wait());
        await test.Machine.StartAsync(Token);
        for (var count = 0ul; count != test.Machine.InstructionCount || count == 0;) // until the guest waits for the reader
        {
            count = test.Machine.InstructionCount;
            await Task.Delay(100, Token);
        }

        var stopping = test.Machine.StopAsync(Token);
        var stopped = await Task.WhenAny(stopping, Task.Delay(TimeSpan.FromSeconds(10), Token)) == stopping;
        release.Set();
        await stopping;
        Assert.True(stopped);
        Assert.Equal(MachineStatus.Stopped, test.Machine.Status);
    }
}
