using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Holon.Jvm.Compiler;
using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;

namespace Holon.Jvm.Runtime;

/// <summary>A Java thread, on a .NET thread of its own: its stacks of frames and slots, and what other threads ask of it.</summary>
internal sealed unsafe class JThread : IDisposable
{
    public const int InterfaceCacheMask = 511;

    /// <summary>Backward branches and allocations between two looks at what is asked of the thread.</summary>
    public int Quantum = 5_000;

    /// <summary>Bytes of .NET's stack that compiled code leaves to the C# that it calls.</summary>
    private const int HostStackReserve = 512 << 10;

    /// <summary>Slots kept free for raising StackOverflowError.</summary>
    private const int Reserve = 2048;

    [ThreadStatic]
    private static JThread? _current;

    public readonly JavaMachine Machine;
    public JObject? JavaObject;
    public Frame* Top;

    /// <summary>The machine's compiler; null when it only interprets.</summary>
    public readonly JitCompiler? Compiler;
    public Frame* FrameLimit;
    public long* StackLimit;

    /// <summary>
    /// Compiled methods look where their frame would lie beyond this: at the end of the frames, and at once when it is null, which
    /// is how they are asked to look at what is asked of the thread.
    /// </summary>
    public Frame* EntryLimit;
    public int Budget;

    /// <summary>Not zero when compiled code is to call <see cref="Safepoint"/> at its next backward branch.</summary>
    public int Poll;

    /// <summary>The exception that a compiled method or a helper of one has just ended with; compiled code looks after each call.</summary>
    public JObject? Exception;

    /// <summary>The member or lambda form by which a method was last called: it keeps the method's class until the method does so itself.</summary>
    public object? CalledHandle;

    /// <summary>Compiled code raises StackOverflowError when its .NET stack is below this address.</summary>
    public nint StackEnd;

    /// <summary>First free slot while compiled code runs on top of interpreted frames.</summary>
    public long* SlotTop;

    /// <summary>Calls between two looks of the interpreter at whether a method is worth compiling, less one.</summary>
    public int CallMask = 127;
    public nint ObjectKlass;
    public InterfaceCacheEntry* InterfaceCache;

    private readonly long* _slots;
    private readonly object?[] _references;
    private readonly object?* _referenceBase;
    private readonly Frame* _frames;
    private bool _overflowing;
    private int _granted;
    private bool _disposed;

    /// <summary>Bytes that the thread may allocate until an object of its is to be watched: see <see cref="HeapSamples"/>.</summary>
    public long AllocationLeft = long.MaxValue;

    /// <summary>Parking (LockSupport): one permit.</summary>
    public readonly SemaphoreSlim ParkPermit = new(0, 1);
    private int _hasPermit;

    /// <summary>The host's number of the thread; 0 until it runs.</summary>
    public volatile int HostId;

    /// <summary>Bytes that it had allocated at its last safepoint.</summary>
    public long AllocatedBytes => Volatile.Read(ref _allocated);

    private long _allocated;
    public volatile bool Interrupted;
    public readonly ManualResetEventSlim SleepSignal = new(false);

    /// <summary>How often it waited for a monitor, and how often for something else.</summary>
    public long BlockedCount, WaitedCount;

    /// <summary>Somebody wants to know the thread's stack.</summary>
    public volatile Diagnostics.ThreadStacks.Request? Asked;

    /// <summary>What it had locked, by frame, when it began to wait for a monitor or in one; null while it runs.</summary>
    public volatile Dictionary<nint, IReadOnlyList<object>>? HeldWhenBlocked;

    /// <summary>
    /// Objects that others wait to lock and that this thread, which waits itself, has locked, as far as it had looked when it answered
    /// the last question of <see cref="Diagnostics.Deadlocks"/>.
    /// </summary>
    public volatile object[] OwnedForOthers = [];

