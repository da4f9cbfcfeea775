using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

// A comprehension is a function of its outermost iterator.
internal sealed partial class CodeGenerator
{
    private void Comprehension(Expr node, ComprehensionType type, string name, Comprehension[] generators, Expr element, Expr? value)
    {
        var outerType = _unit.Type;
        var isTopLevelAwait = IsTopLevelAwait;
        EnterUnit(name, UnitType.Comprehension, node, node.Span.Line);
        _unit.Span = node.Span;
        var isAsync = _unit.Scope.IsCoroutine;
        if (isAsync && type != ComprehensionType.Generator && outerType is not (UnitType.AsyncFunction or UnitType.Comprehension) && !isTopLevelAwait)
            throw Error("asynchronous comprehension outside of an asynchronous function");
        switch (type)
        {
            case ComprehensionType.List: _unit.Add(Op.BuildList, 0); break;
            case ComprehensionType.Set: _unit.Add(Op.BuildSet, 0); break;
            case ComprehensionType.Dict: _unit.Add(Op.BuildMap, 0); break;
        }

        Generator(generators, 0, 0, element, value, type);
        if (type != ComprehensionType.Generator)
            _unit.Add(Op.ReturnValue);
        var code = LeaveUnit(addNone: true);
        if (isTopLevelAwait && isAsync)
            _unit.Scope.IsCoroutine = true;

        MakeClosure(code, 0);
        Visit(generators[0].Iter);
        _unit.Add(generators[0].IsAsync != 0 ? Op.GetAiter : Op.GetIter);
        _unit.Add(Op.Precall, 0);
        _unit.Add(Op.Call, 0);
        if (isAsync && type != ComprehensionType.Generator)
        {
            _unit.Add(Op.GetAwaitable, 0);
            _unit.AddLoadConst(null);
            YieldFrom(isAwait: true);
        }
    }

    private void Generator(Comprehension[] generators, int index, int depth, Expr element, Expr? value, ComprehensionType type)
    {
        DeepStack.Check();
        if (generators[index].IsAsync != 0)
            AsyncGenerator(generators, index, depth, element, value, type);
        else
            SyncGenerator(generators, index, depth, element, value, type);
    }

    private void SyncGenerator(Comprehension[] generators, int index, int depth, Expr element, Expr? value, ComprehensionType type)
    {
        BasicBlock start = _unit.NewBlock(), ifCleanup = _unit.NewBlock(), anchor = _unit.NewBlock();
        var generator = generators[index];
        var loops = true;
        if (index == 0)
        {
            _unit.ArgCount = 1;
            _unit.Add(Op.LoadFast, 0);
        }
        else
        {
            // "for y in [f(x)]" is an assignment, not a loop.
            Expr[] elements = generator.Iter switch { ListExpr list => list.Elts, TupleExpr tuple => tuple.Elts, _ => [] };
            if (elements is [not StarredExpr])
            {
                Visit(elements[0]);
                loops = false;
            }
            else
            {
                Visit(generator.Iter);
                _unit.Add(Op.GetIter);
            }
        }

        if (loops)
        {
            depth++;
            _unit.Use(start);
            _unit.AddJump(Op.ForIter, anchor);
        }

        Visit(generator.Target);
        foreach (var condition in generator.Ifs)
            JumpIf(condition, ifCleanup, false);
        if (index + 1 < generators.Length)
            Generator(generators, index + 1, depth, element, value, type);
        else
            Element(depth, element, value, type);
        _unit.Use(ifCleanup);
        if (loops)
        {
            _unit.AddJump(Op.Jump, start);
            _unit.Use(anchor);
        }
    }

    private void AsyncGenerator(Comprehension[] generators, int index, int depth, Expr element, Expr? value, ComprehensionType type)
    {
        BasicBlock start = _unit.NewBlock(), except = _unit.NewBlock(), ifCleanup = _unit.NewBlock();
        var generator = generators[index];
        if (index == 0)
        {
            _unit.ArgCount = 1;
            _unit.Add(Op.LoadFast, 0);
        }
        else
        {
            Visit(generator.Iter);
            _unit.Add(Op.GetAiter);
        }

        _unit.Use(start);
        PushFrameBlock(FrameBlockType.AsyncComprehensionGenerator, start);
        _unit.AddJump(Op.SetupFinally, except);
        _unit.Add(Op.GetAnext);
        _unit.AddLoadConst(null);
        YieldFrom(isAwait: true);
        _unit.Add(Op.PopBlock);
        Visit(generator.Target);
        foreach (var condition in generator.Ifs)
            JumpIf(condition, ifCleanup, false);
        depth++;
        if (index + 1 < generators.Length)
            Generator(generators, index + 1, depth, element, value, type);
        else
            Element(depth, element, value, type);
        _unit.Use(ifCleanup);
        _unit.AddJump(Op.Jump, start);
        PopFrameBlock();
        _unit.Use(except);
        _unit.Add(Op.EndAsyncFor);
    }

    private void Element(int depth, Expr element, Expr? value, ComprehensionType type)
    {
        Visit(element);
        switch (type)
        {
            case ComprehensionType.Generator:
                Yield();
                _unit.Add(Op.PopTop);
                break;
            case ComprehensionType.List:
                _unit.Add(Op.ListAppend, depth + 1);
                break;
            case ComprehensionType.Set:
                _unit.Add(Op.SetAdd, depth + 1);
                break;
            case ComprehensionType.Dict:
                Visit(value!);
                _unit.Add(Op.MapAdd, depth + 1);
                break;
        }
    }
}
