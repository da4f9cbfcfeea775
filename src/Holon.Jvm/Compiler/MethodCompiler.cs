using System.Reflection.Emit;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Compiler;

/// <summary>
/// Translates a method's decoded operations, and those of the methods it inlines, to one .NET method. Each slot becomes up to five
/// CIL locals, one a kind. An inlined method's slots begin at its arguments in its caller's, as they do in the interpreter, so its
/// arguments need no copying, and a frame for the interpreter is made by writing the live locals back to slots.
/// What rarely happens (exceptions, operations that never ran) is laid out behind everything else.
/// </summary>
internal sealed unsafe partial class MethodCompiler
{
    /// <summary>A method in the code being made: the one compiled, or one inlined.</summary>
    private sealed class Scope(CodeFlow flow, int from, Scope? outer, int outerIndex, nint outerSite)
    {
        public readonly CodeFlow Flow = flow;

        /// <summary>Where its slots begin among those of the outermost method.</summary>
        public readonly int Base = from;
        public readonly Scope? Outer = outer;

        /// <summary>The call that was replaced, in the outer method.</summary>
        public readonly int OuterIndex = outerIndex;
        public readonly nint OuterSite = outerSite;
        public readonly int Depth = outer == null ? 0 : outer.Depth + 1;
        public readonly bool[] Reachable = new bool[flow.Insns.Length];
        public readonly bool[] LoopHeads = new bool[flow.Insns.Length];

        /// <summary>Operations that control comes to by a branch or an exception.</summary>
        public readonly bool[] Joins = new bool[flow.Insns.Length];
        public readonly Label?[] Labels = new Label?[flow.Insns.Length];
        public readonly nint[] Sites = new nint[flow.Insns.Length];
        public readonly Dictionary<string, Label> Dispatches = [];

        /// <summary>Return operations translated so far.</summary>
        public int Returns;

        /// <summary>What is known of the result that the last of them returns.</summary>
        public Fact Result;

        /// <summary>Where an inlined method goes on to.</summary>
        public Label Done;

        public JMethod Method => Flow.Method;
    }

    /// <summary>More operations than this in one .NET method, and RyuJIT no longer optimizes it.</summary>
    private const int OperationLimit = 2500, InlineLimit = 450;

    private readonly JavaMachine _machine;
    private readonly JitCompiler _compiler;
    private readonly CompiledCode _code;
    private readonly Cil _cil;
    private readonly DynamicMethod _body;
    private readonly LocalBuilder _frame;

    /// <summary>The class of a static method that may be unloaded.</summary>
    private LocalBuilder? _keep;
    private readonly Dictionary<int, LocalBuilder> _locals = [];
    private readonly Queue<Action> _cold = new();
    private readonly List<int> _scratch = [];
    private readonly Label _exit;
    private readonly char _result;
    private int _operations;
    private Scope _at = null!;
    private int _index;

    private MethodCompiler(JavaMachine machine, JMethod method, int loop, bool listing)
    {
        _machine = machine;
        _compiler = machine.Compiler!;
        _code = new CompiledCode(method, loop);
        _result = Stubs.StackKind(method.ReturnKind);
        var shape = Stubs.ShapeOf(method);
        var name = $"{method.Class.JavaName}.{method.Name}{(loop < 0 ? "" : "@" + method.Decoded!.Bci[loop])}";
        _body = loop < 0
            ? new DynamicMethod(name, Stubs.ResultOf(shape), Stubs.Signature(shape), typeof(MethodCompiler).Module, true)
            : new DynamicMethod(name, typeof(int), [typeof(JThread), typeof(nint), typeof(nint)], typeof(MethodCompiler).Module, true);
        _body.InitLocals = false;
        if (listing) _code.Listing = [];
        _cil = new Cil(_body.GetILGenerator(1024), listing ? Listen : null);
        _frame = _cil.Generator.DeclareLocal(typeof(nint));
        _exit = _cil.Label();
    }

    private void Listen(string text)
    {
        var (scope, outer) = (_at, _index);
        for (; scope?.Outer != null; scope = scope.Outer) outer = scope.OuterIndex;
        _code.Listing!.Add(scope == null || _index < 0 ? new CilLine(_code.Method, -1, 0, -1, text) : new CilLine(_at.Method, _at.Flow.Bci(_index), _at.Depth, scope.Flow.Bci(outer), text));
    }

    /// <summary>Compiles a method, or what follows from one of its loops; null when it has instructions that stay interpreted.</summary>
    public static CompiledCode? Compile(JavaMachine machine, JMethod method, int loop, bool listing = false)
    {
        var flow = new CodeFlow(method);
        if (!CanCompile(flow) || flow.Insns.Length > OperationLimit) return null;
        return new MethodCompiler(machine, method, loop, listing).Run(flow);
    }