    /// <summary>The last question that it has answered.</summary>
    public long OwnersAnswered => Volatile.Read(ref _ownersAnswered);

    private long _ownersAnswered;

    /// <summary>How often a thread that waits to enter a monitor looks at what is asked of it, in milliseconds.</summary>
    public const int BlockedStep = 100;

    private readonly long _born = Environment.TickCount64;

    public TimeSpan Age => TimeSpan.FromMilliseconds(Environment.TickCount64 - _born);

    public bool IsWaiting => (_javaStatus & (WaitingBit | BlockedBit)) != 0;

    private const int WaitingBit = 0x80, BlockedBit = 0x400;

    /// <summary>The object whose monitor the thread waits in, or waits to enter.</summary>
    public volatile object? WaitingOn, BlockedOn;

    /// <summary>What the thread does, in the bits of java.lang.Thread's field (JVMTI's thread states).</summary>
    public int JavaStatus
    {
        get => _javaStatus;
        set
        {
            _javaStatus = value;
            // A thread that has ended says so itself; one that is still being set up has no field yet.
            if (JavaObject is { } thread && Machine.Known is { } known && thread.Field<int>(known.ThreadStatus) is not (0 or Terminated)) thread.Field<int>(known.ThreadStatus) = value;
        }
    }

    private volatile int _javaStatus;

    public const int Terminated = 2, Runnable = 5, Blocked = 0x401, Waiting = 0x191, TimedWaiting = 0x1A1, Parked = 0x291, TimedParked = 0x2A1, Sleeping = 0xE1;

    public JThread(JavaMachine machine, int stackSlots)
    {
        Machine = machine;
        Compiler = machine.Compiler;
        if (machine.Options.Tier == ExecutionTier.CompiledAtOnce) Quantum = CallMask = 0;
        Budget = _granted = Quantum;
        if (machine.Samples is { } samples) AllocationLeft = samples.NextDistance();
        _slots = (long*)NativeMemory.AllocZeroed((nuint)stackSlots + 64, 8);
        // SAFETY: pinned and kept by this object, so the address holds while the thread lives.
        _references = ReferenceStacks.Rent(stackSlots + 64);
        _referenceBase = (object?*)Unsafe.AsPointer(ref _references[0]);
        var frames = stackSlots / 6 + 256;
        _frames = (Frame*)NativeMemory.AllocZeroed((nuint)frames, (nuint)sizeof(Frame));
        InterfaceCache = (InterfaceCacheEntry*)NativeMemory.AllocZeroed(InterfaceCacheMask + 1, (nuint)sizeof(InterfaceCacheEntry));
        StackLimit = _slots + stackSlots - Reserve;
        EntryLimit = FrameLimit = _frames + frames - Reserve / 10;
        Top = _frames - 1;
        SlotTop = _slots;
    }

    public static JThread Current => _current ?? throw new InvalidOperationException("This .NET thread is no Java thread.");

    public static JThread? CurrentOrNull => _current;

    public Frame* BottomFrame => _frames;

    public string Name => JavaObject == null ? "main" : Machine.StringOf((JObject?)JavaObject.Ref(Machine.Known.ThreadName)) ?? "";

    public void Attach()
    {
        _current = this;
        StackEnd = Natives.Libc.StackEnd() + HostStackReserve;
        HostId = Natives.Libc.ThreadId();
    }

    public static void Detach() => _current = null;

