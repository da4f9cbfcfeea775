using System.Text;
using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>Source text for an expression, as <c>from __future__ import annotations</c> stores it.</summary>
internal sealed class Unparser
{
    // How tightly operators bind, weakest first.
    private const int Tuple = 0, Test = 1, Or = 2, And = 3, Not = 4, Comparison = 5, Expression = 6, BitOr = 6, BitXor = 7, BitAnd = 8, Shift = 9,
        Arithmetic = 10, Term = 11, Factor = 12, Power = 13, Await = 14, Atom = 15;

    private readonly StringBuilder _out = new();

    public static string Unparse(Expr e) => Unparse(e, Test);

    private static string Unparse(Expr e, int level)
    {
        var unparser = new Unparser();
        unparser.Write(e, level);
        return unparser._out.ToString();
    }

    private void Write(Expr expression, int level)
    {
        DeepStack.Check();
        switch (expression)
        {
            case BoolOpExpr e:
                var boolLevel = e.Op == BoolOperator.And ? And : Or;
                Parenthesize(level > boolLevel, () => WriteAll(e.Values, e.Op == BoolOperator.And ? " and " : " or ", boolLevel + 1));
                break;
            case BinOpExpr e:
                WriteBinary(e, level);
                break;
            case UnaryOpExpr e:
                var unaryLevel = e.Op == UnaryOperator.Not ? Not : Factor;
                Parenthesize(
                    level > unaryLevel,
                    () =>
                    {
                        _out.Append(e.Op switch { UnaryOperator.Invert => "~", UnaryOperator.Not => "not ", UnaryOperator.UAdd => "+", _ => "-" });
                        Write(e.Operand, unaryLevel);
                    });
                break;
            case LambdaExpr e:
                Parenthesize(level > Test, () => WriteLambda(e));
                break;
            case IfExpExpr e:
                Parenthesize(
                    level > Test,
                    () =>
                    {
                        Write(e.Body, Test + 1);
                        _out.Append(" if ");
                        Write(e.Test, Test + 1);
                        _out.Append(" else ");
                        Write(e.Orelse, Test);
                    });
                break;
            case DictExpr e:
                WriteDict(e);
                break;
            case SetExpr e:
                _out.Append('{');
                WriteAll(e.Elts, ", ", Test);
                _out.Append('}');
                break;
            case GeneratorExpExpr e:
                WriteComprehension('(', e.Elt, null, e.Generators, ')');
                break;
            case ListCompExpr e:
                WriteComprehension('[', e.Elt, null, e.Generators, ']');
                break;
            case SetCompExpr e:
                WriteComprehension('{', e.Elt, null, e.Generators, '}');
                break;
            case DictCompExpr e:
                WriteComprehension('{', e.Key, e.Value, e.Generators, '}');
                break;
            case YieldExpr e:
                _out.Append(e.Value == null ? "(yield" : "(yield ");
                if (e.Value != null)
                    Write(e.Value, Test);
                _out.Append(')');
                break;
            case YieldFromExpr e:
                _out.Append("(yield from ");
                Write(e.Value, Test);
                _out.Append(')');
                break;
            case AwaitExpr e:
                Parenthesize(
                    level > Await,
                    () =>
                    {
                        _out.Append("await ");
                        Write(e.Value, Atom);
                    });
                break;
            case CompareExpr e:
                Parenthesize(level > Comparison, () => WriteCompare(e));
                break;
            case CallExpr e:
                WriteCall(e);
                break;
            case ConstantExpr e:
                if (e.Value is EllipsisConstant)
                {
                    _out.Append("...");
                    break;
                }

                _out.Append(e.KindName);
                WriteConstant(e.Value);
                break;
            case JoinedStrExpr or FormattedValueExpr:
                WriteFString(expression, isSpec: false);
                break;
            case AttributeExpr e:
                Write(e.Value, Atom);
                _out.Append(e.Value is ConstantExpr { Value: long or System.Numerics.BigInteger } ? " ." : ".").Append(e.Attr);
                break;
            case SubscriptExpr e:
                Write(e.Value, Atom);
                _out.Append('[');
                Write(e.Slice, Tuple);
                _out.Append(']');
                break;
            case StarredExpr e:
                _out.Append('*');
                Write(e.Value, Expression);
                break;
            case SliceExpr e:
                WriteSlice(e);
                break;
            case NameExpr e:
                _out.Append(e.Id);
                break;
            case ListExpr e:
                _out.Append('[');
                WriteAll(e.Elts, ", ", Test);
                _out.Append(']');
                break;
            case TupleExpr e:
                if (e.Elts.Length == 0)
                {
                    _out.Append("()");
                    break;
                }

                Parenthesize(
                    level > Tuple,
                    () =>
                    {
                        WriteAll(e.Elts, ", ", Test);
                        if (e.Elts.Length == 1)
                            _out.Append(',');
                    });
                break;
            case NamedExprExpr e:
                Parenthesize(
                    level > Tuple,
                    () =>
                    {
                        Write(e.Target, Atom);
                        _out.Append(" := ");
                        Write(e.Value, Atom);
                    });
                break;
        }
    }

