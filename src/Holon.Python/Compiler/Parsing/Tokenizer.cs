namespace Holon.Python.Compiler;

/// <summary>How the tokenizer stands.</summary>
internal enum TokenizerState
{
    Ok,
    EndOfFile,
    Error,
    TabSpace,
    TooDeep,
    Dedent,
    LineContinuation,
    DecodeError,
    EndInTripleQuotes,
    EndInQuotes,
}

/// <summary>
/// Splits source into tokens, as CPython's tokenizer does: it reads line by line, and its position in the line decides what errors say.
/// This part holds the state, indentation and the main loop; <c>Tokenizer.Literals.cs</c> numbers, strings and names.
/// </summary>
internal sealed partial class Tokenizer
{
    private const int Eof = -1, None = -1, MaxIndent = 100, MaxLevel = 200, TabSize = 8;

    // 1 begins and continues an identifier, 2 continues one only.
    private static readonly byte[] s_identifierCharacters = MakeIdentifierTable();

    private readonly byte[] _bytes;
    private readonly string _fileName;
    private readonly CompilerHost _host;
    private readonly bool _typeComments, _asyncHacks;

    private int[] _indents = new int[MaxIndent], _alternateIndents = new int[MaxIndent];
    private byte[] _parens = new byte[MaxLevel];
    private int[] _parenLines = new int[MaxLevel], _parenColumns = new int[MaxLevel];
    private int _indent, _pendingDents, _tokenStart = None, _tokenEnd = None, _start = None;
    private bool _atLineStart = true, _inAsyncDef, _afterAsyncDefNewline;
    private int _asyncDefIndent;

    public Tokenizer(SourceText source, string fileName, CompilerHost host, bool typeComments, bool asyncHacks)
    {
        Source = source;
        _bytes = source.Bytes;
        _fileName = fileName;
        _host = host;
        _typeComments = typeComments;
        _asyncHacks = asyncHacks;
    }

    /// <summary>What is read.</summary>
    public SourceText Source { get; }

    /// <summary>Why reading stopped.</summary>
    public TokenizerState State { get; private set; }

    /// <summary>The current line's number.</summary>
    public int Line { get; set; }

    /// <summary>The line in which the last string began.</summary>
    public int FirstLine { get; private set; }

    /// <summary>Where the current line begins.</summary>
    public int LineStart { get; private set; }

    /// <summary>Where the line begins in which the last string began.</summary>
    public int MultiLineStart { get; private set; }

    /// <summary>The next byte to read.</summary>
    public int Current { get; private set; }

    /// <summary>The end of the lines read so far.</summary>
    public int InputEnd { get; private set; }

    /// <summary>Where the line begins in which the current token began.</summary>
    public int BufferStart { get; private set; }

    /// <summary>How many parentheses are open.</summary>
    public int Level { get; private set; }

    /// <summary>Where the last token began; -1 when it has no text.</summary>
    public int TokenStart => _tokenStart;

    /// <summary>Where the last token ended.</summary>
    public int TokenEnd => _tokenEnd;

    /// <summary>The text read since the current token began.</summary>
    public ReadOnlySpan<byte> IdentifierBytes => _bytes.AsSpan(_start, Current - _start);

    /// <summary>The innermost open parenthesis.</summary>
    public (char Character, int Line, int Column) OpenParenthesis =>
        ((char)_parens[Level - 1], _parenLines[Level - 1], _parenColumns[Level - 1]);

    /// <summary>Whether the tokenizer stands inside an indented block.</summary>
    public bool IsIndented => _indent > 0;

    /// <summary>Ends all open blocks: the input of an interactive statement is over.</summary>
    public void DedentAll()
    {
        _pendingDents = -_indent;
        _indent = 0;
    }

