namespace Holon.Python.Compiler;

/// <summary>The Python exception that a failed compilation becomes.</summary>
public enum CompileErrorKind
{
    /// <summary>SyntaxError.</summary>
    SyntaxError,

    /// <summary>IndentationError.</summary>
    IndentationError,

    /// <summary>TabError.</summary>
    TabError,

    /// <summary>ValueError.</summary>
    ValueError,

    /// <summary>TypeError.</summary>
    TypeError,

    /// <summary>UnicodeDecodeError.</summary>
    UnicodeDecodeError,

    /// <summary>UnicodeEncodeError.</summary>
    UnicodeEncodeError,

    /// <summary>LookupError.</summary>
    LookupError,

    /// <summary>OverflowError.</summary>
    OverflowError,

    /// <summary>RecursionError.</summary>
    RecursionError,

    /// <summary>MemoryError.</summary>
    MemoryError,

    /// <summary>RuntimeError.</summary>
    RuntimeError,

    /// <summary>SystemError.</summary>
    SystemError,
}

/// <summary>Source that cannot be compiled; for a syntax error with the place, as CPython reports it.</summary>
public sealed class PythonCompileException : Exception
{
    /// <summary>An error without a place.</summary>
    public PythonCompileException(CompileErrorKind kind, string message)
        : base(message) => Kind = kind;

    /// <summary>A syntax error at a place.</summary>
    public PythonCompileException(CompileErrorKind kind, string message, SyntaxErrorLocation location)
        : base(message)
    {
        Kind = kind;
        Location = location;
    }

    /// <summary>Which Python exception.</summary>
    public CompileErrorKind Kind { get; }

    /// <summary>Where, for SyntaxError, IndentationError and TabError.</summary>
    public SyntaxErrorLocation? Location { get; }
}

/// <summary>The attributes of a Python SyntaxError; null stands for None.</summary>
/// <param name="FileName">filename.</param>
/// <param name="Line">lineno.</param>
/// <param name="Offset">offset, from 1.</param>
/// <param name="Text">text.</param>
/// <param name="EndLine">end_lineno.</param>
/// <param name="EndOffset">end_offset.</param>
public sealed record SyntaxErrorLocation(string FileName, int Line, int? Offset, string? Text, int? EndLine, int? EndOffset);
