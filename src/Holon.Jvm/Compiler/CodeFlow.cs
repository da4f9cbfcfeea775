using Holon.Jvm.ClassFile;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Compiler;

/// <summary>
/// A snapshot of a method's decoded operations with what flows where: which variables each reads and writes, where control goes,
/// and which variables are live. A variable is a slot and a kind (I J F D R): number <c>slot * 5 + kind</c>.
/// </summary>
internal sealed unsafe class CodeFlow
{
    private const string KindNames = "IJFDR";

    public readonly JMethod Method;
    public readonly DecodedCode Code;
    public readonly Insn[] Insns;
    private readonly ConstantPool _pool;
    private readonly byte[] _bytes;
    private readonly int _words;
    private ulong[]? _liveIn;

    public CodeFlow(JMethod method)
    {
        Method = method;
        Code = method.Decoded!;
        _pool = method.Class.Pool;
        _bytes = method.Info.Code!.Bytes;
        Insns = new Insn[Code.Count];
        for (var i = 0; i < Insns.Length; i++) Insns[i] = Read(Code.Code + i);
        _words = (method.Slot->FrameSlots * 5 + 63) / 64;
    }

    /// <summary>Copies an operation that other threads may be rewriting: its operands are there before its code is.</summary>
    private static Insn Read(Insn* at)
    {
        for (; ; )
        {
            var op = Volatile.Read(ref *(ushort*)&at->Op);
            Thread.MemoryBarrier();
            var copy = *at;
            if (op == (ushort)copy.Op) return copy;
        }
    }

    /// <summary>Whether it has subroutines (jsr), for which nothing is known here.</summary>
    public bool HasSubroutines => Array.Exists(Insns, n => n.Op is Op.Jsr or Op.Ret);

    public static int Variable(int slot, char kind) => slot * 5 + KindNames.IndexOf(kind);

    public static char KindOf(int variable) => KindNames[variable % 5];

    public int Bci(int index) => Code.Bci[index];

    /// <summary>The constant pool index in the bytecode instruction that an operation comes from.</summary>
    public int PoolIndex(int index) => BytecodeReader.U2(_bytes, Code.Bci[index] + 1);

    /// <summary>Name and descriptor of the member or call site that an operation names.</summary>
    public (string Name, string Descriptor) Member(int index) => _pool.NameAndType(_pool.Entries[PoolIndex(index)].B);

    /// <summary>The kind of a field on the operand stack.</summary>
    public char FieldKind(int index) => Stubs.StackKind(Member(index).Descriptor[0]);

    /// <summary>The kind that an array access of four or eight bytes has, from its bytecode.</summary>
    public char ElementKind(int index) => "IJFDRIII"[_bytes[Code.Bci[index]] is var op && op >= 79 ? op - 79 : op - 46];

    /// <summary>Arguments of a call as variables, the receiver first, and the kind of its result.</summary>
    public char Arguments(int index, List<int> variables)
    {
        var insn = Insns[index];
        var descriptor = Member(index).Descriptor;
        int slot = insn.A;
        if (HasReceiver(index)) variables.Add(Variable(slot++, 'R'));
        var i = 1;
        for (; descriptor[i] != ')'; i = Descriptor.EndOfType(descriptor, i))
        {
            var kind = Stubs.StackKind(descriptor[i]);
            variables.Add(Variable(slot, kind));
            slot += kind is 'J' or 'D' ? 2 : 1;
        }
        return Stubs.StackKind(descriptor[i + 1]);
    }

    private bool HasReceiver(int index) => _bytes[Code.Bci[index]] is 182 or 183 or 185;

    public static bool IsCall(Op op) => op is >= Op.InvokeStatic and <= Op.CallHandle;

    /// <summary>Whether an operation still has symbols to resolve: it has never run.</summary>
    public static bool IsUnresolved(Op op) => op is Op.Ldc or Op.GetField or Op.PutField or Op.GetStatic or Op.PutStatic or Op.New or Op.ANewArray or Op.InstanceOf or Op.CheckCast
        or >= Op.InvokeStatic and <= Op.InvokeDynamic;

    public static bool EndsFlow(Op op) => op is Op.Goto or Op.TableSwitch or Op.LookupSwitch or Op.Throw or Op.Ret or >= Op.Return and <= Op.ReturnR;