    /// <summary>Calls a method with its arguments (the receiver first) and gives its result. Raises <see cref="JavaThrow"/>.</summary>
    public Value Call(JMethod method, params ReadOnlySpan<Value> arguments)
    {
        if (method.IsStatic) Initialization.Initialize(this, method.Class);
        var p = FreeSlots();
        var r = ReferenceSlot(p);
        if (p + method.Slot->FrameSlots > StackLimit) throw new JavaThrow(StackOverflow());
        var slot = 0;
        var argument = 0;
        if (!method.IsStatic) r[slot++] = arguments[argument++].Ref;
        foreach (var kind in method.Parameters)
        {
            var value = arguments[argument++];
            if (kind == 'R') r[slot] = value.Ref;
            else p[slot] = value.Bits;
            slot += kind is 'J' or 'D' ? 2 : 1;
        }
        Interpreter.Interpreter.Invoke(this, method.Slot, p, r);
        return method.ReturnKind switch
        {
            'V' => default,
            'R' => Value.Of(*r),
            'J' or 'D' => Value.Of(*p),
            _ => Value.Of(*(int*)p),
        };
    }

    /// <summary>The first slot that no frame uses.</summary>
    public long* FreeSlots()
    {
        var top = Top;
        return top < _frames ? _slots : top->IsCompiled ? SlotTop : top->P + top->M->FrameSlots;
    }

    /// <summary>The reference slot beside a primitive slot.</summary>
    public object?* ReferenceSlot(long* p) => _referenceBase + (p - _slots);

    /// <summary>Calls the method that overrides <paramref name="method"/> in the receiver's class.</summary>
    public Value CallVirtual(JMethod method, params ReadOnlySpan<Value> arguments)
    {
        var c = Machine.ClassOf(arguments[0].Ref!);
        var index = method.Class.IsInterface ? c.VTableIndex(method.Name, method.Desc) : method.Slot->VTableIndex;
        return Call(index >= 0 && !method.IsPrivate ? c.VTable[index] : method, arguments);
    }

    public JObject NewThrowable(string className, string? message) => message == null
        ? NewThrowable(className, "()V", default(ReadOnlySpan<Value>))
        : NewThrowable(className, "(Ljava/lang/String;)V", Value.Of(Machine.NewString(message)));

    public JObject NewThrowable(string className, string constructor, params ReadOnlySpan<Value> arguments)
    {
        var c = Machine.BootLoader.Load(this, className);
        Initialization.Initialize(this, c);
        var o = c.Allocate();
        var init = c.DeclaredMethod("<init>", constructor);
        if (init == null && constructor != "()V") init = c.DeclaredMethod("<init>", "()V");
        if (init!.Parameters.Length == 0) Call(init, Value.Of(o));
        else Call(init, [Value.Of(o), .. arguments]);
        return o;
    }

    /// <summary>A Java error to throw from C#.</summary>
    public JavaThrow Error(string className, string? message, JObject? cause = null)
    {
        var o = NewThrowable(className, message);
        if (cause != null) o.Ref(Machine.Known.ThrowableCause) = cause;
        return new JavaThrow(o);
    }

    public JObject StackOverflow()
    {
        if (_overflowing) return NewBare("java/lang/StackOverflowError");
        _overflowing = true;
        StackLimit += Reserve - 64;
        EntryLimit = FrameLimit += Reserve / 10 - 8;
        StackEnd -= HostStackReserve / 2;
        try
        {
            return NewThrowable("java/lang/StackOverflowError", null);
        }
        catch (JavaThrow e)
        {
            return e.Throwable;
        }
        finally
        {
            StackLimit -= Reserve - 64;
            EntryLimit = FrameLimit -= Reserve / 10 - 8;
            StackEnd += HostStackReserve / 2;
            _overflowing = false;
        }
    }

    public JObject OutOfMemory(string message)
    {
        if (!Machine.Options.ExitOnOutOfMemory) return NewThrowable("java/lang/OutOfMemoryError", message);
        Machine.Options.Log($"Terminating due to java.lang.OutOfMemoryError: {message}");
        Machine.End(3);
        throw new MachineEnd(3);
    }

    private JObject NewBare(string className) => Machine.BootLoader.Load(this, className).Allocate();

