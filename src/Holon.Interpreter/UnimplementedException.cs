namespace Holon.Interpreter;

/// <summary>The guest needs something that the interpreter lacks. The run loop turns it into <see cref="X86.VcpuExitReason.Unimplemented"/>.</summary>
internal sealed class UnimplementedException : Exception
{
    public UnimplementedException()
    {
    }

    public UnimplementedException(string message)
        : base(message)
    {
    }

    public UnimplementedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
