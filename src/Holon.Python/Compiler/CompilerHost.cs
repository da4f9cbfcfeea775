using System.Text;

namespace Holon.Python.Compiler;

/// <summary>The category of a warning.</summary>
public enum CompilerWarningKind
{
    /// <summary>SyntaxWarning.</summary>
    SyntaxWarning,

    /// <summary>DeprecationWarning.</summary>
    DeprecationWarning,
}

/// <summary>
/// What the compiler asks of its surroundings. The interpreter derives from this to route warnings through Python's filters and to lend its
/// tables; as it stands, warnings are dropped and files are not read.
/// </summary>
public class CompilerHost
{
    /// <summary>A host that knows nothing beyond .NET.</summary>
    public static readonly CompilerHost Default = new();

    /// <summary>Python's recursion limit (sys.getrecursionlimit()).</summary>
    public virtual int RecursionLimit => 1000;

    /// <summary>How many Python frames are active.</summary>
    public virtual int RecursionDepth => 0;

    /// <summary>The longest decimal integer literal (sys.get_int_max_str_digits()); 0 is no limit.</summary>
    public virtual int IntMaxStrDigits => 4300;

    /// <summary>A warning was found.</summary>
    /// <returns>True when Python's filters turn it into an error.</returns>
    public virtual bool Warn(CompilerWarningKind kind, string message, string fileName, int line) => false;

    /// <summary>The bytes of a line of a file, with its line end, for an error's text; null when the file cannot be read.</summary>
    public virtual byte[]? ReadSourceLine(string fileName, int line) => null;

    /// <summary>The code point of a Unicode character name, for <c>"\N{...}"</c>; null when there is none.</summary>
    public virtual int? LookUpCharacterName(string name) => null;

    /// <summary>An identifier in normalization form NFKC.</summary>
    public virtual string NormalizeIdentifier(string identifier) => identifier.Normalize(NormalizationForm.FormKC);

    /// <summary>Decodes source in the encoding that it declares (PEP 263); null when there is no such encoding.</summary>
    public virtual string? Decode(byte[] source, string encodingName) => SourceEncodings.Decode(source, encodingName);
}
