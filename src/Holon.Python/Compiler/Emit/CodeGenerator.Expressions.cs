using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

internal sealed partial class CodeGenerator
{
    // More values than this are not all put on the stack at once.
    private const int StackUseGuideline = 30;

    private void Visit(Expr[] expressions)
    {
        foreach (var e in expressions)
            Visit(e);
    }

    private void Visit(Expr e)
    {
        CheckStack();
        var span = _unit.Span;
        _unit.Span = e.Span;
        VisitInner(e);
        _unit.Span = span;
    }

    private void VisitInner(Expr expression)
    {
        switch (expression)
        {
            case NameExpr e:
                NameOperation(e.Id, e.Ctx);
                break;
            case ConstantExpr e:
                _unit.AddLoadConst(e.Value);
                break;
            case AttributeExpr e:
                Attribute(e);
                break;
            case CallExpr e:
                Call(e);
                break;
            case NamedExprExpr e:
                Visit(e.Value);
                _unit.Add(Op.Copy, 1);
                Visit(e.Target);
                break;
            case BoolOpExpr e:
                Boolean(e);
                break;
            case BinOpExpr e:
                Visit(e.Left);
                Visit(e.Right);
                Binary(e.Op, inPlace: false);
                break;
            case UnaryOpExpr e:
                Visit(e.Operand);
                _unit.Add(e.Op switch
                {
                    UnaryOperator.Invert => Op.UnaryInvert,
                    UnaryOperator.Not => Op.UnaryNot,
                    UnaryOperator.UAdd => Op.UnaryPositive,
                    _ => Op.UnaryNegative,
                });
                break;
            case LambdaExpr e:
                Lambda(e);
                break;
            case IfExpExpr e:
                Conditional(e);
                break;
            case DictExpr e:
                Dict(e);
                break;
            case SetExpr e:
                Display(e.Elts, 0, Op.BuildSet, Op.SetAdd, Op.SetUpdate, isTuple: false);
                break;
            case GeneratorExpExpr e:
                Comprehension(e, ComprehensionType.Generator, "<genexpr>", e.Generators, e.Elt, null);
                break;
            case ListCompExpr e:
                Comprehension(e, ComprehensionType.List, "<listcomp>", e.Generators, e.Elt, null);
                break;
            case SetCompExpr e:
                Comprehension(e, ComprehensionType.Set, "<setcomp>", e.Generators, e.Elt, null);
                break;
            case DictCompExpr e:
                Comprehension(e, ComprehensionType.Dict, "<dictcomp>", e.Generators, e.Key, e.Value);
                break;
            case YieldExpr e:
                if (_unit.Scope.Type != ScopeType.Function)
                    throw Error("'yield' outside function");
                if (e.Value != null)
                    Visit(e.Value);
                else
                    _unit.AddLoadConst(null);
                Yield();
                break;
            case YieldFromExpr e:
                if (_unit.Scope.Type != ScopeType.Function)
                    throw Error("'yield' outside function");
                if (_unit.Type == UnitType.AsyncFunction)
                    throw Error("'yield from' inside async function");
                Visit(e.Value);
                _unit.Add(Op.GetYieldFromIter);
                _unit.AddLoadConst(null);
                YieldFrom(isAwait: false);
                break;
            case AwaitExpr e:
                if (!IsTopLevelAwait)
                {
                    if (_unit.Scope.Type != ScopeType.Function)
                        throw Error("'await' outside function");
                    if (_unit.Type is not (UnitType.AsyncFunction or UnitType.Comprehension))
                        throw Error("'await' outside async function");
                }

                Visit(e.Value);
                _unit.Add(Op.GetAwaitable, 0);
                _unit.AddLoadConst(null);
                YieldFrom(isAwait: true);
                break;
            case CompareExpr e:
                Compare(e);
                break;
            case JoinedStrExpr e:
                JoinedString(e);
                break;
            case FormattedValueExpr e:
                FormattedValue(e);
                break;
            case SubscriptExpr e:
                if (e.Ctx == ExprContext.Load)
                {
                    CheckSubscripted(e.Value);
                    CheckIndex(e.Value, e.Slice);
                }

                Visit(e.Value);
                Visit(e.Slice);
                _unit.Add(e.Ctx switch { ExprContext.Load => Op.BinarySubscr, ExprContext.Store => Op.StoreSubscr, _ => Op.DeleteSubscr });
                break;
            case StarredExpr e:
                throw Error(e.Ctx == ExprContext.Store
                    ? "starred assignment target must be in a list or tuple"
                    : "can't use starred expression here");
            case SliceExpr e:
                Slice(e);
                break;
            case ListExpr e:
                if (e.Ctx == ExprContext.Store)
                    AssignElements(e.Elts);
                else if (e.Ctx == ExprContext.Load)
                    Display(e.Elts, 0, Op.BuildList, Op.ListAppend, Op.ListExtend, isTuple: false);
                else
                    Visit(e.Elts);
                break;
            case TupleExpr e:
                if (e.Ctx == ExprContext.Store)
                    AssignElements(e.Elts);
                else if (e.Ctx == ExprContext.Load)
                    Display(e.Elts, 0, Op.BuildList, Op.ListAppend, Op.ListExtend, isTuple: true);
                else
                    Visit(e.Elts);
                break;
        }
    }

