using System.Reflection.Emit;

namespace Holon.Python.Tier1;

/// <summary>A code object, or something in it, that tier 1 leaves to tier 0.</summary>
internal sealed class NotCompiledException(string reason) : Exception(reason);

/// <summary>
/// Compiles a code object to one dynamic method. A pass without output works out what is known before each block, until nothing changes;
/// then the same methods write the CIL. Locals and stack entries are CIL locals; a guard that fails writes them into the frame, where tier 0
/// goes on at the same instruction.
/// </summary>
internal sealed partial class CodeCompiler
{
    private readonly PyCode code;
    private readonly CompiledCode unit;
    private readonly Instruction[] instructions;
    private readonly FlowAnalysis flow;
    private readonly int localCount;
    private readonly int entryPc;
    private readonly bool isLoop;
    private readonly bool hasHandlers;
    private readonly Cil cil = new();
    private readonly State?[] known;
    private readonly SortedSet<int> work = [];
    private readonly HashSet<int> settled = [];
    private readonly Dictionary<int, Label> blocks = [];
    private readonly List<Exit> exits = [];

    private State state = null!;
    private State before = null!;
    private int pc;
    private Exit? deoptHere;
    private Exit? errorHere;
    private bool reachable;
    private PyTuple? keywordNames;

    private LocalBuilder? frame;
    private LocalBuilder? result;
    private LocalBuilder? savedSlots;
    private Label end;
    private Label failed;
    private Label failedInside;
    private bool failedUsed;

    private sealed record Exit(Label Target, int Pc, State State, int Site, bool IsError)
    {
        public Label Inside { get; init; }
    }

    private CodeCompiler(CompiledCode unit, int entryPc, bool isLoop)
    {
        this.unit = unit;
        code = unit.Code;
        this.entryPc = entryPc;
        this.isLoop = isLoop;
        instructions = code.Instructions;
        localCount = code.LocalsPlusNames.Length;
        if (localCount > 64 || instructions.Length > MaxInstructions)
            throw new NotCompiledException("too large");
        // Generators are entered in their midst, each time that they go on; to make one is tier 0's work.
        if (!isLoop && (code.Flags & (CodeFlags.Generator | CodeFlags.Coroutine | CodeFlags.AsyncGenerator)) != 0)
            throw new NotCompiledException("a generator");
        flow = new FlowAnalysis(code);
        hasHandlers = code.ExceptionTable.Length > 0;
        known = new State?[instructions.Length];
    }

    /// <summary>Longer code objects stay in tier 0. .NET compiles the longest of the others without optimizing them, which is still several times as fast as tier 0.</summary>
    private const int MaxInstructions = 10_000;

    private static readonly Type[] EntryTypes =
    [
        typeof(Entry0), typeof(Entry1), typeof(Entry2), typeof(Entry3), typeof(Entry4), typeof(Entry5), typeof(Entry6),
        typeof(Entry7), typeof(Entry8), typeof(Entry9), typeof(Entry10), typeof(Entry11), typeof(Entry12),
    ];

    /// <summary>The most arguments with which compiled code can be entered.</summary>
    public const int MaxArguments = 12;

    /// <summary>Compiles a function; <paramref name="listing"/> gets the CIL, by instruction.</summary>
    public static Delegate Function(CompiledCode unit, List<(int Pc, string Text)>? listing = null)
    {
        var compiler = new CodeCompiler(unit, 0, false);
        compiler.cil.Listing = listing;
        var count = unit.Code.ParameterCount;
        var locals = new Value[compiler.localCount];
        for (var i = 0; i < count; i++)
            locals[i] = Value.Object;
        var types = new Type[3 + count];
        types.AsSpan().Fill(typeof(PyObject));
        (types[0], types[1], types[2]) = (typeof(CompiledCode), typeof(PyThread), typeof(PyFunction));
        return compiler.Compile(new State(locals, compiler.NewStack(), 0), types, EntryTypes[count]);
    }

