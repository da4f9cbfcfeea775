using System.Diagnostics.CodeAnalysis;
using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>Where an expression stands that cannot be a target.</summary>
internal enum TargetUse
{
    Assign,
    Delete,
    For,
}

// Syntax errors of the parser, with places as CPython computes them.
[System.Diagnostics.CodeAnalysis.SuppressMessage("Performance", "CA1859", Justification = "The grammar's actions pass tokens too.")]
internal sealed partial class PegParser
{
    private const int CurrentPosition = -5;

    [DoesNotReturn]
    private object? Fail(string message) => throw MakeError(message);

    [DoesNotReturn]
    private object? FailIndentation(string message) => throw MakeError(message, CompileErrorKind.IndentationError);

    [DoesNotReturn]
    private object? FailBlock(string after, ILocated keyword) =>
        FailIndentation($"expected an indented block after {after} on line {keyword.Span.Line}");

    [DoesNotReturn]
    private object? FailAt(ILocated a, string message) => throw MakeErrorAt(a.Span, message);

    [DoesNotReturn]
    private object? FailRange(ILocated a, ILocated b, string message) =>
        throw MakeErrorAt(new SourceSpan(a.Span.Line, a.Span.Column, b.Span.EndLine, b.Span.EndColumn), message);

    [DoesNotReturn]
    private object? FailFrom(ILocated a, string message) =>
        throw MakeErrorAt(new SourceSpan(a.Span.Line, a.Span.Column, CurrentPosition, CurrentPosition), message);

    [DoesNotReturn]
    private object? FailAfterKey(Expr key) =>
        throw MakeErrorAt(new SourceSpan(key.Span.Line, key.Span.EndColumn - 1, key.Span.EndLine, -1), "':' expected after dictionary key");

    private object? FailTarget(TargetUse use, Expr? e)
    {
        if (FindInvalidTarget(e, use) is not { } target)
            return null;
        var verb = use == TargetUse.Delete ? "delete" : "assign to";
        return FailAt(target, $"cannot {verb} {ExpressionName(target)}");
    }

    [DoesNotReturn]
    private object? FailArguments(CallExpr call)
    {
        var unpacking = Array.Exists(call.Keywords, k => k.Arg == null);
        return Fail(unpacking
            ? "positional argument follows keyword argument unpacking"
            : "positional argument follows keyword argument");
    }

    // dict((a, b) for a, b in x) is fine, f(L, x for x in y) is not.
    private object? FailGeneratorInCall(CallExpr args, Comprehension[] comprehensions) => args.Args.Length <= 1
        ? null
        : FailRange(args.Args[^1], LastOfComprehension(comprehensions[^1]), "Generator expression must be parenthesized");

    private static Expr LastOfComprehension(Comprehension c) => c.Ifs.Length == 0 ? c.Iter : c.Ifs[^1];

    private static Expr? FindInvalidTarget(Expr? e, TargetUse use)
    {
        switch (e)
        {
            case null or NameExpr or SubscriptExpr or AttributeExpr:
                return null;
            case ListExpr list:
                return FindInvalidTarget(list.Elts, use);
            case TupleExpr tuple:
                return FindInvalidTarget(tuple.Elts, use);
            case StarredExpr starred:
                return use == TargetUse.Delete ? e : FindInvalidTarget(starred.Value, use);
            case CompareExpr compare when use == TargetUse.For:
                // "for a in b" without its end reads as the comparison "a in b".
                return compare.Ops[0] == CompareOperator.In ? FindInvalidTarget(compare.Left, use) : null;
            default:
                return e;
        }
    }

    private static Expr? FindInvalidTarget(Expr[] elements, TargetUse use)
    {
        foreach (var element in elements)
        {
            if (FindInvalidTarget(element, use) is { } invalid)
                return invalid;
        }

        return null;
    }

    private static string ExpressionName(Expr e) => e.Kind switch
    {
        ExprKind.Attribute => "attribute",
        ExprKind.Subscript => "subscript",
        ExprKind.Starred => "starred",
        ExprKind.Name => "name",
        ExprKind.List => "list",
        ExprKind.Tuple => "tuple",
        ExprKind.Lambda => "lambda",
        ExprKind.Call => "function call",
        ExprKind.BoolOp or ExprKind.BinOp or ExprKind.UnaryOp => "expression",
        ExprKind.GeneratorExp => "generator expression",
        ExprKind.Yield or ExprKind.YieldFrom => "yield expression",
        ExprKind.Await => "await expression",
        ExprKind.ListComp => "list comprehension",
        ExprKind.SetComp => "set comprehension",
        ExprKind.DictComp => "dict comprehension",
        ExprKind.Dict => "dict literal",
        ExprKind.Set => "set display",
        ExprKind.JoinedStr or ExprKind.FormattedValue => "f-string expression",
        ExprKind.Constant => ((ConstantExpr)e).Value switch
        {
            null => "None",
            false => "False",
            true => "True",
            EllipsisConstant => "ellipsis",
            _ => "literal",
        },
        ExprKind.Compare => "comparison",
        ExprKind.IfExp => "conditional expression",
        _ => "named expression",
    };

