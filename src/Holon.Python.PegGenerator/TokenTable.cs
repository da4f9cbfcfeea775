namespace Holon.Python.PegGenerator;

/// <summary>The numbers of tokens: CPython's for operators and kinds, then one for each keyword of the grammar.</summary>
internal static class TokenTable
{
    /// <summary>The number of the first keyword; every token's number stays below 128 so that sets of tokens fit two words.</summary>
    public const int FirstKeyword = 70;

    public static readonly string[] Kinds =
    [
        "ENDMARKER", "NAME", "NUMBER", "STRING", "NEWLINE", "INDENT", "DEDENT", "(", ")", "[", "]", ":", ",", ";", "+", "-", "*", "/", "|", "&",
        "<", ">", "=", ".", "%", "{", "}", "==", "!=", "<=", ">=", "~", "^", "<<", ">>", "**", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=",
        "<<=", ">>=", "**=", "//", "//=", "@", "@=", "->", "...", ":=", "OP", "AWAIT", "ASYNC", "TYPE_IGNORE", "TYPE_COMMENT", "SOFT_KEYWORD",
        "ERRORTOKEN",
    ];

    public static int KindOf(string text) => Array.IndexOf(Kinds, text);
}
