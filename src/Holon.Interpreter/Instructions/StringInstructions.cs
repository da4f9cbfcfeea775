using System.Numerics;
using Holon.Interpreter.Decoding;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <summary>
/// MOVS, CMPS, SCAS, LODS, STOS, INS and OUTS with their repeat prefixes. Registers are committed after every element, so a
/// fault or an interrupt in the middle leaves an instruction that goes on where it was (SDM vol. 2, REP).
/// </summary>
internal static unsafe class StringInstructions
{
    private const int Rax = 0, Rcx = 1, Rdx = 2, Rsi = 6, Rdi = 7;

    /// <summary>Elements after which a repeated instruction looks at interrupts.</summary>
    private const int Batch = 4096;

    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Movsb, &Bind<Movs, byte>);
        table.Add(Mnemonic.Movsw, &Bind<Movs, ushort>);
        table.Add(Mnemonic.Movsd, &BindMovsd);
        table.Add(Mnemonic.Movsq, &Bind<Movs, ulong>);
        table.Add(Mnemonic.Stosb, &Bind<Stos, byte>);
        table.Add(Mnemonic.Stosw, &Bind<Stos, ushort>);
        table.Add(Mnemonic.Stosd, &Bind<Stos, uint>);
        table.Add(Mnemonic.Stosq, &Bind<Stos, ulong>);
        table.Add(Mnemonic.Lodsb, &Bind<Lods, byte>);
        table.Add(Mnemonic.Lodsw, &Bind<Lods, ushort>);
        table.Add(Mnemonic.Lodsd, &Bind<Lods, uint>);
        table.Add(Mnemonic.Lodsq, &Bind<Lods, ulong>);
        table.Add(Mnemonic.Scasb, &Bind<Scas, byte>);
        table.Add(Mnemonic.Scasw, &Bind<Scas, ushort>);
        table.Add(Mnemonic.Scasd, &Bind<Scas, uint>);
        table.Add(Mnemonic.Scasq, &Bind<Scas, ulong>);
        table.Add(Mnemonic.Cmpsb, &Bind<Cmps, byte>);
        table.Add(Mnemonic.Cmpsw, &Bind<Cmps, ushort>);
        table.Add(Mnemonic.Cmpsd, &BindCmpsd);
        table.Add(Mnemonic.Cmpsq, &Bind<Cmps, ulong>);
        table.Add(Mnemonic.Insb, &Bind<Ins, byte>);
        table.Add(Mnemonic.Insw, &Bind<Ins, ushort>);
        table.Add(Mnemonic.Insd, &Bind<Ins, uint>);
        table.Add(Mnemonic.Outsb, &Bind<Outs, byte>);
        table.Add(Mnemonic.Outsw, &Bind<Outs, ushort>);
        table.Add(Mnemonic.Outsd, &Bind<Outs, uint>);
    }

    /// <summary>One element of a string instruction.</summary>
    private interface IElement
    {
        /// <summary>It compares, so REPE and REPNE look at ZF.</summary>
        static abstract bool Compares { get; }

        static abstract void Do<T>(Interpreter cpu, Op* op)
            where T : unmanaged, IBinaryInteger<T>;

        /// <summary>Checks made even when the count is zero.</summary>
        static virtual void Check(Interpreter cpu, int size)
        {
        }

        /// <summary>Does as many elements at once as it can, at most <paramref name="count"/>; 0 when it cannot.</summary>
        static virtual ulong DoMany<T>(Interpreter cpu, Op* op, ulong count)
            where T : unmanaged, IBinaryInteger<T> => 0;
    }

    /// <summary>MOVSD and CMPSD are also SSE2 mnemonics: the vector table binds those forms.</summary>
    private static Handler BindMovsd(in Instruction instruction, Op* op) =>
        instruction.Code == Code.Movsd_m32_m32 ? Bind<Movs, uint>(instruction, op) : VectorInstructions.BindMovsd(instruction, op);

    private static Handler BindCmpsd(in Instruction instruction, Op* op) =>
        instruction.Code == Code.Cmpsd_m32_m32 ? Bind<Cmps, uint>(instruction, op) : VectorInstructions.BindCmpsd(instruction, op);

    private static Handler Bind<TElement, T>(in Instruction instruction, Op* op)
        where TElement : struct, IElement
        where T : unmanaged, IBinaryInteger<T>
    {
        if ((op->Prefixes & (OpPrefixes.Rep | OpPrefixes.Repne)) == 0) return &Once<TElement, T>;
        return &Repeated<TElement, T>;
    }

    private static Op* Once<TElement, T>(Interpreter cpu, Op* op)
        where TElement : struct, IElement
        where T : unmanaged, IBinaryInteger<T>
    {
        TElement.Do<T>(cpu, op);
        return op + 1;
    }

    private static Op* Repeated<TElement, T>(Interpreter cpu, Op* op)
        where TElement : struct, IElement
        where T : unmanaged, IBinaryInteger<T>
    {
        TElement.Check(cpu, sizeof(T));
        return TElement.Compares ? RepeatedComparison<TElement, T>(cpu, op) : Repeat<TElement, T>(cpu, op);
    }

    /// <summary>A fault in the middle finds the flags as they were before the instruction (SDM vol. 2, REP).</summary>
    private static Op* RepeatedComparison<TElement, T>(Interpreter cpu, Op* op)
        where TElement : struct, IElement
        where T : unmanaged, IBinaryInteger<T>
    {
        var flags = cpu.GetRflags();
        try
        {
            return Repeat<TElement, T>(cpu, op);
        }
        catch (GuestFault)
        {
            cpu.LoadStatusFlags(flags);
            throw;
        }
    }

    private static Op* Repeat<TElement, T>(Interpreter cpu, Op* op)
        where TElement : struct, IElement
        where T : unmanaged, IBinaryInteger<T>
    {
        var stopWhenZero = (op->Prefixes & OpPrefixes.Repne) != 0;
        for (var i = 0; i < Batch; i++)
        {
            var count = Index(cpu, op, Rcx);
            if (count == 0) return op + 1;
            var done = TElement.DoMany<T>(cpu, op, count);
            if (done == 0)
            {
                TElement.Do<T>(cpu, op);
                done = 1;
            }

            SetIndex(cpu, op, Rcx, count - done);
            if (TElement.Compares && cpu.ZeroFlag == stopWhenZero) return op + 1;
            if (cpu.TrapsAfterElement) break;
        }

        return Index(cpu, op, Rcx) == 0 ? op + 1 : cpu.LeaveRepeated(op); // look at interrupts and traps, then go on
    }

    private static ulong Index(Interpreter cpu, Op* op, int register) => op->AddressSize switch
    {
        8 => cpu.Gpr(register),
        4 => (uint)cpu.Gpr(register),
        _ => (ushort)cpu.Gpr(register),
    };

    private static void SetIndex(Interpreter cpu, Op* op, int register, ulong value)
    {
        if (op->AddressSize == 8) cpu.Gpr(register) = value;
        else if (op->AddressSize == 4) cpu.Gpr(register) = (uint)value;
        else cpu.SetReg((ushort)(8 * register), (ushort)value);
    }

    private static void Advance<T>(Interpreter cpu, Op* op, int register)
        where T : unmanaged
    {
        var step = (cpu.State.Rflags & Rflags.DF) == 0 ? sizeof(T) : -sizeof(T);
        SetIndex(cpu, op, register, Index(cpu, op, register) + (ulong)step);
    }

    private static ulong Source<T>(Interpreter cpu, Op* op)
        where T : unmanaged => cpu.Linear(op->Segment, Index(cpu, op, Rsi), sizeof(T), false);

    private static ulong Destination<T>(Interpreter cpu, Op* op, bool write)
        where T : unmanaged => cpu.Linear(SegmentRegisters.Es, Index(cpu, op, Rdi), sizeof(T), write);

    /// <summary>Elements from an address to the end of its page.</summary>
    private static ulong ElementsInPage<T>(ulong linear)
        where T : unmanaged => (0x1000 - (linear & 0xFFF)) / (ulong)sizeof(T);

    private static bool CanDoMany(Interpreter cpu) => !cpu.ChecksAlignment && !cpu.TrapsAfterElement && (cpu.State.Rflags & Rflags.DF) == 0;

    /// <summary>Whether so many bytes follow an index without its wrapping, all of them within the segment.</summary>
    private static bool Reaches(Interpreter cpu, Op* op, int segment, int register, ulong bytes, bool write)
    {
        var index = Index(cpu, op, register);
        var most = op->AddressSize switch { 8 => ulong.MaxValue, 4 => uint.MaxValue, _ => ushort.MaxValue };
        return bytes - 1 <= most - index && cpu.IsWithinSegment(segment, index, bytes, write);
    }

    /// <summary>Moves an index over several elements, upwards.</summary>
    private static void Advance(Interpreter cpu, Op* op, int register, ulong bytes) => SetIndex(cpu, op, register, Index(cpu, op, register) + bytes);

    private readonly struct Movs : IElement
    {
        public static bool Compares => false;

        public static void Do<T>(Interpreter cpu, Op* op)
            where T : unmanaged, IBinaryInteger<T>
        {
            var value = cpu.Read<T>(Source<T>(cpu, op));
            cpu.Write(Destination<T>(cpu, op, true), value);
            Advance<T>(cpu, op, Rsi);
            Advance<T>(cpu, op, Rdi);
        }

        public static ulong DoMany<T>(Interpreter cpu, Op* op, ulong count)
            where T : unmanaged, IBinaryInteger<T>
        {
            if (!CanDoMany(cpu) || !Reaches(cpu, op, op->Segment, Rsi, (ulong)sizeof(T), false) || !Reaches(cpu, op, SegmentRegisters.Es, Rdi, (ulong)sizeof(T), true)) return 0;
            ulong source = Source<T>(cpu, op), destination = Destination<T>(cpu, op, true);
            count = Math.Min(count, Math.Min(ElementsInPage<T>(source), ElementsInPage<T>(destination)));
            var bytes = count * (ulong)sizeof(T);
            if (count < 2 || !Reaches(cpu, op, op->Segment, Rsi, bytes, false) || !Reaches(cpu, op, SegmentRegisters.Es, Rdi, bytes, true)) return 0;
            var from = cpu.TryReadPointer(source); // first, as its fault comes first
            var to = (byte*)cpu.TryPointer<byte>(destination);
            if (from == null || to == null) return 0;
            // An overlapping copy upwards repeats a pattern, which a block copy would not.
            if (to > from && to < from + bytes) return 0;
            Buffer.MemoryCopy(from, to, bytes, bytes);
            Advance(cpu, op, Rsi, bytes);
            Advance(cpu, op, Rdi, bytes);
            return count;
        }
    }

    private readonly struct Stos : IElement
    {
        public static bool Compares => false;

        public static void Do<T>(Interpreter cpu, Op* op)
            where T : unmanaged, IBinaryInteger<T>
        {
            cpu.Write(Destination<T>(cpu, op, true), cpu.Reg<T>(Rax));
            Advance<T>(cpu, op, Rdi);
        }

        public static ulong DoMany<T>(Interpreter cpu, Op* op, ulong count)
            where T : unmanaged, IBinaryInteger<T>
        {
            if (!CanDoMany(cpu)) return 0;
            var destination = Destination<T>(cpu, op, true); // its fault is the first element's
            count = Math.Min(count, ElementsInPage<T>(destination));
            var bytes = count * (ulong)sizeof(T);
            if (count < 2 || !Reaches(cpu, op, SegmentRegisters.Es, Rdi, bytes, true)) return 0;
            var to = cpu.TryPointer<byte>(destination);
            if (to == null) return 0;
            // Guest addresses need no alignment; spans of T on x86 hosts need none either.
            new Span<T>(to, (int)count).Fill(cpu.Reg<T>(Rax));
            Advance(cpu, op, Rdi, bytes);
            return count;
        }
    }

    private readonly struct Lods : IElement
    {
        public static bool Compares => false;

        public static void Do<T>(Interpreter cpu, Op* op)
            where T : unmanaged, IBinaryInteger<T>
        {
            cpu.SetReg(Rax, cpu.Read<T>(Source<T>(cpu, op)));
            Advance<T>(cpu, op, Rsi);
        }
    }

    private readonly struct Scas : IElement
    {
        public static bool Compares => true;

        public static void Do<T>(Interpreter cpu, Op* op)
            where T : unmanaged, IBinaryInteger<T>
        {
            Cmp.Apply(cpu, cpu.Reg<T>(Rax), cpu.Read<T>(Destination<T>(cpu, op, false)));
            Advance<T>(cpu, op, Rdi);
        }
    }

    private readonly struct Cmps : IElement
    {
        public static bool Compares => true;

        public static void Do<T>(Interpreter cpu, Op* op)
            where T : unmanaged, IBinaryInteger<T>
        {
            var right = cpu.Read<T>(Destination<T>(cpu, op, false)); // its fault comes first on Intel's processors
            Cmp.Apply(cpu, cpu.Read<T>(Source<T>(cpu, op)), right);
            Advance<T>(cpu, op, Rsi);
            Advance<T>(cpu, op, Rdi);
        }
    }

    private readonly struct Ins : IElement
    {
        public static bool Compares => false;

        public static void Check(Interpreter cpu, int size) => cpu.CheckPort((ushort)cpu.Gpr(Rdx), size);

        public static void Do<T>(Interpreter cpu, Op* op)
            where T : unmanaged, IBinaryInteger<T>
        {
            var port = (ushort)cpu.Gpr(Rdx);
            cpu.CheckPort(port, sizeof(T));
            var address = Destination<T>(cpu, op, true);
            cpu.ProbeWrite(address, sizeof(T)); // before the device is read
            cpu.Write(address, T.CreateTruncating(cpu.Bus.ReadPort(port, sizeof(T))));
            Advance<T>(cpu, op, Rdi);
        }
    }

    private readonly struct Outs : IElement
    {
        public static bool Compares => false;

        public static void Check(Interpreter cpu, int size) => cpu.CheckPort((ushort)cpu.Gpr(Rdx), size);

        public static void Do<T>(Interpreter cpu, Op* op)
            where T : unmanaged, IBinaryInteger<T>
        {
            var port = (ushort)cpu.Gpr(Rdx);
            cpu.CheckPort(port, sizeof(T));
            cpu.Bus.WritePort(port, sizeof(T), uint.CreateTruncating(cpu.Read<T>(Source<T>(cpu, op))));
            Advance<T>(cpu, op, Rsi);
        }
    }
}