    private void Parenthesize(bool condition, Action write)
    {
        if (condition)
            _out.Append('(');
        write();
        if (condition)
            _out.Append(')');
    }

    private void WriteAll(Expr[] expressions, string separator, int level)
    {
        for (var i = 0; i < expressions.Length; i++)
        {
            if (i > 0)
                _out.Append(separator);
            Write(expressions[i], level);
        }
    }

    private void WriteBinary(BinOpExpr e, int level)
    {
        var (text, own) = e.Op switch
        {
            Operator.Add => (" + ", Arithmetic),
            Operator.Sub => (" - ", Arithmetic),
            Operator.Mult => (" * ", Term),
            Operator.MatMult => (" @ ", Term),
            Operator.Div => (" / ", Term),
            Operator.Mod => (" % ", Term),
            Operator.LShift => (" << ", Shift),
            Operator.RShift => (" >> ", Shift),
            Operator.BitOr => (" | ", BitOr),
            Operator.BitXor => (" ^ ", BitXor),
            Operator.BitAnd => (" & ", BitAnd),
            Operator.FloorDiv => (" // ", Term),
            _ => (" ** ", Power),
        };
        var rightAssociative = e.Op == Operator.Pow;
        Parenthesize(
            level > own,
            () =>
            {
                Write(e.Left, rightAssociative ? own + 1 : own);
                _out.Append(text);
                Write(e.Right, rightAssociative ? own : own + 1);
            });
    }

    private void WriteLambda(LambdaExpr e)
    {
        _out.Append(e.Args.Args.Length + e.Args.Posonlyargs.Length > 0 ? "lambda " : "lambda");
        WriteArguments(e.Args);
        _out.Append(": ");
        Write(e.Body, Test);
    }

    private void WriteArguments(Arguments args)
    {
        var first = true;
        var positional = args.Posonlyargs.Length + args.Args.Length;
        for (var i = 0; i < positional; i++)
        {
            Separate(ref first);
            WriteArg(i < args.Posonlyargs.Length ? args.Posonlyargs[i] : args.Args[i - args.Posonlyargs.Length]);
            var defaultIndex = i - positional + args.Defaults.Length;
            if (defaultIndex >= 0)
            {
                _out.Append('=');
                Write(args.Defaults[defaultIndex], Test);
            }

            if (i + 1 == args.Posonlyargs.Length)
                _out.Append(", /");
        }

        if (args.Vararg != null || args.Kwonlyargs.Length > 0)
        {
            Separate(ref first);
            _out.Append('*');
            if (args.Vararg != null)
                WriteArg(args.Vararg);
        }

        for (var i = 0; i < args.Kwonlyargs.Length; i++)
        {
            Separate(ref first);
            WriteArg(args.Kwonlyargs[i]);
            if (args.KwDefaults[i] is { } value)
            {
                _out.Append('=');
                Write(value, Test);
            }
        }

        if (args.Kwarg != null)
        {
            Separate(ref first);
            _out.Append("**");
            WriteArg(args.Kwarg);
        }
    }

    private void WriteArg(Arg arg)
    {
        _out.Append(arg.ArgName);
        if (arg.Annotation != null)
        {
            _out.Append(": ");
            Write(arg.Annotation, Test);
        }
    }

    private void Separate(ref bool first)
    {
        if (!first)
            _out.Append(", ");
        first = false;
    }

