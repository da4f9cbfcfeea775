using System.Text;
using Holon.Jvm.ClassFile;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Verifier;

/// <summary>Verification of a class when it is linked (JVMS §5.4.1, §4.10).</summary>
internal static class ClassVerifier
{
    /// <summary>Class files from this version on must have stack maps; of version 50 they may be tried the older way.</summary>
    private const int StackMapVersion = 50, NoFallbackVersion = 51;

    /// <summary>A Java error to raise; a final one allows no second try with the older verifier.</summary>
    private readonly record struct Refusal(string Error, string Message, bool IsFinal = false);

    /// <summary>Raises VerifyError, or what loading of a class that the code names raises.</summary>
    public static void Verify(JThread thread, JClass c)
    {
        if (!IsEligible(c)) return;
        var rules = new TypeRules(thread, c);
        foreach (var method in c.File!.Methods)
        {
            if (method.Code == null) continue;
            if (c.File.MajorVersion < StackMapVersion)
            {
                if (Infer(thread, rules, method) is { } problem) throw Raise(thread, problem);
            }
            else if (CheckTypes(thread, rules, method) is { } error)
            {
                // What is refused in version 50 is tried the older way; when that fails too, the first verifier's words are what counts.
                if (c.File.MajorVersion >= NoFallbackVersion || error.IsFinal || c.File.Methods.Any(m => m.Code != null && Infer(thread, rules, m) != null)) throw Raise(thread, error);
                return;
            }
        }
    }

    /// <summary>The class library is trusted, as HotSpot trusts it, and so are accessors that it makes for reflection.</summary>
    private static bool IsEligible(JClass c) =>
        !c.Loader.IsBoot && !c.Loader.IsForAccessors;

    private static JavaThrow Raise(JThread thread, Refusal error) => thread.Error(error.Error, error.Message);

    private static Refusal? CheckTypes(JThread thread, TypeRules rules, MethodInfo method)
    {
        var code = new MethodCode(method, rules);
        TypeChecker? checker = null;
        try
        {
            code.FindInstructions();
            code.CheckHandlers();
            code.CheckLocalVariables();
            checker = new TypeChecker(code, new CellBudget(thread));
            checker.Check();
            return null;
        }
        catch (MethodCode.BadInstruction e)
        {
            return new Refusal("java/lang/VerifyError", Details(code, new VerifyFailure("Bad instruction", "Error exists in the bytecode"), e.At, null));
        }
        catch (VerifyFailure e) when (e.IsFormat)
        {
            return new Refusal("java/lang/ClassFormatError", e.NamesMethod ? $"{e.Message} in method '{Interpreter.Messages.External(rules.Current, method.Name, method.Descriptor)}'" : e.Message, !e.NamesMethod);
        }
        catch (VerifyFailure e)
        {
            return new Refusal("java/lang/VerifyError", Details(code, e, checker?.At ?? 0, checker?.Frame));
        }
    }

    private static Refusal? Infer(JThread thread, TypeRules rules, MethodInfo method)
    {
        var code = new MethodCode(method, rules);
        try
        {
            code.FindInstructions();
            code.CheckHandlers();
            new TypeInference(code, new CellBudget(thread)).Check();
            return null;
        }
        catch (MethodCode.BadInstruction e)
        {
            return new Refusal("java/lang/VerifyError", OldMessage(code, $"Illegal instruction found at offset {e.At}"));
        }
        catch (VerifyFailure e)
        {
            return new Refusal(e.IsFormat ? "java/lang/ClassFormatError" : "java/lang/VerifyError", OldMessage(code, e.OldMessage ?? e.Message));
        }
    }

    private static string OldMessage(MethodCode code, string message) => $"(class: {code.ClassName}, method: {code.Method.Name} signature: {code.Method.Descriptor}) {message}";

    /// <summary>The message in the form that HotSpot has made Java people used to.</summary>
    private static string Details(MethodCode code, VerifyFailure failure, int at, TypeFrame? frame)
    {
        var text = new StringBuilder(failure.Message);
        text.Append("\nException Details:\n  Location:\n    ").Append(code.ClassName).Append('.').Append(code.Method.Name).Append(code.Method.Descriptor);
        text.Append(" @").Append(at).Append(": ").Append(at < code.Bytes.Length ? Mnemonics.Of(code.Bytes[at]) : "end").Append('\n');
        if (failure.Reason != null) text.Append("  Reason:\n    ").Append(failure.Reason).Append('\n');
        if (frame != null) text.Append("  Current Frame:\n").Append(frame.Describe(at));
        if (failure.MapFrame != null) text.Append("  Stackmap Frame:\n").Append(failure.MapFrame.Describe(failure.MapAt));
        text.Append("  Bytecode:\n");
        for (var i = 0; i < code.Bytes.Length; i += 16)
        {
            text.Append("    ").Append(i.ToString("x7", System.Globalization.CultureInfo.InvariantCulture)).Append(": ");
            for (var k = i; k < Math.Min(i + 16, code.Bytes.Length); k++)
            {
                text.Append(code.Bytes[k].ToString("x2", System.Globalization.CultureInfo.InvariantCulture));
                if (k % 2 == 1) text.Append(' ');
            }
            text.Append('\n');
        }
        return text.ToString();
    }
}