    private void NameOperation(string name, ExprContext use)
    {
        RefuseDebug(name, use);
        var mangled = NameMangling.Mangle(_unit.ClassName, name);
        var inFunction = _unit.Scope.Type == ScopeType.Function;
        switch (_unit.Scope.ScopeOf(mangled))
        {
            case NameScope.Free:
                CellOperation(_unit.FreeVars, mangled, use);
                break;
            case NameScope.Cell:
                CellOperation(_unit.CellVars, mangled, use);
                break;
            case NameScope.Local when inFunction:
                var variable = CodeUnit.IndexOf(_unit.VarNames, mangled);
                _unit.Add(use switch { ExprContext.Load => Op.LoadFast, ExprContext.Store => Op.StoreFast, _ => Op.DeleteFast }, variable);
                break;
            case NameScope.GlobalImplicit when inFunction:
            case NameScope.GlobalExplicit:
                var global = CodeUnit.IndexOf(_unit.Names, mangled);
                if (use == ExprContext.Load)
                    _unit.Add(Op.LoadGlobal, global << 1);
                else
                    _unit.Add(use == ExprContext.Store ? Op.StoreGlobal : Op.DeleteGlobal, global);
                break;
            default:
                var named = CodeUnit.IndexOf(_unit.Names, mangled);
                _unit.Add(use switch { ExprContext.Load => Op.LoadName, ExprContext.Store => Op.StoreName, _ => Op.DeleteName }, named);
                break;
        }
    }

    private void CellOperation(Dictionary<string, int> cells, string name, ExprContext use)
    {
        var load = _unit.Scope.Type == ScopeType.Class ? Op.LoadClassderef : Op.LoadDeref;
        _unit.Add(use switch { ExprContext.Load => load, ExprContext.Store => Op.StoreDeref, _ => Op.DeleteDeref }, CodeUnit.IndexOf(cells, name));
    }

    private void Attribute(AttributeExpr e)
    {
        Visit(e.Value);
        PointAtAttribute(e);
        if (e.Ctx == ExprContext.Store)
            RefuseDebug(e.Attr, e.Ctx);
        _unit.AddName(e.Ctx switch { ExprContext.Load => Op.LoadAttr, ExprContext.Store => Op.StoreAttr, _ => Op.DeleteAttr }, e.Attr);
    }

    // When an attribute stands on a later line than its object, errors point at the attribute's name.
    private void PointAtAttribute(AttributeExpr e)
    {
        var span = _unit.Span;
        if (span.Line == e.Span.EndLine)
            return;
        var length = PythonText.Length(e.Attr);
        span = length <= e.Span.EndColumn
            ? span with { Line = e.Span.EndLine, Column = e.Span.EndColumn - length }
            : span with { Line = e.Span.EndLine, Column = -1, EndColumn = -1 };
        span = span with { EndLine = Math.Max(span.Line, span.EndLine) };
        if (span.Line == span.EndLine)
            span = span with { EndColumn = Math.Max(span.Column, span.EndColumn) };
        _unit.Span = span;
    }

