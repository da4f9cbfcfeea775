namespace Holon.Machines;

/// <summary>
/// An error that a user can act on. The message is one sentence: what went wrong, with which file or value, and what to do.
/// It never repeats its cause; whoever prints it prints the chain of <see cref="Exception.InnerException"/> too.
/// </summary>
public sealed class HolonException : Exception
{
    /// <summary>An error with no message.</summary>
    public HolonException()
    {
    }

    /// <summary>An error with its sentence.</summary>
    public HolonException(string message)
        : base(message)
    {
    }

    /// <summary>An error with its sentence and the cause below it.</summary>
    public HolonException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