    /// <summary>Compiles a loop, to be entered in the midst of a frame such as the given one.</summary>
    public static LoopEntry Loop(CompiledCode unit, PyFrame frame, int pc)
    {
        var compiler = new CodeCompiler(unit, pc, true);
        var locals = new Value[compiler.localCount];
        for (var i = 0; i < locals.Length; i++)
        {
            if (compiler.IsLive(pc, i))
                locals[i] = frame.Slots[i].V is { } v ? new Value(Kind.Object, Value.ExactOf(v)) : new Value(Kind.Maybe);
        }
        var stack = compiler.NewStack();
        var depth = frame.Sp - locals.Length;
        for (var i = 0; i < depth; i++)
            stack[i] = frame.Slots[locals.Length + i].V is not null ? Value.Object : throw new NotCompiledException("a null on the stack");
        return (LoopEntry)compiler.Compile(new State(locals, stack, depth), [typeof(CompiledCode), typeof(PyThread), typeof(PyFrame)], typeof(LoopEntry));
    }

    private Value[] NewStack() => new Value[code.StackSize + 1];

    private bool IsLive(int at, int local) => (flow.LiveIn[at] >> local & 1) != 0;

    private Delegate Compile(State entry, Type[] parameters, Type delegateType)
    {
        flow.Leader[entryPc] = true;
        Prune(entry, entryPc);
        known[entryPc] = entry.Clone();
        work.Add(entryPc);
        var rounds = 0;
        while (work.Count > 0)
        {
            if (++rounds > 20_000)
                throw new NotCompiledException("no fixed point");
            var next = work.Min;
            work.Remove(next);
            Block(next);
        }

        var method = new DynamicMethod(code.Name.Value, typeof(PyObject), parameters, typeof(CodeCompiler).Module, skipVisibility: true);
        cil.Out = method.GetILGenerator(4096);
        frame = cil.Temporary(typeof(PyFrame));
        result = cil.Temporary(typeof(PyObject));
        failed = cil.Label();
        failedInside = cil.Label();
        end = cil.Label();
        cil.At = Cil.Before;
        Prologue(entry);
        for (var i = 0; i < instructions.Length; i++)
        {
            if (known[i] is null)
                continue;
            Block(i);
        }
        cil.At = Cil.After;
        Epilogue();
        unit.Roots.AddRange(cil.Roots);
        var made = method.CreateDelegate(delegateType, unit);
        return made;
    }

    private void Prologue(State entry)
    {
        if (isLoop)
        {
            cil.Argument(2);
            cil.Store(frame);
            var other = cil.Label();
            var fits = cil.Label();
            for (var i = 0; i < localCount + entry.Depth; i++)
            {
                var value = i < localCount ? entry.Locals[i] : entry.Stack[i - localCount];
                if (value.Kind == Kind.Dead)
                    continue;
                cil.Load(frame);
                cil.LoadField(typeof(PyFrame), nameof(PyFrame.Slots));
                cil.Int(i);
                cil.Op(OpCodes.Ldelema, typeof(Interpreter.Slot));
                cil.LoadField(typeof(Interpreter.Slot), nameof(Interpreter.Slot.V));
                cil.Store(cil.Home(i, Kind.Object));
                if (value.Kind == Kind.Maybe)
                    continue;
                cil.Load(cil.Home(i, Kind.Object));
                cil.Branch(OpCodes.Brfalse, other);
                if (value.Exact != Exact.None)
                {
                    cil.Load(cil.Home(i, Kind.Object));
                    cil.Call("Is" + value.Exact);
                    cil.Branch(OpCodes.Brfalse, other);
                }
            }
            cil.Branch(OpCodes.Br, fits);
            cil.Mark(other);
            cil.Call(nameof(Support.GetNotEntered));
            cil.Op(OpCodes.Ret);
            cil.Mark(fits);
        }
        else
        {
            cil.Argument(1);
            cil.Argument(2);
            cil.Argument(0);
            cil.Call(nameof(Support.Enter));
            cil.Store(frame);
            var entered = cil.Label();
            cil.Load(frame);
            cil.Branch(OpCodes.Brtrue, entered);
            cil.Argument(1);
            cil.Argument(2);
            if (code.ParameterCount < MaxCall)
            {
                for (var i = 0; i < code.ParameterCount; i++)
                    cil.Argument(3 + i);
                cil.Call("CallUncompiled" + code.ParameterCount);
            }
            else
            {
                NewArray(code.ParameterCount, i => cil.Argument(3 + i));
                cil.Call(nameof(Support.CallUncompiledMany));
            }
            cil.Op(OpCodes.Ret);
            cil.Mark(entered);
            for (var i = 0; i < code.ParameterCount; i++)
            {
                cil.Argument(3 + i);
                cil.Store(cil.Home(i, Kind.Object));
            }
            if (NeedsSuper && code.ArgCount > 0)
                MirrorSlot(0);
        }
        if (hasHandlers)
            cil.Out!.BeginExceptionBlock();
        state = entry.Clone();
        before = state;
        pc = entryPc;
        Goto(entryPc);
    }

