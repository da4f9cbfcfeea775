using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>An operator as an object, so that a rule can yield it.</summary>
internal sealed record OperatorBox(Operator Value);

/// <summary>A parameter and its default.</summary>
internal sealed record NameDefault(Arg Arg, Expr? Value);

/// <summary>Positional-only parameters, some with defaults.</summary>
internal sealed record SlashWithDefault(Arg[] PlainNames, NameDefault[] NamesWithDefaults);

/// <summary>The parameters from the star on.</summary>
internal sealed record StarEtc(Arg? VarArg, NameDefault[] KeywordOnly, Arg? KwArg);

/// <summary>An item of a dict display; no key for <c>**value</c>.</summary>
internal sealed record KeyValue(Expr? Key, Expr Value);

/// <summary>An item of a mapping pattern, or a keyword of a class pattern.</summary>
internal sealed record KeyPattern(Expr Key, Pattern Pattern);

/// <summary>An operator and right side of a comparison.</summary>
internal sealed record CompareTail(CompareOperator Operator, Expr Right);

/// <summary>An argument among keywords.</summary>
internal sealed record KeywordOrStarred(Keyword? Keyword, Expr? Starred);

// What the grammar's actions call.
internal sealed partial class PegParser
{
    private static readonly NameExpr s_dummyName = new("", ExprContext.Load, new SourceSpan(1, 0, 1, 0));
    private static readonly OperatorBox[] s_operators = [.. Enum.GetValues<Operator>().Select(o => new OperatorBox(o))];

    private static OperatorBox Box(Operator value) => s_operators[(int)value - 1];

    private T Since<T>(int version, string what, T node) => _featureVersion >= version
        ? node
        : throw MakeError($"{what} only supported in Python 3.{version} and greater");

    private ModuleMod MakeModule(Stmt[]? body) =>
        new(body ?? [], [.. _typeIgnores.Select(t => new TypeIgnore(t.Line, t.Tag))]);

    private static Stmt[] Flatten(Stmt[][] groups)
    {
        var count = 0;
        foreach (var group in groups)
            count += group.Length;
        var all = new Stmt[count];
        var at = 0;
        foreach (var group in groups)
        {
            group.CopyTo(all, at);
            at += group.Length;
        }

        return all;
    }

    private static T[] Prepend<T>(T first, T[]? rest)
    {
        var all = new T[(rest?.Length ?? 0) + 1];
        all[0] = first;
        rest?.CopyTo(all, 1);
        return all;
    }

    private static T[] Join<T>(T[] a, T[] b)
    {
        var all = new T[a.Length + b.Length];
        a.CopyTo(all, 0);
        b.CopyTo(all, a.Length);
        return all;
    }

    private static NameExpr JoinNames(NameExpr a, NameExpr b) => new(
        $"{a.Id}.{b.Id}", ExprContext.Load, new SourceSpan(a.Span.Line, a.Span.Column, b.Span.EndLine, b.Span.EndColumn));

    private static int CountDots(Token[] dots)
    {
        var count = 0;
        foreach (var dot in dots)
            count += dot.Type == TokenKind.Ellipsis ? 3 : 1;
        return count;
    }

    private static string[] Identifiers(NameExpr[] names) => Array.ConvertAll(names, n => n.Id);

    private static Expr WithContext(Expr e, ExprContext context) => e switch
    {
        NameExpr name => new NameExpr(name.Id, context, name.Span),
        TupleExpr tuple => new TupleExpr(Array.ConvertAll(tuple.Elts, x => WithContext(x, context)), context, tuple.Span),
        ListExpr list => new ListExpr(Array.ConvertAll(list.Elts, x => WithContext(x, context)), context, list.Span),
        SubscriptExpr subscript => new SubscriptExpr(subscript.Value, subscript.Slice, context, subscript.Span),
        AttributeExpr attribute => new AttributeExpr(attribute.Value, attribute.Attr, context, attribute.Span),
        StarredExpr starred => new StarredExpr(WithContext(starred.Value, context), context, starred.Span),
        _ => e,
    };

    private string? TypeComment(Token? token) => token == null ? null : Text(token);