    private static bool CanCompile(CodeFlow flow)
    {
        foreach (var n in flow.Insns)
        {
            if (n.Op is Op.Jsr or Op.Ret) return false;
        }
        return true;
    }

    private CompiledCode Run(CodeFlow flow)
    {
        var scope = new Scope(flow, 0, null, -1, 0);
        _index = -1;
        if (_code.Loop < 0) EnterMethod(scope);
        else EnterLoop(scope);
        EmitScope(scope, Math.Max(_code.Loop, 0));
        _at = scope;
        while (_cold.TryDequeue(out var action))
        {
            _facts.Clear();
            action();
        }
        _index = -1;
        _cil.Mark(_exit);
        LeaveFrame();
        if (_code.Loop < 0) Emitted.EmitDefault(_cil.Generator, _result);
        else _cil.Int(0);
        _cil.Emit(OpCodes.Ret);
        _code.Entry = Emitted.Address(_body);
        _code.Body = _body;
        _code.Operations = _operations;
        return _code;
    }

    /// <summary>What the compiled method's class is in: its constants and places go there.</summary>
    private ClassMemory Memory => _code.Method.Class.Memory;

    /// <summary>
    /// The code names a class that its own does not keep from being unloaded, but an object that the code has as a constant leads to: it keeps the class itself.
    /// </summary>
    private void KeepNamed(JClass c)
    {
        if (!c.Memory.IsPermanent && c.Memory != Memory) _code.Kept.Add(c);
    }

    /// <summary>Whether the code may name a class of receivers that the interpreter has seen: it is to keep none from being unloaded.</summary>
    private bool MayName(JClass c)
    {
        if (c.Memory.IsPermanent || c.Memory == Memory || _code.Kept.Contains(c)) return true;
        for (var scope = _at; scope != null; scope = scope.Outer)
        {
            if (scope.Method.Class.Memory == c.Memory || scope.Method.Class.Loader.Keeps(c)) return true;
        }
        return false;
    }

    private void EnterMethod(Scope scope)
    {
        if (!Memory.IsPermanent && _code.Method.IsStatic)
        {
            _keep = _cil.Generator.DeclareLocal(typeof(object));
            _cil.Address((long)Memory.NewReference(_code.Method.Class));
            _cil.Emit(OpCodes.Ldind_Ref);
            _cil.Store(_keep);
        }
        // frame = t.Top + 1; a record of the thread's, so that stack traces see the call.
        _cil.Argument(0);
        _cil.Field(OpCodes.Ldfld, Emitted.Top);
        _cil.Int(sizeof(Frame));
        _cil.Emit(OpCodes.Add);
        _cil.Store(_frame);
        var overflow = _cil.Label();
        _cil.Load(_frame);
        _cil.Argument(0);
        _cil.Field(OpCodes.Ldfld, Emitted.EntryLimit);
        _cil.Branch(OpCodes.Bge_Un, overflow);
        // The address of any local of this method's tells how much of .NET's own stack is left.
        _cil.AddressOf(_cil.Generator.DeclareLocal(typeof(int)));
        _cil.Emit(OpCodes.Conv_U);
        _cil.Argument(0);
        _cil.Field(OpCodes.Ldfld, Emitted.StackEnd);
        _cil.Branch(OpCodes.Blt_Un, overflow);
        if (_machine.Options.InstructionLimit != null)
        {
            CountStep();
            _cil.Argument(0);
            _cil.Field(OpCodes.Ldfld, Emitted.Budget);
            _cil.Int(0);
            _cil.Branch(OpCodes.Blt, overflow);
        }
        var entered = _cil.Label();
        _cil.Mark(entered);
        _cil.Argument(0);
        _cil.Load(_frame);
        _cil.Field(OpCodes.Stfld, Emitted.Top);
        _cold.Enqueue(() =>
        {
            _cil.Mark(overflow);
            _cil.Argument(0);
            _cil.Load(_frame);
            _cil.Call(nameof(CompiledRuntime.MayEnter));
            _cil.Branch(OpCodes.Brtrue, entered);
            Emitted.EmitDefault(_cil.Generator, _result);
            _cil.Emit(OpCodes.Ret);
        });
        var slot = 0;
        var argument = 2;
        foreach (var kind in Stubs.ShapeOf(scope.Method)[..^2])
        {
            _cil.Argument(argument++);
            _cil.Store(Local(scope, slot, kind));
            slot += kind is 'J' or 'D' ? 2 : 1;
        }
    }

