using System.Globalization;
using System.Text;
using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>Turns <c>"..." % (...)</c> into the pieces of an f-string, when only %s, %r and %a stand in it.</summary>
internal static class PercentFormat
{
    private const int MaxDigits = 3;

    /// <summary>The f-string, or null when the format has something else.</summary>
    public static JoinedStrExpr? TryFold(BinOpExpr node, string format, Expr[] values)
    {
        var pieces = new List<Expr>((values.Length * 2) + 1);
        var position = 0;
        var used = 0;
        while (true)
        {
            if (ReadLiteral(format, ref position) is { } literal)
                pieces.Add(new ConstantExpr(literal, null, new SourceSpan(-1, -1, -1, -1)));
            if (position >= format.Length)
                break;
            if (used >= values.Length)
                return null;
            position++;
            if (ReadField(format, ref position, values[used++]) is not { } field)
                return null;
            pieces.Add(field);
        }

        return used == values.Length ? new JoinedStrExpr([.. pieces], node.Span) : null;
    }

    private static string? ReadLiteral(string format, ref int position)
    {
        var start = position;
        var doubled = false;
        while (position < format.Length)
        {
            if (format[position] != '%')
            {
                position++;
            }
            else if (position + 1 < format.Length && format[position + 1] == '%')
            {
                doubled = true;
                position += 2;
            }
            else
            {
                break;
            }
        }

        if (position == start)
            return null;
        var literal = format[start..position];
        return doubled ? literal.Replace("%%", "%", StringComparison.Ordinal) : literal;
    }

    private static FormattedValueExpr? ReadField(string format, ref int position, Expr value)
    {
        int at = position, width = -1, precision = -1;
        var leftAligned = false;
        while (true)
        {
            if (at >= format.Length)
                return null;
            var flag = format[at];
            if (flag is not ('-' or '+' or ' ' or '#' or '0' or 'z'))
                break;
            leftAligned |= flag == '-';
            at++;
        }

        if (!TryReadNumber(format, ref at, ref width))
            return null;
        if (format[at] == '.')
        {
            if (++at >= format.Length)
                return null;
            precision = 0;
            if (!TryReadNumber(format, ref at, ref precision))
                return null;
        }

        var conversion = format[at++];
        if (conversion is not ('s' or 'r' or 'a'))
            return null;
        position = at;
        var spec = new StringBuilder();
        if (!leftAligned && width > 0)
            spec.Append('>');
        if (width >= 0)
            spec.Append(CultureInfo.InvariantCulture, $"{width}");
        if (precision >= 0)
            spec.Append(CultureInfo.InvariantCulture, $".{precision}");
        var specNode = spec.Length == 0 ? null : new ConstantExpr(spec.ToString(), null, new SourceSpan(-1, -1, -1, -1));
        return new FormattedValueExpr(value, conversion, specNode, value.Span);
    }

    private static bool TryReadNumber(string format, ref int at, ref int number)
    {
        if (!char.IsAsciiDigit(format[at]))
            return true;
        number = 0;
        for (var digits = 1; char.IsAsciiDigit(format[at]); digits++)
        {
            number = (number * 10) + format[at++] - '0';
            if (at >= format.Length || digits >= MaxDigits)
                return false;
        }

        return true;
    }
}
