using static Holon.Jvm.Interpreter.BytecodeReader;

namespace Holon.Jvm.Verifier;

/// <summary>
/// The verifier of older class files (JVMS §4.10.2): it follows the control flow and merges frames until nothing changes. Subroutines
/// (jsr, ret) keep, for each that a point lies in, which locals they change: the others come back as the caller left them.
/// </summary>
internal sealed class TypeInference
{
    private sealed record Subroutine(int Entry, bool[] Changes);

    private sealed class State(TypeFrame frame, Subroutine[] subroutines)
    {
        public readonly TypeFrame Frame = frame;
        public Subroutine[] Subroutines = subroutines;
        public bool Waits;
    }

    private readonly MethodCode _code;
    private readonly byte[] _bytes;
    private readonly InstructionChecker _instructions;
    private readonly CellBudget _cells;
    private readonly Dictionary<int, State> _states = [];
    private readonly bool[] _leaders;
    private readonly Queue<int> _work = new();
    private readonly Dictionary<int, List<int>> _callers = [];
    private readonly Dictionary<int, int> _returns = [];
    private TypeFrame _frame;
    private Subroutine[] _subroutines = [];

    /// <summary>The instruction that is looked at, for messages.</summary>
    public int At { get; private set; }

    public TypeFrame Frame => _frame;

    public TypeInference(MethodCode code, CellBudget cells)
    {
        _code = code;
        _bytes = code.Bytes;
        _cells = cells;
        _instructions = new InstructionChecker(code);
        _leaders = new bool[_bytes.Length];
        _frame = code.FirstFrame();
    }

    public void Check()
    {
        FindLeaders();
        At = 0;
        _leaders[0] = true;
        MergeInto(0, _frame, []);
        while (_work.TryDequeue(out var start))
        {
            var state = _states[start];
            state.Waits = false;
            _frame = state.Frame.Clone();
            _subroutines = state.Subroutines;
            RunBlock(start);
        }
    }

    /// <summary>Checks operands, and finds where control can come from elsewhere; also calls and returns of subroutines, whose frames are asked for later.</summary>
    private void FindLeaders()
    {
        for (var i = 0; i < _bytes.Length; i += Length(_bytes, i))
        {
            At = i;
            _instructions.CheckOperands(i);
            foreach (var target in Targets(_bytes, i))
            {
                if (!_code.IsStart(target)) throw new VerifyFailure("Illegal target of jump or branch");
                _leaders[target] = true;
            }
            int op = _bytes[i];
            if (op is 168 or 201)
            {
                _leaders[i] = true;
                var next = i + Length(_bytes, i);
                if (next < _bytes.Length) _leaders[next] = true;
                var entry = JsrTarget(i);
                if (!_callers.TryGetValue(entry, out var list)) _callers[entry] = list = [];
                list.Add(i);
            }
            else if (IsRet(i))
            {
                _leaders[i] = true;
            }
        }
        foreach (var handler in _code.Info.Handlers) _leaders[handler.Handler] = true;
    }

    private int JsrTarget(int at) => at + (_bytes[at] == 168 ? S2(_bytes, at + 1) : S4(_bytes, at + 1));

    private bool IsRet(int at) => _bytes[at] == 169 || _bytes[at] == 196 && _bytes[at + 1] == 169;

    private void RunBlock(int start)
    {
        for (At = start; ;)
        {
            MergeIntoHandlers();
            if (_bytes[At] is 168 or 201)
            {
                Call(JsrTarget(At));
                return;
            }
            if (IsRet(At))
            {
                Return(_bytes[At] == 169 ? _bytes[At + 1] : U2(_bytes, At + 2));
                return;
            }
            _instructions.Step(_frame, At);
            NoteStore();
            foreach (var target in _instructions.Targets) MergeInto(target, _frame, _subroutines);
            if (!_instructions.FallsThrough) return;
            var next = At + Length(_bytes, At);
            if (next >= _bytes.Length) throw new VerifyFailure("Falling off the end of the code");
            if (_leaders[next])
            {
                MergeInto(next, _frame, _subroutines);
                return;
            }
            At = next;
        }
    }

    private void MergeIntoHandlers()
    {
        foreach (var handler in _code.Info.Handlers)
        {
            if (At < handler.Start || At >= handler.End) continue;
            if (_frame.Stack.Length == 0) throw new VerifyFailure("Stack overflow");
            MergeInto(handler.Handler, _frame.ForHandler(handler.CatchType == 0 ? VType.Throwable : VType.Of(_code.Pool.ClassName(handler.CatchType))), _subroutines);
        }
    }

    private void Call(int entry)
    {
        if (Array.Exists(_subroutines, s => s.Entry == entry)) throw new VerifyFailure("Recursive call to jsr entry");
        _frame.Push(new VType(VKind.ReturnAddress, null, entry));
        _cells.Take(_frame.Locals.Length / 8 + 8);
        MergeInto(entry, _frame, [.. _subroutines, new Subroutine(entry, new bool[_frame.Locals.Length])]);
        // Its return may have been seen before this call was: it has one place more to go to now.
        if (_returns.TryGetValue(entry, out var ret) && _states.TryGetValue(ret, out var state)) Wait(ret, state);
    }

