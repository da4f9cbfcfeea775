using System.Numerics;
using System.Security.Cryptography;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

// CPUID, MSRs, counters, random numbers, ports.
internal static unsafe partial class SystemInstructions
{
    private static Handler BindCpuid(in Instruction instruction, Op* op) => &Cpuid;

    private static Handler BindVmcall(in Instruction instruction, Op* op) => &Vmcall;

    private static Handler BindRdmsr(in Instruction instruction, Op* op) => &Rdmsr;

    private static Handler BindWrmsr(in Instruction instruction, Op* op) => &Wrmsr;

    private static Handler BindRdtsc(in Instruction instruction, Op* op) => instruction.Mnemonic == Mnemonic.Rdtsc ? &Rdtsc : &Rdtscp;

    private static Handler BindRdpid(in Instruction instruction, Op* op) => &Rdpid;

    private static Handler BindRdpmc(in Instruction instruction, Op* op) => &Rdpmc;

    private static Handler BindRsm(in Instruction instruction, Op* op) => &TestRegister;

    private static Handler BindRandom(in Instruction instruction, Op* op) => instruction.Op0Register.GetSize() switch
    {
        2 => &RandomNumber<ushort>,
        4 => &RandomNumber<uint>,
        _ => &RandomNumber<ulong>,
    };

    private static Handler BindIn(in Instruction instruction, Op* op)
    {
        var size = instruction.Op0Register.GetSize();
        if (instruction.Op1Kind == OpKind.Register) return size switch { 1 => &InDx<byte>, 2 => &InDx<ushort>, _ => &InDx<uint> };
        return size switch { 1 => &InImmediate<byte>, 2 => &InImmediate<ushort>, _ => &InImmediate<uint> };
    }

    private static Handler BindOut(in Instruction instruction, Op* op)
    {
        var size = instruction.Op1Register.GetSize();
        if (instruction.Op0Kind == OpKind.Register) return size switch { 1 => &OutDx<byte>, 2 => &OutDx<ushort>, _ => &OutDx<uint> };
        return size switch { 1 => &OutImmediate<byte>, 2 => &OutImmediate<ushort>, _ => &OutImmediate<uint> };
    }

    private static Op* Cpuid(Interpreter cpu, Op* op)
    {
        var result = CpuidTable.Get(cpu.Model, ref cpu.State, (uint)cpu.Gpr(0), (uint)cpu.Gpr(1), cpu.ApicId, cpu.CpuCount, cpu.PhysicalAddressBits, cpu.Clock.TscFrequency);
        cpu.Gpr(0) = result.Eax;
        cpu.Gpr(3) = result.Ebx;
        cpu.Gpr(1) = result.Ecx;
        cpu.Gpr(2) = result.Edx;
        return cpu.EndBlockAfter(op);
    }

    /// <summary>A hypercall of KVM, whose leaves CPUID has (Linux Documentation/virt/kvm/x86/hypercalls.rst).</summary>
    private static Op* Vmcall(Interpreter cpu, Op* op)
    {
        const long notPermitted = -1;
        var result = cpu.Cpl == 0 ? Hypercall(cpu) : notPermitted;
        cpu.Gpr(0) = cpu.Code64 ? (ulong)result : (uint)result;
        return op + 1;
    }

    private static long Hypercall(Interpreter cpu)
    {
        const ulong kickProcessor = 5, sendInterrupts = 10;
        const long notImplemented = -1000, invalid = -22;
        const uint command = 0x7FF, shorthand = 3 << 18;
        const int rcx = 1, rdx = 2, rbx = 3, rsi = 6;
        switch (cpu.Code64 ? cpu.Gpr(0) : (uint)cpu.Gpr(0))
        {
            case kickProcessor:
                cpu.Interrupts.WakeProcessor((uint)cpu.Gpr(rcx));
                return 0;
            case sendInterrupts:
                if ((cpu.Gpr(rsi) & shorthand) != 0) return invalid;
                var destinations = cpu.Code64 ? new UInt128(cpu.Gpr(rcx), cpu.Gpr(rbx)) : (cpu.Gpr(rcx) << 32) | (uint)cpu.Gpr(rbx);
                return cpu.Interrupts.SendToMany(destinations, (uint)cpu.Gpr(rdx), (uint)cpu.Gpr(rsi) & command);
            default:
                return notImplemented;
        }
    }

    private static Op* Rdmsr(Interpreter cpu, Op* op)
    {
        RequireSupervisor(cpu);
        if (!cpu.TryReadMsr((uint)cpu.Gpr(1), out var value)) cpu.RaiseGp();
        cpu.Gpr(0) = (uint)value;
        cpu.Gpr(2) = value >> 32;
        return op + 1;
    }

    private static Op* Wrmsr(Interpreter cpu, Op* op)
    {
        RequireSupervisor(cpu);
        if (!cpu.TryWriteMsr((uint)cpu.Gpr(1), (cpu.Gpr(2) << 32) | (uint)cpu.Gpr(0))) cpu.RaiseGp();
        return cpu.EndBlockAfter(op);
    }

    private static void SetTsc(Interpreter cpu)
    {
        if ((cpu.State.Cr4 & Cr4.Tsd) != 0 && cpu.Cpl != 0) cpu.RaiseGp();
        var tsc = cpu.Clock.Tsc + cpu.State.TscOffset;
        cpu.Gpr(0) = (uint)tsc;
        cpu.Gpr(2) = tsc >> 32;
    }

    private static Op* Rdtsc(Interpreter cpu, Op* op)
    {
        SetTsc(cpu);
        return op + 1;
    }

    private static Op* Rdtscp(Interpreter cpu, Op* op)
    {
        SetTsc(cpu);
        cpu.Gpr(1) = (uint)cpu.State.TscAux;
        return op + 1;
    }

    private static Op* Rdpid(Interpreter cpu, Op* op)
    {
        cpu.Slot<ulong>(op->Reg0) = (uint)cpu.State.TscAux;
        return op + 1;
    }

    /// <summary>No performance counters are presented.</summary>
    private static Op* Rdpmc(Interpreter cpu, Op* op)
    {
        cpu.RaiseGp();
        return null;
    }

    private static Op* RandomNumber<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        ulong value;
        RandomNumberGenerator.Fill(new Span<byte>(&value, 8));
        cpu.SetReg(op->Reg0, T.CreateTruncating(value));
        cpu.LoadStatusFlags(Rflags.CF);
        return op + 1;
    }

    private static Op* InDx<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T> => In<T>(cpu, op, (ushort)cpu.Gpr(2));

    private static Op* InImmediate<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T> => In<T>(cpu, op, (byte)op->Immediate);

    private static Op* OutDx<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T> => Out<T>(cpu, op, (ushort)cpu.Gpr(2));

    private static Op* OutImmediate<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T> => Out<T>(cpu, op, (byte)op->Immediate);

    private static Op* In<T>(Interpreter cpu, Op* op, ushort port)
        where T : unmanaged, IBinaryInteger<T>
    {
        cpu.CheckPort(port, sizeof(T));
        cpu.SetReg(0, T.CreateTruncating(cpu.Bus.ReadPort(port, sizeof(T))));
        return cpu.EndBlockAfter(op);
    }

    private static Op* Out<T>(Interpreter cpu, Op* op, ushort port)
        where T : unmanaged, IBinaryInteger<T>
    {
        cpu.CheckPort(port, sizeof(T));
        cpu.Bus.WritePort(port, sizeof(T), uint.CreateTruncating(cpu.Reg<T>(0)));
        return cpu.EndBlockAfter(op);
    }
}