    private void Binary(Operator op, bool inPlace)
    {
        var number = op switch
        {
            Operator.Add => 0,
            Operator.BitAnd => 1,
            Operator.FloorDiv => 2,
            Operator.LShift => 3,
            Operator.MatMult => 4,
            Operator.Mult => 5,
            Operator.Mod => 6,
            Operator.BitOr => 7,
            Operator.Pow => 8,
            Operator.RShift => 9,
            Operator.Sub => 10,
            Operator.Div => 11,
            _ => 12,
        };
        _unit.Add(Op.BinaryOp, inPlace ? number + 13 : number);
    }

    private void Boolean(BoolOpExpr e)
    {
        var jump = e.Op == BoolOperator.And ? Op.JumpIfFalseOrPop : Op.JumpIfTrueOrPop;
        var end = _unit.NewBlock();
        for (var i = 0; i < e.Values.Length - 1; i++)
        {
            Visit(e.Values[i]);
            _unit.AddJump(jump, end);
            _unit.Use(_unit.NewBlock());
        }

        Visit(e.Values[^1]);
        _unit.Use(end);
    }

    private void Conditional(IfExpExpr e)
    {
        BasicBlock end = _unit.NewBlock(), next = _unit.NewBlock();
        JumpIf(e.Test, next, false);
        Visit(e.Body);
        _unit.AddJumpWithoutLine(Op.Jump, end);
        _unit.Use(next);
        Visit(e.Orelse);
        _unit.Use(end);
    }

    private void JumpIf(Expr expression, BasicBlock next, bool condition)
    {
        CheckStack();
        switch (expression)
        {
            case UnaryOpExpr { Op: UnaryOperator.Not } e:
                JumpIf(e.Operand, next, !condition);
                return;
            case BoolOpExpr e:
                var isOr = e.Op == BoolOperator.Or;
                var inner = isOr == condition ? next : _unit.NewBlock();
                for (var i = 0; i < e.Values.Length - 1; i++)
                    JumpIf(e.Values[i], inner, isOr);
                JumpIf(e.Values[^1], next, condition);
                if (inner != next)
                    _unit.Use(inner);
                return;
            case IfExpExpr e:
                BasicBlock end = _unit.NewBlock(), other = _unit.NewBlock();
                JumpIf(e.Test, other, false);
                JumpIf(e.Body, next, condition);
                _unit.AddJumpWithoutLine(Op.Jump, end);
                _unit.Use(other);
                JumpIf(e.Orelse, next, condition);
                _unit.Use(end);
                return;
            case CompareExpr e:
                _unit.Span = e.Span;
                if (e.Ops.Length > 1)
                {
                    JumpIfCompared(e, next, condition);
                    return;
                }

                break;
        }

        Visit(expression);
        _unit.AddJump(condition ? Op.PopJumpIfTrue : Op.PopJumpIfFalse, next);
    }

    private void JumpIfCompared(CompareExpr e, BasicBlock next, bool condition)
    {
        CheckCompare(e);
        var cleanup = _unit.NewBlock();
        Visit(e.Left);
        for (var i = 0; i < e.Ops.Length - 1; i++)
        {
            Visit(e.Comparators[i]);
            _unit.Add(Op.Swap, 2);
            _unit.Add(Op.Copy, 2);
            CompareWith(e.Ops[i]);
            _unit.AddJump(Op.PopJumpIfFalse, cleanup);
        }

        Visit(e.Comparators[^1]);
        CompareWith(e.Ops[^1]);
        _unit.AddJump(condition ? Op.PopJumpIfTrue : Op.PopJumpIfFalse, next);
        var end = _unit.NewBlock();
        _unit.AddJumpWithoutLine(Op.Jump, end);
        _unit.Use(cleanup);
        _unit.Add(Op.PopTop);
        if (!condition)
            _unit.AddJumpWithoutLine(Op.Jump, next);
        _unit.Use(end);
    }

    private void Compare(CompareExpr e)
    {
        CheckCompare(e);
        Visit(e.Left);
        if (e.Ops.Length == 1)
        {
            Visit(e.Comparators[0]);
            CompareWith(e.Ops[0]);
            return;
        }

        var cleanup = _unit.NewBlock();
        for (var i = 0; i < e.Ops.Length - 1; i++)
        {
            Visit(e.Comparators[i]);
            _unit.Add(Op.Swap, 2);
            _unit.Add(Op.Copy, 2);
            CompareWith(e.Ops[i]);
            _unit.AddJump(Op.JumpIfFalseOrPop, cleanup);
        }

        Visit(e.Comparators[^1]);
        CompareWith(e.Ops[^1]);
        var end = _unit.NewBlock();
        _unit.AddJumpWithoutLine(Op.Jump, end);
        _unit.Use(cleanup);
        _unit.Add(Op.Swap, 2);
        _unit.Add(Op.PopTop);
        _unit.Use(end);
    }

