namespace Holon.Python.Compiler.Ast;

/// <summary>Where a piece of source stands: lines count from 1, columns are bytes of the UTF-8 line from 0, -1 means nowhere.</summary>
/// <param name="Line">The first line.</param>
/// <param name="Column">The column of its first byte.</param>
/// <param name="EndLine">The last line.</param>
/// <param name="EndColumn">The column after its last byte.</param>
public readonly record struct SourceSpan(int Line, int Column, int EndLine, int EndColumn);

/// <summary>Something that stands at a place in the source.</summary>
public interface ILocated
{
    /// <summary>The place.</summary>
    SourceSpan Span { get; }
}

/// <summary>A node of the abstract syntax tree.</summary>
/// <param name="span">Where it stands; all zero for nodes that have no place of their own.</param>
public abstract class Node(SourceSpan span) : ILocated
{
    /// <inheritdoc/>
    public SourceSpan Span { get; set; } = span;

    /// <summary>The name of the constructor, as Python's <c>ast</c> module calls its class.</summary>
    public abstract string ConstructorName { get; }

    /// <summary>The names of the fields, in order.</summary>
    public abstract ReadOnlySpan<string> FieldNames { get; }

    /// <summary>The value of the field with this index in <see cref="FieldNames"/>.</summary>
    public abstract object? GetField(int index);
}
