using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

// Calls, and warnings about things that cannot work.
internal sealed partial class CodeGenerator
{
    private void Call(CallExpr e)
    {
        ValidateKeywords(e.Keywords);
        if (e.Func is AttributeExpr { Ctx: ExprContext.Load } method && CanCallMethod(method, e))
        {
            MethodCall(method, e);
            return;
        }

        CheckCalled(e.Func);
        _unit.Span = e.Func.Span;
        _unit.Add(Op.PushNull);
        _unit.Span = e.Span;
        Visit(e.Func);
        CallHelper(0, e.Args, e.Keywords);
    }

    // A method of something that is not an imported module, with few and plain arguments.
    private bool CanCallMethod(AttributeExpr method, CallExpr e)
    {
        if (method.Value is NameExpr name && (symbols.Top.Symbols.GetValueOrDefault(name.Id) & SymbolFlags.Import) != 0)
            return false;
        var keywords = e.Keywords.Length;
        return e.Args.Length + keywords + (keywords != 0 ? 1 : 0) < StackUseGuideline && ArePlain(e.Args, e.Keywords);
    }

    private static bool ArePlain(Expr[] args, Keyword[] keywords)
    {
        foreach (var arg in args)
        {
            if (arg is StarredExpr)
                return false;
        }

        foreach (var keyword in keywords)
        {
            if (keyword.Arg == null)
                return false;
        }

        return true;
    }

    private void MethodCall(AttributeExpr method, CallExpr e)
    {
        Visit(method.Value);
        _unit.Span = method.Span;
        PointAtAttribute(method);
        _unit.AddName(Op.LoadMethod, method.Attr);
        Visit(e.Args);
        if (e.Keywords.Length > 0)
            KeywordValues(e.Keywords);
        _unit.Span = e.Span;
        PointAtAttribute(method);
        _unit.Add(Op.Precall, e.Args.Length + e.Keywords.Length);
        _unit.Add(Op.Call, e.Args.Length + e.Keywords.Length);
    }

    private void KeywordValues(Keyword[] keywords)
    {
        foreach (var keyword in keywords)
            Visit(keyword.Value);
        _unit.Add(Op.KwNames, _unit.AddConst(new TupleConstant(Array.ConvertAll(keywords, k => (object?)k.Arg))));
    }

    private void ValidateKeywords(Keyword[] keywords)
    {
        for (var i = 0; i < keywords.Length; i++)
        {
            if (keywords[i].Arg is not { } name)
                continue;
            RefuseDebug(name, ExprContext.Store);
            for (var j = i + 1; j < keywords.Length; j++)
            {
                if (keywords[j].Arg != name)
                    continue;
                _unit.Span = keywords[j].Span;
                throw Error($"keyword argument repeated: {name}");
            }
        }
    }

    // The arguments of a call, some of which are on the stack already, and the call itself.
    private void CallHelper(int pushed, Expr[] args, Keyword[] keywords)
    {
        ValidateKeywords(keywords);
        if (args.Length + (keywords.Length * 2) > StackUseGuideline || !ArePlain(args, keywords))
        {
            CallWithTuple(pushed, args, keywords);
            return;
        }

        Visit(args);
        if (keywords.Length > 0)
            KeywordValues(keywords);
        _unit.Add(Op.Precall, pushed + args.Length + keywords.Length);
        _unit.Add(Op.Call, pushed + args.Length + keywords.Length);
    }

    private void CallWithTuple(int pushed, Expr[] args, Keyword[] keywords)
    {
        if (pushed == 0 && args is [StarredExpr only])
            Visit(only.Value);
        else
            Display(args, pushed, Op.BuildList, Op.ListAppend, Op.ListExtend, isTuple: true);

        var haveDict = false;
        var pending = 0;
        for (var i = 0; i < keywords.Length; i++)
        {
            if (keywords[i].Arg != null)
            {
                pending++;
                continue;
            }

            if (pending > 0)
            {
                SubKeywords(keywords, i - pending, i);
                if (haveDict)
                    _unit.Add(Op.DictMerge, 1);
                haveDict = true;
                pending = 0;
            }

            if (!haveDict)
            {
                _unit.Add(Op.BuildMap, 0);
                haveDict = true;
            }

            Visit(keywords[i].Value);
            _unit.Add(Op.DictMerge, 1);
        }

        if (pending > 0)
        {
            SubKeywords(keywords, keywords.Length - pending, keywords.Length);
            if (haveDict)
                _unit.Add(Op.DictMerge, 1);
        }

        _unit.Add(Op.CallFunctionEx, keywords.Length > 0 ? 1 : 0);
    }

