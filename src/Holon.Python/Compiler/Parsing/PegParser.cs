using System.Runtime.InteropServices;
using System.Text;
using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>What a parser begins with.</summary>
internal enum StartRule
{
    File,
    Single,
    Eval,
    FunctionType,
    FString,
}

/// <summary>
/// The parser: a PEG with memoisation, whose rules are generated from <c>Syntax/Python.peg</c>. This part drives it: tokens, memos, and the
/// second pass that looks for a good message after the first has failed. Errors are thrown, so rules need not look for them.
/// </summary>
internal sealed partial class PegParser
{
    private const int MaxLevelOfRules = 6000;

    private static readonly object Matched = new();
    private static readonly byte[][][] s_keywordsByLength = MakeKeywordTable();

    private readonly Tokenizer _tokenizer;
    private readonly StartRule _startRule;
    private readonly CompileOptions _options;
    private readonly CompilerFlags _flags;
    private readonly string _fileName;
    private readonly NameTable _names;
    private readonly List<object> _collected = [];
    private readonly List<(int Line, string Tag)> _typeIgnores = [];
    private readonly int _featureVersion;

    private Token[] _tokens = new Token[64];
    private int _mark, _fill, _level;
    private bool _parsingStarted, _withInvalid, _secondPass;
    private Token? _knownErrorToken;
    private int _startingLine, _startingColumn;

    public PegParser(SourceText source, StartRule startRule, string fileName, CompileOptions options, NameTable names)
    {
        _startRule = startRule;
        _options = options;
        _flags = options.Flags;
        _fileName = fileName;
        _names = names;
        _featureVersion = (_flags & CompilerFlags.OnlyAst) != 0 ? options.FeatureVersion : 11;
        var asyncHacks = (_flags & CompilerFlags.OnlyAst) != 0 && _featureVersion < 7;
        _tokenizer = new Tokenizer(source, fileName, options.Host, (_flags & CompilerFlags.TypeComments) != 0, asyncHacks);
    }

    private Token LastToken => _tokens[_mark - 1];

    /// <summary>Parses the whole source.</summary>
    public Node Parse()
    {
        object? tree = null;
        PythonCompileException? error = null;
        try
        {
            tree = ParseStartRule();
        }
        catch (PythonCompileException e)
        {
            error = e;
        }

        if (tree == null)
            throw FindError(error);
        if (_startRule == StartRule.Single && HasMoreThanOneStatement())
            throw MakeError("multiple statements found while compiling a single statement");
        return (Node)tree;
    }

    private object? ParseStartRule() => _startRule switch
    {
        StartRule.File => FileRule(),
        StartRule.Single => InteractiveRule(),
        StartRule.Eval => EvalRule(),
        StartRule.FunctionType => FuncTypeRule(),
        _ => FstringRule(),
    };

    // The second pass also tries the rules that describe mistakes.
    private PythonCompileException FindError(PythonCompileException? error)
    {
        var atEnd = _tokenizer.State is TokenizerState.EndOfFile or TokenizerState.EndInQuotes or TokenizerState.EndInTripleQuotes;
        if ((_flags & CompilerFlags.AllowIncompleteInput) != 0 && atEnd)
            return MakeError("incomplete input");
        if (error is { Location: null })
            return error;

        var lastToken = _fill > 0 ? _tokens[_fill - 1] : null;
        if (error == null)
        {
            for (var i = 0; i < _fill; i++)
                _tokens[i].Memos = null;
            _mark = _level = 0;
            _withInvalid = _secondPass = true;
            try
            {
                ParseStartRule();
            }
            catch (PythonCompileException e)
            {
                error = e;
            }
        }

        if (error != null)
        {
            var isParserError = _tokenizer.State == TokenizerState.Ok && error.Location != null;
            return (isParserError ? FindTokenizerError() : null) ?? error;
        }

        if (lastToken == null)
            return MakeError("error at start before reading any input");
        if (lastToken.Type == TokenKind.ErrorToken && _tokenizer.State == TokenizerState.EndOfFile)
            return _tokenizer.Level > 0 ? UnclosedParenthesis() : MakeError("unexpected EOF while parsing");
        if (lastToken.Type is TokenKind.Indent or TokenKind.Dedent)
            return MakeError(lastToken.Type == TokenKind.Indent ? "unexpected indent" : "unexpected unindent", CompileErrorKind.IndentationError);
        return MakeErrorAt(lastToken.Span, "invalid syntax") is var generic ? FindTokenizerError() ?? generic : null!;
    }

