namespace Holon.Python.Runtime;

/// <summary>format % values.</summary>
internal static class PercentFormat
{
    public static PyStr Format(PyStr format, PyObject values)
    {
        var result = new PyStrBuilder();
        var tuple = values as PyTuple;
        var next = 0;
        var usedMapping = false;
        var at = 0;
        while (at < format.Length)
        {
            var c = format[at++];
            if (c != '%')
            {
                result.Append(c);
                continue;
            }
            PyObject? keyed = null;
            if (Peek() == '(')
            {
                if (values is PyTuple or PyStr || values.Type.GetItem is null)
                    throw Err.Type("format requires a mapping");
                var (start, depth) = (++at, 1);
                while (at < format.Length && depth > 0)
                {
                    depth += format[at] == '(' ? 1 : format[at] == ')' ? -1 : 0;
                    at++;
                }
                if (depth > 0)
                    throw Err.Value("incomplete format key");
                keyed = Ops.GetItem(values, format.Substring(start, at - start - 1));
                usedMapping = true;
            }
            var (left, plus, space, alternate, zero) = (false, false, false, false, false);
            while (true)
            {
                var flag = Peek();
                if (flag == '-')
                    left = true;
                else if (flag == '+')
                    plus = true;
                else if (flag == ' ')
                    space = true;
                else if (flag == '#')
                    alternate = true;
                else if (flag == '0')
                    zero = true;
                else
                    break;
                at++;
            }
            var width = Number(out var negativeWidth);
            left |= negativeWidth;
            var precision = -1;
            if (Peek() == '.')
            {
                at++;
                precision = Math.Max(0, Number(out _));
            }
            while (Peek() is 'h' or 'l' or 'L')
                at++;
            if (at >= format.Length)
                throw Err.Value("incomplete format");
            var type = format[at++];
            if (type == '%')
            {
                result.Append('%');
                continue;
            }
            var value = keyed ?? Next();
            var (prefix, body) = Convert(value, type, precision, plus, space, alternate, format, at - 1);
            var missing = Math.Max(0, width) - prefix.Length - body.Length;
            if (missing > 0)
                PyThread.Current.Machine.Limits.CheckSize(missing * 2L);
            var number = type is 'd' or 'i' or 'u' or 'o' or 'x' or 'X' or 'e' or 'E' or 'f' or 'F' or 'g' or 'G';
            if (left)
                result.Append(prefix).Append(body).Append(new string(' ', Math.Max(0, missing)));
            else if (zero && number)
                result.Append(prefix).Append(new string('0', Math.Max(0, missing))).Append(body);
            else
                result.Append(new string(' ', Math.Max(0, missing))).Append(prefix).Append(body);
        }
        if (tuple is not null ? next < tuple.Count : next == 0 && !usedMapping && !(values.Type.GetItem is not null && values is not (PyTuple or PyStr)))
            throw Err.Type("not all arguments converted during string formatting");
        return result.ToStr();

        int Peek() => at < format.Length ? format[at] : -1;

        PyObject Next()
        {
            if (tuple is not null)
                return next < tuple.Count ? tuple[next++] : throw Err.Type("not enough arguments for format string");
            return next++ == 0 ? values : throw Err.Type("not enough arguments for format string");
        }

        int Number(out bool negative)
        {
            negative = false;
            if (Peek() == '*')
            {
                at++;
                var given = Next() as PyInt ?? throw Err.Type("* wants int");
                negative = given.IsNegative;
                return (int)Math.Abs(given.Value);
            }
            long value = -1;
            while (Peek() is >= '0' and <= '9')
            {
                value = Math.Max(0, value) * 10 + format[at++] - '0';
                if (value > int.MaxValue)
                    throw Err.Value("width too big");
            }
            return (int)value;
        }
    }

    private static (string Prefix, PyStr Body) Convert(PyObject value, int type, int precision, bool plus, bool space, bool alternate, PyStr format, int at)
    {
        switch (type)
        {
            case 's' or 'r' or 'a':
                var text = type == 's' ? Ops.Str(value) : type == 'r' ? Ops.ReprObject(value) : StrMethods.Ascii(value);
                return ("", precision >= 0 && precision < text.Length ? text.Substring(0, precision) : text);
            case 'c':
                if (value is PyStr { Length: 1 } single)
                    return ("", single);
                if (value is PyStr || value.Type.Index is null)
                    throw Err.Type("%c requires int or char");
                var code = Ops.Index(value);
                return code.TryLong(out var c) && c is >= 0 and < 0x110000 ? ("", PyStr.OfChar((int)c)) : throw Err.Overflow("%c arg not in range(0x110000)");
            case 'd' or 'i' or 'u' or 'o' or 'x' or 'X':
                if (value is not PyInt number)
                {
                    if (type is 'd' or 'i' or 'u' && value.Type.ToInt is not null)
                        number = IntType.Convert(value);
                    else if (value.Type.Index is not null)
                        number = Ops.Index(value);
                    else
                        throw Err.Type(type is 'd' or 'i' or 'u' ? $"%{(char)type} format: a real number is required, not {value.Type.FullName}" : $"%{(char)type} format: an integer is required, not {value.Type.FullName}");
                }
                var magnitude = BigInteger.Abs(number.ToBig());
                var digits = type switch
                {
                    'o' => IntText.ToPowerOfTwo(magnitude, 3),
                    'x' => IntText.ToPowerOfTwo(magnitude, 4),
                    'X' => IntText.ToPowerOfTwo(magnitude, 4).ToUpperInvariant(),
                    _ => IntText.ToDecimal(PyInt.Of(magnitude)),
                };
                if (precision > digits.Length)
                {
                    PyThread.Current.Machine.Limits.CheckSize(precision * 2L);
                    digits = digits.PadLeft(precision, '0');
                }
                var sign = number.IsNegative ? "-" : plus ? "+" : space ? " " : "";
                return (sign + (alternate ? type switch { 'o' => "0o", 'x' => "0x", 'X' => "0X", _ => "" } : ""), new PyStr(digits));
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                var real = value is PyFloat f ? f.Value : value.Type.ToFloat is null && value.Type.Index is null ? throw Err.Type($"must be real number, not {value.Type.FullName}") : Ops.ToDouble(value);
                var body = NumberFormat.Digits(Math.Abs(real), (char)type, precision < 0 ? 6 : precision, alternate, out _);
                return (double.IsNegative(real) && !double.IsNaN(real) ? "-" : plus ? "+" : space ? " " : "", new PyStr(body));
            default:
                throw Err.Value($"unsupported format character '{(type is > 31 and < 127 ? ((char)type).ToString() : "?")}' (0x{type:x}) at index {at}");
        }
    }
}
