using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.SystemMachine.Images;

/// <summary>
/// The guest program that ends the machine: <c>exit CODE</c> writes the code to the debug exit port. A shell cannot reach an I/O
/// port (Debian's kernels have no /dev/port), so this is a program, small enough to be assembled where it is needed.
/// </summary>
internal static class GuestExitProgram
{
    /// <summary>The board's debug exit port, where QEMU's isa-debug-exit commonly sits too.</summary>
    public const int Port = 0xF4;

    private const ulong LoadAddress = 0x400000;
    private const int HeaderLength = 64, ProgramHeaderLength = 56;
    private const int SystemCallIoperm = 173, SystemCallExit = 60;

    /// <summary>Makes the program: a static ELF executable of one segment (System V ABI, AMD64 supplement).</summary>
    public static byte[] Build()
    {
        var code = AssembleCode();
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

    private static byte[] AssembleCode()
    {
        var assembler = new Assembler(64);
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
        assembler.mov(edi, Port);
        assembler.mov(esi, 1);
        assembler.mov(edx, 1);
        assembler.mov(eax, SystemCallIoperm);
        assembler.syscall();
        assembler.mov(eax, ebx);
        assembler.@out(Port, al);
        assembler.mov(edi, 1); // still here: there is no such port
        assembler.mov(eax, SystemCallExit);
        assembler.syscall();

        using var code = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(code), LoadAddress + HeaderLength + ProgramHeaderLength);
        return code.ToArray();
    }
}
