using System.Runtime.InteropServices;
using Holon.Jvm.ClassFile;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Interpreter;

/// <summary>
/// Decodes bytecode to operations on frame slots. While it goes through a block it knows for each operand stack entry whether it
/// still is a local variable or a constant, so most loads and pushes vanish. At the ends of blocks all entries are in their own slots.
/// </summary>
internal sealed unsafe partial class Decoder
{
    /// <summary>An operand stack entry: kind (I J F D R, A for a return address), the slot that holds it, or its constant.</summary>
    private readonly record struct Entry(char Kind, int Depth, int Slot, bool IsConstant = false, long Constant = 0)
    {
        public int Size => Kind is 'J' or 'D' ? 2 : 1;
    }

    private readonly JMethod _method;
    private readonly byte[] _code;
    private readonly ConstantPool _pool;
    private readonly int _maxStack, _maxLocals, _stackBase, _scratch;
    private readonly List<Insn> _out = [];
    private readonly List<int> _bci = [];
    private readonly int[] _index;
    private readonly string?[] _entryKinds;
    private readonly List<int> _branches = [];
    private readonly List<(int At, int[] Table)> _switches = [];
    private readonly Stack<int> _work = new();
    private readonly List<Entry> _stack = [];
    private int _depth, _at, _next, _blockStart;

    private Decoder(JMethod method)
    {
        _method = method;
        var code = method.Info.Code!;
        _code = code.Bytes;
        _pool = method.Class.Pool;
        _maxStack = code.MaxStack;
        _maxLocals = code.MaxLocals;
        _stackBase = _maxLocals + (method.KeepSlot >= 0 ? 1 : 0) + (method.IsSynchronized ? 1 : 0);
        _scratch = _stackBase + _maxStack;
        _index = new int[_code.Length];
        Array.Fill(_index, -1);
        _entryKinds = new string?[_code.Length];
    }

    public static DecodedCode Decode(JMethod method)
    {
        if (method.Slot->FrameSlots > ushort.MaxValue - 16) throw JThread.Current.Error("java/lang/StackOverflowError", $"{method} needs too large a frame");
        var decoder = new Decoder(method);
        try
        {
            return decoder.Run();
        }
        catch (Exception e) when (e is IndexOutOfRangeException or ArgumentOutOfRangeException or ClassFormatException)
        {
            throw decoder.Bad(e.Message);
        }
    }

    private JavaThrow Bad(string what) => JThread.Current.Error("java/lang/VerifyError", $"{what}\nException Details:\n  Location:\n    {_method} @{_at}");

    private DecodedCode Run()
    {
        if (_method.KeepSlot is >= 0 and var keep) Emit(Op.LdcRef, keep, 0, 0, (long)_method.Class.Memory.NewReference(_method.Class));
        if (_method.IsSynchronized) Emit(Op.SyncEnter, 0, 0, 0, _stackBase - 1);
        // An object is to be finalized from the end of Object's constructor on (JLS §12.6.1), which does nothing else.
        if (_method.Class == _method.Class.Machine.ObjectClass && _method.Name == "<init>") Emit(Op.RegisterFinalizer, 0, 0);
        foreach (var handler in _method.Info.Code!.Handlers) Reach(handler.Handler, "R");
        Reach(0, ""); // last in, first out: execution begins with the first operation
        while (_work.TryPop(out var start))
        {
            if (_index[start] < 0) DecodeFrom(start);
        }
        return Finish();
    }

    /// <summary>Notes that control can come to an instruction, with these kinds on the stack.</summary>
    private void Reach(int bci, string kinds)
    {
        if (_entryKinds[bci] is { } known)
        {
            if (known != kinds) throw Bad("Inconsistent stackmap frames");
            return;
        }
        _entryKinds[bci] = kinds;
        if (_index[bci] >= 0) throw Bad("Jump into the middle of a block"); // cannot be: blocks are found first
        _work.Push(bci);
    }

    private string Kinds() => string.Create(_stack.Count, _stack, static (chars, stack) =>
    {
        for (var i = 0; i < chars.Length; i++) chars[i] = stack[i].Kind;
    });

    private void DecodeFrom(int start)
    {
        _stack.Clear();
        _depth = 0;
        foreach (var kind in _entryKinds[start]!) Push(kind);
        _next = start;
        var open = true;
        while (open)
        {
            _at = _next;
            if (_at >= _code.Length) throw Bad("Control flow falls through code end");
            if (_at != start && (_entryKinds[_at] != null || IsLeader(_at)))
            {
                // Fell into the start of another block.
                Settle();
                if (_entryKinds[_at] == null) _entryKinds[_at] = Kinds();
                else if (_entryKinds[_at] != Kinds()) throw Bad("Inconsistent stackmap frames");
                if (_index[_at] >= 0)
                {
                    EmitBranch(Op.Goto, _at);
                    return;
                }
            }
            if (_entryKinds[_at] != null)
            {
                _index[_at] = _out.Count;
                _blockStart = _out.Count;
            }
            open = DecodeOne();
        }
    }

    private bool[]? _leaders;

    /// <summary>Whether any branch in the method goes to an instruction: known before decoding, so that no block is split later.</summary>
    private bool IsLeader(int bci)
    {
        _leaders ??= FindLeaders();
        return _leaders[bci];
    }

    private bool[] FindLeaders()
    {
        var leaders = new bool[_code.Length];
        for (var i = 0; i < _code.Length;)
        {
            var length = BytecodeReader.Length(_code, i);
            foreach (var target in BytecodeReader.Targets(_code, i))
            {
                if ((uint)target >= (uint)_code.Length) throw Bad("Illegal target of jump or branch");
                leaders[target] = true;
            }
            if (_code[i] is 168 or 201 && i + length < _code.Length) leaders[i + length] = true; // where a subroutine returns to
            i += length;
        }
        return leaders;
    }

