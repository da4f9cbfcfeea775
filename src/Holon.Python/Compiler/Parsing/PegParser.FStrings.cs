using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>The pieces of adjacent string literals of which one is an f-string: texts, joined as far as they touch, and expressions.</summary>
internal sealed class FStringPieces(PegParser parser, Token first, Token last)
{
    private readonly List<Expr> _expressions = [];
    private object? _text;

    /// <summary>The first of the literals.</summary>
    public Token First => first;

    /// <summary>The last of the literals.</summary>
    public Token Last => last;

    /// <summary>Whether an f-string is among the literals.</summary>
    public bool IsFormatted { get; set; }

    public void AddText(object text)
    {
        if (PythonText.Length(text) != 0)
            _text = _text == null ? text : PythonText.Concat(_text, text);
    }

    public void AddExpression(Expr expression)
    {
        if (_text != null)
            _expressions.Add(TakeText(first, last));
        _expressions.Add(expression);
    }

    public Expr Finish(Token from, Token to)
    {
        if (!IsFormatted)
        {
            _text ??= "";
            return TakeText(from, to);
        }

        if (_text != null)
            _expressions.Add(TakeText(from, to));
        return new JoinedStrExpr([.. _expressions], PegParser.Between(from, to));
    }

    private ConstantExpr TakeText(Token from, Token to)
    {
        var text = _text;
        _text = null;
        return new ConstantExpr(text, parser.HasUPrefix(from) ? "u" : null, PegParser.Between(from, to));
    }
}

// Python 3.11 parses f-strings by hand: it finds the expressions and hands each to a parser of its own, in parentheses.
internal sealed partial class PegParser
{
    internal static SourceSpan Between(Token first, Token last) =>
        new(first.Span.Line, first.Span.Column, last.Span.EndLine, last.Span.EndColumn);

    internal bool HasUPrefix(Token token) => _tokenizer.Source.Bytes[token.Start] == 'u';

    private void ParseFString(FStringPieces pieces, StringLiteral literal, Token token)
    {
        var position = literal.Start;
        ParseFString(pieces, ref position, literal.End, literal.IsRaw, 0, token);
    }

    private void ParseFString(FStringPieces pieces, ref int position, int end, bool raw, int depth, Token token)
    {
        var s = _tokenizer.Source.Bytes;
        pieces.IsFormatted = true;
        while (true)
        {
            var more = ReadLiteral(pieces, ref position, end, raw, depth, token);
            if (more)
                continue; // a doubled brace
            if (position >= end || s[position] == '}')
                break;
            pieces.AddExpression(ReadReplacementField(pieces, ref position, end, raw, depth, token));
        }

        if (depth == 0 && position < end - 1)
            throw MakeError("f-string: unexpected end of string");
        if (depth != 0 && s[position] != '}')
            throw MakeError("f-string: expecting '}'");
    }

    // Text up to a brace or the end. True when it ended at a doubled brace, of which one stays.
    private bool ReadLiteral(FStringPieces pieces, ref int position, int end, bool raw, int depth, Token token)
    {
        var s = _tokenizer.Source.Bytes;
        int start = position, i = start;
        var doubled = false;
        while (i < end)
        {
            var c = s[i++];
            if (!raw && c == '\\' && i < end)
            {
                c = s[i++];
                if (c == 'N')
                {
                    if (i < end && s[i++] == '{')
                    {
                        while (i < end && s[i++] != '}')
                        {
                        }
                    }

                    continue;
                }

                if (c == '{')
                    WarnInvalidEscape("{", token);
            }

            if (c is not ((byte)'{' or (byte)'}'))
                continue;
            if (depth == 0)
            {
                if (i < end && s[i] == c)
                {
                    doubled = true;
                    break;
                }

                if (c == '}')
                    throw MakeError("f-string: single '}' is not allowed");
            }

            i--;
            break;
        }

        position = doubled ? i + 1 : i;
        if (i > start)
        {
            var text = s.AsSpan(start, i - start);
            pieces.AddText(raw || !text.Contains((byte)'\\') ? Utf8.DecodeStrict(text) : DecodeEscapes(text, token));
        }

        return doubled;
    }

    private FormattedValueExpr ReadReplacementField(FStringPieces pieces, ref int position, int end, bool raw, int depth, Token token)
    {
        var s = _tokenizer.Source.Bytes;
        if (depth >= 2)
            throw MakeError("f-string: expressions nested too deeply");
        var start = ++position;
        position = FindExpressionEnd(start, end);
        if (position >= end)
            throw MissingBrace();
        var expression = CompileFStringExpression(start, position, token);

        string? debugText = null;
        if (s[position] == '=')
        {
            if (_featureVersion < 8)
                throw MakeError("f-string: self documenting expressions are only supported in Python 3.8 and greater");
            position++;
            while (s[position] is (byte)' ' or (>= 9 and <= 13))
                position++;
            if (position >= end)
                throw MissingBrace();
            debugText = Utf8.DecodeStrict(s.AsSpan(start, position - start));
        }

        var conversion = -1;
        if (s[position] == '!')
        {
            if (++position >= end)
                throw MissingBrace();
            conversion = s[position++];
            if (conversion is not ('s' or 'r' or 'a'))
                throw MakeError("f-string: invalid conversion character: expected 's', 'r', or 'a'");
        }

        Expr? formatSpec = null;
        if (position >= end)
            throw MissingBrace();
        if (s[position] == ':')
        {
            if (++position >= end)
                throw MissingBrace();
            var spec = new FStringPieces(this, pieces.First, pieces.Last);
            ParseFString(spec, ref position, end, raw, depth + 1, token);
            formatSpec = spec.Finish(token, token);
        }

        if (position >= end || s[position] != '}')
            throw MissingBrace();
        position++;
        if (debugText != null)
        {
            pieces.AddText(debugText);
            if (formatSpec == null && conversion == -1)
                conversion = 'r';
        }

        return new FormattedValueExpr(expression, conversion, formatSpec, Between(pieces.First, pieces.Last));

        PythonCompileException MissingBrace() => MakeError("f-string: expecting '}'");
    }