    // An error of the tokenizer further on is reported instead, when it is an unclosed parenthesis only if that was opened before.
    private PythonCompileException? FindTokenizerError()
    {
        var currentLine = (_knownErrorToken ?? _tokens[_fill - 1]).Span.Line;
        try
        {
            while (true)
            {
                switch (_tokenizer.Read())
                {
                    case TokenKind.ErrorToken:
                        if (_tokenizer.Level != 0 && currentLine > _tokenizer.OpenParenthesis.Line)
                            return UnclosedParenthesis();
                        return null;
                    case TokenKind.EndMarker:
                        return null;
                }
            }
        }
        catch (PythonCompileException e)
        {
            return e;
        }
    }

    private bool HasMoreThanOneStatement()
    {
        var bytes = _tokenizer.Source.Bytes;
        for (var i = _tokenizer.Current; ; i++)
        {
            while (bytes[i] is (byte)' ' or (byte)'\t' or (byte)'\n' or 0x0C)
                i++;
            if (bytes[i] == 0)
                return false;
            if (bytes[i] != '#')
                return true;
            while (bytes[i] is not (0 or (byte)'\n'))
                i++;
            i--;
        }
    }

    // One more level of rules. Every 32 levels the stack is looked at: what is left suffices for far more than 32.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Enter()
    {
        if ((++_level & 31) == 0)
            CheckDepth();
    }

    private void CheckDepth()
    {
        if (_level > MaxLevelOfRules)
            throw new PythonCompileException(CompileErrorKind.MemoryError, "");
        DeepStack.Check();
    }