    /// <summary>Takes the live locals over from the interpreter's frame.</summary>
    private void EnterLoop(Scope scope)
    {
        _cil.Argument(0);
        _cil.Field(OpCodes.Ldfld, Emitted.Top);
        _cil.Store(_frame);
        foreach (var variable in Bits(scope.Flow.LiveBefore(_code.Loop).ToArray()))
        {
            var kind = CodeFlow.KindOf(variable);
            _cil.Argument(kind == 'R' ? 2 : 1);
            _cil.Int(variable / 5 * 8);
            _cil.Emit(OpCodes.Add);
            _cil.Emit(Stubs.LoadOf(kind));
            _cil.Store(Local(scope, variable / 5, kind));
        }
        _cil.Branch(OpCodes.Br, LabelOf(scope, _code.Loop));
    }

    private static List<int> Bits(ReadOnlySpan<ulong> set)
    {
        var list = new List<int>();
        for (var w = 0; w < set.Length; w++)
        {
            for (var bits = set[w]; bits != 0; bits &= bits - 1) list.Add(w * 64 + System.Numerics.BitOperations.TrailingZeroCount(bits));
        }
        return list;
    }

    /// <summary>
    /// On each way out of a method that may be unloaded: its class is in use until here. The frame of a loop's code has it in a slot of the interpreter's.
    /// </summary>
    private void KeepClass()
    {
        if (_code.Loop >= 0 || Memory.IsPermanent) return;
        if (_code.Method.IsStatic) _cil.Load(_keep!);
        else _cil.Argument(2);
        _cil.Call(nameof(CompiledRuntime.KeepAlive));
    }

    /// <summary>Pops the frame's record; that of a loop belongs to the interpreter.</summary>
    private void LeaveFrame()
    {
        if (_code.Loop >= 0) return;
        KeepClass();
        _cil.Argument(0);
        _cil.Load(_frame);
        _cil.Int(sizeof(Frame));
        _cil.Emit(OpCodes.Sub);
        _cil.Field(OpCodes.Stfld, Emitted.Top);
    }

    // Variables and labels --------------------------------------------------------------------------------------------

    private LocalBuilder Local(Scope scope, int slot, char kind) => LocalAt(scope.Base + slot, kind);

    private LocalBuilder LocalAt(int slot, char kind)
    {
        var variable = CodeFlow.Variable(slot, kind);
        if (!_locals.TryGetValue(variable, out var local)) _locals[variable] = local = _cil.Generator.DeclareLocal(Stubs.TypeOf(kind));
        return local;
    }

    private void Load(int slot, char kind) => _cil.Load(Local(_at, slot, kind));

    private void Store(int slot, char kind) => _cil.Store(Local(_at, slot, kind));

    private Label LabelOf(Scope scope, int index) => scope.Labels[index] ??= _cil.Label();

    /// <summary>The place in the code where an operation is.</summary>
    private CodeSite* SiteOf(Scope scope, int index)
    {
        ref var site = ref scope.Sites[index];
        if (site != 0) return (CodeSite*)site;
        var made = (CodeSite*)Memory.AllocateNative(sizeof(CodeSite));
        made->Method = scope.Method.Slot;
        made->Bci = scope.Flow.Bci(index);
        made->Outer = (CodeSite*)scope.OuterSite;
        site = (nint)made;
        return made;
    }

    /// <summary>Notes in the frame where the code is, before anything that may look at the stack.</summary>
    private void NoteSite()
    {
        _cil.Load(_frame);
        _cil.Int(Emitted.PlaceOffset);
        _cil.Emit(OpCodes.Add);
        _cil.Long(Frame.PlaceOf(SiteOf(_at, _index)));
        _cil.Emit(OpCodes.Stind_I8);
    }

    /// <summary>Code that rarely runs: laid out at the end, as part of the operation being translated.</summary>
    private void Cold(Action emit)
    {
        var (scope, index) = (_at, _index);
        _cold.Enqueue(() =>
        {
            (_at, _index) = (scope, index);
            emit();
        });
    }

    // Control flow ----------------------------------------------------------------------------------------------------

    private void EmitScope(Scope scope, int start)
    {
        FindReachable(scope, start);
        // A loop's code comes here from outside, too.
        scope.Joins[start] |= start > 0;
        var (outer, outerIndex) = (_at, _index);
        _at = scope;
        for (var i = 0; i < scope.Reachable.Length; i++)
        {
            if (!scope.Reachable[i]) continue;
            _index = i;
            _operations++;
            _cil.Mark(LabelOf(scope, i));
            if (scope.Joins[i]) ForgetFrom(scope.Base);
            if (scope.LoopHeads[i]) EmitPoll();
            if (MustTrap(scope, i)) EmitTrap();
            else EmitAndLearn(scope.Flow.Insns[i]);
        }
        (_at, _index) = (outer!, outerIndex);
    }

