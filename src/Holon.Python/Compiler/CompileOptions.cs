namespace Holon.Python.Compiler;

/// <summary>What a source is: the mode of Python's compile().</summary>
public enum CompileMode
{
    /// <summary>A module: any number of statements.</summary>
    Exec,

    /// <summary>One expression.</summary>
    Eval,

    /// <summary>One interactive statement, whose expression values are printed.</summary>
    Single,

    /// <summary>The signature in a type comment; only for the tree.</summary>
    FunctionType,
}

/// <summary>CPython's compiler flags, with its numbers.</summary>
[Flags]
public enum CompilerFlags
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>PyCF_SOURCE_IS_UTF8.</summary>
    SourceIsUtf8 = 0x0100,

    /// <summary>PyCF_DONT_IMPLY_DEDENT: the end of input does not end an interactive block.</summary>
    DontImplyDedent = 0x0200,

    /// <summary>PyCF_ONLY_AST.</summary>
    OnlyAst = 0x0400,

    /// <summary>PyCF_IGNORE_COOKIE: the source is UTF-8 whatever it says.</summary>
    IgnoreCookie = 0x0800,

    /// <summary>PyCF_TYPE_COMMENTS.</summary>
    TypeComments = 0x1000,

    /// <summary>PyCF_ALLOW_TOP_LEVEL_AWAIT.</summary>
    AllowTopLevelAwait = 0x2000,

    /// <summary>PyCF_ALLOW_INCOMPLETE_INPUT: input that only lacks its end is reported as "incomplete input".</summary>
    AllowIncompleteInput = 0x4000,

    /// <summary>from __future__ import division.</summary>
    FutureDivision = 0x20000,

    /// <summary>from __future__ import absolute_import.</summary>
    FutureAbsoluteImport = 0x40000,

    /// <summary>from __future__ import with_statement.</summary>
    FutureWithStatement = 0x80000,

    /// <summary>from __future__ import print_function.</summary>
    FuturePrintFunction = 0x100000,

    /// <summary>from __future__ import unicode_literals.</summary>
    FutureUnicodeLiterals = 0x200000,

    /// <summary>from __future__ import barry_as_FLUFL.</summary>
    FutureBarryAsBdfl = 0x400000,

    /// <summary>from __future__ import generator_stop.</summary>
    FutureGeneratorStop = 0x800000,

    /// <summary>from __future__ import annotations.</summary>
    FutureAnnotations = 0x1000000,

    /// <summary>PyCF_MASK: the flags that code objects carry.</summary>
    FutureMask = FutureDivision | FutureAbsoluteImport | FutureWithStatement | FuturePrintFunction | FutureUnicodeLiterals | FutureBarryAsBdfl |
        FutureGeneratorStop | FutureAnnotations,
}

/// <summary>How to compile.</summary>
public sealed record CompileOptions
{
    /// <summary>What the source is.</summary>
    public CompileMode Mode { get; init; } = CompileMode.Exec;

    /// <summary>Flags, those inherited from the calling code included.</summary>
    public CompilerFlags Flags { get; init; }

    /// <summary>0 keeps asserts and docstrings, 1 drops asserts, 2 docstrings too.</summary>
    public int Optimize { get; init; }

    /// <summary>The minor version of the language to accept (only with <see cref="CompilerFlags.OnlyAst"/>).</summary>
    public int FeatureVersion { get; init; } = 11;

    /// <summary>What the compiler asks of its surroundings.</summary>
    public CompilerHost Host { get; init; } = CompilerHost.Default;
}