    private Token Peek()
    {
        if (_mark == _fill)
            FillToken();
        return _tokens[_mark];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool CanBegin(ulong low, ulong high)
    {
        var type = Peek().Type;
        return ((type < 64 ? low : high) >> (type & 63) & 1) != 0 || _secondPass;
    }

    private Token? Expect(int type)
    {
        if (_mark == _fill)
            FillToken();
        var token = _tokens[_mark];
        if (token.Type != type)
            return null;
        _mark++;
        return token;
    }

    private Token ExpectForced(int type, string text) => Expect(type) ?? throw MakeErrorAt(_tokens[_mark].Span, $"expected '{text}'");

    private NameExpr? ExpectName() => Expect(TokenKind.Name) is { } token ? NameOf(token) : null;

    private NameExpr NameOf(Token token)
    {
        if (token.Node is not NameExpr name)
            token.Node = name = new NameExpr(Identifier(token), ExprContext.Load, token.Span);
        return name;
    }

    private NameExpr? ExpectSoftKeyword(string keyword)
    {
        var token = Peek();
        if (token.Type != TokenKind.Name || !Ascii.Equals(Bytes(token), keyword))
            return null;
        _mark++;
        return NameOf(token);
    }

    // CPython compares as many characters as the token has, so beginnings of the soft keywords count too.
    private NameExpr? ExpectAnySoftKeyword()
    {
        if (Expect(TokenKind.Name) is not { } token)
            return null;
        var text = Bytes(token);
        return "_"u8.StartsWith(text) || "case"u8.StartsWith(text) || "match"u8.StartsWith(text) ? NameOf(token) : null;
    }

    private static bool Any(object? _) => true;

    private object? Reset(int mark, object? result)
    {
        _mark = mark;
        return result;
    }

    private T[] Collect<T>(int from)
        where T : class
    {
        var count = _collected.Count - from;
        if (count == 0)
            return [];
        var all = new T[count];

        // Safe: a repetition collects only what its one rule yields, and that is a T. Going through a reference spares the checks that an
        // array of an abstract class makes at each store.
        ref var first = ref MemoryMarshal.GetArrayDataReference(all);
        var collected = CollectionsMarshal.AsSpan(_collected)[from..];
        for (var i = 0; i < collected.Length; i++)
            Unsafe.Add(ref first, i) = Unsafe.As<T>(collected[i]);
        CollectionsMarshal.SetCount(_collected, from);
        return all;
    }

    private bool TryRecall(int rule, out object? value)
    {
        for (var memo = Peek().Memos; memo != null; memo = memo.Next)
        {
            if (memo.Rule == rule)
            {
                _mark = memo.Mark;
                value = memo.Value;
                return true;
            }
        }

        value = null;
        return false;
    }

    private Memo Remember(int mark, int rule, object? value)
    {
        var token = _tokens[mark];
        return token.Memos = new Memo(rule, value, _mark, token.Memos);
    }

    private SourceSpan Span(Token start)
    {
        var m = _mark - 1;
        while (m > 0 && _tokens[m].Type is TokenKind.EndMarker or TokenKind.Newline or TokenKind.Indent or TokenKind.Dedent)
            m--;
        var end = _tokens[m].Span;
        return new SourceSpan(start.Span.Line, start.Span.Column, end.EndLine, end.EndColumn);
    }

    private ReadOnlySpan<byte> Bytes(Token token) =>
        token.Start < 0 ? [] : _tokenizer.Source.Bytes.AsSpan(token.Start, token.End - token.Start);

    private string Text(Token token) => Utf8.DecodeStrict(Bytes(token));

    private string Identifier(Token token)
    {
        var bytes = Bytes(token);
        return _names.Intern(bytes, _options.Host);
    }

    private void FillToken()
    {
        var type = ReadToken();
        while (type == TokenKind.TypeIgnore)
        {
            var tag = _tokenizer.Source.Bytes.AsSpan(_tokenizer.TokenStart, _tokenizer.TokenEnd - _tokenizer.TokenStart);
            _typeIgnores.Add((_tokenizer.Line, Utf8.DecodeStrict(tag)));
            type = ReadToken();
        }

        if (_startRule == StartRule.Single && type == TokenKind.EndMarker && _parsingStarted)
        {
            // The end of an interactive statement is a line end, and ends its blocks.
            type = TokenKind.Newline;
            _parsingStarted = false;
            if (_tokenizer.IsIndented && (_flags & CompilerFlags.DontImplyDedent) == 0)
                _tokenizer.DedentAll();
        }
        else
        {
            _parsingStarted = true;
        }

        AddToken(type);
        if (type == TokenKind.ErrorToken)
            throw TokenizerError();
    }

    private int ReadToken()
    {
        try
        {
            return _tokenizer.Read();
        }
        catch (PythonCompileException)
        {
            AddToken(TokenKind.ErrorToken);
            throw;
        }
    }

    private void AddToken(int type)
    {
        if (_fill == _tokens.Length)
            Array.Resize(ref _tokens, _fill * 2);
        _tokens[_fill++] = MakeToken(type);
    }

    private Token MakeToken(int type)
    {
        int start = _tokenizer.TokenStart, end = _tokenizer.TokenEnd;
        var lineStart = type == TokenKind.String ? _tokenizer.MultiLineStart : _tokenizer.LineStart;
        var line = type == TokenKind.String ? _tokenizer.FirstLine : _tokenizer.Line;
        var column = start >= 0 && start >= lineStart ? start - lineStart : -1;
        var endColumn = end >= 0 && end >= _tokenizer.LineStart ? end - _tokenizer.LineStart : -1;
        if (_tokenizer.Line == _startingLine)
        {
            column += _startingColumn;
            endColumn += _startingColumn;
        }

        if (type == TokenKind.Name)
            type = KeywordOrName(_tokenizer.Source.Bytes.AsSpan(start, end - start));
        return new Token(type, start, end, _tokenizer.Level, new SourceSpan(line, column, _tokenizer.Line, endColumn));
    }

    private static int KeywordOrName(ReadOnlySpan<byte> name)
    {
        if (name.Length >= s_keywordsByLength.Length)
            return TokenKind.Name;
        foreach (var keyword in s_keywordsByLength[name.Length])
        {
            if (keyword[0] == name[0] && name.SequenceEqual(keyword.AsSpan(0, name.Length)))
                return keyword[^1];
        }

        return TokenKind.Name;
    }

    // Keywords by length; after a keyword's letters stands its token number.
    private static byte[][][] MakeKeywordTable()
    {
        var table = new byte[Keywords.Max(k => k.Length) + 1][][];
        for (var length = 0; length < table.Length; length++)
        {
            table[length] =
            [
                .. Enumerable.Range(0, Keywords.Length).Where(i => Keywords[i].Length == length)
                    .Select(i => (byte[])[.. Encoding.ASCII.GetBytes(Keywords[i]), (byte)(FirstKeyword + i)]),
            ];
        }

        return table;
    }
}
