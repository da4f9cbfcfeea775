namespace Holon.Jvm.Verifier;

/// <summary>The verifier of class files from version 50 on: it goes through the code once and compares with the stack map's frames (JVMS §4.10.1).</summary>
internal sealed class TypeChecker
{
    private readonly MethodCode _code;
    private readonly InstructionChecker _instructions;
    private readonly TypeFrame _frame;
    private readonly List<(int At, TypeFrame Frame)> _map;
    private readonly Dictionary<int, TypeFrame> _mapAt = [];
    private readonly CellBudget _cells;

    /// <summary>The instruction that is looked at, for messages.</summary>
    public int At { get; private set; }

    public TypeFrame Frame => _frame;

    public TypeChecker(MethodCode code, CellBudget cells)
    {
        _cells = cells;
        _code = code;
        _instructions = new InstructionChecker(code);
        _frame = code.FirstFrame();
        _map = StackMapReader.Read(code, _frame, cells);
        foreach (var (at, frame) in _map) _mapAt[at] = frame;
    }

    public void Check()
    {
        var next = 0;
        var reachable = true;
        var bytes = _code.Bytes;
        for (At = 0; At < bytes.Length;)
        {
            if (next < _map.Count && _map[next].At == At)
            {
                if (reachable) Match(_frame, At, "Instruction type does not match stack map");
                _frame.CopyFrom(_map[next].Frame);
                next++;
            }
            else if (!reachable)
            {
                throw new VerifyFailure("Expecting a stack map frame", "Expected stackmap frame at this location.");
            }
            CheckHandlers();
            _instructions.Step(_frame, At);
            foreach (var target in _instructions.Targets)
            {
                if (target is < -65536 or > 65536 + 65536) throw new VerifyFailure($"Illegal target of jump or branch (bci {At} + offset {target - At})");
                Match(_frame, target, $"Inconsistent stackmap frames at branch target {target}", true);
            }
            reachable = _instructions.FallsThrough;
            At += Interpreter.BytecodeReader.Length(bytes, At);
        }
        if (reachable) throw new VerifyFailure("Control flow falls through code end", "Bytecode index is out of range");
    }

    /// <summary>Every handler whose range holds this instruction may get control with the locals as they are now.</summary>
    private void CheckHandlers()
    {
        foreach (var handler in _code.Info.Handlers)
        {
            if (At < handler.Start || At >= handler.End) continue;
            var caught = handler.CatchType == 0 ? VType.Throwable : VType.Of(_code.Pool.ClassName(handler.CatchType));
            Match(_frame.ForHandler(caught), handler.Handler, $"Stack map does not match the one at exception handler {handler.Handler}", true);
        }
    }

    private void Match(TypeFrame frame, int target, string message, bool isJump = false)
    {
        if (!_mapAt.TryGetValue(target, out var wanted))
            throw new VerifyFailure(isJump ? $"Expecting a stackmap frame at branch target {target}" : "Expecting a stack map frame", "Expected stackmap frame at this location.");
        if (Mismatch(frame, wanted) is { } reason) throw new VerifyFailure(message, reason) { MapFrame = wanted, MapAt = target };
    }

    private string? Mismatch(TypeFrame frame, TypeFrame wanted)
    {
        _cells.Work(frame.Locals.Length + frame.Depth);
        if (frame.Depth != wanted.Depth) return "Current frame's stack size doesn't match stackmap.";
        for (var i = 0; i < frame.Locals.Length; i++)
        {
            if (!_code.Rules.IsAssignable(frame.Locals[i], wanted.Locals[i])) return $"Type {frame.Locals[i]} (current frame, locals[{i}]) is not assignable to {wanted.Locals[i]} (stack map, locals[{i}])";
        }
        for (var i = 0; i < frame.Depth; i++)
        {
            if (!_code.Rules.IsAssignable(frame.Stack[i], wanted.Stack[i])) return $"Type {frame.Stack[i]} (current frame, stack[{i}]) is not assignable to {wanted.Stack[i]} (stack map, stack[{i}])";
        }
        return frame.ThisUninitialized && !wanted.ThisUninitialized ? "Current frame's flags are not assignable to stack map frame's." : null;
    }
}
