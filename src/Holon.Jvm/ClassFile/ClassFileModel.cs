namespace Holon.Jvm.ClassFile;

/// <summary>A field as the class file declares it.</summary>
internal sealed record FieldInfo(Acc Flags, string Name, string Descriptor)
{
    public int ConstantValue { get; init; }
    public string? Signature { get; init; }
    public byte[]? Annotations { get; init; }
    public byte[]? TypeAnnotations { get; init; }
}

/// <summary>A row of an exception table; the catch type is a constant pool index, 0 for any.</summary>
internal readonly record struct ExceptionHandler(int Start, int End, int Handler, int CatchType);

/// <summary>A row of LocalVariableTable or LocalVariableTypeTable; names and descriptors are constant pool indices.</summary>
internal readonly record struct LocalVariable(ushort Start, ushort Length, ushort Name, ushort Descriptor, ushort Slot)
{
    /// <summary>What two rows of a table may not share.</summary>
    public (ushort, ushort, ushort, ushort) Key => (Start, Length, Name, Slot);
}

/// <summary>A method's code and its tables.</summary>
internal sealed class CodeInfo
{
    public required int MaxStack { get; init; }
    public required int MaxLocals { get; init; }
    public required byte[] Bytes { get; init; }
    public required ExceptionHandler[] Handlers { get; init; }
    public (ushort Start, ushort Line)[] Lines { get; set; } = [];
    public LocalVariable[] LocalVariables { get; set; } = [];
    public byte[]? StackMapTable { get; set; }
    public byte[]? TypeAnnotations { get; set; }
}

/// <summary>A method as the class file declares it.</summary>
internal sealed class MethodInfo
{
    public required Acc Flags { get; set; }
    public required string Name { get; init; }
    public required string Descriptor { get; init; }
    public CodeInfo? Code { get; set; }
    public string? Signature { get; set; }
    public string[] Exceptions { get; set; } = [];
    public byte[]? Annotations { get; set; }
    public byte[]? ParameterAnnotations { get; set; }
    public byte[]? AnnotationDefault { get; set; }
    public byte[]? TypeAnnotations { get; set; }
    public (int NameIndex, ushort Flags)[]? Parameters { get; set; }

    /// <summary>Annotations that the machine itself obeys, in classes of the boot and platform loaders.</summary>
    public bool CallerSensitive { get; set; }
    public bool HiddenFrame { get; set; }
}

/// <summary>A row of InnerClasses; indices into the constant pool, 0 for none.</summary>
internal readonly record struct InnerClass(int Inner, int Outer, int Name, Acc Flags);

/// <summary>A row of BootstrapMethods.</summary>
internal readonly record struct BootstrapMethod(int Handle, ushort[] Arguments);

/// <summary>A component of a record class.</summary>
internal sealed record RecordComponentInfo(string Name, string Descriptor, string? Signature, byte[]? Annotations, byte[]? TypeAnnotations);

/// <summary>A whole class file, checked for form. Nothing of it changes once it is parsed but what the entries of its constant pool are resolved to.</summary>
internal sealed record ClassFileModel
{
    public required ConstantPool Pool { get; init; }
    public required int MajorVersion { get; init; }
    public required int MinorVersion { get; init; }
    public required Acc Flags { get; init; }
    public required string Name { get; init; }
    public required int ThisClass { get; init; }
    public required string? Super { get; init; }
    public required string[] Interfaces { get; init; }
    public FieldInfo[] Fields { get; set; } = [];
    public MethodInfo[] Methods { get; set; } = [];
    public string? SourceFile { get; set; }
    public string? SourceDebugExtension { get; set; }
    public string? Signature { get; set; }
    public byte[]? Annotations { get; set; }
    public byte[]? TypeAnnotations { get; set; }
    public InnerClass[] InnerClasses { get; set; } = [];
    public (int Class, int Method)? EnclosingMethod { get; set; }
    public BootstrapMethod[] BootstrapMethods { get; set; } = [];
    public int NestHost { get; set; }
    public ushort[] NestMembers { get; set; } = [];
    public ushort[]? PermittedSubclasses { get; set; }
    public RecordComponentInfo[]? Record { get; set; }

    /// <summary>Whether it is a record class: others may have the attribute, too, and it says nothing then.</summary>
    public bool IsRecord => Record != null && Super == "java/lang/Record" && (Flags & Acc.Final) != 0;
}
