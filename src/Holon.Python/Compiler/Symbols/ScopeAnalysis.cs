namespace Holon.Python.Compiler;

/// <summary>
/// The second pass: finds for every name where its value lives. It goes down with the names that enclosing functions bind and that are
/// declared global, and comes back with the names that stayed free.
/// </summary>
internal sealed class ScopeAnalysis(CompilationContext context)
{
    public void Analyze(SymbolScope top) => AnalyzeBlock(top, null, [], []);

    private void AnalyzeBlock(SymbolScope scope, HashSet<string>? bound, HashSet<string> free, HashSet<string> global)
    {
        DeepStack.Check();
        var local = new HashSet<string>();
        var scopes = new Dictionary<string, NameScope>(scope.Symbols.Count);
        HashSet<string> newGlobal = [], newBound = [], newFree = [];
        if (scope.Type == ScopeType.Class)
        {
            // A class's own names are not seen by its methods, those around it are.
            newGlobal.UnionWith(global);
            if (bound != null)
                newBound.UnionWith(bound);
        }

        foreach (var (name, flags) in scope.Symbols)
            AnalyzeName(scope, scopes, name, flags, bound, local, free, global);

        if (scope.Type != ScopeType.Class)
        {
            if (scope.Type == ScopeType.Function)
                newBound.UnionWith(local);
            if (bound != null)
                newBound.UnionWith(bound);
            newGlobal.UnionWith(global);
        }
        else
        {
            newBound.Add("__class__");
        }

        var allFree = new HashSet<string>();
        foreach (var child in scope.Children)
        {
            var childFree = new HashSet<string>(newFree);
            AnalyzeBlock(child, [.. newBound], childFree, [.. newGlobal]);
            allFree.UnionWith(childFree);
            if (child.HasFree || child.HasChildFree)
                scope.HasChildFree = true;
        }

        newFree.UnionWith(allFree);
        if (scope.Type == ScopeType.Function)
            FindCells(scopes, newFree);
        else if (scope.Type == ScopeType.Class && newFree.Remove("__class__"))
            scope.NeedsClassClosure = true;
        UpdateSymbols(scope, scopes, bound, newFree);
        free.UnionWith(newFree);
    }

    private void AnalyzeName(
        SymbolScope scope,
        Dictionary<string, NameScope> scopes,
        string name,
        SymbolFlags flags,
        HashSet<string>? bound,
        HashSet<string> local,
        HashSet<string> free,
        HashSet<string> global)
    {
        if ((flags & SymbolFlags.Global) != 0)
        {
            if ((flags & SymbolFlags.Nonlocal) != 0)
                throw ErrorAtDirective(scope, name, $"name '{name}' is nonlocal and global");
            scopes[name] = NameScope.GlobalExplicit;
            global.Add(name);
            bound?.Remove(name);
        }
        else if ((flags & SymbolFlags.Nonlocal) != 0)
        {
            if (bound == null)
                throw ErrorAtDirective(scope, name, "nonlocal declaration not allowed at module level");
            if (!bound.Contains(name))
                throw ErrorAtDirective(scope, name, $"no binding for nonlocal '{name}' found");
            scopes[name] = NameScope.Free;
            scope.HasFree = true;
            free.Add(name);
        }
        else if ((flags & SymbolFlags.Bound) != 0)
        {
            scopes[name] = NameScope.Local;
            local.Add(name);
            global.Remove(name);
        }
        else if (bound != null && bound.Contains(name))
        {
            scopes[name] = NameScope.Free;
            scope.HasFree = true;
            free.Add(name);
        }
        else
        {
            if (!global.Contains(name) && scope.IsNested)
                scope.HasFree = true;
            scopes[name] = NameScope.GlobalImplicit;
        }
    }

    private static void FindCells(Dictionary<string, NameScope> scopes, HashSet<string> free)
    {
        if (free.Count == 0)
            return;
        foreach (var name in free.ToArray())
        {
            if (scopes.GetValueOrDefault(name) != NameScope.Local)
                continue;
            scopes[name] = NameScope.Cell;
            free.Remove(name);
        }
    }

    private static void UpdateSymbols(SymbolScope scope, Dictionary<string, NameScope> scopes, HashSet<string>? bound, HashSet<string> free)
    {
        var symbols = scope.Symbols;
        foreach (var (name, found) in scopes)
            symbols[name] |= (SymbolFlags)((int)found << SymbolScope.ScopeShift);

        foreach (var name in free)
        {
            if (symbols.TryGetValue(name, out var flags))
            {
                // A class may bind a name and have a method in which it is free.
                if (scope.Type == ScopeType.Class && (flags & (SymbolFlags.Bound | SymbolFlags.Global)) != 0)
                    symbols[name] = flags | SymbolFlags.FreeInClass;
            }
            else if (bound == null || bound.Contains(name))
            {
                symbols[name] = (SymbolFlags)((int)NameScope.Free << SymbolScope.ScopeShift);
            }
        }
    }

    private PythonCompileException ErrorAtDirective(SymbolScope scope, string name, string message)
    {
        foreach (var (declared, span) in scope.Directives)
        {
            if (declared == name)
                return context.Error(message, span);
        }

        return new PythonCompileException(CompileErrorKind.RuntimeError, "BUG: internal directive bookkeeping broken");
    }
}