    private void SubKeywords(Keyword[] keywords, int begin, int end)
    {
        var n = end - begin;
        var isBig = n * 2 > StackUseGuideline;
        if (n > 1 && !isBig)
        {
            for (var i = begin; i < end; i++)
                Visit(keywords[i].Value);
            var names = new object?[n];
            for (var i = 0; i < n; i++)
                names[i] = keywords[begin + i].Arg;
            _unit.AddLoadConst(new TupleConstant(names));
            _unit.Add(Op.BuildConstKeyMap, n);
            return;
        }

        if (isBig)
            _unit.AddWithoutLine(Op.BuildMap);
        for (var i = begin; i < end; i++)
        {
            _unit.AddLoadConst(keywords[i].Arg);
            Visit(keywords[i].Value);
            if (isBig)
                _unit.AddWithoutLine(Op.MapAdd, 1);
        }

        if (!isBig)
            _unit.Add(Op.BuildMap, n);
    }

    private void CheckCompare(CompareExpr e)
    {
        var left = IsComparedByIdentity(e.Left);
        for (var i = 0; i < e.Ops.Length; i++)
        {
            var right = IsComparedByIdentity(e.Comparators[i]);
            if (e.Ops[i] is CompareOperator.Is or CompareOperator.IsNot && (!left || !right))
            {
                Warn(e.Ops[i] == CompareOperator.Is
                    ? "\"is\" with a literal. Did you mean \"==\"?"
                    : "\"is not\" with a literal. Did you mean \"!=\"?");
                return;
            }

            left = right;
        }
    }

    private static bool IsComparedByIdentity(Expr e) => e is not ConstantExpr { Value: not (null or bool or EllipsisConstant) };

    private void CheckCalled(Expr e)
    {
        if (e.Kind is ExprKind.Constant or ExprKind.Tuple or ExprKind.List or ExprKind.ListComp or ExprKind.Dict or ExprKind.DictComp or
            ExprKind.Set or ExprKind.SetComp or ExprKind.GeneratorExp or ExprKind.JoinedStr or ExprKind.FormattedValue)
            Warn($"'{TypeNameOf(e)}' object is not callable; perhaps you missed a comma?");
    }

    private void CheckSubscripted(Expr e)
    {
        var isWrong = e switch
        {
            ConstantExpr constant => constant.Value is null or bool or long or double or EllipsisConstant or FrozenSetConstant or
                System.Numerics.BigInteger or System.Numerics.Complex,
            SetExpr or SetCompExpr or GeneratorExpExpr or LambdaExpr => true,
            _ => false,
        };
        if (isWrong)
            Warn($"'{TypeNameOf(e)}' object is not subscriptable; perhaps you missed a comma?");
    }

    private void CheckIndex(Expr value, Expr index)
    {
        if (TypeNameOf(index) is not { } indexType || indexType is "int" or "bool")
            return;
        var isSequence = value switch
        {
            ConstantExpr constant => constant.Value is string or CodePointString or byte[] or TupleConstant,
            TupleExpr or ListExpr or ListCompExpr or JoinedStrExpr or FormattedValueExpr => true,
            _ => false,
        };
        if (isSequence)
            Warn($"{TypeNameOf(value)} indices must be integers or slices, not {indexType}; perhaps you missed a comma?");
    }

    private static string? TypeNameOf(Expr e) => e switch
    {
        TupleExpr => "tuple",
        ListExpr or ListCompExpr => "list",
        DictExpr or DictCompExpr => "dict",
        SetExpr or SetCompExpr => "set",
        GeneratorExpExpr => "generator",
        LambdaExpr => "function",
        JoinedStrExpr or FormattedValueExpr => "str",
        ConstantExpr constant => constant.Value switch
        {
            null => "NoneType",
            bool => "bool",
            long or System.Numerics.BigInteger => "int",
            double => "float",
            System.Numerics.Complex => "complex",
            byte[] => "bytes",
            TupleConstant => "tuple",
            FrozenSetConstant => "frozenset",
            EllipsisConstant => "ellipsis",
            _ => "str",
        },
        _ => null,
    };
}