    /// <summary>super() looks for the instance and the class in the frame.</summary>
    private bool NeedsSuper => code.FreeCount > 0 && code.LocalsPlusNames.AsSpan(localCount - code.FreeCount).ContainsAny([Names.Class]);

    /// <summary>Lets the frame see an object local too.</summary>
    private void MirrorSlot(int slot)
    {
        cil.Load(frame);
        cil.Int(slot);
        cil.Load(cil.Home(slot, Kind.Object));
        cil.Call(nameof(Support.SetSlot));
    }

    private void Epilogue()
    {
        if (hasHandlers)
        {
            foreach (var exit in exits)
            {
                cil.Mark(exit.Inside);
                cil.Branch(OpCodes.Leave, exit.Target);
            }
            cil.Mark(failedInside);
            cil.Branch(OpCodes.Leave, failed);
            var caught = cil.Label();
            var exception = cil.Temporary(typeof(Exception));
            cil.Out!.BeginCatchBlock(typeof(Exception));
            cil.Store(exception);
            cil.Argument(1);
            cil.Load(exception);
            cil.Call(nameof(Support.Catch));
            var known = cil.Label();
            cil.Branch(OpCodes.Brtrue, known);
            cil.Op(OpCodes.Rethrow);
            cil.Mark(known);
            cil.Branch(OpCodes.Leave, caught);
            cil.Out.EndExceptionBlock();
            cil.Mark(caught);
            foreach (var exit in exits.Where(e => e.IsError).DistinctBy(e => e.Pc))
            {
                cil.Load(frame);
                cil.LoadField(typeof(PyFrame), nameof(PyFrame.Pc));
                cil.Int(exit.Pc);
                cil.Branch(OpCodes.Beq, exit.Target);
            }
            cil.Branch(OpCodes.Br, failed);
            failedUsed = true;
        }
        foreach (var exit in exits)
            Leave(exit);
        if (failedUsed)
        {
            cil.Mark(failed);
            cil.Argument(1);
            cil.Load(frame);
            cil.Call(nameof(Support.Fail));
            cil.Op(OpCodes.Ret);
        }
        cil.Mark(end);
        cil.Load(result);
        cil.Op(OpCodes.Ret);
    }

    private void Leave(Exit exit)
    {
        cil.Mark(exit.Target);
        SaveFrame(exit.State);
        cil.Argument(1);
        cil.Load(frame);
        cil.Int(exit.Pc);
        cil.Int(localCount + exit.State.Depth);
        if (exit.IsError)
        {
            cil.Call(isLoop ? nameof(Support.RaiseInLoop) : nameof(Support.Raise));
        }
        else
        {
            cil.Argument(0);
            cil.Int(exit.Site);
            cil.Call(isLoop ? nameof(Support.DeoptimiseLoop) : nameof(Support.Deoptimise));
        }
        cil.Op(OpCodes.Ret);
    }

