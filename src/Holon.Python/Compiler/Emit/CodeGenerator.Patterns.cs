using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

// PEP 634, structural pattern matching. Each method consumes the subject on top of the stack and jumps to one of the failure blocks when it
// does not match. Captured values stay on the stack, under what is still needed, until the whole pattern has matched.
internal sealed partial class CodeGenerator
{
    /// <summary>The state of one pattern's compilation.</summary>
    private sealed class PatternContext
    {
        /// <summary>The names captured so far, in the order of their values on the stack.</summary>
        public List<string> Stores = [];

        /// <summary>Whether a capture or wildcard may match everything here.</summary>
        public bool AllowIrrefutable;

        /// <summary>Where to jump on failure, by how many values must be popped first.</summary>
        public List<BasicBlock> FailPop = [];

        /// <summary>How many values on top of the stack must stay there.</summary>
        public int OnTop;
    }

    private void Match(MatchStmt s)
    {
        var pattern = new PatternContext();
        Visit(s.Subject);
        var end = _unit.NewBlock();
        var hasDefault = s.Cases.Length > 1 && IsWildcard(s.Cases[^1].Pattern);
        var count = s.Cases.Length - (hasDefault ? 1 : 0);
        for (var i = 0; i < count; i++)
        {
            var matchCase = s.Cases[i];
            _unit.Span = matchCase.Pattern.Span;
            if (i != count - 1)
                _unit.Add(Op.Copy, 1);
            pattern.Stores = [];
            pattern.AllowIrrefutable = matchCase.Guard != null || i == s.Cases.Length - 1;
            pattern.FailPop = [];
            pattern.OnTop = 0;
            Pattern(matchCase.Pattern, pattern);
            foreach (var name in pattern.Stores)
                NameOperation(name, ExprContext.Store);
            if (matchCase.Guard != null)
            {
                EnsureFailPop(pattern, 0);
                JumpIf(matchCase.Guard, pattern.FailPop[0], false);
            }

            if (i != count - 1)
                _unit.Add(Op.PopTop);
            Visit(matchCase.Body);
            _unit.AddJump(Op.Jump, end);

            // The clean-up belongs to the pattern that failed, not to the body.
            _unit.Span = matchCase.Pattern.Span;
            EmitFailPop(pattern);
        }

        if (hasDefault)
        {
            var matchCase = s.Cases[^1];
            _unit.Span = matchCase.Pattern.Span;
            _unit.Add(Op.Nop); // the line counts as run
            if (matchCase.Guard != null)
                JumpIf(matchCase.Guard, end, false);
            Visit(matchCase.Body);
        }

        _unit.Use(end);
    }

    private static bool IsWildcard(Pattern p) => p is MatchAsPattern { Name: null };

    private void EnsureFailPop(PatternContext pc, int pops)
    {
        while (pc.FailPop.Count <= pops)
            pc.FailPop.Add(_unit.NewBlock());
    }

    private void JumpToFailPop(PatternContext pc, int jump)
    {
        var pops = pc.OnTop + pc.Stores.Count;
        EnsureFailPop(pc, pops);
        _unit.AddJump(jump, pc.FailPop[pops]);
    }

    private void EmitFailPop(PatternContext pc)
    {
        if (pc.FailPop.Count == 0)
            return;
        for (var i = pc.FailPop.Count - 1; i > 0; i--)
        {
            _unit.Use(pc.FailPop[i]);
            _unit.Add(Op.PopTop);
        }

        _unit.Use(pc.FailPop[0]);
        pc.FailPop = [];
    }

    private void Rotate(int count)
    {
        while (count > 1)
            _unit.Add(Op.Swap, count--);
    }

    private void StoreName(string? name, PatternContext pc)
    {
        if (name == null)
        {
            _unit.Add(Op.PopTop);
            return;
        }

        RefuseDebug(name, ExprContext.Store);
        if (pc.Stores.Contains(name))
            throw DuplicateStore(name);
        Rotate(pc.OnTop + pc.Stores.Count + 1);
        pc.Stores.Add(name);
    }

