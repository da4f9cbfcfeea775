using Holon.Jvm.Hosting;
using Holon.Jvm.Runtime;

namespace Holon.Jvm;

/// <summary>A Java class, for the host.</summary>
public sealed class JavaClass
{
    private readonly JavaMachine _machine;

    internal JavaClass(JavaMachine machine, JClass c)
    {
        _machine = machine;
        Class = c;
    }

    internal JClass Class { get; }

    /// <summary>Its Java name.</summary>
    public string Name => Class.JavaName;

    /// <summary>Calls a public static method that takes these arguments; the class is initialized first.</summary>
    /// <typeparam name="T">What it gives: a number, <see cref="bool"/>, <see cref="char"/>, <see cref="string"/>, an array of numbers, or <see cref="JavaObject"/>.</typeparam>
    /// <exception cref="JavaException">Java threw.</exception>
    /// <exception cref="JavaLimitException">A limit ran out.</exception>
    /// <exception cref="MissingMethodException">There is no such method.</exception>
    public T? InvokeStatic<T>(string method, params ReadOnlySpan<object?> arguments)
    {
        var given = arguments.ToArray();
        var result = _machine.HostThreads.Run(t => HostCalls.Call(t, Class, method, null, given));
        return HostCalls.Convert<T>(_machine, result);
    }

    /// <summary>Calls a public static method that gives nothing, or something of no interest.</summary>
    public void InvokeStatic(string method, params ReadOnlySpan<object?> arguments) => InvokeStatic<object>(method, arguments);

    /// <summary>Makes an object with the public constructor that takes these arguments.</summary>
    public JavaObject New(params ReadOnlySpan<object?> arguments)
    {
        var given = arguments.ToArray();
        return new JavaObject(_machine, _machine.HostThreads.Run(t => HostCalls.New(t, Class, given)));
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>A Java object, for the host. It lives while the host keeps this.</summary>
public sealed class JavaObject
{
    private readonly JavaMachine _machine;

    internal JavaObject(JavaMachine machine, object value)
    {
        _machine = machine;
        Value = value;
    }

    internal object Value { get; }

    internal JavaMachine Machine => _machine;

    /// <summary>Its class.</summary>
    public JavaClass Class => new(_machine, Heap.ObjectExtensions.ClassOf(_machine, Value));

    /// <summary>Calls a public method.</summary>
    public T? Invoke<T>(string method, params ReadOnlySpan<object?> arguments)
    {
        var given = arguments.ToArray();
        var result = _machine.HostThreads.Run(t => HostCalls.Call(t, Heap.ObjectExtensions.ClassOf(_machine, Value), method, Value, given));
        return HostCalls.Convert<T>(_machine, result);
    }

    /// <summary>Calls a public method that gives nothing, or something of no interest.</summary>
    public void Invoke(string method, params ReadOnlySpan<object?> arguments) => Invoke<object>(method, arguments);

    /// <summary>What Java's <c>toString</c> gives.</summary>
    public override string ToString() => Invoke<string>("toString") ?? "null";
}
