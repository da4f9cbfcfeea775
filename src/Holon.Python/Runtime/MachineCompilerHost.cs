using Holon.Python.Compiler;

namespace Holon.Python.Runtime;

/// <summary>What the compiler asks of a machine: warnings through Python's filters, lines of files for errors, limits.</summary>
/// <remarks>The compiler may work on a thread of its own while the machine's thread waits for it and keeps the GIL.</remarks>
internal sealed class MachineCompilerHost(PyThread thread) : CompilerHost
{
    public override int RecursionLimit => thread.Machine.RecursionLimit;

    public override int RecursionDepth => thread.Depth;

    public override int IntMaxStrDigits => thread.Machine.MaxIntDigits;

    public override bool Warn(CompilerWarningKind kind, string message, string fileName, int line)
    {
        if (!thread.Machine.IsStarted)
            return false;
        using var attached = PyThread.Attach(thread);
        var category = kind == CompilerWarningKind.SyntaxWarning ? ExceptionTypes.SyntaxWarning : ExceptionTypes.DeprecationWarning;
        try
        {
            Calls.Call(Attributes.Get(thread.Machine.ImportModule("warnings"), Names.Intern("warn_explicit")), PyStr.FromUtf16(message), category, PyStr.FromUtf16(fileName), PyInt.Of(line));
            return false;
        }
        catch (PyError error) when (error.Value.Type == category)
        {
            return true;
        }
    }

    public override byte[]? ReadSourceLine(string fileName, int line)
    {
        try
        {
            return line > 0 && thread.Machine.Gate.Allows(fileName, Access.Read) && File.Exists(fileName) && File.ReadLines(fileName, System.Text.Encoding.Latin1).ElementAtOrDefault(line - 1) is { } text
                ? System.Text.Encoding.Latin1.GetBytes(text + "\n") : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public override int? LookUpCharacterName(string name) => Modules.UnicodeDataModule.Find(name);

    public override string NormalizeIdentifier(string identifier) => Modules.UnicodeDataModule.NormalizeIdentifier(identifier) ?? base.NormalizeIdentifier(identifier);
}