    private PythonCompileException DuplicateStore(string name) =>
        Error($"multiple assignments to name {PythonRepr.Of(name)} in pattern");

    private void Pattern(Pattern pattern, PatternContext pc)
    {
        DeepStack.Check();
        _unit.Span = pattern.Span;
        switch (pattern)
        {
            case MatchValuePattern p:
                if (p.Value is not (ConstantExpr or AttributeExpr))
                    throw Error("patterns may only match literals and attribute lookups");
                Visit(p.Value);
                _unit.Add(Op.CompareOp, 2);
                JumpToFailPop(pc, Op.PopJumpIfFalse);
                break;
            case MatchSingletonPattern p:
                _unit.AddLoadConst(p.Value);
                _unit.Add(Op.IsOp, 0);
                JumpToFailPop(pc, Op.PopJumpIfFalse);
                break;
            case MatchSequencePattern p:
                SequencePattern(p.Patterns, pc);
                break;
            case MatchMappingPattern p:
                MappingPattern(p, pc);
                break;
            case MatchClassPattern p:
                ClassPattern(p, pc);
                break;
            case MatchStarPattern p:
                StoreName(p.Name, pc);
                break;
            case MatchAsPattern p:
                AsPattern(p, pc);
                break;
            case MatchOrPattern p:
                OrPattern(p.Patterns, pc);
                break;
        }
    }

    private void SubPattern(Pattern p, PatternContext pc)
    {
        var allowed = pc.AllowIrrefutable;
        pc.AllowIrrefutable = true;
        Pattern(p, pc);
        pc.AllowIrrefutable = allowed;
    }

    private void AsPattern(MatchAsPattern p, PatternContext pc)
    {
        if (p.Pattern == null)
        {
            if (!pc.AllowIrrefutable)
            {
                throw Error(p.Name == null
                    ? "wildcard makes remaining patterns unreachable"
                    : $"name capture {PythonRepr.Of(p.Name)} makes remaining patterns unreachable");
            }

            StoreName(p.Name, pc);
            return;
        }

        pc.OnTop++;
        _unit.Add(Op.Copy, 1);
        Pattern(p.Pattern, pc);
        pc.OnTop--;
        StoreName(p.Name, pc);
    }

    private void SequencePattern(Pattern[] patterns, PatternContext pc)
    {
        var star = -1;
        bool onlyWildcards = true, starIsWildcard = false;
        for (var i = 0; i < patterns.Length; i++)
        {
            if (patterns[i] is MatchStarPattern starred)
            {
                if (star >= 0)
                    throw Error("multiple starred names in sequence pattern");
                starIsWildcard = starred.Name == null;
                onlyWildcards &= starIsWildcard;
                star = i;
                continue;
            }

            onlyWildcards &= IsWildcard(patterns[i]);
        }

        pc.OnTop++;
        _unit.Add(Op.MatchSequence);
        JumpToFailPop(pc, Op.PopJumpIfFalse);
        if (star < 0)
            CheckLength(patterns.Length, 2, pc);
        else if (patterns.Length > 1)
            CheckLength(patterns.Length - 1, 5, pc);
        pc.OnTop--;
        if (onlyWildcards)
            _unit.Add(Op.PopTop);
        else if (starIsWildcard)
            MatchBySubscript(patterns, star, pc);
        else
            MatchByUnpacking(patterns, pc);
    }

    private void CheckLength(int length, int comparison, PatternContext pc)
    {
        _unit.Add(Op.GetLen);
        _unit.AddLoadConst(ConstantValue.Of(length));
        _unit.Add(Op.CompareOp, comparison);
        JumpToFailPop(pc, Op.PopJumpIfFalse);
    }

    private void MatchByUnpacking(Pattern[] patterns, PatternContext pc)
    {
        Unpack(patterns, p => p is MatchStarPattern, "star-unpacking sequence pattern", "sequence pattern");
        pc.OnTop += patterns.Length;
        foreach (var pattern in patterns)
        {
            pc.OnTop--;
            SubPattern(pattern, pc);
        }
    }

