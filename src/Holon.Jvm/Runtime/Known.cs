
namespace Holon.Jvm.Runtime;

/// <summary>Classes, methods and field offsets that the machine itself uses.</summary>
internal sealed class Known
{
    public readonly JClass Object, Class, String, Thread, Throwable, Error, LinkageError, SoftReference, FinalReference, PhantomReference, ThreadGroup, System, Module, ClassLoader, MemberName;
    public readonly long StringValue, StringCoder, StringHash;
    public readonly long ThreadName, ThreadEetop, ThreadStatus, ThreadPriority, ThreadDaemon, ThreadGroupField, ThreadInterrupted;
    public readonly long ThrowableBacktrace, ThrowableMessage, ThrowableDepth, ThrowableCause, ThrowableStackTrace;
    public readonly long ClassLoaderField, ClassModule, ClassComponent, ClassName, ClassData;
    public readonly long ModuleName, ModuleLoader, LoaderUnnamedModule, LoaderName, LoaderNameAndId, LoaderParent, LoaderParallel;
    public readonly long ReferenceReferent, ReferenceDiscovered, SoftClock, SoftTimestamp;
    public readonly JMethod LoadClass, RegisterFinalizer;

    // Known once java.lang.invoke is needed.
    public readonly long MemberNameClass, MemberNameName, MemberNameType, MemberNameFlags, MemberNameMethod, ResolvedTarget, ResolvedHolder, HandleForm, FormEntry;
    public readonly JMethod FindMethodHandleType, LinkMethodHandleConstant, LinkMethod, LinkCallSite, LinkDynamicConstant;
    public readonly JClass ResolvedMethodName;

    public Known(JThread t, JavaMachine machine)
    {
        JClass Load(string name) => machine.BootLoader.Load(t, name);
        Object = machine.ObjectClass;
        Class = Load("java/lang/Class");
        String = Load("java/lang/String");
        Thread = Load("java/lang/Thread");
        ThreadGroup = Load("java/lang/ThreadGroup");
        Throwable = Load("java/lang/Throwable");
        Error = Load("java/lang/Error");
        LinkageError = Load("java/lang/LinkageError");
        SoftReference = Load("java/lang/ref/SoftReference");
        FinalReference = Load("java/lang/ref/FinalReference");
        PhantomReference = Load("java/lang/ref/PhantomReference");
        System = Load("java/lang/System");
        Module = Load("java/lang/Module");
        ClassLoader = Load("java/lang/ClassLoader");
        StringValue = Offset(String, "value");
        StringCoder = Offset(String, "coder");
        StringHash = Offset(String, "hash");
        ThreadName = Offset(Thread, "name");
        ThreadEetop = Offset(Thread, "eetop");
        ThreadStatus = Offset(Thread, "threadStatus");
        ThreadPriority = Offset(Thread, "priority");
        ThreadDaemon = Offset(Thread, "daemon");
        ThreadGroupField = Offset(Thread, "group");
        ThreadInterrupted = Offset(Thread, "interrupted");
        ThrowableBacktrace = Offset(Throwable, "backtrace");
        ThrowableMessage = Offset(Throwable, "detailMessage");
        ThrowableDepth = Offset(Throwable, "depth");
        ThrowableCause = Offset(Throwable, "cause");
        ThrowableStackTrace = Offset(Throwable, "stackTrace");
        ClassLoaderField = Offset(Class, "classLoader");
        ClassModule = Offset(Class, "module");
        ClassComponent = Offset(Class, "componentType");
        ClassName = Offset(Class, "name");
        ClassData = Offset(Class, "classData");
        ModuleName = Offset(Module, "name");
        ModuleLoader = Offset(Module, "loader");
        LoaderUnnamedModule = Offset(ClassLoader, "unnamedModule");
        LoaderName = Offset(ClassLoader, "name");
        LoaderNameAndId = Offset(ClassLoader, "nameAndId");
        LoaderParent = Offset(ClassLoader, "parent");
        LoaderParallel = Offset(ClassLoader, "parallelLockMap");
        var reference = Load("java/lang/ref/Reference");
        ReferenceReferent = Offset(reference, "referent");
        ReferenceDiscovered = Offset(reference, "discovered");
        SoftClock = Offset(SoftReference, "clock");
        SoftTimestamp = Offset(SoftReference, "timestamp");
        RegisterFinalizer = Method(Load("java/lang/ref/Finalizer"), "register");
        LoadClass = ClassLoader.DeclaredMethod("loadClass", "(Ljava/lang/String;)Ljava/lang/Class;")!;

        MemberName = Load("java/lang/invoke/MemberName");
        MemberNameClass = Offset(MemberName, "clazz");
        MemberNameName = Offset(MemberName, "name");
        MemberNameType = Offset(MemberName, "type");
        MemberNameFlags = Offset(MemberName, "flags");
        MemberNameMethod = Offset(MemberName, "method");
        ResolvedMethodName = Load("java/lang/invoke/ResolvedMethodName");
        ResolvedTarget = machine.HiddenSlots["java/lang/invoke/ResolvedMethodName"];
        ResolvedHolder = machine.HiddenSlots["java/lang/invoke/ResolvedMethodName.holder"];
        HandleForm = Offset(Load("java/lang/invoke/MethodHandle"), "form");
        FormEntry = Offset(Load("java/lang/invoke/LambdaForm"), "vmentry");
        var natives = Load("java/lang/invoke/MethodHandleNatives");
        FindMethodHandleType = Method(natives, "findMethodHandleType");
        LinkMethodHandleConstant = Method(natives, "linkMethodHandleConstant");
        LinkMethod = Method(natives, "linkMethod");
        LinkCallSite = Method(natives, "linkCallSite");
        LinkDynamicConstant = Method(natives, "linkDynamicConstant");
    }

    public static long Offset(JClass c, string name) => c.Fields.FirstOrDefault(f => f.Name == name)?.Offset
        ?? throw new Holon.Machines.HolonException($"The class library's {c.JavaName} has no field '{name}'; use a JDK 17.");

    private static JMethod Method(JClass c, string name) => c.Methods.FirstOrDefault(m => m.Name == name)
        ?? throw new Holon.Machines.HolonException($"The class library's {c.JavaName} has no method '{name}'; use a JDK 17.");
}
