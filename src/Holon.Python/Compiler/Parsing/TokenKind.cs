namespace Holon.Python.Compiler;

/// <summary>CPython's token numbers; keywords follow from <see cref="PegParser.FirstKeyword"/>.</summary>
internal static class TokenKind
{
    public const int EndMarker = 0, Name = 1, Number = 2, String = 3, Newline = 4, Indent = 5, Dedent = 6, LeftParen = 7, RightParen = 8,
        LeftBracket = 9, RightBracket = 10, Colon = 11, Comma = 12, Semicolon = 13, Plus = 14, Minus = 15, Star = 16, Slash = 17, Bar = 18,
        Ampersand = 19, Less = 20, Greater = 21, Equal = 22, Dot = 23, Percent = 24, LeftBrace = 25, RightBrace = 26, EqEqual = 27,
        NotEqual = 28, LessEqual = 29, GreaterEqual = 30, Tilde = 31, Circumflex = 32, LeftShift = 33, RightShift = 34, DoubleStar = 35,
        PlusEqual = 36, MinusEqual = 37, StarEqual = 38, SlashEqual = 39, PercentEqual = 40, AmpersandEqual = 41, BarEqual = 42,
        CircumflexEqual = 43, LeftShiftEqual = 44, RightShiftEqual = 45, DoubleStarEqual = 46, DoubleSlash = 47, DoubleSlashEqual = 48,
        At = 49, AtEqual = 50, Arrow = 51, Ellipsis = 52, ColonEqual = 53, Op = 54, Await = 55, Async = 56, TypeIgnore = 57, TypeComment = 58,
        ErrorToken = 60;

    /// <summary>The operator that one character is.</summary>
    public static int OneCharacter(int c) => c switch
    {
        '%' => Percent,
        '&' => Ampersand,
        '(' => LeftParen,
        ')' => RightParen,
        '*' => Star,
        '+' => Plus,
        ',' => Comma,
        '-' => Minus,
        '.' => Dot,
        '/' => Slash,
        ':' => Colon,
        ';' => Semicolon,
        '<' => Less,
        '=' => Equal,
        '>' => Greater,
        '@' => At,
        '[' => LeftBracket,
        ']' => RightBracket,
        '^' => Circumflex,
        '{' => LeftBrace,
        '|' => Bar,
        '}' => RightBrace,
        '~' => Tilde,
        _ => Op,
    };

    /// <summary>The operator that two characters are, or <see cref="Op"/>.</summary>
    public static int TwoCharacters(int a, int b) => (a, b) switch
    {
        ('!', '=') or ('<', '>') => NotEqual,
        ('%', '=') => PercentEqual,
        ('&', '=') => AmpersandEqual,
        ('*', '*') => DoubleStar,
        ('*', '=') => StarEqual,
        ('+', '=') => PlusEqual,
        ('-', '=') => MinusEqual,
        ('-', '>') => Arrow,
        ('/', '/') => DoubleSlash,
        ('/', '=') => SlashEqual,
        (':', '=') => ColonEqual,
        ('<', '<') => LeftShift,
        ('<', '=') => LessEqual,
        ('=', '=') => EqEqual,
        ('>', '=') => GreaterEqual,
        ('>', '>') => RightShift,
        ('@', '=') => AtEqual,
        ('^', '=') => CircumflexEqual,
        ('|', '=') => BarEqual,
        _ => Op,
    };

    /// <summary>The operator that three characters are, or <see cref="Op"/>.</summary>
    public static int ThreeCharacters(int a, int b, int c) => (a, b, c) switch
    {
        ('*', '*', '=') => DoubleStarEqual,
        ('.', '.', '.') => Ellipsis,
        ('/', '/', '=') => DoubleSlashEqual,
        ('<', '<', '=') => LeftShiftEqual,
        ('>', '>', '=') => RightShiftEqual,
        _ => Op,
    };
}