    /// <summary>Reads the next token and yields its number.</summary>
    public int Read()
    {
        _tokenStart = _tokenEnd = None;
        while (true)
        {
            _start = None;
            var blankLine = false;
            if (_atLineStart)
            {
                _atLineStart = false;
                if (!ReadIndentation(out blankLine))
                    return TokenKind.ErrorToken;
            }

            _start = Current;
            if (_pendingDents < 0)
            {
                _pendingDents++;
                return TokenKind.Dedent;
            }

            if (_pendingDents > 0)
            {
                _pendingDents--;
                return TokenKind.Indent;
            }

            if (_inAsyncDef)
                EndAsyncDef(blankLine);
            var token = ReadInLine(blankLine);
            if (token != NextLine)
                return token;
        }
    }

    private const int NextLine = -2;

    private int Next()
    {
        if (Current != InputEnd)
            return _bytes[Current++];
        return NextAfterLine();
    }

    private int NextAfterLine()
    {
        if (State != TokenizerState.Ok)
            return Eof;
        if (!ReadLine())
        {
            Current = InputEnd;
            return Eof;
        }

        LineStart = Current;
        return _bytes[Current++];
    }

    private bool ReadLine()
    {
        var end = Array.IndexOf(_bytes, (byte)'\n', InputEnd);
        if (end >= 0)
        {
            end++;
        }
        else
        {
            end = _bytes.Length - 1;
            if (end == InputEnd)
            {
                State = TokenizerState.EndOfFile;
                return false;
            }
        }

        if (_start == None)
            BufferStart = Current;
        LineStart = Current;
        Line++;
        InputEnd = end;
        return true;
    }

    private void Back(int c)
    {
        if (c != Eof)
            Current--;
    }

    private bool ReadIndentation(out bool blankLine)
    {
        int column = 0, alternateColumn = 0, continuationColumn = 0, c;
        blankLine = false;
        while (true)
        {
            c = Next();
            if (c == ' ')
            {
                column++;
                alternateColumn++;
            }
            else if (c == '\t')
            {
                column = ((column / TabSize) + 1) * TabSize;
                alternateColumn++;
            }
            else if (c == '\f')
            {
                column = alternateColumn = 0;
            }
            else if (c == '\\')
            {
                // The first line of a continued indentation says how deep it is.
                continuationColumn = continuationColumn != 0 ? continuationColumn : column;
                if (!ReadContinuation())
                    return false;
            }
            else
            {
                break;
            }
        }

        Back(c);
        if (c is '#' or '\n')
        {
            blankLine = true;
            return true;
        }

        if (Level > 0)
            return true;
        if (continuationColumn != 0)
            column = alternateColumn = continuationColumn;
        return SetIndentation(column, alternateColumn);
    }

    private bool SetIndentation(int column, int alternateColumn)
    {
        if (column == _indents[_indent])
            return alternateColumn == _alternateIndents[_indent] || IndentationError(TokenizerState.TabSpace);
        if (column > _indents[_indent])
        {
            if (_indent + 1 >= MaxIndent)
                return IndentationError(TokenizerState.TooDeep);
            if (alternateColumn <= _alternateIndents[_indent])
                return IndentationError(TokenizerState.TabSpace);
            _pendingDents++;
            _indents[++_indent] = column;
            _alternateIndents[_indent] = alternateColumn;
            return true;
        }

        while (_indent > 0 && column < _indents[_indent])
        {
            _pendingDents--;
            _indent--;
        }

        if (column != _indents[_indent])
            return IndentationError(TokenizerState.Dedent);
        return alternateColumn == _alternateIndents[_indent] || IndentationError(TokenizerState.TabSpace);
    }

    private bool IndentationError(TokenizerState state)
    {
        State = state;
        Current = InputEnd;
        return false;
    }

    private bool ReadContinuation()
    {
        var c = Next();
        if (c != '\n')
        {
            State = TokenizerState.LineContinuation;
            return false;
        }

        c = Next();
        if (c == Eof)
        {
            State = TokenizerState.EndOfFile;
            Current = InputEnd;
            return false;
        }

        Back(c);
        return true;
    }

