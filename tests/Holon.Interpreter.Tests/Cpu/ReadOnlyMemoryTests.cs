using Holon.Memory;
using Holon.X86;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Stores to ROM are lost, whatever makes them, and raise nothing.</summary>
public sealed class ReadOnlyMemoryTests
{
    private const ulong Rom = GuestProgram.FreePages;

    [Fact]
    public void Every_kind_of_store_is_lost()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        var before = Prepare(guest);
        guest.State.Cr4 |= Cr4.Osfxsr;
        guest.Code(c =>
        {
            c.mov(eax, 0x12345678);
            c.mov(rbx, Rom);
            c.mov(rcx, __qword_ptr[rbx]);
            c.mov(__dword_ptr[rbx], eax);
            c.add(__dword_ptr[rbx + 8], eax);
            c.@lock.xadd(__dword_ptr[rbx + 16], eax);
            c.xchg(__dword_ptr[rbx + 24], eax);
            c.bts(__dword_ptr[rbx + 32], 3);
            c.mov(__qword_ptr[rbx + 0xFFC], rcx); // into the next page, which is writable
            c.movdqu(__xmmword_ptr[rbx + 40], xmm0);
            c.lea(rdi, __[rbx + 64]);
            c.mov(ecx, 100);
            c.rep.stosd();
            c.mov(rsi, GuestProgram.Data);
            c.mov(ecx, 100);
            c.rep.movsb();
            c.lea(rsp, __[rbx + 0x800]);
            c.push(rax);
            c.mov(rdx, __qword_ptr[rbx]);
        });
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal(before, guest.Memory.Span(Rom, 0x1000));
        Assert.Equal((uint)(BitConverter.ToUInt64(before) >> 32), guest.Memory.Read<uint>(Rom + 0x1000));
        Assert.Equal(BitConverter.ToUInt64(before), guest.Rdx);
    }

    [Fact]
    public void A_page_that_becomes_read_only_is_so_at_once()
    {
        const ushort SwitchPort = 0x92;
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Devices.PortReads = (port, _) =>
        {
            if (port == SwitchPort) guest.Memory.SetReadOnly(new MemoryRange(Rom, 0x1000), true);
            return 0;
        };
        guest.Code(c =>
        {
            c.mov(rbx, Rom);
            c.mov(__byte_ptr[rbx], 1); // the translation is known as writable from here on
            c.@in(al, SwitchPort & 0xFF);
            c.mov(__byte_ptr[rbx], 2);
        });
        guest.Run();
        Assert.Equal(1, guest.Memory.Read<byte>(Rom));
    }

    private static byte[] Prepare(GuestProgram guest)
    {
        var content = new byte[0x1000];
        new Random(1).NextBytes(content);
        guest.Memory.Write(Rom, content);
        guest.Memory.SetReadOnly(new MemoryRange(Rom, 0x1000), true);
        return content;
    }
}
