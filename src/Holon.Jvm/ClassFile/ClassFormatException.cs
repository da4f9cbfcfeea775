namespace Holon.Jvm.ClassFile;

/// <summary>A class file that the Java virtual machine refuses, with the Java error it becomes.</summary>
internal sealed class ClassFormatException(string error, string message) : Exception(message)
{
    /// <summary>Internal name of the Java error, such as <c>java/lang/ClassFormatError</c>.</summary>
    public string Error { get; } = error;
}