    private PythonCompileException TokenizerError()
    {
        switch (_tokenizer.State)
        {
            case TokenizerState.DecodeError:
                try
                {
                    _ = Utf8.DecodeStrict(_tokenizer.IdentifierBytes);
                }
                catch (PythonCompileException e)
                {
                    return MakeError($"(unicode error) {e.Message}");
                }

                return MakeError("(unicode error) unknown error");
            case TokenizerState.EndOfFile:
                return _tokenizer.Level > 0 ? UnclosedParenthesis() : MakeError("unexpected EOF while parsing");
            case TokenizerState.Dedent:
                return MakeError("unindent does not match any outer indentation level", CompileErrorKind.IndentationError);
            case TokenizerState.TabSpace:
                return AtLine(CompileErrorKind.TabError, 0, "inconsistent use of tabs and spaces in indentation");
            case TokenizerState.TooDeep:
                return AtLine(CompileErrorKind.IndentationError, 0, "too many levels of indentation");
            case TokenizerState.LineContinuation:
                var column = _tokenizer.Current - _tokenizer.BufferStart - 1;
                return AtLine(CompileErrorKind.SyntaxError, Math.Max(column, 0), "unexpected character after line continuation character");
            default:
                return AtLine(CompileErrorKind.SyntaxError, 0, "unknown parsing error");
        }

        PythonCompileException AtLine(CompileErrorKind kind, int column, string message) =>
            MakeErrorAt(new SourceSpan(_tokenizer.Line, column, _tokenizer.Line, -1), message, kind);
    }

    private PythonCompileException UnclosedParenthesis()
    {
        var (character, line, column) = _tokenizer.OpenParenthesis;
        return MakeErrorAt(new SourceSpan(line, column, line, -1), $"'{character}' was never closed");
    }

    // An error at the last token that was read.
    private PythonCompileException MakeError(string message, CompileErrorKind kind = CompileErrorKind.SyntaxError)
    {
        if (_fill == 0)
            return MakeErrorWithOffsets(new SourceSpan(0, 0, 0, -1), message, kind);
        var span = (_knownErrorToken ?? _tokens[_fill - 1]).Span;
        var column = span.Column == -1
            ? _tokenizer.Current == _tokenizer.BufferStart ? 0 : _tokenizer.Current - _tokenizer.LineStart
            : span.Column + 1;
        var endColumn = span.EndColumn != -1 ? span.EndColumn + 1 : -1;
        return MakeErrorWithOffsets(new SourceSpan(span.Line, column, span.EndLine, endColumn), message, kind);
    }

    private PythonCompileException MakeErrorAt(SourceSpan span, string message, CompileErrorKind kind = CompileErrorKind.SyntaxError)
    {
        var column = span.Column == CurrentPosition ? CurrentPosition : span.Column + 1;
        var endColumn = span.EndColumn == CurrentPosition ? CurrentPosition : span.EndColumn + 1;
        return MakeErrorWithOffsets(span with { Column = column, EndColumn = endColumn }, message, kind);
    }

    // Columns are offsets from 1 here.
    private PythonCompileException MakeErrorWithOffsets(SourceSpan span, string message, CompileErrorKind kind)
    {
        var endLine = span.EndLine == CurrentPosition ? _tokenizer.Line : span.EndLine;
        var column = span.Column;
        var endColumn = span.EndColumn == CurrentPosition ? _tokenizer.Current - _tokenizer.LineStart : span.EndColumn;
        if (_startRule == StartRule.FString)
            message = "f-string: " + message;

        var text = ErrorLine(span.Line);
        if (_startRule == StartRule.FString)
        {
            column -= _startingColumn;
            endColumn -= _startingColumn;
        }

        if (_tokenizer.Source.Encoding != null)
        {
            var line = PythonText.ToUtf8(text);
            column = CharacterOffset(line, column);
            if (endColumn > 0)
                endColumn = CharacterOffset(line, endColumn);
        }

        return new PythonCompileException(kind, message, new SyntaxErrorLocation(_fileName, span.Line, column, text, endLine, endColumn));
    }

    private string ErrorLine(int line)
    {
        if (_startRule == StartRule.File && line > 0 && _options.Host.ReadSourceLine(_fileName, line) is { } fromFile)
            return Utf8.DecodeReplacing(fromFile);
        var source = _tokenizer.Source;
        if (_tokenizer.Line <= line && _tokenizer.InputEnd > _tokenizer.BufferStart)
            return Utf8.DecodeReplacing(source.Bytes.AsSpan(_tokenizer.BufferStart, _tokenizer.InputEnd - _tokenizer.BufferStart));

        var bytes = source.Original;
        var limit = ReferenceEquals(bytes, source.Bytes) ? _tokenizer.InputEnd : int.MaxValue;
        var start = 0;
        for (var n = (_startingLine != 0 ? line - _startingLine + 1 : line) - 1; n > 0; n--)
        {
            var newline = Array.IndexOf(bytes, (byte)'\n', start);
            if (newline < 0 || newline + 1 > limit)
                break;
            start = newline + 1;
        }

        var length = bytes.AsSpan(start).IndexOfAny((byte)'\n', (byte)0);
        return Utf8.DecodeReplacing(bytes.AsSpan(start, length));
    }

    private static int CharacterOffset(byte[] line, int byteOffset)
    {
        if (byteOffset <= line.Length)
            return byteOffset < 0 ? byteOffset : Utf8.CountReplacing(line.AsSpan(0, byteOffset));
        return Utf8.CountReplacing(line) + 1;
    }
}