    /// <summary>Looks at what was asked of this thread since the last time.</summary>
    public void Safepoint()
    {
        var done = _granted - Math.Max(Budget, -1);
        Budget = _granted = Quantum;
        Poll = 0;
        if (Asked != null) AnswerRequest();
        if (Machine.Ending) throw new MachineEnd(Machine.ExitCode);
        Machine.Account(done);
        if (Machine.Ending) throw new MachineEnd(Machine.ExitCode);
        Volatile.Write(ref _allocated, GC.GetAllocatedBytesForCurrentThread());
        ClearAbove();
    }

    /// <summary>Tells its stack to whoever asked.</summary>
    public void AnswerRequest()
    {
        if (Asked is not { } request) return;
        Asked = null;
        request.Answer.SetResult(Diagnostics.ThreadStacks.Read(this, true));
    }

    /// <summary>Makes the interpreter's next backward branch, allocation or call a safepoint. Steps that were not taken do not count.</summary>
    public void ComeToSafepoint()
    {
        if (Budget <= 0) return;
        _granted -= Budget;
        Budget = 0;
    }

    /// <summary>The thread has made an object of some bytes.</summary>
    public void Allocated(object o, long bytes)
    {
        if ((AllocationLeft -= bytes) < 0) WatchAllocated(o, bytes);
    }

    /// <summary>The same, when the count of bytes has run out.</summary>
    public void WatchAllocated(object o, long bytes)
    {
        var samples = Machine.Samples;
        if (samples == null)
        {
            AllocationLeft = long.MaxValue;
            return;
        }
        if (bytes >= samples.LongestDistance)
        {
            AllocationLeft += bytes;
        }
        else
        {
            AllocationLeft += samples.NextDistance();
            bytes = samples.Distance;
        }
        Machine.Watch(this, o, bytes);
    }

    /// <summary>Drops references in slots above the frames in use, which would keep garbage alive.</summary>
    public void ClearAbove(int most = 512)
    {
        var top = Top;
        if (top < _frames) return;
        var r = ReferenceSlot(FreeSlots());
        for (var n = 0; n < most && r < _referenceBase + _references.Length; n++, r++) *r = null;
    }

    /// <summary>Whether it finalizes objects.</summary>
    public bool Finalizes;

    /// <summary>Before it waits: what it has finalized is to be garbage, and may be in slots that it uses no more.</summary>
    public void DropFinalized()
    {
        if (!Finalizes) return;
        ClearAbove();
        ClearDead();
    }

    /// <summary>
    /// Drops what variables of this thread's interpreted methods hold that will not be read again, so that a collection that the
    /// program asks for finds it unreachable. Compiled methods keep nothing longer than .NET does.
    /// </summary>
    public void ClearDead()
    {
        // Where the variables begin of what was called, which are its own matter. Those of methods called by compiled code begin where the arguments for that lay.
        var next = FreeSlots();
        for (var frame = Top; frame >= _frames; frame--)
        {
            if (frame->IsCompiled) continue;
            var end = Math.Min(frame->M->FrameSlots, next - frame->P);
            next = frame->P;
            if (frame->Pc == null)
            {
                // A native method has its arguments, and room for a result.
                for (var slot = frame->M->ArgumentSlots; slot < end; slot++) frame->R[slot] = null;
                continue;
            }
            var method = frame->M->Managed;
            if (method.Decoded is not { } code || method.KeepsFrame) continue;
            var flow = new CodeFlow(method);
            if (flow.HasSubroutines) continue;
            // An operation that runs a class's initializer is executed again, so what it reads stays, too.
            var index = (int)(frame->Pc - code.Code);
            var live = flow.LiveAcross(index);
            var before = flow.LiveBefore(index);
            for (var slot = 0; slot < end; slot++)
            {
                // A synchronized method keeps the object that it locked below its operand stack.
                if (slot == code.StackBase - 1 && method.IsSynchronized || slot == method.KeepSlot) continue;
                var variable = CodeFlow.Variable(slot, 'R');
                if (((live[variable >> 6] | before[variable >> 6]) >> (variable & 63) & 1) == 0) frame->R[slot] = null;
            }
        }
    }

