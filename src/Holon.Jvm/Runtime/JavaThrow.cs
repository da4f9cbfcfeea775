using Holon.Jvm.Heap;

namespace Holon.Jvm.Runtime;

/// <summary>A Java exception on its way through C# code. Interpreted frames unwind without it.</summary>
internal sealed class JavaThrow(JObject throwable) : Exception
{
    public readonly JObject Throwable = throwable;

    public override string Message => $"{Throwable.Class().JavaName}: {Throwable.Class().Machine.ThrowableMessage(Throwable)}";
}

/// <summary>The machine ends: System.exit, a limit, or the host's wish. No Java code sees it.</summary>
internal sealed class MachineEnd(int code) : Exception
{
    public readonly int Code = code;
}