    private void CompareWith(CompareOperator op)
    {
        switch (op)
        {
            case CompareOperator.Is: _unit.Add(Op.IsOp, 0); break;
            case CompareOperator.IsNot: _unit.Add(Op.IsOp, 1); break;
            case CompareOperator.In: _unit.Add(Op.ContainsOp, 0); break;
            case CompareOperator.NotIn: _unit.Add(Op.ContainsOp, 1); break;
            case CompareOperator.Lt: _unit.Add(Op.CompareOp, 0); break;
            case CompareOperator.LtE: _unit.Add(Op.CompareOp, 1); break;
            case CompareOperator.Eq: _unit.Add(Op.CompareOp, 2); break;
            case CompareOperator.NotEq: _unit.Add(Op.CompareOp, 3); break;
            case CompareOperator.Gt: _unit.Add(Op.CompareOp, 4); break;
            case CompareOperator.GtE: _unit.Add(Op.CompareOp, 5); break;
        }
    }

    private static bool AreConstants(Expr?[] elements, int begin, int end)
    {
        for (var i = begin; i < end; i++)
        {
            if (elements[i] is not ConstantExpr)
                return false;
        }

        return true;
    }

    // A list, set or tuple display, or starred arguments; some values may be on the stack already.
    private void Display(Expr[] elements, int pushed, int build, int add, int extend, bool isTuple)
    {
        var n = elements.Length;
        if (n > 2 && AreConstants(elements, 0, n))
        {
            var items = Array.ConvertAll(elements, e => ((ConstantExpr)e).Value);
            if (isTuple && pushed == 0)
            {
                _unit.AddLoadConst(new TupleConstant(items));
                return;
            }

            _unit.Add(build, pushed);
            _unit.AddLoadConst(add == Op.SetAdd ? ConstantEquality.MakeFrozenSet(items) : new TupleConstant(items));
            _unit.Add(extend, 1);
            if (isTuple)
                _unit.Add(Op.ListToTuple);
            return;
        }

        var isBig = n + pushed > StackUseGuideline;
        if (!isBig && !Array.Exists(elements, e => e is StarredExpr))
        {
            Visit(elements);
            _unit.Add(isTuple ? Op.BuildTuple : build, n + pushed);
            return;
        }

        var isBuilt = isBig;
        if (isBig)
            _unit.Add(build, pushed);
        for (var i = 0; i < n; i++)
        {
            if (elements[i] is StarredExpr starred)
            {
                if (!isBuilt)
                {
                    _unit.Add(build, i + pushed);
                    isBuilt = true;
                }

                Visit(starred.Value);
                _unit.Add(extend, 1);
            }
            else
            {
                Visit(elements[i]);
                if (isBuilt)
                    _unit.Add(add, 1);
            }
        }

        if (isTuple)
            _unit.Add(Op.ListToTuple);
    }

    private void AssignElements(Expr[] elements)
    {
        Unpack(elements, e => e is StarredExpr, "star-unpacking assignment", "assignment");
        foreach (var element in elements)
            Visit(element is StarredExpr starred ? starred.Value : element);
    }

    private void Unpack<T>(T[] elements, Func<T, bool> isStarred, string tooMany, string multiple)
    {
        var star = -1;
        for (var i = 0; i < elements.Length; i++)
        {
            if (!isStarred(elements[i]))
                continue;
            if (star >= 0)
                throw Error($"multiple starred expressions in {multiple}");
            var after = elements.Length - i - 1;
            if (i >= 1 << 8 || after >= int.MaxValue >> 8)
                throw Error($"too many expressions in {tooMany}");
            _unit.Add(Op.UnpackEx, i + (after << 8));
            star = i;
        }

        if (star < 0)
            _unit.Add(Op.UnpackSequence, elements.Length);
    }

