namespace Holon.Python.Modules.Xml;

/// <summary>The errors of expat, with its numbers and words.</summary>
internal enum XmlErrorCode
{
    None = 0,
    Syntax = 2,
    NoElements = 3,
    InvalidToken = 4,
    UnclosedToken = 5,
    PartialCharacter = 6,
    TagMismatch = 7,
    DuplicateAttribute = 8,
    JunkAfterDocument = 9,
    UndefinedEntity = 11,
    RecursiveEntity = 12,
    AsynchronousEntity = 13,
    BadCharacterReference = 14,
    BinaryEntityReference = 15,
    AttributeExternalEntity = 16,
    MisplacedDeclaration = 17,
    UnknownEncoding = 18,
    IncorrectEncoding = 19,
    UnclosedCdata = 20,
    ExternalEntityHandling = 21,
    NotStandalone = 22,
    CannotChangeNow = 26,
    UnboundPrefix = 27,
    UndeclaringPrefix = 28,
    XmlDeclaration = 30,
    TextDeclaration = 31,
    PublicId = 32,
    Finished = 36,
    ReservedXml = 38,
    ReservedXmlns = 39,
    ReservedName = 40,
    Amplification = 43,
}

internal sealed class XmlException(XmlErrorCode code) : Exception
{
    private static readonly string[] Texts =
    [
        "", "out of memory", "syntax error", "no element found", "not well-formed (invalid token)", "unclosed token", "partial character", "mismatched tag", "duplicate attribute", "junk after document element",
        "illegal parameter entity reference", "undefined entity", "recursive entity reference", "asynchronous entity", "reference to invalid character number", "reference to binary entity", "reference to external entity in attribute",
        "XML or text declaration not at start of entity", "unknown encoding", "encoding specified in XML declaration is incorrect", "unclosed CDATA section", "error in processing external entity reference", "document is not standalone",
        "unexpected parser state - please send a bug report", "entity declared in parameter entity", "requested feature requires XML_DTD support in Expat", "cannot change setting once parsing has begun", "unbound prefix", "must not undeclare prefix",
        "incomplete markup in parameter entity", "XML declaration not well-formed", "text declaration not well-formed", "illegal character(s) in public id", "parser suspended", "parser not suspended", "parsing aborted", "parsing finished",
        "cannot suspend in external parameter entity", "reserved prefix (xml) must not be undeclared or bound to another namespace name", "reserved prefix (xmlns) must not be declared or undeclared",
        "prefix must not be bound to one of the reserved namespace names", "invalid argument", "a successful prior call to function XML_GetBuffer is required", "limit on input amplification factor (from DTD and entities) breached",
    ];

    public XmlErrorCode Code => code;

    public static IReadOnlyList<string> All => Texts;

    public static string? Text(int number) => number > 0 && number < Texts.Length ? Texts[number] : null;
}
