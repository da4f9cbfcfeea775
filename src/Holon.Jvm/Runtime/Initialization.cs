using Holon.Jvm.Heap;
using Holon.Jvm.Verifier;

namespace Holon.Jvm.Runtime;

/// <summary>Linking and initialization of classes (JVMS §5.4, §5.5).</summary>
internal static unsafe class Initialization
{
    public static void Link(JThread thread, JClass c)
    {
        if (c.State != ClassState.Loaded) return;
        if (c.Super != null) Link(thread, c.Super);
        foreach (var i in c.Interfaces) Link(thread, i);
        lock (c.InitLock)
        {
            if (c.State != ClassState.Loaded) return;
            ClassVerifier.Verify(thread, c);
            if (c.State == ClassState.Loaded) c.State = ClassState.Linked;
        }
    }

    /// <summary>Runs the class initializer if it has not run. Returns at once when this thread is running it.</summary>
    public static void Initialize(JThread thread, JClass c)
    {
        if (c.Ptr->Initialized != 0) return;
        Link(thread, c);
        lock (c.InitLock)
        {
            while (c.State == ClassState.BeingInitialized && c.Initializer != thread)
            {
                // Two initializers that wait for each other do so for ever; the machine's end is no event of theirs.
                Monitor.Wait(c.InitLock, 100);
                if (thread.Machine.Ending) throw new MachineEnd(thread.Machine.ExitCode);
            }
            if (c.State is ClassState.BeingInitialized or ClassState.Initialized) return;
            if (c.State == ClassState.Erroneous)
                throw thread.Error("java/lang/NoClassDefFoundError", "Could not initialize class " + c.JavaName, c.InitializationError);
            c.State = ClassState.BeingInitialized;
            c.Initializer = thread;
        }
        try
        {
            if (!c.IsInterface)
            {
                if (c.Super != null) Initialize(thread, c.Super);
                InitializeInterfaces(thread, c);
            }
            SetConstantStrings(c);
            if (c.DeclaredMethod("<clinit>", "()V") is { } initializer) thread.Call(initializer);
        }
        catch (JavaThrow e)
        {
            var thrown = e.Throwable;
            if (!thrown.Class().IsSubclassOf(thread.Machine.Known.Error))
                thrown = thread.NewThrowable("java/lang/ExceptionInInitializerError", "(Ljava/lang/Throwable;)V", Value.Of(thrown));
            c.InitializationError = NewCause(thread, e.Throwable);
            Finish(c, ClassState.Erroneous);
            throw new JavaThrow(thrown);
        }
        catch
        {
            Finish(c, ClassState.Erroneous);
            throw;
        }
        c.Ptr->Initialized = 1;
        Finish(c, ClassState.Initialized);
    }

    /// <summary>Superinterfaces are initialized with a class only when they have default methods.</summary>
    private static void InitializeInterfaces(JThread thread, JClass c)
    {
        foreach (var i in c.Interfaces)
        {
            InitializeInterfaces(thread, i);
            if (i.Methods.Any(m => !m.IsStatic && !m.IsAbstract)) Initialize(thread, i);
        }
    }

    private static void SetConstantStrings(JClass c)
    {
        foreach (var f in c.Fields)
        {
            if (f.IsStatic && f.Info.ConstantValue != 0 && f.Kind == 'R')
                *(object?*)f.Offset = c.Machine.Intern(c.Pool.Name(f.Info.ConstantValue, ClassFile.CpTag.String));
        }
    }

    /// <summary>What later attempts show as cause: ExceptionInInitializerError with the first one's message and stack.</summary>
    private static JObject? NewCause(JThread thread, JObject thrown)
    {
        try
        {
            var message = $"Exception {thrown.Class().JavaName}{(thread.Machine.ThrowableMessage(thrown) is { } text ? ": " + text : "")} [in thread \"{thread.Name}\"]";
            var cause = thread.NewThrowable("java/lang/ExceptionInInitializerError", "(Ljava/lang/String;)V", Value.Of(thread.Machine.NewString(message)));
            var trace = thread.Call(thread.Machine.Known.Throwable.FindMethod("getStackTrace", "()[Ljava/lang/StackTraceElement;")!, Value.Of(thrown)).Ref;
            thread.Call(thread.Machine.Known.Throwable.FindMethod("setStackTrace", "([Ljava/lang/StackTraceElement;)V")!, Value.Of(cause), Value.Of(trace));
            return cause;
        }
        catch (JavaThrow)
        {
            return null;
        }
    }

    private static void Finish(JClass c, ClassState state)
    {
        lock (c.InitLock)
        {
            c.State = state;
            c.Initializer = null;
            Monitor.PulseAll(c.InitLock);
        }
    }
}
