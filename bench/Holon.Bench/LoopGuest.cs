using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Bench;

/// <summary>One loop that a guest runs: its name, its instructions per turn and its body.</summary>
/// <param name="Name">For the table.</param>
/// <param name="Instructions">Guest instructions in a turn, the loop's own two included.</param>
/// <param name="Body">The body; RCX counts, RSI points to scratch memory, other registers are free.</param>
internal sealed record Loop(string Name, int Instructions, Action<Assembler> Body);

/// <summary>
/// A multiboot kernel that goes to 64-bit mode, prints <c>S</c> on the serial port, runs one loop, prints <c>E</c> and leaves through the
/// debug exit port. Any PC emulator runs it, so the same bytes are timed in all.
/// </summary>
internal static class LoopGuest
{
    private const uint LoadAddress = 0x100000, PageTables = 0x200000, Scratch = 0x300000, Stack = 0x310000;

    /// <summary>The loops: plain integer work of the kinds that kernels and programs are made of.</summary>
    public static IReadOnlyList<Loop> Loops { get; } =
    [
        new("arithmetic", 10, a =>
        {
            a.add(rax, rcx);
            a.xor(rdx, rax);
            a.shl(rdx, 3);
            a.lea(rbx, rax + (rdx * 4) + 5);
            a.sub(rbx, rcx);
            a.and(rbx, 0xFF);
            a.imul(rax, rbx);
            a.add(eax, 7);
        }),
        new("memory", 8, a =>
        {
            a.mov(rax, __[rsi]);
            a.add(rax, rcx);
            a.mov(__[rsi + 8], rax);
            a.mov(edx, __dword_ptr[rsi + 16]);
            a.inc(__dword_ptr[rsi + 24]);
            a.movzx(ebx, __byte_ptr[rsi + rdx]);
        }),
        new("branches", 9, a =>
        {
            var (odd, next, small) = (a.CreateLabel(), a.CreateLabel(), a.CreateLabel());
            a.imul(rax, rax, 0x5851F42D);
            a.add(rax, rcx);
            a.test(eax, 0x10000);
            a.jne(odd);
            a.inc(rbx);
            a.jmp(next);
            a.Label(ref odd);
            a.dec(rbx);
            a.nop();
            a.Label(ref next);
            a.cmp(rbx, 0);
            a.jl(small);
            a.Label(ref small);
        }),
        new("calls", 8, a =>
        {
            var (function, after) = (a.CreateLabel(), a.CreateLabel());
            a.call(function);
            a.jmp(after);
            a.Label(ref function);
            a.push(rax);
            a.add(rax, rcx);
            a.pop(rax);
            a.ret();
            a.Label(ref after);
        }),
    ];

    /// <summary>Builds the kernel file.</summary>
    /// <param name="loop">What it runs.</param>
    /// <param name="turns">How often.</param>
    public static byte[] Build(Loop loop, uint turns)
    {
        // Laid out at fixed offsets: 0 multiboot header, 16 entry in 32-bit code, 256 descriptors, 512 the 64-bit part.
        var image = new byte[4096];
        Put(image, 0, 0x1BADB002u, 0, 0xE4524FFEu);
        Assemble(16, image, 32, a =>
        {
            a.mov(__dword_ptr[PageTables], PageTables + 0x1003);
            a.mov(__dword_ptr[PageTables + 0x1000], PageTables + 0x2003);
            a.mov(__dword_ptr[PageTables + 0x2000], 0x83); // the first 2 MiB
            a.mov(__dword_ptr[PageTables + 0x2008], 0x200083); // and the next
            a.mov(eax, PageTables);
            a.mov(cr3, eax);
            a.mov(eax, 0x20);
            a.mov(cr4, eax);
            a.mov(ecx, 0xC0000080);
            a.rdmsr();
            a.or(eax, 0x100);
            a.wrmsr();
            a.lgdt(__fword_ptr[LoadAddress + 280]);
            a.mov(eax, cr0);
            a.or(eax, 0x80000001);
            a.mov(cr0, eax);
            a.db(0xEA, 0x00, 0x02, 0x10, 0x00, 0x08, 0x00); // jmp 8:100200h
        });
        BitConverter.TryWriteBytes(image.AsSpan(264), 0x00AF9B000000FFFF);
        BitConverter.TryWriteBytes(image.AsSpan(272), 0x00CF93000000FFFF);
        BitConverter.TryWriteBytes(image.AsSpan(280), (ushort)23);
        BitConverter.TryWriteBytes(image.AsSpan(282), LoadAddress + 256);
        Assemble(512, image, 64, a =>
        {
            var top = a.CreateLabel();
            a.mov(eax, 16);
            a.mov(ss, eax);
            a.mov(ds, eax);
            a.mov(rsp, (ulong)Stack);
            a.mov(rsi, (ulong)Scratch);
            Print(a, 'S');
            a.xor(eax, eax);
            a.xor(ebx, ebx);
            a.xor(edx, edx);
            a.mov(ecx, turns);
            a.Label(ref top);
            loop.Body(a);
            a.dec(rcx);
            a.jne(top);
            Print(a, 'E');
            a.xor(eax, eax);
            a.mov(edx, 0xF4);
            a.@out(dx, eax);
            a.hlt();
        });
        return Elf(image);
    }

    private static void Print(Assembler a, char character)
    {
        a.mov(edx, 0x3F8);
        a.mov(eax, character);
        a.@out(dx, al);
    }

    private static void Assemble(int offset, byte[] image, int bitness, Action<Assembler> body)
    {
        var assembler = new Assembler(bitness);
        body(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), LoadAddress + (ulong)offset);
        stream.ToArray().CopyTo(image, offset);
    }

    /// <summary>An ELF32 file with one segment.</summary>
    private static byte[] Elf(byte[] image)
    {
        var file = new byte[4096 + image.Length];
        new byte[] { 0x7F, (byte)'E', (byte)'L', (byte)'F', 1, 1, 1 }.CopyTo(file, 0);
        Put(file, 16, 0x00030002, 1, LoadAddress + 16, 52, 0, 0, 0x00200034, 1);
        Put(file, 52, 1, 4096, LoadAddress, LoadAddress, (uint)image.Length, (uint)image.Length, 7, 4096);
        image.CopyTo(file, 4096);
        return file;
    }

    private static void Put(byte[] bytes, int offset, params ReadOnlySpan<uint> words)
    {
        for (var i = 0; i < words.Length; i++) BitConverter.TryWriteBytes(bytes.AsSpan(offset + (4 * i)), words[i]);
    }
}
