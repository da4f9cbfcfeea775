namespace Holon.Jvm.ClassFile;

/// <summary>Access and property flags of classes, fields and methods (JVMS tables 4.1-B, 4.5-A, 4.6-A).</summary>
[Flags]
internal enum Acc
{
    None = 0,
    Public = 0x0001,
    Private = 0x0002,
    Protected = 0x0004,
    Static = 0x0008,
    Final = 0x0010,
    Synchronized = 0x0020,
    Super = 0x0020,
    Volatile = 0x0040,
    Bridge = 0x0040,
    Varargs = 0x0080,
    Transient = 0x0080,
    Native = 0x0100,
    Interface = 0x0200,
    Abstract = 0x0400,
    Strict = 0x0800,
    Synthetic = 0x1000,
    Annotation = 0x2000,
    Enum = 0x4000,
    Module = 0x8000,
}