    private int ReadInLine(bool blankLine)
    {
        while (true)
        {
            _start = None;
            int c;
            do
                c = Next();
            while (c is ' ' or '\t' or '\f');

            _start = Current - 1;
            if (c == '#')
            {
                c = SkipComment(out var comment, blankLine);
                if (comment != 0)
                    return comment;
            }

            if (c == Eof)
                return Level > 0 || State != TokenizerState.EndOfFile ? TokenKind.ErrorToken : TokenKind.EndMarker;
            if (s_identifierCharacters[c] == 1)
                return ReadNameOrString(c);
            if (c == '\n')
            {
                _atLineStart = true;
                if (blankLine || Level > 0)
                    return NextLine;
                _tokenStart = _start;
                _tokenEnd = Current - 1;
                _afterAsyncDefNewline |= _inAsyncDef;
                return TokenKind.Newline;
            }

            if (c == '.')
                return ReadDot();
            if (char.IsAsciiDigit((char)c))
                return ReadNumber(c);
            if (c is '\'' or '"')
                return ReadString(c);
            if (c != '\\')
                return ReadOperator(c);
            if (!ReadContinuation())
                return TokenKind.ErrorToken;
        }
    }

    private int ReadDot()
    {
        var c = Next();
        if (char.IsAsciiDigit((char)c) && c != Eof)
            return ReadFraction(c);
        if (c == '.')
        {
            c = Next();
            if (c == '.')
                return EndToken(TokenKind.Ellipsis);
            Back(c);
            Back('.');
        }
        else
        {
            Back(c);
        }

        return EndToken(TokenKind.Dot);
    }

    private int ReadOperator(int c)
    {
        var second = Next();
        var token = TokenKind.TwoCharacters(c, second);
        if (token != TokenKind.Op)
        {
            var third = Next();
            var longer = TokenKind.ThreeCharacters(c, second, third);
            if (longer != TokenKind.Op)
                return EndToken(longer);
            Back(third);
            return EndToken(token);
        }

        Back(second);
        switch (c)
        {
            case '(' or '[' or '{':
                if (Level >= MaxLevel)
                    throw SyntaxError("too many nested parentheses");
                _parens[Level] = (byte)c;
                _parenLines[Level] = Line;
                _parenColumns[Level] = _start - LineStart;
                Level++;
                break;
            case ')' or ']' or '}':
                CloseParenthesis(c);
                break;
        }

        if (c is < ' ' or 0x7F)
            throw SyntaxError($"invalid non-printable character U+{c:X4}");
        return EndToken(TokenKind.OneCharacter(c));
    }

    private void CloseParenthesis(int c)
    {
        if (Level == 0)
            throw SyntaxError($"unmatched '{(char)c}'");
        Level--;
        var opening = _parens[Level];
        if (((char)opening, c) is ('(', ')') or ('[', ']') or ('{', '}'))
            return;
        var where = _parenLines[Level] == Line ? "" : $" on line {_parenLines[Level]}";
        throw SyntaxError($"closing parenthesis '{(char)c}' does not match opening parenthesis '{(char)opening}'{where}");
    }

    private int EndToken(int type)
    {
        _tokenStart = _start;
        _tokenEnd = Current;
        return type;
    }

    /// <summary>A syntax error up to the current position, or in the given columns.</summary>
    private PythonCompileException SyntaxError(string message, int column = -1, int endColumn = -1)
    {
        if (column == -1)
            column = Utf8.CountReplacing(_bytes.AsSpan(LineStart, Current - LineStart));
        if (endColumn == -1)
            endColumn = column;
        var lineEnd = _bytes.AsSpan(LineStart).IndexOfAny((byte)'\n', (byte)0);
        var text = Utf8.DecodeReplacing(_bytes.AsSpan(LineStart, lineEnd));
        State = TokenizerState.Error;
        return new PythonCompileException(
            CompileErrorKind.SyntaxError, message, new SyntaxErrorLocation(_fileName, Line, column, text, Line, endColumn));
    }

    private static byte[] MakeIdentifierTable()
    {
        var table = new byte[256];
        for (var c = 0; c < 256; c++)
            table[c] = (byte)(c >= 128 || c == '_' || char.IsAsciiLetter((char)c) ? 1 : char.IsAsciiDigit((char)c) ? 2 : 0);
        return table;
    }
}