    private void Return(int local)
    {
        if (local >= _frame.Locals.Length) throw new VerifyFailure("Illegal local variable number");
        if (_frame.Locals[local].Kind != VKind.ReturnAddress) throw new VerifyFailure($"Register {local} contains wrong type");
        var entry = _frame.Locals[local].At;
        var own = Array.Find(_subroutines, s => s.Entry == entry) ?? throw new VerifyFailure("Illegal return from subroutine");
        if (_returns.TryGetValue(entry, out var other) && other != At) throw new VerifyFailure("Multiple returns to single jsr");
        _returns[entry] = At;
        foreach (var call in _callers.GetValueOrDefault(entry, []))
        {
            if (!_states.TryGetValue(call, out var caller)) continue;
            var next = call + Length(_bytes, call);
            if (next >= _bytes.Length) throw new VerifyFailure("Falling off the end of the code");
            var frame = _frame.Clone();
            for (var i = 0; i < frame.Locals.Length; i++)
            {
                if (!own.Changes[i]) frame.Locals[i] = caller.Frame.Locals[i];
                // A subroutine's own return address is of no use after it.
                if (frame.Locals[i] == new VType(VKind.ReturnAddress, null, entry)) frame.Locals[i] = VType.Top;
            }
            MergeInto(next, frame, [.. caller.Subroutines.Select(s => With(s, own.Changes))]);
        }
    }

    private static Subroutine With(Subroutine subroutine, bool[] changes)
    {
        var both = (bool[])subroutine.Changes.Clone();
        for (var i = 0; i < both.Length; i++) both[i] |= changes[i];
        return subroutine with { Changes = both };
    }

    /// <summary>Tells the subroutines that the last instruction stored into a local variable.</summary>
    private void NoteStore()
    {
        if (_subroutines.Length == 0) return;
        int op = _bytes[At];
        int local, size;
        switch (op)
        {
            case >= 54 and <= 58:
                (local, size) = (_bytes[At + 1], op is 55 or 57 ? 2 : 1);
                break;
            case >= 59 and <= 78:
                (local, size) = ((op - 59) % 4, (op - 59) / 4 is 1 or 3 ? 2 : 1);
                break;
            case 196 when _bytes[At + 1] is >= 54 and <= 58:
                (local, size) = (U2(_bytes, At + 2), _bytes[At + 1] is 55 or 57 ? 2 : 1);
                break;
            default:
                return;
        }
        // The slots beside may have lost the other half of a long.
        int first = Math.Max(local - 1, 0), last = Math.Min(local + size, _frame.Locals.Length - 1);
        if (Array.TrueForAll(_subroutines, s => s.Changes.AsSpan(first, last - first + 1).IndexOf(false) < 0)) return;
        var stored = new bool[_frame.Locals.Length];
        stored.AsSpan(first, last - first + 1).Fill(true);
        _subroutines = [.. _subroutines.Select(s => With(s, stored))];
    }

    private void Wait(int at, State state)
    {
        if (state.Waits) return;
        state.Waits = true;
        _work.Enqueue(at);
    }

    private void MergeInto(int target, TypeFrame frame, Subroutine[] subroutines)
    {
        if (!_states.TryGetValue(target, out var state))
        {
            _cells.Take(_frame.Locals.Length + _frame.Stack.Length);
            var kept = new TypeFrame(new VType[_frame.Locals.Length], _frame.Stack.Length);
            kept.CopyFrom(frame);
            _states[target] = state = new State(kept, subroutines);
            Wait(target, state);
            return;
        }
        _cells.Work(frame.Locals.Length + frame.Depth);
        if (MergeTypes(state.Frame, frame) | MergeSubroutines(state, subroutines)) Wait(target, state);
    }

    private bool MergeTypes(TypeFrame into, TypeFrame from)
    {
        if (into.Depth != from.Depth) throw new VerifyFailure($"Inconsistent stack height {from.Depth} != {into.Depth}");
        var changed = from.ThisUninitialized && !into.ThisUninitialized;
        into.ThisUninitialized |= from.ThisUninitialized;
        for (var i = 0; i < into.Depth; i++)
        {
            var merged = _code.Rules.Merge(into.Stack[i], from.Stack[i]);
            if (merged.Kind == VKind.Top) throw new VerifyFailure("Mismatched stack types");
            changed |= merged != into.Stack[i];
            into.Stack[i] = merged;
        }
        for (var i = 0; i < into.Locals.Length; i++)
        {
            if (into.Locals[i] == from.Locals[i]) continue;
            var merged = _code.Rules.Merge(into.Locals[i], from.Locals[i]);
            changed |= merged != into.Locals[i];
            into.Locals[i] = merged;
        }
        return changed;
    }

    /// <summary>A point lies in the subroutines that every way to it lies in.</summary>
    private static bool MergeSubroutines(State state, Subroutine[] from)
    {
        var merged = new List<Subroutine>();
        var changed = false;
        foreach (var old in state.Subroutines)
        {
            var other = Array.Find(from, s => s.Entry == old.Entry);
            if (other == null)
            {
                changed = true;
                continue;
            }
            var both = With(old, other.Changes);
            changed |= !both.Changes.AsSpan().SequenceEqual(old.Changes);
            merged.Add(both);
        }
        if (changed) state.Subroutines = [.. merged];
        return changed;
    }
}