    // [first, *_, last]: only the items that matter are taken.
    private void MatchBySubscript(Pattern[] patterns, int star, PatternContext pc)
    {
        pc.OnTop++;
        for (var i = 0; i < patterns.Length; i++)
        {
            if (i == star || IsWildcard(patterns[i]))
                continue;
            _unit.Add(Op.Copy, 1);
            if (i < star)
            {
                _unit.AddLoadConst(ConstantValue.Of(i));
            }
            else
            {
                // Negative indices may not be supported.
                _unit.Add(Op.GetLen);
                _unit.AddLoadConst(ConstantValue.Of(patterns.Length - i));
                Binary(Operator.Sub, inPlace: false);
            }

            _unit.Add(Op.BinarySubscr);
            SubPattern(patterns[i], pc);
        }

        pc.OnTop--;
        _unit.Add(Op.PopTop);
    }

    private void ClassPattern(MatchClassPattern p, PatternContext pc)
    {
        int positional = p.Patterns.Length, named = p.KwdAttrs.Length;
        if (named != p.KwdPatterns.Length)
            throw Error($"kwd_attrs ({named}) / kwd_patterns ({p.KwdPatterns.Length}) length mismatch in class pattern");
        if (named > 0)
        {
            ValidateAttributes(p);
            _unit.Span = p.Span;
        }

        Visit(p.Cls);
        _unit.AddLoadConst(new TupleConstant(Array.ConvertAll(p.KwdAttrs, a => (object?)a)));
        _unit.Add(Op.MatchClass, positional);
        _unit.Add(Op.Copy, 1);
        _unit.AddLoadConst(null);
        _unit.Add(Op.IsOp, 1);
        pc.OnTop++;
        JumpToFailPop(pc, Op.PopJumpIfFalse);
        _unit.Add(Op.UnpackSequence, positional + named);
        pc.OnTop += positional + named - 1;
        for (var i = 0; i < positional + named; i++)
        {
            pc.OnTop--;
            var pattern = i < positional ? p.Patterns[i] : p.KwdPatterns[i - positional];
            if (IsWildcard(pattern))
                _unit.Add(Op.PopTop);
            else
                SubPattern(pattern, pc);
        }
    }

    private void ValidateAttributes(MatchClassPattern p)
    {
        for (var i = 0; i < p.KwdAttrs.Length; i++)
        {
            _unit.Span = p.KwdPatterns[i].Span;
            RefuseDebug(p.KwdAttrs[i], ExprContext.Store);
            for (var j = i + 1; j < p.KwdAttrs.Length; j++)
            {
                if (p.KwdAttrs[i] != p.KwdAttrs[j])
                    continue;
                _unit.Span = p.KwdPatterns[j].Span;
                throw Error($"attribute name repeated in class pattern: {p.KwdAttrs[i]}");
            }
        }
    }

    private void MappingPattern(MatchMappingPattern p, PatternContext pc)
    {
        var size = p.Keys.Length;
        if (size != p.Patterns.Length)
            throw Error($"keys ({size}) / patterns ({p.Patterns.Length}) length mismatch in mapping pattern");
        pc.OnTop++;
        _unit.Add(Op.MatchMapping);
        JumpToFailPop(pc, Op.PopJumpIfFalse);
        if (size == 0 && p.Rest == null)
        {
            pc.OnTop--;
            _unit.Add(Op.PopTop);
            return;
        }

        if (size > 0)
            CheckLength(size, 5, pc);
        MappingKeys(p);
        _unit.Add(Op.BuildTuple, size);
        _unit.Add(Op.MatchKeys);

        // A tuple of keys and a tuple of values lie on the subject now.
        pc.OnTop += 2;
        _unit.Add(Op.Copy, 1);
        _unit.AddLoadConst(null);
        _unit.Add(Op.IsOp, 1);
        JumpToFailPop(pc, Op.PopJumpIfFalse);
        _unit.Add(Op.UnpackSequence, size);
        pc.OnTop += size - 1;
        foreach (var pattern in p.Patterns)
        {
            pc.OnTop--;
            SubPattern(pattern, pc);
        }

        pc.OnTop -= 2;
        if (p.Rest == null)
        {
            _unit.Add(Op.PopTop);
            _unit.Add(Op.PopTop);
            return;
        }

        // rest = dict(subject); for key in keys: del rest[key]
        _unit.Add(Op.BuildMap, 0);
        _unit.Add(Op.Swap, 3);
        _unit.Add(Op.DictUpdate, 2);
        _unit.Add(Op.UnpackSequence, size);
        for (; size > 0; size--)
        {
            _unit.Add(Op.Copy, 1 + size);
            _unit.Add(Op.Swap, 2);
            _unit.Add(Op.DeleteSubscr);
        }

        StoreName(p.Rest, pc);
    }

