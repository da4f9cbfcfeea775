using System.Globalization;
using System.Text;
using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

// Numbers and strings.
internal sealed partial class PegParser
{
    private Expr? ExpectNumber()
    {
        if (Expect(TokenKind.Number) is not { } token)
            return null;
        return token.Node ??= new ConstantExpr(ParseNumber(token), null, token.Span);
    }

    private object ParseNumber(Token token)
    {
        var bytes = Bytes(token);
        if (bytes.Contains((byte)'_'))
        {
            if (_featureVersion < 6)
                throw MakeError("Underscores in numeric literals are only supported in Python 3.6 and greater");
            bytes = Array.FindAll(bytes.ToArray(), b => b != '_');
        }

        if (bytes is [(byte)'0', (byte)'x' or (byte)'X' or (byte)'o' or (byte)'O' or (byte)'b' or (byte)'B', ..])
            return ParseRadix(bytes[2..], (bytes[1] | 0x20) switch { 'x' => 4, 'o' => 3, _ => 1 });
        if (bytes[^1] is (byte)'j' or (byte)'J')
            return new Complex(0, double.Parse(bytes[..^1], NumberStyles.Float, CultureInfo.InvariantCulture));
        if (bytes.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            return double.Parse(bytes, NumberStyles.Float, CultureInfo.InvariantCulture);
        if (bytes.Length <= 18)
            return ConstantValue.Of(long.Parse(bytes, NumberStyles.None, CultureInfo.InvariantCulture));

        var limit = _options.Host.IntMaxStrDigits;
        if (limit > 0 && bytes.Length > limit)
        {
            var message = $"Exceeds the limit ({limit}) for integer string conversion: value has {bytes.Length} digits; use " +
                "sys.set_int_max_str_digits() to increase the limit - Consider hexadecimal for huge integer literals to avoid decimal conversion limits.";
            throw MakeErrorAt(new SourceSpan(token.Span.Line, -1, token.Span.EndLine, -1), message);
        }

        return ConstantValue.Of(BigInteger.Parse(Encoding.ASCII.GetString(bytes), NumberStyles.None, CultureInfo.InvariantCulture));
    }

    private static object ParseRadix(ReadOnlySpan<byte> digits, int bitsPerDigit)
    {
        digits = digits.TrimStart((byte)'0');
        if (digits.Length * bitsPerDigit <= 62)
        {
            var small = 0L;
            foreach (var digit in digits)
                small = (small << bitsPerDigit) | (long)DigitValue(digit);
            return ConstantValue.Of(small);
        }

        // The bits from the last digit on, little-endian.
        var bytes = new byte[(digits.Length * bitsPerDigit / 8) + 2];
        var bit = 0;
        for (var i = digits.Length - 1; i >= 0; i--, bit += bitsPerDigit)
        {
            var bits = DigitValue(digits[i]) << (bit & 7);
            bytes[bit >> 3] |= (byte)bits;
            bytes[(bit >> 3) + 1] |= (byte)(bits >> 8);
        }

        return ConstantValue.Of(new BigInteger(bytes, isUnsigned: true));
    }

    private static int DigitValue(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;

    // Adjacent literals are one: bytes, a string, or, when one of them is an f-string, the pieces of one.
    private Expr ConcatenateStrings(Token[] tokens)
    {
        Token first = tokens[0], last = tokens[^1];
        var bytesMode = false;
        byte[]? bytes = null;
        var pieces = new FStringPieces(this, first, last);
        try
        {
            for (var i = 0; i < tokens.Length; i++)
            {
                var token = tokens[i];
                var literal = ReadPrefix(token);
                var value = literal.IsFormatted ? null : DecodeLiteral(literal, token);
                if (i != 0 && bytesMode != literal.IsBytes)
                    throw MakeError("cannot mix bytes and nonbytes literals");
                bytesMode = literal.IsBytes;
                if (literal.IsFormatted)
                    ParseFString(pieces, literal, token);
                else if (value is byte[] piece)
                    bytes = bytes == null ? piece : [.. bytes, .. piece];
                else
                    pieces.AddText(value!);
            }
        }
        catch (PythonCompileException e) when (e.Kind == CompileErrorKind.UnicodeDecodeError)
        {
            throw MakeError($"(unicode error) {e.Message}");
        }
        catch (PythonCompileException e) when (e.Kind == CompileErrorKind.ValueError)
        {
            throw MakeError($"(value error) {e.Message}");
        }

        return bytesMode
            ? new ConstantExpr(bytes, null, new SourceSpan(first.Span.Line, first.Span.Column, last.Span.EndLine, last.Span.EndColumn))
            : pieces.Finish(first, last);
    }

    /// <summary>A string literal: what its prefix says, and where its content stands.</summary>
    private readonly record struct StringLiteral(int Start, int End, bool IsBytes, bool IsRaw, bool IsFormatted);

    private StringLiteral ReadPrefix(Token token)
    {
        var bytes = _tokenizer.Source.Bytes;
        bool isBytes = false, isRaw = false, isFormatted = false;
        var start = token.Start;
        for (; bytes[start] is not ((byte)'\'' or (byte)'"'); start++)
        {
            var prefix = bytes[start] | 0x20;
            isBytes |= prefix == 'b';
            isRaw |= prefix == 'r';
            isFormatted |= prefix == 'f';
        }

        if (isFormatted && _featureVersion < 6)
            throw MakeError("Format strings are only supported in Python 3.6 and greater");
        var length = token.End - start;
        var quotes = length >= 6 && bytes[start + 1] == bytes[start] && bytes[start + 2] == bytes[start] ? 3 : 1;
        return new StringLiteral(start + quotes, token.End - quotes, isBytes, isRaw, isFormatted);
    }

    private object DecodeLiteral(StringLiteral literal, Token token)
    {
        var content = _tokenizer.Source.Bytes.AsSpan(literal.Start, literal.End - literal.Start);
        var raw = literal.IsRaw || !content.Contains((byte)'\\');
        if (!literal.IsBytes)
            return raw ? Utf8.DecodeStrict(content) : DecodeEscapes(content, token);
        if (!Ascii.IsValid(content))
            throw MakeError("bytes can only contain ASCII literal characters");
        return raw ? content.ToArray() : DecodeBytesEscapes(content, token);
    }

    private object DecodeEscapes(ReadOnlySpan<byte> content, Token token)
    {
        var result = EscapeDecoder.Decode(content, _options.Host, out var invalidEscape);
        if (invalidEscape != null)
            WarnInvalidEscape(invalidEscape, token);
        return result;
    }

    private byte[] DecodeBytesEscapes(ReadOnlySpan<byte> content, Token token)
    {
        var result = EscapeDecoder.DecodeBytes(content, out var invalidEscape);
        if (invalidEscape != null)
            WarnInvalidEscape(invalidEscape, token);
        return result;
    }

    private void WarnInvalidEscape(string escape, Token token)
    {
        var message = escape[0] is >= '4' and <= '7' ? $"invalid octal escape sequence '\\{escape}'" : $"invalid escape sequence '\\{escape[0]}'";
        if (!_options.Host.Warn(CompilerWarningKind.DeprecationWarning, message, _fileName, token.Span.Line))
            return;
        _knownErrorToken = token;
        throw MakeError(message);
    }
}
