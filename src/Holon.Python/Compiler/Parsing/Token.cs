using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>A token, and what rules found when they were tried at it.</summary>
internal sealed class Token(int type, int start, int end, int level, SourceSpan span) : ILocated
{
    /// <summary>Its number: see <see cref="TokenKind"/>.</summary>
    public int Type { get; } = type;

    /// <summary>Where its text begins in the tokenizer's buffer; -1 when it has none.</summary>
    public int Start { get; } = start;

    /// <summary>Where its text ends.</summary>
    public int End { get; } = end;

    /// <summary>How many parentheses are open.</summary>
    public int Level { get; } = level;

    /// <inheritdoc/>
    public SourceSpan Span { get; } = span;

    /// <summary>The newest memo; the others hang on it.</summary>
    public Memo? Memos { get; set; }

    /// <summary>The node of a name or number, made once.</summary>
    public Expr? Node { get; set; }
}

/// <summary>The result of a rule at a token, so that it need not be tried again.</summary>
internal sealed class Memo(int rule, object? value, int mark, Memo? next)
{
    public readonly int Rule = rule;
    public readonly Memo? Next = next;
    public object? Value = value;
    public int Mark = mark;
}
