using Holon.Jvm.ClassFile;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Interpreter;

/// <summary>
/// Which instruction put what is on the operand stack of a method, at each of its instructions: the data flow behind the messages of
/// NullPointerException (JEP 358). A long or double takes two slots.
/// </summary>
internal sealed class NullSources
{
    /// <summary>A slot that several instructions may have filled.</summary>
    public const int Unknown = -1;

    private const int PassLimit = 20;

    private sealed record State(int[] Stack, HashSet<int> Written);

    private readonly byte[] _code;
    private readonly ConstantPool _pool;
    private readonly Dictionary<int, State> _states = [];
    private bool _changed;

    public NullSources(JMethod method)
    {
        _code = method.Info.Code!.Bytes;
        _pool = method.Class.Pool;
        _states[0] = new State([], []);
        foreach (var handler in method.Info.Code.Handlers) _states[handler.Handler] = new State([Unknown], []);
        var passes = 0;
        do
        {
            _changed = false;
            for (var at = 0; at < _code.Length; at += BytecodeReader.Length(_code, at))
            {
                if (_states.TryGetValue(at, out var state)) Step(at, state);
            }
        }
        while (_changed && ++passes < PassLimit);
    }

    /// <summary>The instruction that filled a slot, counted from the top of the stack as it is before the instruction at an index.</summary>
    public int SourceOf(int at, int slot) => _states.TryGetValue(at, out var state) && slot < state.Stack.Length ? state.Stack[^(slot + 1)] : Unknown;

    /// <summary>Whether a local variable may have been assigned to before an instruction.</summary>
    public bool IsWritten(int at, int local) => _states.TryGetValue(at, out var state) && state.Written.Contains(local);

    private void Step(int at, State state)
    {
        int op = _code[at];
        var stack = new List<int>(state.Stack);
        var written = state.Written;
        void Pop(int count) => stack.RemoveRange(Math.Max(0, stack.Count - count), Math.Min(count, stack.Count));
        void Push(int count)
        {
            for (var i = 0; i < count; i++) stack.Add(at);
        }
        void Write(int local, int count)
        {
            written = [.. written];
            for (var i = 0; i < count; i++) written.Add(local + i);
        }
        void Copy(int count, int below)
        {
            if (stack.Count >= count + below) stack.InsertRange(stack.Count - count - below, stack[^count..]);
        }
        switch (op)
        {
            case 18 or 19:
                Push(1);
                break;
            case 20 or 9 or 10 or 14 or 15 or 22 or 24 or (>= 30 and <= 33) or (>= 38 and <= 41): // long and double constants and variables
                Push(2);
                break;
            case (>= 1 and <= 17) or 21 or 23 or 25 or (>= 26 and <= 45): // the other constants and variables
                Push(1);
                break;
            case 46 or 48 or (>= 50 and <= 53): // array loads
                Pop(2);
                Push(1);
                break;
            case 47 or 49:
                Pop(2);
                Push(2);
                break;
            case 54 or 56 or 58:
                Pop(1);
                Write(_code[at + 1], 1);
                break;
            case 55 or 57:
                Pop(2);
                Write(_code[at + 1], 2);
                break;
            case >= 59 and <= 78: // istore_0 to astore_3, four of each kind
                var wide = (op - 59) / 4 is 1 or 3;
                Pop(wide ? 2 : 1);
                Write((op - 59) % 4, wide ? 2 : 1);
                break;
            case 79 or 81 or (>= 83 and <= 86): // array stores
                Pop(3);
                break;
            case 80 or 82:
                Pop(4);
                break;
            case 87:
                Pop(1);
                break;
            case 88:
                Pop(2);
                break;
            case >= 89 and <= 91: // dup, dup_x1, dup_x2
                Copy(1, op - 89);
                break;
            case >= 92 and <= 94: // dup2, dup2_x1, dup2_x2
                Copy(2, op - 92);
                break;
            case 95:
                if (stack.Count >= 2) (stack[^1], stack[^2]) = (stack[^2], stack[^1]);
                break;
            case >= 96 and <= 115: // add, sub, mul, div, rem
                Pop((op & 1) == 1 ? 4 : 2);
                Push((op & 1) == 1 ? 2 : 1);
                break;
            case (>= 116 and <= 119) or (>= 145 and <= 147) or 134 or 139: // negation and casts that keep the size
                var size = op is 117 or 119 ? 2 : 1;
                Pop(size);
                Push(size);
                break;
            case 138 or 143: // l2d, d2l
                Pop(2);
                Push(2);
                break;
            case 120 or 122 or 124:
                Pop(2);
                Push(1);
                break;
            case 121 or 123 or 125:
                Pop(3);
                Push(2);
                break;
            case >= 126 and <= 131:
                Pop((op & 1) == 1 ? 4 : 2);
                Push((op & 1) == 1 ? 2 : 1);
                break;
            case 132:
                Write(_code[at + 1], 1);
                break;
            case 133 or 135 or 140 or 141: // to a larger type
                Pop(1);
                Push(2);
                break;
            case 136 or 137 or 142 or 144: // to a smaller one
                Pop(2);
                Push(1);
                break;
            case 148 or 151 or 152:
                Pop(4);
                Push(1);
                break;
            case 149 or 150:
                Pop(2);
                Push(1);
                break;
            case (>= 153 and <= 158) or 170 or 171 or 194 or 195 or 198 or 199:
                Pop(1);
                break;
            case >= 159 and <= 166:
                Pop(2);
                break;
            case 168 or 201:
                Push(1);
                break;
            case 178 or 180:
                if (op == 180) Pop(1);
                Push(TypeSlots(FieldType(at)));
                break;
            case 179 or 181:
                Pop(TypeSlots(FieldType(at)) + (op == 181 ? 1 : 0));
                break;
            case >= 182 and <= 186:
                var descriptor = MethodType(at);
                Pop(Descriptor.ParameterSlots(descriptor) + (op is 184 or 186 ? 0 : 1));
                Push(TypeSlots(descriptor[(descriptor.LastIndexOf(')') + 1)..]));
                break;
            case 187:
                Push(1);
                break;
            case 188 or 189 or 190 or 193:
                Pop(1);
                Push(1);
                break;
            case 196:
                Wide(at, Pop, Push, Write);
                break;
            case 197:
                Pop(_code[at + 3]);
                Push(1);
                break;
        }
        var after = new State([.. stack], written);
        foreach (var target in BytecodeReader.Targets(_code, at)) Merge(target, after);
        // goto, jsr, ret, switches, returns and athrow do not go on to the next instruction.
        if (op is not (>= 167 and <= 177) and not 191 and not 200 and not 201) Merge(at + BytecodeReader.Length(_code, at), after);
    }

