using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>What a name is in a scope: how it is used, and, from <see cref="SymbolScope.ScopeShift"/> on, the scope that the analysis finds.</summary>
[Flags]
public enum SymbolFlags
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Declared global.</summary>
    Global = 1,

    /// <summary>Bound here.</summary>
    Local = 2,

    /// <summary>A parameter.</summary>
    Parameter = 4,

    /// <summary>Declared nonlocal.</summary>
    Nonlocal = 8,

    /// <summary>Read here.</summary>
    Use = 16,

    /// <summary>Free in a class and bound there too.</summary>
    FreeInClass = 64,

    /// <summary>Bound by import.</summary>
    Import = 128,

    /// <summary>Annotated.</summary>
    Annotated = 256,

    /// <summary>A comprehension's iteration variable.</summary>
    ComprehensionTarget = 512,

    /// <summary>Bound in any way.</summary>
    Bound = Local | Parameter | Import,
}

/// <summary>Where a name's value lives.</summary>
public enum NameScope
{
    /// <summary>Not known.</summary>
    Unknown = 0,

    /// <summary>In the scope itself.</summary>
    Local = 1,

    /// <summary>Global by declaration.</summary>
    GlobalExplicit = 2,

    /// <summary>Global because nothing else binds it.</summary>
    GlobalImplicit = 3,

    /// <summary>In an enclosing function.</summary>
    Free = 4,

    /// <summary>In the scope, and used by functions inside it.</summary>
    Cell = 5,
}

/// <summary>What kind of block a scope is.</summary>
public enum ScopeType
{
    /// <summary>A function, lambda or comprehension.</summary>
    Function,

    /// <summary>A class body.</summary>
    Class,

    /// <summary>A module.</summary>
    Module,

    /// <summary>An annotation that is not evaluated.</summary>
    Annotation,
}

/// <summary>What kind of comprehension a scope is.</summary>
public enum ComprehensionType
{
    /// <summary>None.</summary>
    None,

    /// <summary>A list comprehension.</summary>
    List,

    /// <summary>A dict comprehension.</summary>
    Dict,

    /// <summary>A set comprehension.</summary>
    Set,

    /// <summary>A generator expression.</summary>
    Generator,
}

/// <summary>A scope: an entry of the symbol table.</summary>
/// <param name="name">Its name.</param>
/// <param name="type">Its kind.</param>
/// <param name="span">Where it stands.</param>
public sealed class SymbolScope(string name, ScopeType type, SourceSpan span)
{
    /// <summary>How far the found <see cref="NameScope"/> stands left in a symbol's flags.</summary>
    public const int ScopeShift = 11;

    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>Its kind.</summary>
    public ScopeType Type { get; } = type;

    /// <summary>Where it stands.</summary>
    public SourceSpan Span { get; } = span;

    /// <summary>Its symbols, in order of first appearance.</summary>
    public Dictionary<string, SymbolFlags> Symbols { get; } = [];

    /// <summary>Its parameters, in order.</summary>
    public List<string> VarNames { get; } = [];

    /// <summary>The scopes inside it.</summary>
    public List<SymbolScope> Children { get; } = [];

    /// <summary>Whether it stands in a function, however deep.</summary>
    public bool IsNested { get; set; }

    /// <summary>Whether it has free variables.</summary>
    public bool HasFree { get; set; }

    /// <summary>Whether a scope inside it has free variables.</summary>
    public bool HasChildFree { get; set; }

    /// <summary>Whether it is a generator.</summary>
    public bool IsGenerator { get; set; }

    /// <summary>Whether it is a coroutine.</summary>
    public bool IsCoroutine { get; set; }

    /// <summary>Whether it has <c>*args</c>.</summary>
    public bool HasVarArgs { get; set; }

    /// <summary>Whether it has <c>**kwargs</c>.</summary>
    public bool HasVarKeywords { get; set; }

    /// <summary>Whether a return in it has a value.</summary>
    public bool ReturnsValue { get; set; }

    /// <summary>Whether a method in it needs <c>__class__</c>.</summary>
    public bool NeedsClassClosure { get; set; }

    /// <summary>What comprehension it is.</summary>
    public ComprehensionType Comprehension { get; set; }

    internal bool InComprehensionTarget { get; set; }

    internal int ComprehensionIterDepth { get; set; }

    internal List<(string Name, SourceSpan Span)> Directives { get; } = [];

    /// <summary>Where a name's value lives.</summary>
    public NameScope ScopeOf(string name) => (NameScope)((int)Symbols.GetValueOrDefault(name) >> ScopeShift);
}
