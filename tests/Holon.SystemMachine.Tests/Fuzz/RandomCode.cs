using System.Buffers.Binary;
using Iced.Intel;

namespace Holon.SystemMachine.Tests.Fuzz;

/// <summary>Writes instruction streams that get far and do harm: mostly valid instructions, many of them an operating system's, and accesses to devices.</summary>
internal sealed class RandomCode(Random random)
{
    private const int LongestInstruction = 15, PoolLength = 20000;

    private static readonly byte[][] _pool16 = MakePool(16), _pool32 = MakePool(32), _pool64 = MakePool(64);

    private static readonly ushort[] _ports =
    [
        0x20, 0x21, 0xA0, 0xA1, 0x40, 0x41, 0x42, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0x92, 0xB2, 0xB3, 0xE0, 0xE4, 0xE8, 0xF4, 0x3F8, 0x3F9, 0x3FA, 0x3FB, 0x3FC, 0x3FD, 0x402,
        0x4D0, 0x4D1, 0x510, 0x511, 0x514, 0x518, 0x600, 0x602, 0x604, 0x608, 0x620, 0x622, 0xCF8, 0xCF9, 0xCFC, 0xCFE, 0x2000, 0x2009, 0x200B,
    ];

    private static readonly uint[] _msrs =
    [
        0x10, 0x1B, 0x3A, 0x3B, 0x48, 0x49, 0x8B, 0xFE, 0x10A, 0x174, 0x175, 0x176, 0x1A0, 0x200, 0x20F, 0x250, 0x258, 0x26F, 0x277, 0x2FF, 0x6E0, 0x802, 0x808, 0x80B, 0x80D, 0x80F,
        0x828, 0x830, 0x832, 0x835, 0x838, 0x839, 0x83E, 0x83F, 0xC0000080, 0xC0000081, 0xC0000082, 0xC0000083, 0xC0000084, 0xC0000100, 0xC0000101, 0xC0000102, 0xC0000103, 0x4B564D00, 0x4B564D01,
    ];

    /// <summary>Opcodes of system instructions; what follows them (ModRM, displacement, immediate) is random.</summary>
    private static readonly byte[][] _system =
    [
        [0x0F, 0x00], [0x0F, 0x01], [0x0F, 0x02], [0x0F, 0x03], [0x0F, 0x05], [0x0F, 0x06], [0x0F, 0x07], [0x0F, 0x08], [0x0F, 0x09], [0x0F, 0x20], [0x0F, 0x21], [0x0F, 0x22], [0x0F, 0x23],
        [0x0F, 0x30], [0x0F, 0x31], [0x0F, 0x32], [0x0F, 0x33], [0x0F, 0x34], [0x0F, 0x35], [0x0F, 0xA1], [0x0F, 0xA9], [0x0F, 0xA2], [0x0F, 0xAA], [0x0F, 0xAE], [0x0F, 0xB2], [0x0F, 0xB4],
        [0x0F, 0xB5], [0x0F, 0xC7], [0x0F, 0x01, 0xD1], [0x0F, 0x01, 0xF8], [0x0F, 0x01, 0xF9], [0x0F, 0x01, 0xCA], [0x0F, 0x01, 0xCB], [0x0F, 0x38, 0x82], [0x0F, 0x1E], [0xF3, 0x0F, 0xAE],
        [0x07], [0x17], [0x1F], [0x62], [0x63], [0x6C], [0x6D], [0x6E], [0x6F], [0xF3, 0x6C], [0xF3, 0x6D], [0xF3, 0x6F], [0x8E], [0x8C], [0x9A], [0x9B], [0x9C], [0x9D], [0xC4], [0xC5], [0xC8],
        [0xC9], [0xCA], [0xCB], [0xCC], [0xCD], [0xCE], [0xCF], [0x48, 0xCF], [0x48, 0xCB], [0xE4], [0xE5], [0xE6], [0xE7], [0xEA], [0xEC], [0xED], [0xEE], [0xEF], [0xF1], [0xF4], [0xFA], [0xFB],
        [0xFF], [0x48, 0xFF], [0xF0, 0x0F, 0xB1], [0xF0, 0x48, 0x0F, 0xC7], [0xF3, 0xA4], [0xF3, 0xA5], [0xF3, 0xAB], [0xF3, 0xA6], [0xF2, 0xAE], [0xF3, 0x48, 0xA5], [0xF3, 0x48, 0xAB],
        [0xD8], [0xD9], [0xDB], [0xDD], [0xDF], [0x48, 0x0F, 0xAE], [0x48, 0x0F, 0xC7], [0x0F, 0x77], [0xC5, 0xF8, 0x77], [0xD6], [0x0F, 0x0B], [0x0F, 0xFF],
    ];

    private readonly byte[] _buffer = new byte[32];
    private int _bitness;