    private void Wide(int at, Action<int> pop, Action<int> push, Action<int, int> write)
    {
        int op = _code[at + 1];
        var size = op is 22 or 24 or 55 or 57 ? 2 : 1;
        if (op is >= 21 and <= 25)
        {
            push(size);
        }
        else if (op is >= 54 and <= 58 or 132)
        {
            if (op != 132) pop(size);
            write(BytecodeReader.U2(_code, at + 2), size);
        }
    }

    private void Merge(int at, State state)
    {
        if (!_states.TryGetValue(at, out var known))
        {
            _states[at] = state;
            _changed = true;
            return;
        }
        var stack = known.Stack;
        for (var i = 0; i < stack.Length && i < state.Stack.Length; i++)
        {
            if (stack[i] == state.Stack[i] || stack[i] == Unknown) continue;
            if (ReferenceEquals(stack, known.Stack)) stack = [.. stack];
            stack[i] = Unknown;
        }
        var more = !state.Written.IsSubsetOf(known.Written);
        if (ReferenceEquals(stack, known.Stack) && !more) return;
        _states[at] = new State(stack, more ? [.. known.Written, .. state.Written] : known.Written);
        _changed = true;
    }

    private string FieldType(int at) => _pool.Member(BytecodeReader.U2(_code, at + 1)).Descriptor;

    private string MethodType(int at)
    {
        var index = BytecodeReader.U2(_code, at + 1);
        return _code[at] == 186 ? _pool.NameAndType(_pool.Entries[index].B).Descriptor : _pool.Member(index).Descriptor;
    }

    private static int TypeSlots(string descriptor) => descriptor[0] switch
    {
        'V' => 0,
        'J' or 'D' => 2,
        _ => 1,
    };
}