    /// <summary>Variables that an operation reads; gives the one that it writes, or -1.</summary>
    public int Effects(int index, List<int> reads)
    {
        var n = Insns[index];
        switch (n.Op)
        {
            case Op.Mov4 or Op.Mov8 or Op.MovR:
                reads.Add(Variable(n.B, MoveKind(n)));
                return Variable(n.A, MoveKind(n));
            case Op.Const4 or Op.Const8:
                return Variable(n.A, MoveKind(n));
            case Op.Null or Op.LdcRef:
                return Variable(n.A, 'R');
            case Op.Ldc:
                return Variable(n.A, Stubs.StackKind((char)n.B));
            case >= Op.IAdd and <= Op.IUshr:
                return Binary('I', 'I', 'I');
            case Op.INeg or >= Op.IAddI and <= Op.IUshrI:
                return Unary('I', 'I');
            case >= Op.LAdd and <= Op.LXor:
                return Binary('J', 'J', 'J');
            case >= Op.LShl and <= Op.LUshr:
                return Binary('J', 'I', 'J');
            case Op.LNeg:
                return Unary('J', 'J');
            case >= Op.FAdd and <= Op.FRem:
                return Binary('F', 'F', 'F');
            case Op.FNeg:
                return Unary('F', 'F');
            case >= Op.DAdd and <= Op.DRem:
                return Binary('D', 'D', 'D');
            case Op.DNeg:
                return Unary('D', 'D');
            case Op.LCmp:
                return Binary('J', 'J', 'I');
            case Op.FCmpL or Op.FCmpG:
                return Binary('F', 'F', 'I');
            case Op.DCmpL or Op.DCmpG:
                return Binary('D', 'D', 'I');
            case >= Op.I2L and <= Op.I2S:
                return Unary("IIIJJJFFFDDDIII"[n.Op - Op.I2L], "JFDIFDIJDIJFIII"[n.Op - Op.I2L]);
            case >= Op.ALoadB and <= Op.ALoadR:
                return Binary('R', 'I', n.Op switch
                {
                    Op.ALoadR => 'R',
                    Op.ALoad4 or Op.ALoad8 => ElementKind(index),
                    _ => 'I',
                });
            case Op.ArrayLength or Op.InstanceOf or Op.InstanceOfQ:
                return Unary('R', 'I');
            case >= Op.GetField and <= Op.GetFieldReferent:
                return Unary('R', FieldKind(index));
            case >= Op.GetStatic and <= Op.GetStaticVolatile:
                return Variable(n.A, FieldKind(index));
            case Op.New or Op.NewQ:
                return Variable(n.A, 'R');
            case Op.NewArray or Op.ANewArray or Op.ANewArrayQ:
                return Unary('I', 'R');
            case >= Op.IfEq and <= Op.IfLe:
                reads.Add(Variable(n.B, 'I'));
                reads.Add(Variable(n.C, 'I'));
                return -1;
            case >= Op.IfEqI and <= Op.IfLeI or Op.TableSwitch or Op.LookupSwitch:
                reads.Add(Variable(n.B, 'I'));
                return -1;
            case >= Op.IfLEq and <= Op.IfLLe:
                reads.Add(Variable(n.B, 'J'));
                reads.Add(Variable(n.C, 'J'));
                return -1;
            case Op.IfNull or Op.IfNonNull or Op.CheckCast or Op.CheckCastQ or Op.MonitorEnter or Op.MonitorExit or Op.RegisterFinalizer or Op.Throw or Op.ReturnR:
                reads.Add(Variable(n.B, 'R'));
                return -1;
            case Op.IfAcmpEq or Op.IfAcmpNe:
                reads.Add(Variable(n.B, 'R'));
                reads.Add(Variable(n.C, 'R'));
                return -1;
            case >= Op.AStoreB and <= Op.AStoreR:
                reads.Add(Variable(n.B, 'R'));
                reads.Add(Variable(n.C, 'I'));
                reads.Add(Variable(n.A, n.Op switch
                {
                    Op.AStoreR => 'R',
                    Op.AStore4 or Op.AStore8 => ElementKind(index),
                    _ => 'I',
                }));
                return -1;
            case >= Op.PutField and <= Op.PutFieldReferent:
                reads.Add(Variable(n.B, 'R'));
                reads.Add(Variable(n.A, FieldKind(index)));
                return -1;
            case >= Op.PutStatic and <= Op.PutStaticVolatile:
                reads.Add(Variable(n.A, FieldKind(index)));
                return -1;
            case >= Op.InvokeStatic and <= Op.CallHandle:
                var result = Arguments(index, reads);
                return result == 'V' ? -1 : Variable(n.A, result);
            case Op.MultiNewArray:
                for (var i = 0; i < n.B; i++) reads.Add(Variable(n.A + i, 'I'));
                return Variable(n.A, 'R');
            case Op.Return4 or Op.Return8:
                reads.Add(Variable(n.B, Stubs.StackKind(Method.ReturnKind)));
                return -1;
            case Op.SyncEnter:
                if (!Method.IsStatic) reads.Add(Variable(0, 'R'));
                return Variable((int)n.Imm, 'R');
            case Op.SyncExit:
                reads.Add(Variable((int)n.Imm, 'R'));
                return -1;
            default:
                return -1;
        }

        int Unary(char from, char to)
        {
            reads.Add(Variable(n.B, from));
            return Variable(n.A, to);
        }

        int Binary(char left, char right, char to)
        {
            reads.Add(Variable(n.B, left));
            reads.Add(Variable(n.C, right));
            return Variable(n.A, to);
        }
    }

