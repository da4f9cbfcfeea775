using System.Text;

namespace Holon.Python.Compiler;

internal sealed partial class Tokenizer
{
    private int ReadNameOrString(int c)
    {
        // b, u, r and f may begin a string.
        bool b = false, u = false, r = false, f = false;
        while (true)
        {
            if (!(b || u || f) && c is ('b' or 'B'))
                b = true;
            else if (!(b || u || r || f) && c is ('u' or 'U'))
                u = true;
            else if (!(r || u) && c is ('r' or 'R'))
                r = true;
            else if (!(f || b || u) && c is ('f' or 'F'))
                f = true;
            else
                break;
            c = Next();
            if (c is '\'' or '"')
                return ReadString(c);
        }

        if (c != Eof && s_identifierCharacters[c] != 0)
        {
            while (s_identifierCharacters[_bytes[Current]] != 0)
                Current++;
            c = Next();
        }

        Back(c);
        EndToken(TokenKind.Name);
        var name = _bytes.AsSpan(_tokenStart, _tokenEnd - _tokenStart);
        if (Ascii.IsValid(name))
            return name.Length == 5 && name[0] == 'a' ? AsyncOrAwait(name) : TokenKind.Name;
        if (VerifyIdentifier(name))
            return TokenKind.Name;
        _tokenStart = _tokenEnd = None;
        return TokenKind.ErrorToken;
    }

    // Since 3.7 both are keywords; for older versions of the language they are only around and inside "async def".
    private int AsyncOrAwait(ReadOnlySpan<byte> name)
    {
        var isAsync = name.SequenceEqual("async"u8);
        if (!_asyncHacks || _inAsyncDef)
            return isAsync ? TokenKind.Async : name.SequenceEqual("await"u8) ? TokenKind.Await : TokenKind.Name;
        if (!isAsync)
            return TokenKind.Name;
        var ahead = Copy();
        if (ahead.Read() != TokenKind.Name || !_bytes.AsSpan(ahead._tokenStart, ahead._tokenEnd - ahead._tokenStart).SequenceEqual("def"u8))
            return TokenKind.Name;
        _asyncDefIndent = _indent;
        _inAsyncDef = true;
        return TokenKind.Async;
    }

    private Tokenizer Copy()
    {
        var copy = (Tokenizer)MemberwiseClone();
        copy._indents = (int[])_indents.Clone();
        copy._alternateIndents = (int[])_alternateIndents.Clone();
        copy._parens = (byte[])_parens.Clone();
        copy._parenLines = (int[])_parenLines.Clone();
        copy._parenColumns = (int[])_parenColumns.Clone();
        return copy;
    }

    private void EndAsyncDef(bool blankLine)
    {
        var c = Next();
        Back(c);
        if (!blankLine && c != '\n' && Level == 0 && _afterAsyncDefNewline && _asyncDefIndent >= _indent)
        {
            _inAsyncDef = _afterAsyncDefNewline = false;
            _asyncDefIndent = 0;
        }
    }

    private bool VerifyIdentifier(ReadOnlySpan<byte> name)
    {
        if (!System.Text.Unicode.Utf8.IsValid(name))
        {
            State = TokenizerState.DecodeError;
            return false;
        }

        var offset = 0;
        while (offset < name.Length)
        {
            Rune.DecodeFromUtf8(name[offset..], out var rune, out var length);
            if (!(offset == 0 ? Identifiers.IsStart(rune.Value) : Identifiers.IsContinue(rune.Value)))
            {
                Current = _start + offset + length;
                throw SyntaxError(Identifiers.IsPrintable(rune.Value)
                    ? $"invalid character '{rune}' (U+{rune.Value:X4})"
                    : $"invalid non-printable character U+{rune.Value:X4}");
            }

            offset += length;
        }

        return true;
    }

    private int ReadNumber(int c)
    {
        if (c != '0')
            return ReadDecimal(DecimalTail());
        c = Next();
        switch (c)
        {
            case 'x' or 'X':
                return ReadRadix(IsHexDigit, "hexadecimal");
            case 'o' or 'O':
                return ReadRadix(digit => digit is >= '0' and <= '7', "octal");
            case 'b' or 'B':
                return ReadRadix(digit => digit is '0' or '1', "binary");
        }

        // Zeros, or a decimal that begins with zeros (an error when it is an integer).
        while (true)
        {
            if (c == '_')
            {
                c = Next();
                if (!IsDigit(c))
                {
                    Back(c);
                    throw SyntaxError("invalid decimal literal");
                }
            }

            if (c != '0')
                break;
            c = Next();
        }

        var zerosEnd = Current;
        if (!IsDigit(c))
            return c is '.' or 'e' or 'E' or 'j' or 'J' ? ReadDecimal(c) : EndNumber(c, "decimal");
        c = DecimalTail();
        if (c is '.' or 'e' or 'E' or 'j' or 'J')
            return ReadDecimal(c);
        Back(c);
        throw SyntaxError(
            "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers",
            _start + 1 - LineStart,
            zerosEnd - LineStart);
    }

    private static bool IsDigit(int c) => c is >= '0' and <= '9';

    private static bool IsHexDigit(int c) => c is (>= '0' and <= '9') or (>= 'a' and <= 'f') or (>= 'A' and <= 'F');

    private int ReadRadix(Func<int, bool> isDigit, string kind)
    {
        var c = Next();
        do
        {
            if (c == '_')
                c = Next();
            if (!isDigit(c))
            {
                if (kind != "hexadecimal" && IsDigit(c))
                    throw SyntaxError($"invalid digit '{(char)c}' in {kind} literal");
                Back(c);
                throw SyntaxError($"invalid {kind} literal");
            }

            do
                c = Next();
            while (isDigit(c));
        }
        while (c == '_');

        if (kind != "hexadecimal" && IsDigit(c))
            throw SyntaxError($"invalid digit '{(char)c}' in {kind} literal");
        return EndNumber(c, kind);
    }

