using System.Text;
using Holon.Python.Compiler;
using Holon.Python.Compiler.Ast;

namespace Holon.Python.Tests.Compiler;

/// <summary>A syntax tree as text: constructor, fields in order, place.</summary>
internal static class TreeDump
{
    public static string Of(Node node)
    {
        var text = new StringBuilder();
        Write(node, text);
        return text.ToString();
    }

    private static void Write(object? value, StringBuilder text)
    {
        switch (value)
        {
            case Node node:
                text.Append(node.ConstructorName).Append('(');
                for (var i = 0; i < node.FieldNames.Length; i++)
                {
                    if (i > 0)
                        text.Append(',');
                    Write(node.GetField(i), text);
                }

                if (node is Stmt or Expr or Pattern or ExceptHandler or Arg or Keyword or Alias)
                    text.Append($"@{node.Span.Line}:{node.Span.Column}-{node.Span.EndLine}:{node.Span.EndColumn}");
                text.Append(')');
                break;
            case byte[]:
                text.Append(PythonRepr.Of(value));
                break;
            case Array array:
                text.Append('[');
                for (var i = 0; i < array.Length; i++)
                {
                    if (i > 0)
                        text.Append(',');
                    Write(array.GetValue(i), text);
                }

                text.Append(']');
                break;
            case Enum name:
                text.Append(name).Append("()");
                break;
            case int number:
                text.Append(number);
                break;
            default:
                WriteAscii(PythonRepr.Of(value), text);
                break;
        }
    }

    // As Python's ascii(): what is printable depends on the version of Unicode.
    private static void WriteAscii(string repr, StringBuilder text)
    {
        foreach (var c in PythonText.CodePoints(repr))
        {
            if (c < 0x7F)
                text.Append((char)c);
            else
                text.Append(c < 0x100 ? $"\\x{c:x2}" : c < 0x10000 ? $"\\u{c:x4}" : $"\\U{c:x8}");
        }
    }
}
