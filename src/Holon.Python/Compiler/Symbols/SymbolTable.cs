using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>The scopes of a module and what each name means in them.</summary>
public sealed class SymbolTable
{
    private readonly Dictionary<Node, SymbolScope> _scopes = new(ReferenceEqualityComparer.Instance);

    private SymbolTable(SymbolScope top) => Top = top;

    /// <summary>The module's scope.</summary>
    public SymbolScope Top { get; }

    /// <summary>Builds the table for a tree.</summary>
    internal static SymbolTable Build(Mod mod, CompilationContext context)
    {
        var table = new SymbolTable(new SymbolScope("top", ScopeType.Module, default));
        table._scopes[mod] = table.Top;
        new SymbolTableBuilder(table, context).Visit(mod);
        new ScopeAnalysis(context).Analyze(table.Top);
        return table;
    }

    /// <summary>The scope that this module, function, class, lambda or comprehension opens.</summary>
    public SymbolScope ScopeOf(Node node) => _scopes[node];

    internal void Add(Node node, SymbolScope scope) => _scopes[node] = scope;
}