    private void Emit(Op op, int a = 0, int b = 0, int c = 0, long imm = 0)
    {
        _out.Add(new Insn { Op = op, A = (ushort)a, B = (ushort)b, C = (ushort)c, Imm = imm });
        _bci.Add(_at);
    }

    private void EmitBranch(Op op, int target, int b = 0, int c = 0, int constant = 0)
    {
        _branches.Add(_out.Count);
        Emit(op, 0, b, c, (long)constant << 32 | (uint)target);
    }

    private Entry Push(char kind, int slot = -1, bool isConstant = false, long constant = 0)
    {
        var entry = new Entry(kind, _depth, slot < 0 ? _stackBase + _depth : slot, isConstant, constant);
        _depth += entry.Size;
        if (_depth > _maxStack) throw Bad("Operand stack overflow");
        _stack.Add(entry);
        return entry;
    }

    private Entry Pop()
    {
        if (_stack.Count == 0) throw Bad("Operand stack underflow");
        var entry = _stack[^1];
        _stack.RemoveAt(_stack.Count - 1);
        _depth -= entry.Size;
        return entry;
    }

    private Entry Pop(char kind)
    {
        var entry = Pop();
        if (entry.Kind != kind) throw Bad("Bad type on operand stack");
        return entry;
    }

    /// <summary>The slot of a popped entry; a constant is put into its own.</summary>
    private int Slot(in Entry entry) => entry.IsConstant ? Home(entry).Slot : entry.Slot;

    /// <summary>Moves an entry to its own slot of the operand stack.</summary>
    private Entry Home(in Entry entry)
    {
        var home = _stackBase + entry.Depth;
        if (!entry.IsConstant && entry.Slot == home) return entry;
        if (entry.IsConstant) EmitConstant(home, entry);
        else EmitMove(entry.Kind, home, entry.Slot);
        return entry with { Slot = home, IsConstant = false };
    }

    private void EmitConstant(int slot, in Entry entry)
    {
        if (entry.Kind == 'R') Emit(Op.Null, slot);
        else Emit(entry.Kind is 'J' or 'D' ? Op.Const8 : Op.Const4, slot, 0, entry.Kind, entry.Constant);
    }

    /// <summary>A move; it notes the kind, which the compiler wants to know.</summary>
    private void EmitMove(char kind, int to, int from) => Emit(kind switch
    {
        'R' => Op.MovR,
        'J' or 'D' => Op.Mov8,
        _ => Op.Mov4,
    }, to, from, kind);

    /// <summary>Puts all entries into their own slots, as block ends need them.</summary>
    private void Settle()
    {
        for (var i = 0; i < _stack.Count; i++) _stack[i] = Home(_stack[i]);
    }

    private void CheckLocal(int local, int size)
    {
        if (local + size > _maxLocals) throw Bad("Local index out of bounds");
    }

    private void LoadLocal(char kind, int local)
    {
        CheckLocal(local, kind is 'J' or 'D' ? 2 : 1);
        Push(kind, local);
    }

    /// <summary>Entries that still are the local move to their own slots before it changes.</summary>
    private bool SaveReaders(int local)
    {
        var any = false;
        for (var i = 0; i < _stack.Count; i++)
        {
            if (_stack[i].IsConstant || _stack[i].Slot != local) continue;
            _stack[i] = Home(_stack[i]);
            any = true;
        }
        return any;
    }

    private void StoreLocal(char kind, int local)
    {
        var entry = Pop();
        if (entry.Kind != kind && !(kind == 'R' && entry.Kind == 'A')) throw Bad("Bad type on operand stack");
        CheckLocal(local, entry.Size);
        var saved = SaveReaders(local);
        if (entry.IsConstant)
        {
            EmitConstant(local, entry);
            return;
        }
        if (entry.Slot == local) return;
        var last = _out.Count - 1;
        if (!saved && last >= _blockStart && entry.Slot == _stackBase + entry.Depth && _out[last].Op <= Op.LastWithResult && _out[last].A == entry.Slot)
        {
            _out[last] = _out[last] with { A = (ushort)local };
            return;
        }
        EmitMove(entry.Kind, local, entry.Slot);
    }

    private DecodedCode Finish()
    {
        var memory = _method.Class.Memory;
        var count = _out.Count;
        var code = (Insn*)memory.AllocateNative(count * sizeof(Insn));
        CollectionsMarshal.AsSpan(_out).CopyTo(new Span<Insn>(code, count));
        foreach (var at in _branches)
        {
            var distance = _index[(int)code[at].Imm] - at;
            code[at].Imm = code[at].Imm & ~0xFFFFFFFFL | (uint)distance;
        }
        foreach (var (at, table) in _switches)
        {
            var native = (int*)memory.AllocateNative(table.Length * sizeof(int));
            for (var i = 0; i < table.Length; i++) native[i] = table[i];
            var isTable = code[at].Op == Op.TableSwitch;
            // Table: low, high, default, targets. Lookup: count, default, pairs of match and target.
            if (isTable)
            {
                for (var i = 2; i < table.Length; i++) native[i] = _index[table[i]] - at;
            }
            else
            {
                for (var i = 1; i < table.Length; i += 2) native[i] = _index[table[i]] - at;
            }
            code[at].Imm = (long)native;
        }
        return new DecodedCode(code, count, [.. _bci], _index, _stackBase);
    }
}
