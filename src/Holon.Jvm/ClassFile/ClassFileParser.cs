namespace Holon.Jvm.ClassFile;

/// <summary>
/// Reads a class file (JVMS §4) and checks its form (§4.8). Whatever is wrong becomes the Java error that HotSpot raises.
/// </summary>
internal ref partial struct ClassFileParser
{
    private const int NewestVersion = 61;

    private ByteReader _in;
    private string _name;
    private ConstantPool _pool;
    private int _major;
    private bool _preview;
    private bool _isInterface;
    private CpTag _badConstant;

    private ClassFileParser(ReadOnlySpan<byte> data, string name)
    {
        _in = new ByteReader(data, name);
        _name = name.Length == 0 ? "<Unknown>" : name;
        _pool = new ConstantPool([]);
    }

    /// <summary>Reads a class file; <paramref name="name"/> is for messages only, <paramref name="preview"/> takes files that use features in preview.</summary>
    /// <exception cref="ClassFormatException">It is malformed, of another version, or not what its flags say.</exception>
    public static ClassFileModel Parse(ReadOnlySpan<byte> data, string name, bool preview = false)
    {
        var parser = new ClassFileParser(data, name) { _preview = preview };
        try
        {
            return parser.ParseClass();
        }
        catch (ConstantPool.BadIndexException e)
        {
            throw parser.Error(e.Message);
        }
    }

    private readonly ClassFormatException Error(string message) => new("java/lang/ClassFormatError", $"{message} in class file {_name}");

    /// <summary>A name or descriptor that a field or method begins with.</summary>
    private readonly string Text(int index, string what) => _pool.Tag(index) == CpTag.Utf8 ? _pool.Utf8(index) : throw Error($"{(what.StartsWith("for field", StringComparison.Ordinal) ? "Invalid" : "Illegal")} constant pool index {index} {what}");

    /// <summary>Names of classes, methods and fields are Java identifiers before version 49; from then on nearly anything goes (JVMS §4.2).</summary>
    private readonly bool IsClassName(string name) => _major >= 49 ? Descriptor.IsBinaryName(name) : Descriptor.IsOldName(name, true);

    private readonly bool IsFieldType(string descriptor) => Descriptor.IsField(descriptor) && HasGoodNames(descriptor);

    private readonly bool IsMethodType(string descriptor) => Descriptor.IsMethod(descriptor) && HasGoodNames(descriptor);

    private readonly bool HasGoodNames(string descriptor)
    {
        if (_major >= 49) return true;
        for (var i = descriptor.IndexOf('L'); i >= 0;)
        {
            var end = descriptor.IndexOf(';', i);
            if (!Descriptor.IsOldName(descriptor.AsSpan(i + 1, end - i - 1), true)) return false;
            i = descriptor.IndexOf('L', end);
        }
        return true;
    }

    private readonly bool IsFieldName(string name) => _major >= 49 ? Descriptor.IsUnqualifiedName(name) : Descriptor.IsOldName(name, false);

    private readonly bool IsMethodName(string name) => name is "<init>" or "<clinit>" || (_major >= 49 ? Descriptor.IsMethodName(name) : Descriptor.IsOldName(name, false));

    private readonly ClassFormatException BadName(string what, string name) => new("java/lang/ClassFormatError", $"Illegal {what} name \"{name}\" in class {_name}");

    private readonly ClassFormatException BadSignature(string what, string name, string descriptor) =>
        Wrong($"{what} \"{name}\" in class {_name} has illegal signature \"{descriptor}\"");

    private readonly void CheckFieldType(string name, string descriptor)
    {
        if (IsFieldType(descriptor)) return;
        CheckClassNames(descriptor, 0);
        throw BadSignature("Field", name, descriptor);
    }

    private readonly void CheckMethodType(string name, string descriptor)
    {
        if (IsMethodType(descriptor)) return;
        if (descriptor.StartsWith('(')) CheckClassNames(descriptor, 1);
        throw BadSignature("Method", name, descriptor);
    }

    /// <summary>A class name that is none is the better message than the descriptor around it.</summary>
    private readonly void CheckClassNames(string descriptor, int start)
    {
        for (var i = start; i < descriptor.Length && "[BCDFIJSZL)".Contains(descriptor[i], StringComparison.Ordinal); i++)
        {
            if (descriptor[i] != 'L') continue;
            var end = descriptor.IndexOf(';', i);
            if (end < 0) return;
            if (_major >= 49 && !Descriptor.IsBinaryName(descriptor.AsSpan(i + 1, end - i - 1))) throw Error("Class name is empty or contains illegal character in descriptor");
            i = end;
        }
    }

    private static ClassFormatException Wrong(string message) => new("java/lang/ClassFormatError", message);

    private ClassFileModel ParseClass()
    {
        var magic = _in.U4();
        if (magic != 0xCAFEBABE) throw new ClassFormatException("java/lang/ClassFormatError", $"Incompatible magic value {magic} in class file {_name}");
        var minor = _in.U2();
        _major = _in.U2();
        CheckVersion(minor);
        ParsePool();
        var flags = (Acc)_in.U2();
        CheckNoModule(flags);
        if (_badConstant != CpTag.None) throw Error($"Unknown constant tag {(int)_badConstant}");
        flags &= Acc.Public | Acc.Final | Acc.Super | Acc.Interface | Acc.Abstract | Acc.Synthetic | Acc.Annotation | Acc.Enum;
        if ((flags & Acc.Interface) != 0 && _major < 50) flags |= Acc.Abstract;
        CheckClassFlags(flags);
        _isInterface = (flags & Acc.Interface) != 0;
        var thisClass = _in.U2();
        if (_pool.Tag(thisClass) != CpTag.Class) throw Error($"Invalid this class index {thisClass} in constant pool");
        var name = _pool.ClassName(thisClass);
        if (name[0] == '[') throw Error("Bad class name");
        _name = name;
        var superIndex = _in.U2();
        if (superIndex == 0 ? name != "java/lang/Object" : _pool.Tag(superIndex) != CpTag.Class || _pool.ClassName(superIndex)[0] == '[')
            throw Error($"Invalid superclass index {superIndex} in constant pool");
        var super = superIndex == 0 ? null : _pool.ClassName(superIndex);
        if (_isInterface && super != "java/lang/Object") throw Error("Interfaces must have java.lang.Object as superclass");
        var interfaces = new string[_in.U2()];
        for (var i = 0; i < interfaces.Length; i++)
        {
            var index = _in.U2();
            if (_pool.Tag(index) != CpTag.Class) throw Error($"Interface name has bad constant pool index {index}");
            interfaces[i] = _pool.ClassName(index);
            if (interfaces[i][0] == '[') throw Error("Bad interface name");
            if (Array.IndexOf(interfaces, interfaces[i], 0, i) >= 0) throw Error($"Duplicate interface name \"{interfaces[i]}\"");
        }
        var model = new ClassFileModel
        {
            Pool = _pool,
            MajorVersion = _major,
            MinorVersion = minor,
            Flags = flags,
            Name = name,
            ThisClass = thisClass,
            Super = super,
            Interfaces = interfaces,
        };
        model.Fields = ParseFields();
        model.Methods = ParseMethods();
        ParseClassAttributes(model);
        if (!_in.AtEnd) throw Error("Extra bytes at the end of class file " + _name + " found");
        return model;
    }

    private readonly void CheckVersion(int minor)
    {
        if (_major is >= 45 and < NewestVersion && (_major < 56 || minor == 0) || _major == NewestVersion && (minor == 0 || minor == 0xFFFF && _preview)) return;
        throw new ClassFormatException("java/lang/UnsupportedClassVersionError", _major > NewestVersion
            ? $"{_name} has been compiled by a more recent version of the Java Runtime (class file version {_major}.{minor}), this version of the Java Runtime only recognizes class file versions up to {NewestVersion}.0"
            : minor == 0xFFFF && _major == NewestVersion
                ? $"Preview features are not enabled for {_name} (class file version {_major}.{minor}). Try running with '--enable-preview'"
            : minor == 0xFFFF && _major >= 56
                ? $"{_name} (class file version {_major}.{minor}) was compiled with preview features that are unsupported. This version of the Java Runtime only recognizes preview features for class file version {NewestVersion}.65535"
                : $"{_name} (class file version {_major}.{minor}) was compiled with an invalid {(_major < 45 ? "major" : "non-zero minor")} version");
    }

    private readonly void CheckNoModule(Acc flags)
    {
        if (_major >= 53 && (flags & Acc.Module) != 0) throw new ClassFormatException("java/lang/NoClassDefFoundError", $"{_name} is not a class because access_flag ACC_MODULE is set");
    }

    private readonly void CheckClassFlags(Acc flags)
    {
        var isInterface = (flags & Acc.Interface) != 0;
        var bad = isInterface
            ? (flags & Acc.Abstract) == 0 || (flags & Acc.Final) != 0 || _major >= 50 && (flags & (Acc.Super | Acc.Enum)) != 0
            : (flags & (Acc.Final | Acc.Abstract)) == (Acc.Final | Acc.Abstract) || _major >= 49 && (flags & Acc.Annotation) != 0;
        if (bad) throw new ClassFormatException("java/lang/ClassFormatError", $"Illegal class modifiers in class {_name}: 0x{(int)flags:X}");
    }

    private void ParsePool()
    {
        var count = _in.U2();
        if (count == 0) throw Error($"Illegal constant pool size {count}");
        var entries = new CpEntry[count];
        for (var i = 1; i < count; i++)
        {
            ref var entry = ref entries[i];
            entry.Tag = (CpTag)_in.U1();
            switch (entry.Tag)
            {
                case CpTag.Utf8:
                    entry.Resolved = ModifiedUtf8.Decode(_in.Take(_in.U2())) ?? throw Error("Illegal UTF8 string in constant pool");
                    break;
                case CpTag.Integer or CpTag.Float:
                    entry.Bits = _in.S4();
                    break;
                case CpTag.Long or CpTag.Double:
                    entry.Bits = _in.S8();
                    if (++i >= count) throw Error($"Invalid constant pool index {i} for long/double");
                    break;
                case CpTag.Class or CpTag.String or CpTag.MethodType when entry.Tag != CpTag.MethodType || _major >= 51:
                    entry.A = _in.U2();
                    break;
                case CpTag.Module or CpTag.Package when _major >= 53: // an error, too, but that the file is a module's is the better one
                    entry.A = _in.U2();
                    _badConstant = entry.Tag;
                    break;
                case CpTag.MethodHandle when _major >= 51:
                    entry.A = _in.U1();
                    entry.B = _in.U2();
                    break;
                case CpTag.Fieldref or CpTag.Methodref or CpTag.InterfaceMethodref or CpTag.NameAndType:
                case CpTag.InvokeDynamic when _major >= 51:
                case CpTag.Dynamic when _major >= 55:
                    entry.A = _in.U2();
                    entry.B = _in.U2();
                    break;
                case CpTag.MethodHandle or CpTag.MethodType or CpTag.Dynamic or CpTag.InvokeDynamic:
                    throw Error($"Class file version does not support constant tag {(int)entry.Tag}");
                default:
                    throw Error($"Unknown constant tag {(int)entry.Tag}");
            }
        }
        _pool = new ConstantPool(entries);
        for (var i = 1; i < count; i++) CheckEntry(i, entries[i]);
    }

    private readonly void CheckEntry(int index, in CpEntry entry)
    {
        switch (entry.Tag)
        {
            case CpTag.Class:
                var name = _pool.Utf8(entry.A);
                if (name.Length == 0 || (name[0] == '[' ? !IsFieldType(name) : !IsClassName(name))) throw Error($"Illegal class name \"{name}\"");
                break;
            case CpTag.String or CpTag.Module or CpTag.Package:
                _ = _pool.Utf8(entry.A);
                break;
            case CpTag.MethodType:
                if (!IsMethodType(_pool.Utf8(entry.A))) throw Error($"Illegal method type at constant pool index {index}");
                break;
            case CpTag.NameAndType:
                var (both, type) = _pool.NameAndType(index);
                if (type.StartsWith('('))
                {
                    if (!IsMethodName(both)) throw BadName("method", both);
                    CheckMethodType(both, type);
                }
                else
                {
                    if (!IsFieldName(both)) throw BadName("field", both);
                    CheckFieldType(both, type);
                }
                break;
            case CpTag.Fieldref:
                var field = _pool.Member(index);
                if (!IsFieldName(field.Name)) throw BadName("field", field.Name);
                CheckFieldType(field.Name, field.Descriptor);
                break;
            case CpTag.Methodref or CpTag.InterfaceMethodref:
                var method = _pool.Member(index);
                if (!IsMethodName(method.Name)) throw BadName("method", method.Name);
                CheckMethodType(method.Name, method.Descriptor);
                if (method.Name == "<clinit>") throw Error($"Bad method name at constant pool index {_pool.Entries[entry.B].A}");
                if (method.Name == "<init>" && !method.Descriptor.EndsWith(")V", StringComparison.Ordinal)) throw BadSignature("Method", method.Name, method.Descriptor);
                break;
            case CpTag.MethodHandle:
                CheckMethodHandle(index, entry);
                break;
            case CpTag.Dynamic or CpTag.InvokeDynamic:
                var (dynamicName, dynamicType) = _pool.NameAndType(entry.B);
                if (entry.Tag == CpTag.Dynamic ? !IsFieldName(dynamicName) : !IsMethodName(dynamicName)) throw BadName(entry.Tag == CpTag.Dynamic ? "field" : "method", dynamicName);
                if (!(entry.Tag == CpTag.Dynamic ? IsFieldType(dynamicType) : IsMethodType(dynamicType))) throw Error($"\"{dynamicName}\" has illegal signature \"{dynamicType}\"");
                break;
        }
    }

    private readonly void CheckMethodHandle(int index, in CpEntry entry)
    {
        var tag = _pool.Tag(entry.B);
        var good = entry.A switch
        {
            >= 1 and <= 4 => tag == CpTag.Fieldref,
            5 or 8 => tag == CpTag.Methodref,
            6 or 7 => tag == CpTag.Methodref || tag == CpTag.InterfaceMethodref && _major >= 52,
            9 => tag == CpTag.InterfaceMethodref,
            _ => throw Error($"Bad method handle kind at constant pool index {index}"),
        };
        if (!good) throw Error($"Invalid constant pool index {entry.B}: {(entry.A <= 4 ? "field" : "method")} reference wanted");
        var name = _pool.Member(entry.B).Name;
        if (entry.A == 8 ? name != "<init>" : entry.A >= 5 && name is "<init>" or "<clinit>") throw Error($"Bad name of method handle at constant pool index {index}");
    }
}
