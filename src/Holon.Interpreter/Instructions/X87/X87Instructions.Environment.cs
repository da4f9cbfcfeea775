using Holon.X86.SoftFloat;

namespace Holon.Interpreter.Instructions;

/// <content>
/// FNSTENV, FLDENV, FNSAVE, FRSTOR in their four layouts: 16 or 32 bits, protected or real mode (SDM vol. 1 §8.1.10, figures
/// 8-9 to 8-12). In 64-bit mode the layouts are those of protected mode.
/// </content>
internal static unsafe partial class X87Instructions
{
    private const int Environment16Bytes = 14, Environment32Bytes = 28, RegisterBytes = 10, Fields = 7;

    private static Op* StoreEnvironment16(Interpreter cpu, Op* op) => StoreEnvironment(cpu, op, Environment16Bytes);

    private static Op* StoreEnvironment32(Interpreter cpu, Op* op) => StoreEnvironment(cpu, op, Environment32Bytes);

    private static Op* LoadEnvironment16(Interpreter cpu, Op* op) => LoadEnvironment(cpu, op, Environment16Bytes);

    private static Op* LoadEnvironment32(Interpreter cpu, Op* op) => LoadEnvironment(cpu, op, Environment32Bytes);

    private static Op* Save16(Interpreter cpu, Op* op) => Save(cpu, op, Environment16Bytes);

    private static Op* Save32(Interpreter cpu, Op* op) => Save(cpu, op, Environment32Bytes);

    private static Op* Restore16(Interpreter cpu, Op* op) => Restore(cpu, op, Environment16Bytes);

    private static Op* Restore32(Interpreter cpu, Op* op) => Restore(cpu, op, Environment32Bytes);

    private static Op* StoreEnvironment(Interpreter cpu, Op* op, int bytes)
    {
        X87.BeginWithoutWait(cpu);
        var address = cpu.Address(op, bytes, write: true);
        ProbeWrite(cpu, address, bytes / Fields, bytes);
        WriteEnvironment(cpu, address, bytes);
        ref var state = ref cpu.State;
        X87.SetControl(ref state, (ushort)(state.FpuControl | (int)FloatExceptions.All)); // so that a handler can compute
        return op + 1;
    }

    private static Op* LoadEnvironment(Interpreter cpu, Op* op, int bytes)
    {
        X87.Begin(cpu);
        var address = cpu.Address(op, bytes);
        ProbeRead(cpu, address, bytes / Fields, bytes);
        ReadEnvironment(cpu, address, bytes);
        return op + 1;
    }

    private static Op* Save(Interpreter cpu, Op* op, int environmentBytes)
    {
        X87.BeginWithoutWait(cpu);
        var bytes = environmentBytes + (8 * RegisterBytes);
        var address = cpu.Address(op, bytes, write: true);
        ProbeWrite(cpu, address, environmentBytes / Fields, bytes);
        WriteEnvironment(cpu, address, environmentBytes);
        for (var i = 0; i < 8; i++)
        {
            var value = X87.Get(cpu, i);
            cpu.Write(address + (ulong)(environmentBytes + (i * RegisterBytes)), new TenBytes(value.Significand, value.SignExponent));
        }

        X87.Initialize(ref cpu.State);
        return op + 1;
    }

    private static Op* Restore(Interpreter cpu, Op* op, int environmentBytes)
    {
        X87.Begin(cpu);
        var bytes = environmentBytes + (8 * RegisterBytes);
        var address = cpu.Address(op, bytes);
        ProbeRead(cpu, address, environmentBytes / Fields, bytes);
        Span<TenBytes> registers = stackalloc TenBytes[8];
        for (var i = 0; i < 8; i++) registers[i] = cpu.Read<TenBytes>(address + (ulong)(environmentBytes + (i * RegisterBytes)));
        ReadEnvironment(cpu, address, environmentBytes);
        var tags = cpu.State.FpuTag; // which registers are empty, the image says
        for (var i = 0; i < 8; i++) X87.Set(cpu, i, new Float80(registers[i].High, registers[i].Low));
        X87.SetTags(ref cpu.State, tags);
        return op + 1;
    }

    /// <summary>Faults as processors do, which touch an image's first field and then its last byte.</summary>
    private static void ProbeRead(Interpreter cpu, ulong address, int fieldBytes, int bytes)
    {
        cpu.ProbeRead(address, fieldBytes);
        cpu.ProbeRead(address + (ulong)(bytes - 1), 1);
    }

    private static void ProbeWrite(Interpreter cpu, ulong address, int fieldBytes, int bytes)
    {
        cpu.ProbeWrite(address, fieldBytes);
        cpu.ProbeWrite(address + (ulong)(bytes - 1), 1);
    }

    private static void WriteEnvironment(Interpreter cpu, ulong address, int bytes)
    {
        ref var state = ref cpu.State;
        var (ip, dp) = ((uint)state.FpuInstructionPointer, (uint)state.FpuDataPointer);
        Span<uint> fields = [state.FpuControl, state.FpuStatus, X87.FullTags(ref state), ip, 0, dp, 0]; // selectors are deprecated and read as zero
        var real = !cpu.ProtectedMode;
        if (real)
        {
            // A pointer's upper bits share a field with the opcode.
            fields[3] = ip & 0xFFFF;
            fields[4] = (ip >> 16 << 12) | state.FpuOpcode;
            fields[5] = dp & 0xFFFF;
            fields[6] = dp >> 16 << 12;
        }
        else if (bytes == Environment32Bytes)
        {
            fields[4] = (uint)state.FpuOpcode << 16;
        }

        for (var i = 0; i < fields.Length; i++)
        {
            if (bytes == Environment16Bytes) cpu.Write(address + (ulong)(2 * i), (ushort)fields[i]);
            else cpu.Write(address + (ulong)(4 * i), fields[i] | UnusedUpperHalf(i, real));
        }
    }

    /// <summary>Processors write ones where the 32-bit layout leaves the upper half of a field reserved.</summary>
    private static uint UnusedUpperHalf(int field, bool real) => field is 0 or 1 or 2 || (field == 6 && !real) || (field is 3 or 5 && real) ? 0xFFFF0000 : 0;

    private static void ReadEnvironment(Interpreter cpu, ulong address, int bytes)
    {
        ref var state = ref cpu.State;
        Span<uint> fields = stackalloc uint[Fields];
        for (var i = 0; i < fields.Length; i++)
        {
            fields[i] = bytes == Environment16Bytes ? cpu.Read<ushort>(address + (ulong)(2 * i)) : cpu.Read<uint>(address + (ulong)(4 * i));
        }

        if (cpu.ProtectedMode)
        {
            (state.FpuInstructionPointer, state.FpuDataPointer) = (fields[3], fields[5]);
            if (bytes == Environment32Bytes) state.FpuOpcode = (ushort)((fields[4] >> 16) & 0x7FF);
        }
        else
        {
            state.FpuInstructionPointer = (fields[3] & 0xFFFF) | (fields[4] >> 12 << 16);
            state.FpuDataPointer = (fields[5] & 0xFFFF) | (fields[6] >> 12 << 16);
            state.FpuOpcode = (ushort)(fields[4] & 0x7FF);
        }

        state.FpuStatus = (ushort)fields[1];
        X87.SetTags(ref state, (ushort)fields[2]);
        X87.SetControl(ref state, (ushort)fields[0]);
    }
}
