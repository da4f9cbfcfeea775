using Holon.Jvm.Heap;
using Holon.Jvm.Hosting;

namespace Holon.Jvm.Runtime;

/// <summary>The machine as a C# program uses it.</summary>
public sealed partial class JavaMachine
{
    private HostThreads? _hostThreads;

    internal Machines.HolonException? BootFailure;

    internal HostThreads HostThreads => _hostThreads ?? throw new InvalidOperationException("This machine runs a main class of its own.");

    /// <summary>A machine whose class library has started. By default it may do nothing outside itself: see <see cref="JavaMachineOptions.Grants"/>.</summary>
    /// <exception cref="Machines.HolonException">The class library is missing or does not start.</exception>
    /// <exception cref="JavaLimitException">A limit ran out before it had started.</exception>
    public static JavaMachine Create(JavaMachineOptions? options = null)
    {
        var machine = new JavaMachine(options ?? new JavaMachineOptions());
        machine._hostThreads = new HostThreads(machine);
        machine.StartLimits();
        try
        {
            machine.HostThreads.Run(_ => 0);
        }
        catch
        {
            machine.Dispose();
            throw;
        }
        return machine;
    }

    /// <summary>A class of the class path or class library, by its Java name, such as <c>com.acme.Rules</c>.</summary>
    /// <exception cref="JavaException">There is no such class.</exception>
    public JavaClass Class(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return HostThreads.Run(t =>
        {
            var loader = LoaderOf((JObject?)t.Call(Known.ClassLoader.DeclaredMethod("getSystemClassLoader", "()Ljava/lang/ClassLoader;")!).Ref);
            return new JavaClass(this, loader.LoadNamed(t, name.Replace('.', '/')));
        });
    }

    /// <summary>A Java string.</summary>
    public JavaObject String(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new JavaObject(this, NewString(text));
    }

    /// <summary>Why the machine can do no more.</summary>
    internal Exception EndError() =>
        BootFailure != null ? BootFailure
        : Broken is { } limit ? new JavaLimitException(limit)
        : _exited ? new JavaExitException(ExitCode)
        : new ObjectDisposedException(nameof(JavaMachine));
}
