using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>What the stages after the parser share: the options, the features in force, the depth of recursion, and how errors are made.</summary>
internal sealed class CompilationContext(string fileName, CompileOptions options)
{
    private const int StackFrameScale = 3; // of a Python frame, CPython's measure

    private readonly int _depthLimit = Scale(options.Host.RecursionLimit);
    private int _depth = Scale(options.Host.RecursionDepth);

    public string FileName { get; } = fileName;

    public CompileOptions Options { get; } = options;

    /// <summary>The flags, with what the source imports from <c>__future__</c>.</summary>
    public CompilerFlags Flags { get; set; } = options.Flags;

    /// <summary>The line of the last <c>from __future__ import</c>; -1 when there is none.</summary>
    public int LastFutureLine { get; set; } = -1;

    public bool AnnotationsAreText => (Flags & CompilerFlags.FutureAnnotations) != 0;

    /// <summary>One node deeper.</summary>
    public void Enter()
    {
        if (++_depth > _depthLimit)
            throw new PythonCompileException(CompileErrorKind.RecursionError, "maximum recursion depth exceeded during compilation");
        if ((_depth & 15) == 0)
            DeepStack.Check();
    }

    /// <summary>Back from a node.</summary>
    public void Leave() => _depth--;

    /// <summary>A syntax error at a place.</summary>
    public PythonCompileException Error(string message, SourceSpan span) =>
        Error(message, span.Line, span.Column + 1, span.EndLine, span.EndColumn + 1);

    /// <summary>A syntax error; offsets count from 1.</summary>
    public PythonCompileException Error(string message, int line, int offset, int endLine, int? endOffset)
    {
        string? text = null;
        if (Options.Host.ReadSourceLine(FileName, line) is { } bytes && System.Text.Unicode.Utf8.IsValid(bytes))
            text = Utf8.DecodeStrict(bytes);
        return new PythonCompileException(
            CompileErrorKind.SyntaxError, message, new SyntaxErrorLocation(FileName, line, offset, text, endLine, endOffset));
    }

    private static int Scale(int frames) => frames < int.MaxValue / StackFrameScale ? frames * StackFrameScale : frames;
}
