namespace Holon.Jvm.ClassFile;

/// <summary>Tags of constant pool entries (JVMS §4.4).</summary>
internal enum CpTag : byte
{
    None = 0,
    Utf8 = 1,
    Integer = 3,
    Float = 4,
    Long = 5,
    Double = 6,
    Class = 7,
    String = 8,
    Fieldref = 9,
    Methodref = 10,
    InterfaceMethodref = 11,
    NameAndType = 12,
    MethodHandle = 15,
    MethodType = 16,
    Dynamic = 17,
    InvokeDynamic = 18,
    Module = 19,
    Package = 20,
}

/// <summary>One entry: its tag, its two indices or its number, and what it was resolved to.</summary>
internal struct CpEntry
{
    public CpTag Tag;
    public ushort A, B;
    public long Bits;
    public object? Resolved;
}

/// <summary>A class's constant pool: parsed entries, and the results of resolution as they come.</summary>
internal sealed class ConstantPool(CpEntry[] entries)
{
    public readonly CpEntry[] Entries = entries;

    public int Count => Entries.Length;

    /// <summary>A pool with the same entries, to be resolved for another machine. This one must be as it was parsed.</summary>
    public ConstantPool Copy() => new([.. Entries]);

    public CpTag Tag(int index) => (uint)index < (uint)Entries.Length ? Entries[index].Tag : CpTag.None;

    public string Utf8(int index)
    {
        if (Tag(index) != CpTag.Utf8) throw Bad(index);
        return (string)Entries[index].Resolved!;
    }

    /// <summary>Name in a Class, String, MethodType, Module or Package entry.</summary>
    public string Name(int index, CpTag tag)
    {
        if (Tag(index) != tag) throw Bad(index);
        return Utf8(Entries[index].A);
    }

    public string ClassName(int index) => index == _ownIndex ? _ownName! : Name(index, CpTag.Class);

    private int _ownIndex = -1;
    private string? _ownName;

    /// <summary>Makes an entry name the hidden class that the pool belongs to. Other entries, and descriptors, with the class file's name mean another class.</summary>
    public void NameHidden(int index, string name) => (_ownIndex, _ownName) = (index, name);

    public (string Name, string Descriptor) NameAndType(int index)
    {
        if (Tag(index) != CpTag.NameAndType) throw Bad(index);
        return (Utf8(Entries[index].A), Utf8(Entries[index].B));
    }

    /// <summary>Class, name and descriptor of a field or method reference.</summary>
    public (string Class, string Name, string Descriptor) Member(int index)
    {
        if (Tag(index) is not (CpTag.Fieldref or CpTag.Methodref or CpTag.InterfaceMethodref)) throw Bad(index);
        var (name, descriptor) = NameAndType(Entries[index].B);
        return (ClassName(Entries[index].A), name, descriptor);
    }

    private static BadIndexException Bad(int index) => new($"Invalid constant pool index {index}");

    /// <summary>An index that names an entry of another kind, or none; the parser adds where.</summary>
    internal sealed class BadIndexException(string message) : Exception(message);
}
