using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary><c>from __future__ import ...</c> at the beginning of a module.</summary>
internal static class FutureFeatures
{
    /// <summary>Notes the features in the context.</summary>
    public static void Read(Mod mod, CompilationContext context)
    {
        Stmt[] body = mod switch { ModuleMod module => module.Body, InteractiveMod interactive => interactive.Body, _ => [] };
        var done = false;
        var previousLine = 0;
        for (var i = AstOptimizer.DocString(body) == null ? 0 : 1; i < body.Length; i++)
        {
            var statement = body[i];
            if (done && statement.Span.Line > previousLine)
                return;
            previousLine = statement.Span.Line;
            if (statement is not ImportFromStmt { Module: "__future__" } import)
            {
                done = true;
                continue;
            }

            if (done)
                throw Error("from __future__ imports must occur at the beginning of the file", statement.Span.Column);
            foreach (var name in import.Names)
                Add(name.Name, statement);
            context.LastFutureLine = statement.Span.Line;

            PythonCompileException Error(string message, int offset) =>
                context.Error(message, statement.Span.Line, offset, statement.Span.Line, null);

            void Add(string feature, Stmt at)
            {
                switch (feature)
                {
                    case "nested_scopes" or "generators" or "division" or "absolute_import" or "with_statement" or "print_function" or
                        "unicode_literals" or "generator_stop":
                        break;
                    case "barry_as_FLUFL":
                        context.Flags |= CompilerFlags.FutureBarryAsBdfl;
                        break;
                    case "annotations":
                        context.Flags |= CompilerFlags.FutureAnnotations;
                        break;
                    case "braces":
                        throw Error("not a chance", at.Span.Column + 1);
                    default:
                        throw Error($"future feature {feature[..Math.Min(feature.Length, 100)]} is not defined", at.Span.Column + 1);
                }
            }
        }
    }
}
