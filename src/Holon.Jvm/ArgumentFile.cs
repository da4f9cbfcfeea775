using System.Text;

namespace Holon.Jvm;

/// <summary>The words of a java argument file.</summary>
internal static class ArgumentFile
{
    public static IEnumerable<string> Split(string text)
    {
        var word = new StringBuilder();
        var inWord = false;
        var quote = '\0';
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (quote != 0)
            {
                if (c == quote) quote = '\0';
                else if (c == '\\' && i + 1 < text.Length) word.Append(Escape(text, ref i));
                else word.Append(c);
            }
            else if (c is '"' or '\'')
            {
                quote = c;
                inWord = true;
            }
            else if (c == '#' && !inWord)
            {
                while (i + 1 < text.Length && text[i + 1] != '\n') i++;
            }
            else if (char.IsWhiteSpace(c))
            {
                if (inWord) yield return word.ToString();
                word.Clear();
                inWord = false;
            }
            else
            {
                word.Append(c);
                inWord = true;
            }
        }
        if (inWord) yield return word.ToString();
    }

    private static string Escape(string text, ref int i)
    {
        var c = text[++i];
        if (c == '\n')
        {
            while (i + 1 < text.Length && text[i + 1] is ' ' or '\t') i++;
            return "";
        }
        return c switch
        {
            'n' => "\n",
            't' => "\t",
            'r' => "\r",
            'f' => "\f",
            _ => c.ToString(),
        };
    }
}
