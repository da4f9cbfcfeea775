using System.Globalization;

namespace Holon.Jvm.ClassFile;

/// <summary>Field and method descriptors (JVMS §4.3).</summary>
internal static class Descriptor
{
    /// <summary>Where the field type that begins at <paramref name="start"/> ends, or -1.</summary>
    public static int EndOfType(ReadOnlySpan<char> text, int start)
    {
        var i = start;
        while (i < text.Length && text[i] == '[') i++;
        if (i - start > 255 || i >= text.Length) return -1;
        switch (text[i])
        {
            case 'B' or 'C' or 'D' or 'F' or 'I' or 'J' or 'S' or 'Z':
                return i + 1;
            case 'L':
                var end = text[i..].IndexOf(';');
                return end > 1 && IsBinaryName(text.Slice(i + 1, end - 1)) ? i + end + 1 : -1;
            default:
                return -1;
        }
    }

    public static bool IsField(ReadOnlySpan<char> text) => EndOfType(text, 0) == text.Length;

    public static bool IsMethod(ReadOnlySpan<char> text)
    {
        if (text.Length < 3 || text[0] != '(') return false;
        var i = 1;
        var slots = 0;
        while (i < text.Length && text[i] != ')')
        {
            slots += text[i] is 'J' or 'D' ? 2 : 1;
            i = EndOfType(text, i);
            if (i < 0) return false;
        }
        return i < text.Length && slots <= 255 && (text[(i + 1)..] is "V" || IsField(text[(i + 1)..]));
    }

    /// <summary>A class name in internal form: identifiers between slashes, none empty (JVMS §4.2.1).</summary>
    public static bool IsBinaryName(ReadOnlySpan<char> name)
    {
        if (name.Length == 0 || name[0] == '/' || name[^1] == '/' || name.IndexOfAny('.', ';', '[') >= 0) return false;
        return name.IndexOf("//") < 0;
    }

    /// <summary>A Java identifier, or several between slashes.</summary>
    public static bool IsOldName(ReadOnlySpan<char> name, bool slashes)
    {
        var inside = false;
        for (var i = 0; i < name.Length; i++)
        {
            if (slashes && name[i] == '/')
            {
                if (i > 0 && name[i - 1] == '/') return false;
                inside = false;
                continue;
            }
            if (!(char.IsLetter(name[i]) || char.IsSurrogate(name[i]) || name[i] is '_' or '$' || char.GetUnicodeCategory(name[i]) is UnicodeCategory.CurrencySymbol or UnicodeCategory.ConnectorPunctuation or UnicodeCategory.LetterNumber
                || inside && (char.IsDigit(name[i]) || char.GetUnicodeCategory(name[i]) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark))) return false;
            inside = true;
        }
        return inside;
    }

    public static bool IsUnqualifiedName(ReadOnlySpan<char> name) => name.Length > 0 && name.IndexOfAny(".;[/") < 0;

    public static bool IsMethodName(ReadOnlySpan<char> name) => name is "<init>" or "<clinit>" || IsUnqualifiedName(name) && name.IndexOfAny('<', '>') < 0;

    /// <summary>The parameter types of a method descriptor, each as a field descriptor, then the return type.</summary>
    public static (string[] Parameters, string Return) Parse(string method)
    {
        var parameters = new List<string>();
        var i = 1;
        while (method[i] != ')')
        {
            var end = EndOfType(method, i);
            parameters.Add(method[i..end]);
            i = end;
        }
        return ([.. parameters], method[(i + 1)..]);
    }

    /// <summary>Slots that the parameters take, without the receiver: long and double take two.</summary>
    public static int ParameterSlots(string method)
    {
        var slots = 0;
        for (var i = 1; method[i] != ')'; i = EndOfType(method, i)) slots += method[i] is 'J' or 'D' ? 2 : 1;
        return slots;
    }

    /// <summary>The first letter of the return type.</summary>
    public static char ReturnKind(string method) => method[method.IndexOf(')') + 1];
}
