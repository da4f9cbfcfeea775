using System.Runtime.CompilerServices;
using Holon.X86;
using Holon.X86.SoftFloat;

namespace Holon.Interpreter.Instructions;

/// <summary>
/// The x87 register stack, status and tags (SDM vol. 1 chapter 8), as all its instructions see them. Arithmetic itself is
/// <see cref="Float80"/>'s. Registers are numbered from the top: ST0 is <c>0</c>.
/// </summary>
/// <remarks>
/// Safe: register numbers are taken modulo 8, the length of <see cref="CpuState.X87"/>, and the state lives in native memory.
/// An unmasked exception is reported as #MF by the next waiting instruction. With CR0.NE clear a PC would raise IRQ 13
/// instead, which no operating system has used since 1990; then the exception only shows in the status word.
/// </remarks>
internal static unsafe partial class X87
{
    /// <summary>Bits of the status word (SDM vol. 1 §8.1.3) beyond the six exceptions.</summary>
    public const int StackFault = 1 << 6, ErrorSummary = 1 << 7, C0 = 1 << 8, C1 = 1 << 9, C2 = 1 << 10, C3 = 1 << 14, Busy = 1 << 15;

    /// <summary>TOP.</summary>
    public const int TopMask = 7 << TopShift;

    /// <summary>All condition codes.</summary>
    public const int ConditionCodes = C0 | C1 | C2 | C3;

    private const int TopShift = 11;

    /// <summary>Begins an instruction that waits: #NM if the x87 is not there, #MF for an unmasked exception still pending.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Begin(Interpreter cpu)
    {
        ref var state = ref cpu.State;
        if ((state.Cr0 & (Cr0.EM | Cr0.TS)) != 0 || (state.FpuStatus & ErrorSummary) != 0) CheckAvailable(cpu);
    }

    /// <summary>Begins one of the control instructions that do not wait.</summary>
    public static void BeginWithoutWait(Interpreter cpu)
    {
        if ((cpu.State.Cr0 & (Cr0.EM | Cr0.TS)) != 0) cpu.Raise(ExceptionVector.DeviceNotAvailable, 0);
    }

    /// <summary>The rounding, precision and masks of the control word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatContext Context(Interpreter cpu) => FloatContext.FromX87(cpu.State.FpuControl);

    /// <summary>True when a register holds nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsEmpty(Interpreter cpu, int st) => ((cpu.State.FpuTag >> (2 * Physical(cpu, st))) & 3) == Tag.Empty;

    /// <summary>A register's value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float80 Get(Interpreter cpu, int st) => GetPhysical(ref cpu.State, Physical(cpu, st));

    /// <summary>Sets a register and its tag.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Set(Interpreter cpu, int st, Float80 value)
    {
        ref var state = ref cpu.State;
        var physical = Physical(cpu, st);
        SetPhysical(ref state, physical, value);
        state.FpuTag = (ushort)((state.FpuTag & ~(3 << (2 * physical))) | (Tag.Of(value) << (2 * physical)));
    }

    /// <summary>Makes a register empty.</summary>
    public static void Free(Interpreter cpu, int st) => cpu.State.FpuTag |= (ushort)(Tag.Empty << (2 * Physical(cpu, st)));

    /// <summary>Moves TOP.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Rotate(Interpreter cpu, int by)
    {
        ref var status = ref cpu.State.FpuStatus;
        status = (ushort)((status & ~TopMask) | ((status + (by << TopShift)) & TopMask));
    }

    /// <summary>Frees ST0 and moves TOP up.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pop(Interpreter cpu)
    {
        Free(cpu, 0);
        Rotate(cpu, 1);
    }

    /// <summary>Moves TOP down and sets ST0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Push(Interpreter cpu, Float80 value)
    {
        Rotate(cpu, -1);
        Set(cpu, 0, value);
    }

    /// <summary>
    /// Ends an arithmetic instruction: exceptions to the status word, C1 from rounding. False when an unmasked exception of the
    /// operands keeps the result from being written.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Finish(Interpreter cpu, Op* op, in FloatContext context)
    {
        ref var state = ref cpu.State;
        state.FpuStatus = (ushort)((state.FpuStatus & ~C1) | (int)context.Raised);
        Record(cpu, op);
        var unmasked = context.Unmasked;
        if (unmasked != 0)
        {
            SetPending(cpu, op);
            if ((unmasked & FloatExceptions.PreComputation) != 0) return false;
        }

        if (context.RoundedUp) state.FpuStatus |= C1;
        return true;
    }

    /// <summary>Ends an instruction that cannot find exceptions: C1 clear.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish(Interpreter cpu, Op* op)
    {
        cpu.State.FpuStatus &= unchecked((ushort)~C1);
        Record(cpu, op);
    }