    private void EmitAndLearn(in Insn n)
    {
        var isCall = CodeFlow.IsCall(n.Op);
        var source = n.Op == Op.MovR ? FactAt(n.B) : default;
        _scratch.Clear();
        var written = _at.Flow.Effects(_index, _scratch);
        _hasLearned = false;
        EmitOperation(n);
        // Calls see to their results themselves.
        if (written >= 0 && !isCall && !_hasLearned && CodeFlow.KindOf(written) == 'R') Forget(written / 5);
        Follow(n, source);
    }

    private void FindReachable(Scope scope, int start)
    {
        var work = new Stack<int>([start]);
        while (work.TryPop(out var i))
        {
            if (scope.Reachable[i]) continue;
            scope.Reachable[i] = true;
            foreach (var row in scope.Flow.Handlers(i))
            {
                work.Push(scope.Flow.HandlerStart(row));
                scope.Joins[scope.Flow.HandlerStart(row)] = true;
            }
            if (MustTrap(scope, i)) continue;
            _scratch.Clear();
            scope.Flow.Successors(i, _scratch);
            foreach (var next in _scratch)
            {
                if (next <= i) scope.LoopHeads[next] = true;
                if (next != i + 1) scope.Joins[next] = true;
                work.Push(next);
            }
        }
    }

    /// <summary>
    /// Once in each round of a loop: leaves for the interpreter when something is asked of the thread. A call that came back here
    /// would cost the loop its registers.
    /// </summary>
    private void EmitPoll()
    {
        var leave = Trap(true);
        _cil.Argument(0);
        // .NET would read it once before a loop that calls and stores nothing, which then had no end.
        _cil.Emit(OpCodes.Volatile);
        _cil.Field(OpCodes.Ldfld, Emitted.Poll);
        _cil.Branch(OpCodes.Brtrue, leave);
        if (_machine.Options.InstructionLimit == null) return;
        CountStep();
        _cil.Argument(0);
        _cil.Field(OpCodes.Ldfld, Emitted.Budget);
        _cil.Int(0);
        _cil.Branch(OpCodes.Blt, leave);
    }

    /// <summary>Counts a call, a round of a loop or an allocation, where steps are limited.</summary>
    private void CountStep()
    {
        if (_machine.Options.InstructionLimit == null) return;
        _cil.Argument(0);
        _cil.Argument(0);
        _cil.Field(OpCodes.Ldfld, Emitted.Budget);
        _cil.Int(1);
        _cil.Emit(OpCodes.Sub);
        _cil.Field(OpCodes.Stfld, Emitted.Budget);
    }

    /// <summary>Where to go to leave for the interpreter at this operation.</summary>
    private Label Trap(bool isPoll = false)
    {
        var label = _cil.Label();
        Cold(() =>
        {
            _cil.Mark(label);
            EmitTrap(isPoll);
        });
        return label;
    }

    // Exceptions ------------------------------------------------------------------------------------------------------

    /// <summary>After a call: goes to the handler when an exception was noted.</summary>
    private void CheckException()
    {
        _cil.Argument(0);
        _cil.Field(OpCodes.Ldfld, Emitted.Exception);
        _cil.Branch(OpCodes.Brtrue, Dispatch(_at, _index));
    }

    /// <summary>Where to go when an operation ends with the thread's noted exception. Operations with the same handlers share it.</summary>
    private Label Dispatch(Scope scope, int index)
    {
        var rows = scope.Flow.Handlers(index).ToArray();
        if (rows.Length == 0 && !scope.Method.IsSynchronized) return scope.Outer == null ? _exit : Dispatch(scope.Outer, scope.OuterIndex);
        var isLocked = scope.Method.IsSynchronized && scope.Flow.Insns[index].Op != Op.SyncEnter;
        var key = string.Join(',', rows) + (isLocked ? "L" : "");
        if (scope.Dispatches.TryGetValue(key, out var label)) return label;
        scope.Dispatches[key] = label = _cil.Label();
        _cold.Enqueue(() =>
        {
            (_at, _index) = (scope, index);
            _cil.Mark(label);
            if (rows.Length > 0) EmitFindHandler(rows);
            if (isLocked)
            {
                _cil.Argument(0);
                Load(scope.Flow.Code.StackBase - 1, 'R');
                _cil.Call(nameof(CompiledRuntime.Unlock));
            }
            _cil.Branch(OpCodes.Br, scope.Outer == null ? _exit : Dispatch(scope.Outer, scope.OuterIndex));
        });
        return label;
    }

