using System.Runtime.CompilerServices;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>The arguments of a native method, by slot: the receiver is in slot 0, long and double take two slots.</summary>
internal readonly unsafe struct Args(JThread thread, long* p, object?* r, JMethod method)
{
    private readonly long* _p = p;
    private readonly object?* _r = r;

    public readonly JThread Thread = thread;
    public readonly JMethod Method = method;

    public JavaMachine Machine => Thread.Machine;

    public int Int(int slot) => *(int*)(_p + slot);

    public bool Bool(int slot) => *(int*)(_p + slot) != 0;

    public long Long(int slot) => _p[slot];

    public float Float(int slot) => *(float*)(_p + slot);

    public double Double(int slot) => *(double*)(_p + slot);

    public object? Ref(int slot) => _r[slot];

    /// <summary>An object that is not null; NullPointerException otherwise.</summary>
    public JObject Object(int slot) => Unsafe.As<JObject>(_r[slot] ?? throw Thread.Error("java/lang/NullPointerException", null));

    /// <summary>Bytes of a byte[] that is not null.</summary>
    public byte[] Bytes(int slot) => Unsafe.As<byte[]>(_r[slot] ?? throw Thread.Error("java/lang/NullPointerException", null));

    public string? String(int slot) => Machine.StringOf(_r[slot]);

    /// <summary>The class that a java.lang.Class stands for.</summary>
    public JClass Class(int slot) => Machine.ClassOfMirror(Object(slot));

    public void Return(int value) => *(int*)_p = value;

    public void Return(long value) => *_p = value;

    public void Return(float value) => *(float*)_p = value;

    public void Return(double value) => *(double*)_p = value;

    public void Return(object? value) => *_r = value;

    /// <summary>The arguments as they lie.</summary>
    public long* P => _p;

    public object?* R => _r;
}

/// <summary>A Java method written in C#.</summary>
internal abstract class NativeMethod
{
    public abstract void Invoke(Args a);

    public static NativeMethod Void(Action<Args> body) => new VoidMethod(body);

    private sealed class VoidMethod(Action<Args> body) : NativeMethod
    {
        public override void Invoke(Args a) => body(a);
    }

    internal sealed class IntMethod(Func<Args, int> body) : NativeMethod
    {
        public override void Invoke(Args a) => a.Return(body(a));
    }

    internal sealed class BoolMethod(Func<Args, bool> body) : NativeMethod
    {
        public override void Invoke(Args a) => a.Return(body(a) ? 1 : 0);
    }

    internal sealed class LongMethod(Func<Args, long> body) : NativeMethod
    {
        public override void Invoke(Args a) => a.Return(body(a));
    }

    internal sealed class FloatMethod(Func<Args, float> body) : NativeMethod
    {
        public override void Invoke(Args a) => a.Return(body(a));
    }

    internal sealed class DoubleMethod(Func<Args, double> body) : NativeMethod
    {
        public override void Invoke(Args a) => a.Return(body(a));
    }

    internal sealed class RefMethod(Func<Args, object?> body) : NativeMethod
    {
        public override void Invoke(Args a) => a.Return(body(a));
    }
}

/// <summary>The methods of one Java class that C# implements: natives, and Java methods that C# does faster.</summary>
internal sealed class NativeClass : Dictionary<string, NativeMethod>
{
    public NativeClass Void(string method, Action<Args> body) => Put(method, NativeMethod.Void(body));

    public NativeClass Int(string method, Func<Args, int> body) => Put(method, new NativeMethod.IntMethod(body));

    public NativeClass Bool(string method, Func<Args, bool> body) => Put(method, new NativeMethod.BoolMethod(body));

    public NativeClass Long(string method, Func<Args, long> body) => Put(method, new NativeMethod.LongMethod(body));

    public NativeClass Float(string method, Func<Args, float> body) => Put(method, new NativeMethod.FloatMethod(body));

    public NativeClass Double(string method, Func<Args, double> body) => Put(method, new NativeMethod.DoubleMethod(body));

    public NativeClass Ref(string method, Func<Args, object?> body) => Put(method, new NativeMethod.RefMethod(body));

    private NativeClass Put(string method, NativeMethod body)
    {
        this[method] = body;
        return this;
    }
}

/// <summary>All of them, by class.</summary>
internal static class NativeTable
{
    private static readonly Dictionary<string, NativeClass> Classes = Build();

    public static NativeClass? Find(string className) => Classes.GetValueOrDefault(className);

    private static Dictionary<string, NativeClass> Build()
    {
        var all = new Dictionary<string, NativeClass>();
        NativeClass Class(string name)
        {
            if (!all.TryGetValue(name, out var c)) all[name] = c = [];
            return c;
        }
        LangNatives.Register(Class);
        ClassNatives.Register(Class);
        ThreadNatives.Register(Class);
        UnsafeNatives.Register(Class);
        InvokeNatives.Register(Class);
        ReflectNatives.Register(Class);
        StackNatives.Register(Class);
        MiscNatives.Register(Class);
        MathNatives.Register(Class);
        FileNatives.Register(Class);
        NioFileNatives.Register(Class);
        WatchNatives.Register(Class);
        FileStoreNatives.Register(Class);
        ZipNatives.Register(Class);
        NetNatives.Register(Class);
        SelectorNatives.Register(Class);
        ProcessNatives.Register(Class);
        ManagementNatives.Register(Class);
        InstrumentNatives.Register(Class);
        WhiteBoxNatives.Register(Class);
        return all;
    }
}