    /// <summary>Writes everything into the frame's slots.</summary>
    private void SaveFrame(State saved)
    {
        savedSlots ??= cil.Temporary(typeof(Interpreter.Slot[]));
        cil.Load(frame);
        cil.Call(nameof(Support.EmptySlots));
        cil.Store(savedSlots);
        for (var i = 0; i < localCount + saved.Depth; i++)
        {
            var value = i < localCount ? saved.Locals[i] : saved.Stack[i - localCount];
            if (value.Kind is Kind.Dead or Kind.Null)
                continue;
            cil.Load(savedSlots);
            cil.Int(i);
            cil.Op(OpCodes.Ldelema, typeof(Interpreter.Slot));
            LoadPlain(i, value);
            cil.StoreField(typeof(Interpreter.Slot), nameof(Interpreter.Slot.V));
        }
    }

    /// <summary>
    /// Writes everything into the slots of a frame that has them, a generator's. What has not changed since it went on is not written, for a reference costs a write
    /// barrier.
    /// </summary>
    private void SaveWhatChanged(State saved)
    {
        savedSlots ??= cil.Temporary(typeof(Interpreter.Slot[]));
        cil.Load(frame);
        cil.LoadField(typeof(PyFrame), nameof(PyFrame.Slots));
        cil.Store(savedSlots);
        for (var i = 0; i < localCount + code.StackSize + 1; i++)
        {
            var value = i < localCount ? saved.Locals[i] : i < localCount + saved.Depth ? saved.Stack[i - localCount] : Value.Dead;
            cil.Load(savedSlots);
            cil.Int(i);
            cil.Op(OpCodes.Ldelema, typeof(Interpreter.Slot));
            if (value.Kind is Kind.Object or Kind.Maybe)
            {
                cil.Load(cil.Home(i, Kind.Object));
                cil.Call(nameof(Support.Keep));
                continue;
            }
            LoadPlain(i, value);
            cil.StoreField(typeof(Interpreter.Slot), nameof(Interpreter.Slot.V));
        }
    }

    /// <summary>One block, up to the next one or to where control leaves it.</summary>
    private void Block(int start)
    {
        state = known[start]!.Clone();
        pc = start;
        reachable = true;
        cil.Mark(BlockLabel(start));
        while (true)
        {
            before = cil.IsDry ? state : state.Clone();
            deoptHere = errorHere = null;
            cil.At = pc;
            Instruction(instructions[pc]);
            if (!reachable)
                return;
            pc++;
            if (flow.Leader[pc])
            {
                before = state;
                Goto(pc);
                return;
            }
        }
    }

    private Label BlockLabel(int at)
    {
        if (cil.IsDry)
            return default;
        if (!blocks.TryGetValue(at, out var label))
            blocks.Add(at, label = cil.Label());
        return label;
    }

    private void Prune(State s, int at)
    {
        for (var i = 0; i < localCount; i++)
        {
            if (!IsLive(at, i))
                s.Locals[i] = Value.Dead;
        }
    }

    /// <summary>Goes to another block, bringing everything into the form that it expects there.</summary>
    private void Goto(int target)
    {
        if (cil.IsDry)
        {
            var merged = state.Clone();
            Prune(merged, target);
            for (var i = 0; i < merged.Depth; i++)
            {
                // At the head of a loop only what the loop itself keeps is known.
                merged.Stack[i] = Settle(merged.Stack[i]) with { Origin = -1 };
            }
            for (var i = 0; i < localCount; i++)
                merged.Locals[i] = merged.Locals[i] with { Constant = null, Origin = -1 };
            if (known[target] is { } already)
            {
                if (already.Depth != merged.Depth)
                    throw new NotCompiledException("the stack's height differs");
                for (var i = 0; i < localCount; i++)
                    merged.Locals[i] = IsLive(target, i) ? Join(already.Locals[i], merged.Locals[i], target, i) : Value.Dead;
                for (var i = 0; i < merged.Depth; i++)
                    merged.Stack[i] = Value.Join(already.Stack[i], merged.Stack[i], false);
                if (merged.SameAs(already))
                    return;
            }
            known[target] = merged;
            work.Add(target);
            return;
        }
        var wanted = known[target]!;
        var saved = state;
        var held = before;
        state = state.Clone();
        before = state.Clone();
        for (var i = 0; i < localCount; i++)
            Convert(i, state.Locals[i], wanted.Locals[i], target, i);
        for (var i = 0; i < state.Depth; i++)
            Convert(localCount + i, state.Stack[i], wanted.Stack[i], target, -1);
        cil.Branch(OpCodes.Br, BlockLabel(target));
        state = saved;
        before = held;
    }