    /// <summary>Fills memory with code for a mode.</summary>
    public void Fill(Span<byte> memory, int bitness)
    {
        _bitness = bitness;
        while (memory.Length > _buffer.Length)
        {
            var length = random.Next(20) switch
            {
                < 10 => Valid(),
                < 15 => System(),
                < 17 => Port(),
                < 18 => Msr(),
                < 19 => DeviceMemory(),
                _ => Branch(),
            };
            _buffer.AsSpan(0, length).CopyTo(memory);
            memory = memory[length..];
        }

        random.NextBytes(memory);
    }

    /// <summary>Any instruction that decodes.</summary>
    private int Valid()
    {
        var pool = _bitness switch { 16 => _pool16, 32 => _pool32, _ => _pool64 };
        var instruction = pool[random.Next(pool.Length)];
        instruction.CopyTo(_buffer.AsSpan());
        return instruction.Length;
    }

    private static byte[][] MakePool(int bitness)
    {
        var random = new Random(bitness); // always the same, so that a seed means the same guest in every run
        var pool = new byte[PoolLength][];
        var bytes = new byte[LongestInstruction];
        for (var made = 0; made < pool.Length;)
        {
            random.NextBytes(bytes);
            if (random.Next(3) == 0) bytes[random.Next(2)] = 0x0F;
            else if (random.Next(8) == 0) (bytes[0], bytes[1]) = (random.Next(2) == 0 ? (byte)0xC4 : (byte)0xC5, (byte)(bytes[1] | 0x80));
            var decoder = Decoder.Create(bitness, new ByteArrayCodeReader(bytes));
            decoder.Decode(out var instruction);
            if (!instruction.IsInvalid) pool[made++] = bytes[..instruction.Length];
        }

        return pool;
    }

    private int System()
    {
        var opcode = _system[random.Next(_system.Length)];
        opcode.CopyTo(_buffer.AsSpan());
        var rest = random.Next(1, 8);
        random.NextBytes(_buffer.AsSpan(opcode.Length, rest));
        return opcode.Length + rest;
    }

    /// <summary>mov edx, port; mov eax, value; in or out.</summary>
    private int Port()
    {
        var port = random.Next(4) == 0 ? (uint)random.Next(0x10000) : _ports[random.Next(_ports.Length)];
        return Load(0xBA, port, Load(0xB8, Value(), 0), [[0xEC], [0xED], [0xEE], [0xEF], [0x66, 0xEF], [0xF3, 0x6E]]);
    }

    /// <summary>mov ecx, msr; mov eax, value; rdmsr or wrmsr.</summary>
    private int Msr()
    {
        var msr = random.Next(4) == 0 ? (uint)random.Next() : _msrs[random.Next(_msrs.Length)];
        return Load(0xB9, msr, Load(0xB8, Value(), 0), [[0x0F, 0x30], [0x0F, 0x32], [0x31, 0xD2, 0x0F, 0x30]]);
    }

    /// <summary>mov ebx, address; then a load, a store or an atomic operation there.</summary>
    private int DeviceMemory()
    {
        var address = random.Next(5) switch
        {
            0 => 0xFEC00000u + (uint)(random.Next(4) * 0x10),
            1 => 0xFF000000u + (uint)random.Next(0x10000),
            2 => FuzzMachine.MemoryLength + (uint)random.Next(0x10000),
            _ => 0xFEE00000u + (uint)(random.Next(0x40) * 0x10),
        };
        var prefix = _bitness == 16 ? (byte)0x67 : (byte)0x90;
        return Load(0xBB, address, Load(0xB8, Value(), 0), [[prefix, 0x89, 0x03], [prefix, 0x8B, 0x03], [prefix, 0x88, 0x03], [prefix, 0xF0, 0x0F, 0xB1, 0x0B], [prefix, 0x0F, 0x6F, 0x03], [prefix, 0xFF, 0x33]]);
    }

    /// <summary>Short jumps, calls and loops, near enough to stay in the code.</summary>
    private int Branch()
    {
        _buffer[0] = random.Next(4) switch { 0 => 0xEB, 1 => 0xE2, 2 => (byte)(0x70 + random.Next(16)), _ => 0xE3 };
        _buffer[1] = (byte)random.Next(256);
        return 2;
    }

    private uint Value() => random.Next(4) switch
    {
        0 => 0u,
        1 => 1u << random.Next(32),
        2 => (uint)random.Next(FuzzMachine.MemoryLength),
        _ => (uint)random.NextInt64(1L << 32),
    };

    /// <summary>A MOV of 32 bits to a register, and then one of the endings.</summary>
    private int Load(byte opcode, uint value, int at, byte[][]? endings = null)
    {
        if (_bitness == 16) _buffer[at++] = 0x66;
        _buffer[at++] = opcode;
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(at), value);
        at += 4;
        if (endings is null) return at;
        var ending = endings[random.Next(endings.Length)];
        ending.CopyTo(_buffer.AsSpan(at));
        return at + ending.Length;
    }
}