    public static char MoveKind(in Insn n) => (char)n.C;

    /// <summary>Where control can go from an operation, exceptions aside.</summary>
    public void Successors(int index, List<int> to)
    {
        var n = Insns[index];
        switch (n.Op)
        {
            case >= Op.Goto and <= Op.IfAcmpNe:
                to.Add(index + n.Distance);
                break;
            case Op.TableSwitch or Op.LookupSwitch:
                foreach (var (_, target) in Cases(index)) to.Add(target);
                break;
        }
        if (!EndsFlow(n.Op)) to.Add(index + 1);
    }

    /// <summary>The cases of a switch; the default comes first, with no value.</summary>
    public IEnumerable<(int? Value, int Target)> Cases(int index)
    {
        var list = new List<(int?, int)>();
        var table = (int*)Insns[index].Imm;
        if (Insns[index].Op == Op.TableSwitch)
        {
            list.Add((null, index + table[2]));
            for (var i = 0; i <= table[1] - table[0]; i++) list.Add((table[0] + i, index + table[3 + i]));
        }
        else
        {
            list.Add((null, index + table[1]));
            for (var i = 0; i < table[0]; i++) list.Add((table[2 + i * 2], index + table[3 + i * 2]));
        }
        return list;
    }

    /// <summary>The rows of the exception table that cover an operation, in order.</summary>
    public IEnumerable<int> Handlers(int index)
    {
        var bci = Code.Bci[index];
        var rows = Method.Info.Code!.Handlers;
        for (var i = 0; i < rows.Length; i++)
        {
            if (bci >= rows[i].Start && bci < rows[i].End) yield return i;
        }
    }

    /// <summary>The operation that a row's handler begins with.</summary>
    public int HandlerStart(int row) => Code.IndexOfBci[Method.Info.Code!.Handlers[row].Handler];

    /// <summary>Variables that are live just before an operation, as a set of bits.</summary>
    public ReadOnlySpan<ulong> LiveBefore(int index)
    {
        _liveIn ??= FindLive();
        return _liveIn.AsSpan(index * _words, _words);
    }

    /// <summary>Variables that the rest of the method needs of a call's frame while the call goes on.</summary>
    public ulong[] LiveAcross(int index)
    {
        _liveIn ??= FindLive();
        var live = new ulong[_words];
        var to = new List<int>();
        Successors(index, to);
        foreach (var next in to) Unite(live, LiveBefore(next));
        var written = Effects(index, []);
        if (written >= 0) Remove(live, written);
        AddHandlers(index, live);
        return live;
    }

    private static void Unite(Span<ulong> into, ReadOnlySpan<ulong> from)
    {
        for (var w = 0; w < into.Length; w++) into[w] |= from[w];
    }

    /// <summary>A write ends the life of all kinds that share its stack's slot.</summary>
    private static void Remove(Span<ulong> live, int variable)
    {
        var slot = variable / 5;
        if (variable % 5 == 4)
        {
            live[variable >> 6] &= ~(1UL << (variable & 63));
            return;
        }
        for (var v = slot * 5; v < slot * 5 + 4; v++) live[v >> 6] &= ~(1UL << (v & 63));
    }

    private void AddHandlers(int index, Span<ulong> live)
    {
        var thrown = Variable(Code.StackBase, 'R');
        foreach (var row in Handlers(index))
        {
            var before = LiveRow(HandlerStart(row));
            var hadThrown = (live[thrown >> 6] >> (thrown & 63) & 1) != 0;
            Unite(live, before);
            if (!hadThrown) live[thrown >> 6] &= ~(1UL << (thrown & 63));
        }
        if (Method.IsSynchronized && Insns[index].Op != Op.SyncEnter)
        {
            var locked = Variable(Code.StackBase - 1, 'R');
            live[locked >> 6] |= 1UL << (locked & 63);
        }
    }

    private Span<ulong> LiveRow(int index) => _liveIn.AsSpan(index * _words, _words);

    private ulong[] FindLive()
    {
        _liveIn = new ulong[Insns.Length * _words];
        Span<ulong> live = new ulong[_words];
        var reads = new List<int>();
        var to = new List<int>();
        for (var changed = true; changed;)
        {
            changed = false;
            for (var i = Insns.Length - 1; i >= 0; i--)
            {
                live.Clear();
                to.Clear();
                reads.Clear();
                Successors(i, to);
                foreach (var next in to) Unite(live, LiveRow(next));
                var written = Effects(i, reads);
                if (written >= 0) Remove(live, written);
                AddHandlers(i, live);
                foreach (var read in reads) live[read >> 6] |= 1UL << (read & 63);
                var row = LiveRow(i);
                if (live.SequenceEqual(row)) continue;
                live.CopyTo(row);
                changed = true;
            }
        }
        return _liveIn;
    }
}