    public void Enter(object o)
    {
        if (Monitor.TryEnter(o)) return;
        JavaStatus = Blocked;
        BlockedOn = o;
        BlockedCount++;
        while (true)
        {
            try
            {
                if (Monitor.TryEnter(o, BlockedStep)) break;
                // It takes long: let a thread dump tell why.
                HeldWhenBlocked ??= Diagnostics.ThreadStacks.HeldBy(this);
                AnswerWhatItOwns();
                if (Machine.Ending) throw new MachineEnd(Machine.ExitCode);
            }
            catch (ThreadInterruptedException)
            {
                // Java's monitors are not interruptible.
            }
        }
        BlockedOn = null;
        HeldWhenBlocked = null;
        OwnedForOthers = [];
        JavaStatus = Runnable;
    }

    private void AnswerWhatItOwns()
    {
        var question = Volatile.Read(ref Machine.OwnersAsked);
        if (question == _ownersAnswered) return;
        OwnedForOthers = [.. Machine.AllThreads().Select(t => t.BlockedOn).OfType<object>().Where(Monitor.IsEntered)];
        Volatile.Write(ref _ownersAnswered, question);
    }

    public void Exit(object o)
    {
        try
        {
            Monitor.Exit(o);
        }
        catch (SynchronizationLockException)
        {
            throw Error("java/lang/IllegalMonitorStateException", "current thread is not owner");
        }
    }

    /// <summary>LockSupport.park: returns on a permit, an interrupt, the time, or for no reason.</summary>
    public void Park(bool isAbsolute, long time)
    {
        if (Interlocked.Exchange(ref _hasPermit, 0) != 0)
        {
            ParkPermit.Wait(0);
            return;
        }
        if (Interrupted) return;
        var milliseconds = Timeout.Infinite;
        if (isAbsolute) milliseconds = (int)Math.Clamp(time - DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), 0, int.MaxValue);
        else if (time > 0) milliseconds = (int)Math.Min((time + 999_999) / 1_000_000, int.MaxValue);
        JavaStatus = milliseconds == Timeout.Infinite ? Parked : TimedParked;
        WaitedCount++;
        ParkPermit.Wait(milliseconds);
        Interlocked.Exchange(ref _hasPermit, 0);
        JavaStatus = Runnable;
        if (Machine.Ending) throw new MachineEnd(Machine.ExitCode);
    }

    public void Unpark()
    {
        if (Interlocked.Exchange(ref _hasPermit, 1) != 0) return;
        try
        {
            ParkPermit.Release();
        }
        catch (SemaphoreFullException)
        {
            // A permit is there already.
        }
    }

    public void Interrupt()
    {
        Interrupted = true;
        SleepSignal.Set();
        Unpark();
        if (WaitingOn is { } o)
        {
            // Wakes all waiters of the object: spurious wakeups are allowed, and the interrupted one sees its flag.
            ThreadPool.UnsafeQueueUserWorkItem(static o =>
            {
                lock (o) Monitor.PulseAll(o);
            }, o, false);
        }
    }

    /// <summary>Makes compiled code call <see cref="Safepoint"/> at its next backward branch or entry of a method.</summary>
    public void AskToPoll()
    {
        Poll = 1;
        EntryLimit = null;
    }

    /// <summary>Makes a thread of a machine that ends look at it, whatever it waits for.</summary>
    public void Wake()
    {
        Budget = 0;
        AskToPoll();
        SleepSignal.Set();
        Unpark();
        if (WaitingOn is { } o && Monitor.TryEnter(o))
        {
            Monitor.PulseAll(o);
            Monitor.Exit(o);
        }
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        ReferenceStacks.Return(_references);
        NativeMemory.Free(_slots);
        NativeMemory.Free(_frames);
        NativeMemory.Free(InterfaceCache);
    }
}