    private void WriteDict(DictExpr e)
    {
        _out.Append('{');
        for (var i = 0; i < e.Values.Length; i++)
        {
            if (i > 0)
                _out.Append(", ");
            if (e.Keys[i] is { } key)
            {
                Write(key, Test);
                _out.Append(": ");
                Write(e.Values[i], Test);
            }
            else
            {
                _out.Append("**");
                Write(e.Values[i], Expression);
            }
        }

        _out.Append('}');
    }

    private void WriteComprehension(char open, Expr element, Expr? value, Comprehension[] generators, char close)
    {
        _out.Append(open);
        Write(element, Test);
        if (value != null)
        {
            _out.Append(": ");
            Write(value, Test);
        }

        foreach (var generator in generators)
        {
            _out.Append(generator.IsAsync != 0 ? " async for " : " for ");
            Write(generator.Target, Tuple);
            _out.Append(" in ");
            Write(generator.Iter, Test + 1);
            foreach (var condition in generator.Ifs)
            {
                _out.Append(" if ");
                Write(condition, Test + 1);
            }
        }

        _out.Append(close);
    }

    private void WriteCompare(CompareExpr e)
    {
        Write(e.Left, Comparison + 1);
        for (var i = 0; i < e.Ops.Length; i++)
        {
            _out.Append(e.Ops[i] switch
            {
                CompareOperator.Eq => " == ",
                CompareOperator.NotEq => " != ",
                CompareOperator.Lt => " < ",
                CompareOperator.LtE => " <= ",
                CompareOperator.Gt => " > ",
                CompareOperator.GtE => " >= ",
                CompareOperator.Is => " is ",
                CompareOperator.IsNot => " is not ",
                CompareOperator.In => " in ",
                _ => " not in ",
            });
            Write(e.Comparators[i], Comparison + 1);
        }
    }

    private void WriteCall(CallExpr e)
    {
        Write(e.Func, Atom);
        if (e.Args is [GeneratorExpExpr only] && e.Keywords.Length == 0)
        {
            Write(only, Test);
            return;
        }

        _out.Append('(');
        var first = true;
        foreach (var arg in e.Args)
        {
            Separate(ref first);
            Write(arg, Test);
        }

        foreach (var keyword in e.Keywords)
        {
            Separate(ref first);
            _out.Append(keyword.Arg == null ? "**" : keyword.Arg + "=");
            Write(keyword.Value, Test);
        }

        _out.Append(')');
    }

    private void WriteConstant(object? value)
    {
        if (value is TupleConstant tuple)
        {
            _out.Append('(');
            for (var i = 0; i < tuple.Items.Length; i++)
            {
                if (i > 0)
                    _out.Append(", ");
                WriteConstant(tuple.Items[i]);
            }

            _out.Append(tuple.Items.Length == 1 ? ",)" : ")");
            return;
        }

        // Infinity has no literal of its own.
        var text = PythonRepr.Of(value);
        _out.Append(value is double.PositiveInfinity or double.NegativeInfinity or System.Numerics.Complex
            ? text.Replace("inf", "1e309", StringComparison.Ordinal)
            : text);
    }

    private void WriteSlice(SliceExpr e)
    {
        if (e.Lower != null)
            Write(e.Lower, Test);
        _out.Append(':');
        if (e.Upper != null)
            Write(e.Upper, Test);
        if (e.Step != null)
        {
            _out.Append(':');
            Write(e.Step, Test);
        }
    }

    private void WriteFString(Expr expression, bool isSpec)
    {
        switch (expression)
        {
            case ConstantExpr e:
                _out.Append(((string)e.Value!).Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal));
                break;
            case JoinedStrExpr e:
                var body = new Unparser();
                foreach (var value in e.Values)
                    body.WriteFString(value, isSpec);
                if (isSpec)
                    _out.Append(body._out);
                else
                    _out.Append('f').Append(PythonRepr.Of(body._out.ToString()));
                break;
            case FormattedValueExpr e:
                var inner = Unparse(e.Value, Test + 1);
                _out.Append(inner.StartsWith('{') ? "{ " : "{").Append(inner);
                if (e.Conversion > 0)
                    _out.Append('!').Append((char)e.Conversion);
                if (e.FormatSpec != null)
                {
                    _out.Append(':');
                    WriteFString(e.FormatSpec, isSpec: true);
                }

                _out.Append('}');
                break;
        }
    }
}
