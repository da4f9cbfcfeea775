using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.SystemMachine.Images;

/// <summary>Guest programs that a shell cannot do without, each a few instructions, assembled where they are needed.</summary>
internal static class GuestPrograms
{
    /// <summary>The board's debug exit port, where QEMU's isa-debug-exit commonly sits too.</summary>
    public const int ExitPort = 0xF4;

    private const ulong LoadAddress = 0x400000;
    private const int HeaderLength = 64, ProgramHeaderLength = 56;
    private const int SystemCallSigaction = 13, SystemCallExecve = 59, SystemCallExit = 60, SystemCallIoperm = 173;
    private const int SignalInterrupt = 2, SignalQuit = 3;

    /// <summary><c>exit CODE</c> writes the code to the debug exit port, which ends the machine. Debian's kernels have no /dev/port.</summary>
    public static byte[] Exit() => Executable(AssembleExit);

    /// <summary>
    /// <c>foreground PATH [ARGUMENT…]</c> executes a program that Ctrl-C reaches. A shell without job control starts what it does not
    /// wait for with SIGINT and SIGQUIT ignored, and lets nobody take that back.
    /// </summary>
    public static byte[] Foreground() => Executable(AssembleForeground);

    /// <summary>Makes a static ELF executable of one segment (System V ABI, AMD64 supplement).</summary>
    private static byte[] Executable(Action<Assembler> assemble)
    {
        var assembler = new Assembler(64);
        assemble(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), LoadAddress + HeaderLength + ProgramHeaderLength);
        var code = stream.ToArray();
        var program = new byte[HeaderLength + ProgramHeaderLength + code.Length];
        var header = program.AsSpan();
        ((ReadOnlySpan<byte>)[0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1]).CopyTo(header); // 64-bit, little-endian, version 1
        BinaryPrimitives.WriteUInt16LittleEndian(header[16..], 2); // e_type: ET_EXEC
        BinaryPrimitives.WriteUInt16LittleEndian(header[18..], 62); // e_machine: EM_X86_64
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1); // e_version
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], LoadAddress + HeaderLength + ProgramHeaderLength); // e_entry
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], HeaderLength); // e_phoff
        BinaryPrimitives.WriteUInt16LittleEndian(header[52..], HeaderLength); // e_ehsize
        BinaryPrimitives.WriteUInt16LittleEndian(header[54..], ProgramHeaderLength); // e_phentsize
        BinaryPrimitives.WriteUInt16LittleEndian(header[56..], 1); // e_phnum

        var segment = header[HeaderLength..];
        BinaryPrimitives.WriteUInt32LittleEndian(segment, 1); // p_type: PT_LOAD
        BinaryPrimitives.WriteUInt32LittleEndian(segment[4..], 5); // p_flags: read, execute
        BinaryPrimitives.WriteUInt64LittleEndian(segment[16..], LoadAddress); // p_vaddr
        BinaryPrimitives.WriteUInt64LittleEndian(segment[24..], LoadAddress); // p_paddr
        BinaryPrimitives.WriteUInt64LittleEndian(segment[32..], (ulong)program.Length); // p_filesz
        BinaryPrimitives.WriteUInt64LittleEndian(segment[40..], (ulong)program.Length); // p_memsz
        BinaryPrimitives.WriteUInt64LittleEndian(segment[48..], 0x1000); // p_align
        code.CopyTo(program, HeaderLength + ProgramHeaderLength);
        return program;
    }

    private static void AssembleExit(Assembler assembler)
    {
        var digit = assembler.CreateLabel();
        var done = assembler.CreateLabel();

        assembler.mov(rsi, __[rsp + 16]); // argv[1]; without an argument null, which faults, and the caller powers off instead
        assembler.xor(ebx, ebx);
        assembler.Label(ref digit);
        assembler.movzx(eax, __byte_ptr[rsi]);
        assembler.sub(eax, '0');
        assembler.cmp(eax, 9);
        assembler.ja(done);
        assembler.imul(ebx, ebx, 10);
        assembler.add(ebx, eax);
        assembler.inc(rsi);
        assembler.jmp(digit);

        assembler.Label(ref done);
        assembler.mov(edi, ExitPort);
        assembler.mov(esi, 1);
        assembler.mov(edx, 1);
        assembler.mov(eax, SystemCallIoperm);
        assembler.syscall();
        assembler.mov(eax, ebx);
        assembler.@out(ExitPort, al);
        assembler.mov(edi, 1); // still here: there is no such port
        assembler.mov(eax, SystemCallExit);
        assembler.syscall();
    }

    private static void AssembleForeground(Assembler assembler)
    {
        assembler.mov(rbx, rsp); // argument count, arguments, null, environment
        assembler.xor(eax, eax);
        for (var i = 0; i < 4; i++) assembler.push(rax); // struct sigaction: default handler, no flags, no mask
        foreach (var signal in (ReadOnlySpan<int>)[SignalInterrupt, SignalQuit])
        {
            assembler.mov(edi, signal);
            assembler.mov(rsi, rsp);
            assembler.xor(edx, edx);
            assembler.mov(r10d, 8);
            assembler.mov(eax, SystemCallSigaction);
            assembler.syscall();
        }

        assembler.mov(rdi, __[rbx + 16]); // argv[1], which becomes argv[0]
        assembler.lea(rsi, __[rbx + 16]);
        assembler.mov(rax, __[rbx]);
        assembler.lea(rdx, __[rbx + (rax * 8) + 16]);
        assembler.mov(eax, SystemCallExecve);
        assembler.syscall();
        assembler.mov(edi, 127); // as a shell says that there is no such program
        assembler.mov(eax, SystemCallExit);
        assembler.syscall();
    }
}