    private void MappingKeys(MatchMappingPattern p)
    {
        var seen = new HashSet<object?>(ConstantEquality.Instance);
        for (var i = 0; i < p.Keys.Length; i++)
        {
            switch (p.Keys[i])
            {
                case null:
                    _unit.Span = p.Patterns[i].Span;
                    throw Error("can't use NULL keys in MatchMapping (set 'rest' parameter instead)");
                case ConstantExpr constant:
                    if (!seen.Add(constant.Value))
                        throw Error($"mapping pattern checks duplicate key ({PythonRepr.Of(constant.Value)})");
                    break;
                case AttributeExpr:
                    break;
                default:
                    throw Error("mapping pattern keys may only match literals and attribute lookups");
            }

            Visit(p.Keys[i]!);
        }
    }

    private void OrPattern(Pattern[] alternatives, PatternContext pc)
    {
        var end = _unit.NewBlock();
        var (oldStores, oldFailPop, oldOnTop, oldAllow) = (pc.Stores, pc.FailPop, pc.OnTop, pc.AllowIrrefutable);
        List<string> control = [];
        for (var i = 0; i < alternatives.Length; i++)
        {
            _unit.Span = alternatives[i].Span;
            pc.Stores = [];
            pc.AllowIrrefutable = i == alternatives.Length - 1 && oldAllow;
            pc.FailPop = [];
            pc.OnTop = 0;
            _unit.Add(Op.Copy, 1);
            Pattern(alternatives[i], pc);
            if (i == 0)
                control = pc.Stores;
            else
                ReorderStores(pc.Stores, control);
            _unit.AddJump(Op.Jump, end);
            EmitFailPop(pc);
        }

        (pc.Stores, pc.FailPop, pc.OnTop, pc.AllowIrrefutable) = (oldStores, oldFailPop, oldOnTop, oldAllow);

        // No alternative matched: drop the copy of the subject.
        _unit.Add(Op.PopTop);
        JumpToFailPop(pc, Op.Jump);
        _unit.Use(end);
        var rotations = control.Count + 1 + pc.OnTop + pc.Stores.Count;
        foreach (var name in control)
        {
            Rotate(rotations);
            if (pc.Stores.Contains(name))
                throw DuplicateStore(name);
            pc.Stores.Add(name);
        }

        _unit.Add(Op.PopTop);
    }

    // Every alternative must bind the same names; their values are brought into the first one's order.
    private void ReorderStores(List<string> stores, List<string> control)
    {
        if (stores.Count != control.Count)
            throw Error("alternative patterns bind different names");
        for (var wanted = control.Count - 1; wanted >= 0; wanted--)
        {
            var found = stores.IndexOf(control[wanted]);
            if (found < 0)
                throw Error("alternative patterns bind different names");
            if (found == wanted)
                continue;
            var rotations = found + 1;
            var rotated = stores.GetRange(0, rotations);
            stores.RemoveRange(0, rotations);
            stores.InsertRange(wanted - found, rotated);
            while (rotations-- > 0)
                Rotate(wanted + 1);
        }
    }
}