    private Value Join(Value a, Value b, int target, int local)
    {
        var joined = Value.Join(a, b, MayGuess(target, local));
        // A local that has been a number and something else is not guessed to be a number again: the search must end.
        if (joined.Kind is Kind.Object or Kind.Maybe && (a.Kind is Kind.Int or Kind.Float || b.Kind is Kind.Int or Kind.Float))
            settled.Add(EdgeSite(target, local));
        return joined;
    }

    // A Bool is not kept across blocks.
    private static Value Settle(Value value) => value.Kind == Kind.Bool ? Value.Object : value;

    private static int EdgeSite(int target, int local) => (target + 1) * 64 + local + (1 << 20);

    private bool MayGuess(int target, int local) => flow.Header[target] && !unit.Generic.Contains(EdgeSite(target, local)) && !settled.Contains(EdgeSite(target, local));

    private void Convert(int slot, Value from, Value to, int target, int local)
    {
        if (to.Kind == Kind.Dead || from.Kind == to.Kind)
            return;
        switch (to.Kind)
        {
            case Kind.Maybe or Kind.Object or Kind.Null:
                if (from.Kind == Kind.Dead || from.Kind == Kind.Null)
                    cil.Op(OpCodes.Ldnull);
                else if (from.Kind is Kind.Object or Kind.Maybe)
                    return;
                else
                    LoadPlain(slot, from);
                cil.Store(cil.Home(slot, Kind.Object));
                break;
            case Kind.Int or Kind.Float:
                if (from.Kind != Kind.Object)
                    throw new NotCompiledException("a conversion that cannot be");
                if (to.Kind == Kind.Int ? !from.IsInt : !from.IsFloat)
                {
                    var exit = NewExit(target, EdgeSite(target, local), false);
                    cil.Load(cil.Home(slot, Kind.Object));
                    cil.Call(to.Kind == Kind.Int ? nameof(Support.IsInt) : nameof(Support.IsFloat));
                    cil.Branch(OpCodes.Brfalse, exit.Inside);
                }
                cil.Load(cil.Home(slot, Kind.Object));
                cil.Call(to.Kind == Kind.Int ? nameof(Support.IntOf) : nameof(Support.FloatOf));
                cil.Store(cil.Home(slot, to.Kind));
                break;
        }
    }

    private Exit NewExit(int at, int site, bool isError)
    {
        var target = cil.Label();
        var exit = new Exit(target, at, before.Clone(), site, isError) { Inside = hasHandlers ? cil.Label() : target };
        exits.Add(exit);
        return exit;
    }

    /// <summary>Where a failed guard of the present instruction goes.</summary>
    private Label Deopt()
    {
        if (cil.IsDry)
            return default;
        return (deoptHere ??= NewExit(pc, pc, false)).Inside;
    }

    /// <summary>Where an exception of the present instruction goes.</summary>
    private Label Error()
    {
        if (cil.IsDry)
            return default;
        if (IsCovered)
            return (errorHere ??= NewExit(pc, 0, true)).Inside;
        failedUsed = true;
        return hasHandlers ? failedInside : failed;
    }

    /// <summary>To be called before anything that may raise: tracebacks and handlers go by the frame's instruction.</summary>
    private void MayRaise()
    {
        cil.Load(frame);
        cil.Int(pc);
        cil.StoreField(typeof(PyFrame), nameof(PyFrame.Pc));
        if (IsCovered)
            Error();
    }

    /// <summary>The present instruction is in a try block.</summary>
    private bool IsCovered => hasHandlers && code.FindHandler(pc, out _, out _, out _);

    private void Return()
    {
        if (hasHandlers)
        {
            cil.Store(result);
            cil.Branch(OpCodes.Leave, end);
        }
        else
        {
            cil.Op(OpCodes.Ret);
        }
        reachable = false;
    }

    private bool MayGuessHere => !unit.Generic.Contains(pc);
}