    /// <summary>As <see cref="Finish(Interpreter, Op*, in FloatContext)"/> for instructions that leave C1 alone.</summary>
    public static bool FinishKeepingC1(Interpreter cpu, Op* op, in FloatContext context)
    {
        var kept = cpu.State.FpuStatus & C1;
        var completed = Finish(cpu, op, context);
        cpu.State.FpuStatus |= (ushort)kept;
        return completed;
    }

    /// <summary>As <see cref="Finish(Interpreter, Op*)"/> for instructions that leave C1 alone.</summary>
    public static void FinishKeepingC1(Interpreter cpu, Op* op) => Record(cpu, op);

    /// <summary>
    /// Ends an instruction with a stack fault. True when invalid operation is masked: then the instruction goes on with the
    /// indefinite value as its result.
    /// </summary>
    public static bool FinishStackFault(Interpreter cpu, Op* op, bool overflow)
    {
        ref var state = ref cpu.State;
        state.FpuStatus = (ushort)((state.FpuStatus & ~C1) | StackFault | (int)FloatExceptions.Invalid | (overflow ? C1 : 0));
        Record(cpu, op);
        if ((state.FpuControl & (int)FloatExceptions.Invalid) != 0) return true;
        SetPending(cpu, op);
        return false;
    }

    /// <summary>Sets some condition codes.</summary>
    public static void SetCodes(Interpreter cpu, int mask, int codes) => cpu.State.FpuStatus = (ushort)((cpu.State.FpuStatus & ~mask) | codes);

    /// <summary>Brings ES and B in line with flags and masks, after either was loaded.</summary>
    public static void UpdateErrorSummary(ref CpuState state)
    {
        var pending = (state.FpuStatus & ~state.FpuControl & (int)FloatExceptions.All) != 0;
        state.FpuStatus = (ushort)((state.FpuStatus & ~(ErrorSummary | Busy)) | (pending ? ErrorSummary | Busy : 0));
    }

    /// <summary>Registers relative to the stack's top to those by number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Physical(Interpreter cpu, int st) => ((cpu.State.FpuStatus >> TopShift) + st) & 7;

    private static Float80 GetPhysical(ref CpuState state, int physical)
    {
        ref var bytes = ref state.X87[physical * 16];
        return new(Unsafe.ReadUnaligned<ushort>(ref Unsafe.Add(ref bytes, 8)), Unsafe.ReadUnaligned<ulong>(ref bytes));
    }

    private static void SetPhysical(ref CpuState state, int physical, Float80 value)
    {
        ref var bytes = ref state.X87[physical * 16];
        Unsafe.WriteUnaligned(ref bytes, value.Significand);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref bytes, 8), value.SignExponent);
    }

    /// <summary>Notes where the last x87 instruction and its memory operand are (SDM vol. 1 §8.1.8). Not their selectors: CPUID says that they are deprecated.</summary>
    private static void Record(Interpreter cpu, Op* op)
    {
        ref var state = ref cpu.State;
        state.FpuInstructionPointer = cpu.RipOf(op);
        if (op->AddressSize != 0) state.FpuDataPointer = cpu.EffectiveAddress(op);
    }

    private static void SetPending(Interpreter cpu, Op* op)
    {
        ref var state = ref cpu.State;
        state.FpuStatus |= ErrorSummary | Busy;
        state.FpuOpcode = OpcodeOf(cpu, op);
    }

    /// <summary>The low 11 bits of the opcode, which processors record only for an unmasked exception (SDM vol. 1 §8.1.9).</summary>
    private static ushort OpcodeOf(Interpreter cpu, Op* op)
    {
        var linear = cpu.RipOf(op) + (cpu.Code64 ? 0 : cpu.State.Segments[SegmentRegisters.Cs].Base);
        for (var i = 0; i + 1 < op->Length; i++)
        {
            var opcode = cpu.Read<byte>(linear + (ulong)i);
            if (opcode is >= 0xD8 and <= 0xDF) return (ushort)(((opcode & 7) << 8) | cpu.Read<byte>(linear + (ulong)i + 1));
        }

        return 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CheckAvailable(Interpreter cpu)
    {
        BeginWithoutWait(cpu);
        if ((cpu.State.Cr0 & Cr0.NE) != 0) cpu.Raise(ExceptionVector.FloatingPoint, 0);
    }

    /// <summary>The two-bit tags (SDM vol. 1 §8.1.7).</summary>
    internal static class Tag
    {
        public const int Valid = 0, Zero = 1, Special = 2, Empty = 3;

        /// <summary>The tag that a register's content calls for.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static int Of(Float80 value)
        {
            var exponent = value.SignExponent & 0x7FFF;
            if (exponent - 1 < 0x7FFE && exponent != 0 && value.Significand >> 63 != 0) return Valid;
            return exponent == 0 && value.Significand == 0 ? Zero : Special;
        }
    }
}