    // Digits with single underscores between; yields the character after them.
    private int DecimalTail()
    {
        while (true)
        {
            int c;
            do
                c = Next();
            while (IsDigit(c));
            if (c != '_')
                return c;
            c = Next();
            if (!IsDigit(c))
            {
                Back(c);
                throw SyntaxError("invalid decimal literal");
            }
        }
    }

    private int ReadDecimal(int c) => c == '.' ? ReadFraction(Next()) : ReadExponent(c);

    private int ReadFraction(int c) => ReadExponent(IsDigit(c) ? DecimalTail() : c);

    private int ReadExponent(int c)
    {
        if (c is 'e' or 'E')
        {
            var e = c;
            c = Next();
            if (c is '+' or '-')
            {
                c = Next();
                if (!IsDigit(c))
                {
                    Back(c);
                    throw SyntaxError("invalid decimal literal");
                }
            }
            else if (!IsDigit(c))
            {
                Back(c);
                VerifyEndOfNumber(e, "decimal");
                Back(e);
                return EndToken(TokenKind.Number);
            }

            c = DecimalTail();
        }

        return c is 'j' or 'J' ? EndNumber(Next(), "imaginary") : EndNumber(c, "decimal");
    }

    private int EndNumber(int c, string kind)
    {
        VerifyEndOfNumber(c, kind);
        Back(c);
        return EndToken(TokenKind.Number);
    }

    // "1or 2" is valid, with a warning: a keyword that can follow a number may touch it. Any other word may not.
    private void VerifyEndOfNumber(int c, string kind)
    {
        var keyword = c switch
        {
            'a' => LooksAt("nd"u8),
            'e' => LooksAt("lse"u8),
            'f' => LooksAt("or"u8),
            'i' => Current < InputEnd && _bytes[Current] is (byte)'f' or (byte)'n' or (byte)'s',
            'o' => LooksAt("r"u8),
            'n' => LooksAt("ot"u8),
            _ => false,
        };

        if (keyword)
        {
            Back(c);
            if (_host.Warn(CompilerWarningKind.SyntaxWarning, $"invalid {kind} literal", _fileName, Line))
                throw SyntaxError($"invalid {kind} literal");
            Next();
        }
        else if (c != Eof && s_identifierCharacters[c] != 0)
        {
            Back(c);
            throw SyntaxError($"invalid {kind} literal");
        }
    }

    private bool LooksAt(ReadOnlySpan<byte> rest) =>
        _bytes.AsSpan(Current).StartsWith(rest) && s_identifierCharacters[_bytes[Current + rest.Length]] == 0;

    private int ReadString(int quote)
    {
        int quoteSize = 1, endQuotes = 0;
        FirstLine = Line;
        MultiLineStart = LineStart;
        var c = Next();
        if (c == quote)
        {
            c = Next();
            if (c == quote)
                quoteSize = 3;
            else
                endQuotes = 1; // an empty string
        }

        if (c != quote)
            Back(c);
        while (endQuotes != quoteSize)
        {
            c = Next();
            if (c == Eof || (quoteSize == 1 && c == '\n'))
                throw UnterminatedString(quoteSize, c);
            if (c == quote)
            {
                endQuotes++;
            }
            else
            {
                endQuotes = 0;
                if (c == '\\')
                    Next();
            }
        }

        return EndToken(TokenKind.String);
    }

    // The error stands at the opening quote.
    private PythonCompileException UnterminatedString(int quoteSize, int c)
    {
        Current = _start + 1;
        LineStart = MultiLineStart;
        var detectedAt = Line;
        Line = FirstLine;
        var what = quoteSize == 3 ? "triple-quoted string" : "string";
        var error = SyntaxError($"unterminated {what} literal (detected at line {detectedAt})");
        if (c != '\n')
            State = quoteSize == 3 ? TokenizerState.EndInTripleQuotes : TokenizerState.EndInQuotes;
        return error;
    }

    // Skips to the line's end and yields that character; a type comment (when they are wanted) is a token instead.
    private int SkipComment(out int token, bool blankLine)
    {
        token = 0;
        Current = InputEnd;
        var c = _bytes[InputEnd - 1] == '\n' ? '\n' : Next();
        if (!_typeComments || !TryMatchTypePrefix(out var p))
            return c;

        Back(c);
        var ignoreEnd = p + 6;
        var isIgnore = Current >= ignoreEnd && _bytes.AsSpan(p).StartsWith("ignore"u8) &&
            !(Current > ignoreEnd && (_bytes[ignoreEnd] >= 128 || char.IsAsciiLetterOrDigit((char)_bytes[ignoreEnd])));
        _tokenEnd = Current;
        if (isIgnore)
        {
            _tokenStart = ignoreEnd;
            if (blankLine)
            {
                Next();
                _atLineStart = true;
            }

            token = TokenKind.TypeIgnore;
        }
        else
        {
            _tokenStart = p;
            token = TokenKind.TypeComment;
        }

        return c;
    }

    // "# type: ", where each space stands for any number of spaces and tabs.
    private bool TryMatchTypePrefix(out int p)
    {
        p = _start;
        foreach (var expected in "# type: "u8)
        {
            if (p >= Current)
                return false;
            if (expected == ' ')
            {
                while (_bytes[p] is (byte)' ' or (byte)'\t')
                    p++;
            }
            else if (_bytes[p] == expected)
            {
                p++;
            }
            else
            {
                return false;
            }
        }

        return true;
    }
}
