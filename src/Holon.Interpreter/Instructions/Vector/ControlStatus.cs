using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>MXCSR, and the instructions that leave a vector unit's registers clean for others.</summary>
internal static unsafe class ControlStatus
{
    private const uint ReservedMxcsr = 0xFFFF0000;

    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Ldmxcsr, &BindLdmxcsr);
        table.Add(Mnemonic.Vldmxcsr, &BindLdmxcsr);
        table.Add(Mnemonic.Stmxcsr, &BindStmxcsr);
        table.Add(Mnemonic.Vstmxcsr, &BindStmxcsr);
        table.Add(Mnemonic.Vzeroupper, &BindVzero);
        table.Add(Mnemonic.Vzeroall, &BindVzero);
        table.Add(Mnemonic.Emms, &BindEmms);
    }

    /// <summary>#GP(0) for an MXCSR with reserved bits (SDM vol. 1 §10.2.3).</summary>
    public static void CheckMxcsr(Interpreter cpu, uint value)
    {
        if ((value & ReservedMxcsr) != 0) cpu.RaiseGp();
    }

    private static Handler BindLdmxcsr(in Instruction instruction, Op* op) => VectorOperands.IsVex(instruction) ? &Ldmxcsr<Vex> : &Ldmxcsr<Legacy>;

    private static Handler BindStmxcsr(in Instruction instruction, Op* op) => VectorOperands.IsVex(instruction) ? &Stmxcsr<Vex> : &Stmxcsr<Legacy>;

    private static Handler BindVzero(in Instruction instruction, Op* op) => instruction.Mnemonic == Mnemonic.Vzeroall ? &Vzeroall : &Vzeroupper;

    private static Handler BindEmms(in Instruction instruction, Op* op) => &Emms;

    private static Op* Ldmxcsr<TEncoding>(Interpreter cpu, Op* op)
        where TEncoding : struct, IVectorEncoding
    {
        TEncoding.Require(cpu);
        var value = cpu.Read<uint>(cpu.Address(op, 4));
        CheckMxcsr(cpu, value);
        cpu.State.Mxcsr = value;
        return op + 1;
    }

    private static Op* Stmxcsr<TEncoding>(Interpreter cpu, Op* op)
        where TEncoding : struct, IVectorEncoding
    {
        TEncoding.Require(cpu);
        cpu.Write(cpu.Address(op, 4, true), cpu.State.Mxcsr);
        return op + 1;
    }

    private static Op* Vzeroupper(Interpreter cpu, Op* op)
    {
        cpu.RequireAvx();
        for (var i = 0; i < Registers(cpu); i++)
        {
            var offset = (ushort)(StateOffsets.Ymm + (32 * i));
            cpu.SetXmmZeroUpper(offset, cpu.Xmm(offset));
        }

        return op + 1;
    }

    private static Op* Vzeroall(Interpreter cpu, Op* op)
    {
        cpu.RequireAvx();
        for (var i = 0; i < Registers(cpu); i++) cpu.Ymm((ushort)(StateOffsets.Ymm + (32 * i))) = default;
        return op + 1;
    }

    private static Op* Emms(Interpreter cpu, Op* op)
    {
        cpu.RequireMmx();
        cpu.EnterMmx();
        cpu.State.FpuTag = 0xFFFF;
        return op + 1;
    }

    /// <summary>Vector registers that the mode can name.</summary>
    private static int Registers(Interpreter cpu) => cpu.Code64 ? 16 : 8;
}