    // Where an expression ends: at !, :, = or } outside strings and parentheses.
    private int FindExpressionEnd(int start, int end)
    {
        var s = _tokenizer.Source.Bytes;
        Span<byte> parens = stackalloc byte[200];
        int nesting = 0, stringQuotes = 0, i = start;
        byte quote = 0;
        for (; i < end; i++)
        {
            var c = s[i];
            if (c == '\\')
                throw MakeError("f-string expression part cannot include a backslash");
            if (quote != 0)
            {
                if (c != quote)
                    continue;
                if (stringQuotes == 1)
                {
                    quote = 0;
                }
                else if (i + 2 < end && s[i + 1] == c && s[i + 2] == c)
                {
                    i += 2;
                    quote = 0;
                }

                continue;
            }

            switch (c)
            {
                case (byte)'\'' or (byte)'"':
                    quote = c;
                    stringQuotes = 1;
                    if (i + 2 < end && s[i + 1] == c && s[i + 2] == c)
                    {
                        stringQuotes = 3;
                        i += 2;
                    }

                    continue;
                case (byte)'(' or (byte)'[' or (byte)'{':
                    if (nesting >= parens.Length)
                        throw MakeError("f-string: too many nested parenthesis");
                    parens[nesting++] = c;
                    continue;
                case (byte)'#':
                    throw MakeError("f-string expression part cannot include '#'");
            }

            if (nesting == 0 && c is ((byte)'!' or (byte)':' or (byte)'}' or (byte)'=' or (byte)'>' or (byte)'<'))
            {
                if (c is not ((byte)':' or (byte)'}') && i + 1 < end && s[i + 1] == '=')
                {
                    i++; // !=, ==, <= or >=
                    continue;
                }

                if (c is (byte)'>' or (byte)'<')
                    continue;
                break;
            }

            if (c is (byte)']' or (byte)'}' or (byte)')')
            {
                if (nesting == 0)
                    throw MakeError($"f-string: unmatched '{(char)c}'");
                var opening = parens[--nesting];
                if ((opening, c) is not (((byte)'(', (byte)')') or ((byte)'[', (byte)']') or ((byte)'{', (byte)'}')))
                    throw MakeError($"f-string: closing parenthesis '{(char)c}' does not match opening parenthesis '{(char)opening}'");
            }
        }

        if (quote != 0)
            throw MakeError("f-string: unterminated string");
        if (nesting != 0)
            throw MakeError($"f-string: unmatched '{(char)parens[nesting - 1]}'");
        return i;
    }

    private Expr CompileFStringExpression(int start, int end, Token token)
    {
        var s = _tokenizer.Source.Bytes;
        if (!s.AsSpan(start, end - start).ContainsAnyExcept(" \t\n\f"u8))
        {
            throw MakeError(s[end] is (byte)'!' or (byte)':' or (byte)'='
                ? $"f-string: expression required before '{(char)s[end]}'"
                : "f-string: empty expression not allowed");
        }

        // Parentheses allow leading space; as a file, the text ends with a line end.
        var text = new byte[end - start + 4];
        text[0] = (byte)'(';
        s.AsSpan(start, end - start).CopyTo(text.AsSpan(1));
        text[^3] = (byte)')';
        text[^2] = (byte)'\n';
        var (lines, columns) = FindExpressionPlace(token, start - 1);
        var nested = new PegParser(SourceText.FromExpression(text), StartRule.FString, _fileName, _options, _names)
        {
            _startingLine = token.Span.Line + lines,
            _startingColumn = lines != 0 ? columns : token.Span.Column + columns,
        };
        nested._tokenizer.Line = token.Span.Line + lines - 1;
        DeepStack.Check();
        return (Expr)nested.Parse();
    }

    // How many lines below the string's beginning the brace stands, and how many bytes right of its line's or the string's beginning.
    private (int Lines, int Columns) FindExpressionPlace(Token token, int brace)
    {
        var s = _tokenizer.Source.Bytes;
        var columns = 0;
        var i = brace + 1;
        while (s[i] is (byte)' ' or (byte)'\t' or 0x0C)
            i++;
        if (s[i] is not ((byte)'}' or (byte)'\n'))
        {
            var lineStart = brace;
            while (lineStart > token.Start && s[lineStart] != '\n')
                lineStart--;
            columns = brace - lineStart;
            if (s[lineStart] == '\n')
                columns--;
        }

        return (s.AsSpan(token.Start, brace - token.Start).Count((byte)'\n'), columns);
    }
}
