namespace Holon.Jvm;

/// <summary>Which limit of a Java machine ran out.</summary>
public enum JavaLimit
{
    /// <summary><see cref="Runtime.JavaMachineOptions.TimeLimit"/>.</summary>
    Time,

    /// <summary><see cref="Runtime.JavaMachineOptions.MemoryLimit"/>.</summary>
    Memory,

    /// <summary><see cref="Runtime.JavaMachineOptions.InstructionLimit"/>.</summary>
    Instructions,
}

/// <summary>A Java machine was ended because a limit ran out. Java code cannot catch it; the machine is of no more use.</summary>
public sealed class JavaLimitException : Exception
{
    /// <summary>A limit ran out.</summary>
    public JavaLimitException(JavaLimit limit)
        : base($"The Java machine was ended: its {limit.ToString().ToLowerInvariant()} limit ran out.") => Limit = limit;

    /// <summary>A limit ran out.</summary>
    public JavaLimitException()
    {
    }

    /// <summary>A limit ran out.</summary>
    public JavaLimitException(string message)
        : base(message)
    {
    }

    /// <summary>A limit ran out.</summary>
    public JavaLimitException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Which limit.</summary>
    public JavaLimit Limit { get; }
}

/// <summary>The program called <c>System.exit</c>; the machine is of no more use.</summary>
public sealed class JavaExitException : Exception
{
    /// <summary>The program ended itself.</summary>
    public JavaExitException(int code)
        : base($"The Java program ended with exit code {code}.") => Code = code;

    /// <summary>The program ended itself.</summary>
    public JavaExitException()
    {
    }

    /// <summary>The program ended itself.</summary>
    public JavaExitException(string message)
        : base(message)
    {
    }

    /// <summary>The program ended itself.</summary>
    public JavaExitException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Its exit code.</summary>
    public int Code { get; }
}

/// <summary>A Java exception that left the method that was called.</summary>
public sealed class JavaException : Exception
{
    internal JavaException(string className, string? message, string stackTrace, Heap.JObject throwable, Runtime.JavaMachine machine)
        : base(message == null ? className : $"{className}: {message}")
    {
        ClassName = className;
        JavaMessage = message;
        JavaStackTrace = stackTrace;
        Throwable = new JavaObject(machine, throwable);
    }

    /// <summary>A Java exception.</summary>
    public JavaException()
    {
    }

    /// <summary>A Java exception.</summary>
    public JavaException(string message)
        : base(message)
    {
    }

    /// <summary>A Java exception.</summary>
    public JavaException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Its class, such as <c>java.lang.IllegalArgumentException</c>.</summary>
    public string ClassName { get; } = "";

    /// <summary>Its message.</summary>
    public string? JavaMessage { get; }

    /// <summary>The frames in Java, causes included, as Java prints them.</summary>
    public string JavaStackTrace { get; } = "";

    /// <summary>The exception itself.</summary>
    public JavaObject? Throwable { get; }
}