    private void EmitFindHandler(int[] rows)
    {
        var row = _cil.Generator.DeclareLocal(typeof(int));
        _cil.Argument(0);
        _cil.Address((long)SiteOf(_at, _index));
        _cil.Call(nameof(CompiledRuntime.FindHandler));
        _cil.Store(row);
        foreach (var each in rows)
        {
            var next = _cil.Label();
            _cil.Load(row);
            _cil.Int(each);
            _cil.Branch(OpCodes.Bne_Un, next);
            _cil.Argument(0);
            _cil.Field(OpCodes.Ldfld, Emitted.Exception);
            Store(_at.Flow.Code.StackBase, 'R');
            _cil.Argument(0);
            _cil.Emit(OpCodes.Ldnull);
            _cil.Field(OpCodes.Stfld, Emitted.Exception);
            _cil.Branch(OpCodes.Br, LabelOf(_at, _at.Flow.HandlerStart(each)));
            _cil.Mark(next);
        }
    }

    /// <summary>Where an exception is raised: a helper notes it, then its handler is looked for.</summary>
    private Label Raise(string helper, params (int Slot, char Kind)[] arguments)
    {
        var label = _cil.Label();
        Cold(() =>
        {
            _cil.Mark(label);
            NoteSite();
            _cil.Argument(0);
            foreach (var (slot, kind) in arguments) Load(slot, kind);
            _cil.Call(helper);
            _cil.Branch(OpCodes.Br, Dispatch(_at, _index));
        });
        return label;
    }

    // Going on in the interpreter -------------------------------------------------------------------------------------

    /// <summary>Goes on in the interpreter, at the operation itself: it has never run, so what it means is not known yet.</summary>
    private void EmitTrap(bool isPoll = false)
    {
        var frames = new List<(JMethod, int, int)>();
        var live = new List<(int Slot, char Kind)>();
        var slots = 0;
        var index = _index;
        for (Scope? scope = _at, inner = null; scope != null; index = scope.OuterIndex, inner = scope, scope = scope.Outer)
        {
            frames.Insert(0, (scope.Method, scope.Base, index));
            slots = Math.Max(slots, scope.Base + scope.Method.Slot->FrameSlots);
            // SAFETY of slots above an outer method's arguments: they are the inner one's, and dead in the outer one.
            var end = inner != null ? scope.Flow.Insns[index].A : int.MaxValue;
            foreach (var variable in Bits(inner != null ? scope.Flow.LiveAcross(index) : scope.Flow.LiveBefore(index)))
            {
                if (variable / 5 < end) live.Add((scope.Base + variable / 5, CodeFlow.KindOf(variable)));
            }
        }
        var point = (long)Memory.NewReference(new DeoptPoint(_code, [.. frames], slots, isPoll));
        var p = Shared("slots");
        var r = Shared("references");
        NoteSite();
        _cil.Argument(0);
        _cil.Address(point);
        if (_code.Loop >= 0) _cil.Argument(1);
        else _cil.Address(0);
        _cil.Call(nameof(CompiledRuntime.BeginDeopt));
        _cil.Store(p);
        _cil.Load(p);
        _cil.Branch(OpCodes.Brfalse, Dispatch(_at, _index));
        _cil.Argument(0);
        _cil.Load(p);
        _cil.Call(nameof(CompiledRuntime.ReferenceSlot));
        _cil.Store(r);
        foreach (var (slot, kind) in live)
        {
            _cil.Load(kind == 'R' ? r : p);
            _cil.Int(slot * 8);
            _cil.Emit(OpCodes.Add);
            _cil.Load(LocalAt(slot, kind));
            _cil.Emit(Stubs.StoreOf(kind));
        }
        _cil.Argument(0);
        _cil.Address(point);
        _cil.Load(p);
        _cil.Call(nameof(CompiledRuntime.FinishDeopt));
        KeepClass();
        if (_code.Loop >= 0)
        {
            _cil.Int(1);
        }
        else if (_result != 'V')
        {
            _cil.Load(_result == 'R' ? r : p);
            _cil.Emit(Stubs.LoadOf(_result));
        }
        _cil.Emit(OpCodes.Ret);
    }

    private readonly Dictionary<string, LocalBuilder> _shared = [];

    private LocalBuilder Shared(string name)
    {
        if (!_shared.TryGetValue(name, out var local)) _shared[name] = local = _cil.Generator.DeclareLocal(typeof(nint));
        return local;
    }
}