    private Arg WithTypeComment(Arg arg, Token? token) =>
        token == null ? arg : new Arg(arg.ArgName, arg.Annotation, Text(token), arg.Span);

    private static Arguments EmptyArguments() => new([], [], null, [], [], null, []);

    private static Arguments MakeArguments(Arg[]? slashPlain, SlashWithDefault? slash, Arg[]? plain, NameDefault[]? withDefaults, StarEtc? star)
    {
        var positionalOnly = slashPlain ?? (slash == null ? [] : Join(slash.PlainNames, Names(slash.NamesWithDefaults)));
        var positional = Join(plain ?? [], Names(withDefaults ?? []));
        var defaults = Join(Values(slash?.NamesWithDefaults ?? []), Values(withDefaults ?? []));
        var keywordOnly = star?.KeywordOnly ?? [];
        return new Arguments(
            positionalOnly, positional, star?.VarArg, Names(keywordOnly), Array.ConvertAll(keywordOnly, k => k.Value), star?.KwArg, defaults);

        static Arg[] Names(NameDefault[] pairs) => Array.ConvertAll(pairs, p => p.Arg);
        static Expr[] Values(NameDefault[] pairs) => Array.ConvertAll(pairs, p => p.Value!);
    }

    private static Stmt Decorated(Expr[] decorators, Stmt definition)
    {
        switch (definition)
        {
            case FunctionDefStmt function: function.DecoratorList = decorators; break;
            case AsyncFunctionDefStmt function: function.DecoratorList = decorators; break;
            case ClassDefStmt @class: @class.DecoratorList = decorators; break;
        }

        return definition;
    }

    private static CompareExpr MakeCompare(Expr left, CompareTail[] tail, SourceSpan span) =>
        new(left, Array.ConvertAll(tail, t => t.Operator), Array.ConvertAll(tail, t => t.Right), span);

    private static DictExpr MakeDict(KeyValue[]? items, SourceSpan span) =>
        new(Array.ConvertAll(items ?? [], i => i.Key), Array.ConvertAll(items ?? [], i => i.Value), span);

    private static Expr?[] Keys(KeyPattern[] items) => Array.ConvertAll(items, i => (Expr?)i.Key);

    private static string[] KeyNames(KeyPattern[] items) => Array.ConvertAll(items, i => ((NameExpr)i.Key).Id);

    private static Pattern[] Patterns(KeyPattern[] items) => Array.ConvertAll(items, i => i.Pattern);

    // Starred arguments among the keywords join the positional ones.
    private static CallExpr MakeCall(Expr[] positional, KeywordOrStarred[]? rest, SourceSpan span)
    {
        if (rest == null)
            return new CallExpr(s_dummyName, positional, [], span);
        var starred = Array.FindAll(rest, r => r.Starred != null);
        var args = starred.Length == 0 ? positional : Join(positional, Array.ConvertAll(starred, s => s.Starred!));
        var keywords = Array.ConvertAll(starred.Length == 0 ? rest : Array.FindAll(rest, r => r.Keyword != null), r => r.Keyword!);
        return new CallExpr(s_dummyName, args, keywords, span);
    }

    // PEP 401: <> when Barry is the BDFL, else !=.
    private Token? CheckNotEqual(Token token)
    {
        var isNew = Bytes(token).SequenceEqual("<>"u8);
        if ((_flags & CompilerFlags.FutureBarryAsBdfl) == 0)
            return isNew ? null : token;
        return isNew ? token : throw MakeError("with Barry as BDFL, use '<>' instead of '!='");
    }

    private static bool IsLegacyStatement(Expr e) => e is NameExpr { Id: "print" or "exec" };

    private Expr RequireReal(Expr number) => number is ConstantExpr { Value: not System.Numerics.Complex }
        ? number
        : throw MakeErrorAt(number.Span, "real number required in complex literal");

    private Expr RequireImaginary(Expr number) => number is ConstantExpr { Value: System.Numerics.Complex }
        ? number
        : throw MakeErrorAt(number.Span, "imaginary number required in complex literal");
}