    private void Dict(DictExpr e)
    {
        var haveDict = false;
        var pending = 0;
        for (var i = 0; i < e.Values.Length; i++)
        {
            if (e.Keys[i] == null)
            {
                if (pending > 0)
                {
                    SubDict(e, i - pending, i);
                    MergeDict(ref haveDict);
                    pending = 0;
                }

                if (!haveDict)
                {
                    _unit.Add(Op.BuildMap, 0);
                    haveDict = true;
                }

                Visit(e.Values[i]);
                _unit.Add(Op.DictUpdate, 1);
            }
            else if (pending * 2 > StackUseGuideline)
            {
                SubDict(e, i - pending, i + 1);
                MergeDict(ref haveDict);
                pending = 0;
            }
            else
            {
                pending++;
            }
        }

        if (pending > 0)
        {
            SubDict(e, e.Values.Length - pending, e.Values.Length);
            MergeDict(ref haveDict);
        }

        if (!haveDict)
            _unit.Add(Op.BuildMap, 0);
    }

    private void MergeDict(ref bool haveDict)
    {
        if (haveDict)
            _unit.Add(Op.DictUpdate, 1);
        haveDict = true;
    }

    private void SubDict(DictExpr e, int begin, int end)
    {
        var n = end - begin;
        var isBig = n * 2 > StackUseGuideline;
        if (n > 1 && !isBig && AreConstants(e.Keys, begin, end))
        {
            for (var i = begin; i < end; i++)
                Visit(e.Values[i]);
            var keys = new object?[n];
            for (var i = 0; i < n; i++)
                keys[i] = ((ConstantExpr)e.Keys[begin + i]!).Value;
            _unit.AddLoadConst(new TupleConstant(keys));
            _unit.Add(Op.BuildConstKeyMap, n);
            return;
        }

        if (isBig)
            _unit.Add(Op.BuildMap, 0);
        for (var i = begin; i < end; i++)
        {
            Visit(e.Keys[i]!);
            Visit(e.Values[i]);
            if (isBig)
                _unit.Add(Op.MapAdd, 1);
        }

        if (!isBig)
            _unit.Add(Op.BuildMap, n);
    }

    private void Slice(SliceExpr e)
    {
        if (e.Lower != null)
            Visit(e.Lower);
        else
            _unit.AddLoadConst(null);
        if (e.Upper != null)
            Visit(e.Upper);
        else
            _unit.AddLoadConst(null);
        if (e.Step != null)
            Visit(e.Step);
        _unit.Add(Op.BuildSlice, e.Step != null ? 3 : 2);
    }

    private void JoinedString(JoinedStrExpr e)
    {
        if (e.Values.Length > StackUseGuideline)
        {
            _unit.AddLoadConst("");
            _unit.AddName(Op.LoadMethod, "join");
            _unit.Add(Op.BuildList, 0);
            foreach (var value in e.Values)
            {
                Visit(value);
                _unit.Add(Op.ListAppend, 1);
            }

            _unit.Add(Op.Precall, 1);
            _unit.Add(Op.Call, 1);
            return;
        }

        Visit(e.Values);
        if (e.Values.Length != 1)
            _unit.Add(Op.BuildString, e.Values.Length);
    }

    private void FormattedValue(FormattedValueExpr e)
    {
        Visit(e.Value);
        var argument = e.Conversion switch
        {
            's' => 1,
            'r' => 2,
            'a' => 3,
            -1 => 0,
            _ => throw new PythonCompileException(CompileErrorKind.SystemError, $"Unrecognized conversion character {e.Conversion}"),
        };
        if (e.FormatSpec != null)
        {
            Visit(e.FormatSpec);
            argument |= 4;
        }

        _unit.Add(Op.FormatValue, argument);
    }

    private void Yield()
    {
        if (_unit.Scope is { IsGenerator: true, IsCoroutine: true })
            _unit.Add(Op.AsyncGenWrap);
        _unit.Add(Op.YieldValue);
        _unit.Add(Op.Resume, 1);
    }

    private void YieldFrom(bool isAwait)
    {
        BasicBlock start = _unit.NewBlock(), resume = _unit.NewBlock(), exit = _unit.NewBlock();
        _unit.Use(start);
        _unit.AddJump(Op.Send, exit);
        _unit.Use(resume);
        _unit.Add(Op.YieldValue);
        _unit.Add(Op.Resume, isAwait ? 3 : 2);
        _unit.AddJump(Op.JumpNoInterrupt, start);
        _unit.Use(exit);
    }
}
