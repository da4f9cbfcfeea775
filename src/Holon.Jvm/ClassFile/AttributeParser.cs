namespace Holon.Jvm.ClassFile;

/// <summary>Attributes of classes and those that several kinds of owners have (JVMS §4.7).</summary>
internal ref partial struct ClassFileParser
{
    private const string VisibleAnnotations = "RuntimeVisibleAnnotations", InvisibleAnnotations = "RuntimeInvisibleAnnotations",
        VisibleTypeAnnotations = "RuntimeVisibleTypeAnnotations", InvisibleTypeAnnotations = "RuntimeInvisibleTypeAnnotations";

    /// <summary>What an attribute belongs to; messages name it.</summary>
    private enum Owner
    {
        Class,
        Field,
        Method,
        RecordComponent,
    }

    /// <summary>What was read of the attributes that classes, fields, methods and record components may all have, each once.</summary>
    private sealed class SharedAttributes
    {
        private List<string>? _seen; // few and mostly none, and there is one of these for each member of each class

        public string? Signature;
        public byte[]? Annotations;
        public byte[]? TypeAnnotations;
        public bool IsSynthetic;

        public bool Has(string name) => _seen != null && _seen.Contains(name);

        public void Add(string name) => (_seen ??= new List<string>(2)).Add(name);
    }

    /// <summary>Name and length of the next attribute. The length is a claim: whoever reads by it looks first.</summary>
    private (string Name, uint Length) NextAttribute(string badName)
    {
        var index = _in.U2();
        var length = _in.U4();
        return _pool.Tag(index) == CpTag.Utf8 ? (_pool.Utf8(index), length) : throw Error($"{badName} {index}");
    }

    private readonly void Once(SharedAttributes shared, string name, Owner owner)
    {
        if (!shared.Has(name))
        {
            shared.Add(name);
            return;
        }
        throw Error($"Multiple {name} attributes" + owner switch { Owner.Field => " for field", Owner.Method => " for method", Owner.RecordComponent => " for Record component", _ => "" });
    }

    /// <summary>Reads an attribute if it is one of those that several kinds of owners have.</summary>
    private bool ParseShared(SharedAttributes shared, string name, uint length, Owner owner)
    {
        if (name is "Synthetic" or "Deprecated" && owner != Owner.RecordComponent)
        {
            if (length != 0) throw Error($"Invalid {name} {owner switch { Owner.Field => "field", Owner.Method => "method", _ => "classfile" }} attribute length {length}");
            shared.IsSynthetic |= name == "Synthetic";
            return true;
        }
        if (_major < 49 || name is not ("Signature" or VisibleAnnotations or InvisibleAnnotations or VisibleTypeAnnotations or InvisibleTypeAnnotations)) return false;
        Once(shared, name, owner);
        switch (name)
        {
            case "Signature":
                shared.Signature = ParseSignature(length, owner);
                break;
            case VisibleAnnotations:
                shared.Annotations = _in.Take(length).ToArray();
                break;
            case VisibleTypeAnnotations:
                shared.TypeAnnotations = _in.Take(length).ToArray();
                break;
            default:
                _in.Skip(length);
                break;
        }
        return true;
    }

    private string ParseSignature(uint length, Owner owner)
    {
        if (length != 2)
        {
            throw Error(owner switch
            {
                Owner.Field => $"Wrong size {length} for field's Signature attribute",
                Owner.Method => $"Invalid Signature attribute length {length}",
                Owner.RecordComponent => $"Invalid Signature attribute length {length} in Record component",
                _ => $"Wrong Signature attribute length {length}",
            });
        }
        var index = _in.U2();
        if (_pool.Tag(index) == CpTag.Utf8) return _pool.Utf8(index);
        throw Error(owner == Owner.Class ? $"Invalid constant pool index {index} in Signature attribute" : $"Invalid Signature attribute at constant pool index {index}");
    }

    /// <summary>An attribute that is read when all others are.</summary>
    private readonly ref struct Deferred(ByteReader at, uint length)
    {
        public readonly ByteReader At = at;
        public readonly uint Length = length;
    }

    /// <summary>Passes over an attribute that is read later.</summary>
    private Deferred Defer(uint length)
    {
        var deferred = new Deferred(_in, length);
        _in.Skip(length);
        return deferred;
    }

    private void ParseClassAttributes(ClassFileModel model)
    {
        var shared = new SharedAttributes();
        Deferred inner = default, members = default, record = default, permitted = default;
        for (int i = 0, count = _in.U2(); i < count; i++)
        {
            var (name, length) = NextAttribute("Attribute name has bad constant pool index");
            switch (name)
            {
                case "SourceFile":
                    if (length != 2) throw Error("Wrong SourceFile attribute length");
                    Once(shared, name, Owner.Class);
                    var file = _in.U2();
                    model.SourceFile = _pool.Tag(file) == CpTag.Utf8 ? _pool.Utf8(file) : throw Error($"Invalid SourceFile attribute at constant pool index {file}");
                    break;
                case "SourceDebugExtension":
                    Once(shared, name, Owner.Class);
                    model.SourceDebugExtension = System.Text.Encoding.UTF8.GetString(_in.Take(length));
                    break;
                case "InnerClasses":
                    Once(shared, name, Owner.Class);
                    inner = Defer(length);
                    break;
                case "EnclosingMethod" when _major >= 49:
                    Once(shared, name, Owner.Class);
                    model.EnclosingMethod = ParseEnclosingMethod(length);
                    break;
                case "BootstrapMethods" when _major >= 51:
                    Once(shared, name, Owner.Class);
                    model.BootstrapMethods = ParseBootstrapMethods(length);
                    break;
                case "NestMembers" when _major >= 55:
                    Once(shared, name, Owner.Class);
                    if (model.NestHost != 0) throw Error("Conflicting NestHost and NestMembers attributes");
                    members = Defer(length);
                    break;
                case "NestHost" when _major >= 55:
                    Once(shared, name, Owner.Class);
                    if (shared.Has("NestMembers")) throw Error("Conflicting NestMembers and NestHost attributes");
                    if (length != 2) throw Error("Wrong NestHost attribute length");
                    model.NestHost = _in.U2();
                    if (_pool.Tag(model.NestHost) != CpTag.Class) throw Error($"Nest-host class_info_index {model.NestHost} has bad constant type");
                    break;
                case "Record" when _major >= 60:
                    Once(shared, name, Owner.Class);
                    record = Defer(length);
                    break;
                case "PermittedSubclasses" when _major >= 61:
                    Once(shared, name, Owner.Class);
                    if ((model.Flags & Acc.Final) != 0) throw Error("PermittedSubclasses attribute in final class file");
                    permitted = Defer(length);
                    break;
                default:
                    if (!ParseShared(shared, name, length, Owner.Class)) _in.Skip(length);
                    break;
            }
        }
        model.Signature = shared.Signature;
        model.Annotations = shared.Annotations;
        model.TypeAnnotations = shared.TypeAnnotations;
        var end = _in;
        if (shared.Has("InnerClasses"))
        {
            _in = inner.At;
            model.InnerClasses = ParseInnerClasses(inner.Length);
        }
        if (shared.Has("NestMembers"))
        {
            _in = members.At;
            model.NestMembers = ParseClassList("Nest member", "NestMembers", members.Length);
        }
        if (shared.Has("Record"))
        {
            _in = record.At;
            model.Record = ParseRecord(record.Length);
        }
        if (shared.Has("PermittedSubclasses"))
        {
            _in = permitted.At;
            model.PermittedSubclasses = ParseClassList("Permitted subclass", "PermittedSubclasses", permitted.Length);
        }
        _in = end;
        if (!shared.Has("BootstrapMethods") && _pool.Entries.Any(e => e.Tag is CpTag.InvokeDynamic or CpTag.Dynamic)) throw Error("Missing BootstrapMethods attribute");
    }

    private (int, int) ParseEnclosingMethod(uint length)
    {
        if (length != 4) throw Error($"Wrong EnclosingMethod attribute length {length}");
        var (outer, method) = (_in.U2(), _in.U2());
        if (outer == 0) throw Error("Invalid class index in EnclosingMethod attribute");
        if (_pool.Tag(outer) != CpTag.Class) throw Error("Invalid or out-of-bounds class index in EnclosingMethod attribute");
        if (method != 0 && _pool.Tag(method) != CpTag.NameAndType) throw Error("Invalid or out-of-bounds method index in EnclosingMethod attribute");
        return (outer, method);
    }

    private ushort[] ParseClassList(string what, string attribute, uint length)
    {
        var list = new ushort[_in.U2()];
        for (var i = 0; i < list.Length; i++)
        {
            list[i] = _in.U2();
            if (_pool.Tag(list[i]) != CpTag.Class) throw Error($"{what} class_info_index {list[i]} has bad constant type");
        }
        return length == 2 + 2 * list.Length ? list : throw Error($"Wrong {attribute} attribute length");
    }

    private InnerClass[] ParseInnerClasses(uint length)
    {
        const Acc Recognized = Acc.Public | Acc.Private | Acc.Protected | Acc.Static | Acc.Final | Acc.Super | Acc.Interface | Acc.Abstract | Acc.Synthetic | Acc.Annotation | Acc.Enum;
        var list = new InnerClass[_in.U2()];
        for (var i = 0; i < list.Length; i++)
        {
            var row = new InnerClass(_in.U2(), _in.U2(), _in.U2(), (Acc)_in.U2());
            if (_pool.Tag(row.Inner) != CpTag.Class) throw Error($"inner_class_info_index {row.Inner} has bad constant type");
            if (row.Outer != 0 && _pool.Tag(row.Outer) != CpTag.Class) throw Error($"outer_class_info_index {row.Outer} has bad constant type");
            if (row.Outer != 0 && _pool.ClassName(row.Outer)[0] == '[') throw Error("Outer class is an array class");
            if (row.Name != 0 && _pool.Tag(row.Name) != CpTag.Utf8) throw Error($"inner_name_index {row.Name} has bad constant type");
            if (row.Inner == row.Outer) throw Error("Class is both outer and inner class");
            CheckNoModule(row.Flags);
            var flags = row.Flags & Recognized;
            if ((flags & Acc.Interface) != 0 && _major < 50) flags |= Acc.Abstract;
            CheckClassFlags(flags);
            list[i] = row with { Flags = flags };
        }
        var ignored = HasCircularity(list);
        if (_major >= 49 && length != 2 + 8 * list.Length) throw Error("Wrong InnerClasses attribute length");
        return ignored ? [] : list;
    }

    /// <summary>Whether a class would be around itself, or is listed twice: such an attribute is ignored. Equal rows are an error.</summary>
    private readonly bool HasCircularity(InnerClass[] rows)
    {
        var outers = new Dictionary<string, string?>(rows.Length);
        var seen = new Dictionary<int, InnerClass>(rows.Length);
        var twice = false;
        foreach (var row in rows)
        {
            outers.TryAdd(_pool.ClassName(row.Inner), row.Outer == 0 ? null : _pool.ClassName(row.Outer));
            if (seen.TryAdd(row.Inner, row)) continue;
            if (_major >= 49 && Array.FindAll(rows, r => r == row).Length > 1) throw Error("Duplicate entry in InnerClasses attribute");
            twice = true;
        }
        foreach (var start in outers.Keys)
        {
            var steps = 0;
            for (var at = outers[start]; at != null; at = outers.GetValueOrDefault(at))
            {
                if (at == start) return true;
                if (++steps > outers.Count) break; // around others, which find it themselves
            }
        }
        return twice;
    }

    private BootstrapMethod[] ParseBootstrapMethods(uint length)
    {
        if (length < 2) throw Error($"Invalid BootstrapMethods attribute length {length}");
        var start = _in.Position;
        var list = new BootstrapMethod[_in.U2()];
        foreach (var entry in _pool.Entries)
        {
            if (entry.Tag is (CpTag.InvokeDynamic or CpTag.Dynamic) && entry.A >= list.Length) throw Error("Short length on BootstrapMethods");
        }
        for (var i = 0; i < list.Length; i++)
        {
            var handle = _in.U2();
            var arguments = new ushort[_in.U2()];
            if (_pool.Tag(handle) != CpTag.MethodHandle) throw Error($"bootstrap_method_index {handle} has bad constant type");
            if (_in.Position - start + 2L * arguments.Length > length) throw Error("Invalid BootstrapMethods num_bootstrap_methods or num_bootstrap_arguments value");
            for (var k = 0; k < arguments.Length; k++)
            {
                arguments[k] = _in.U2();
                if (_pool.Tag(arguments[k]) is not (CpTag.Integer or CpTag.Float or CpTag.Long or CpTag.Double or CpTag.Class or CpTag.String or CpTag.MethodHandle or CpTag.MethodType or CpTag.Dynamic))
                    throw Error($"argument_index {arguments[k]} has bad constant type");
            }
            list[i] = new BootstrapMethod(handle, arguments);
        }
        return _in.Position - start == length ? list : throw Error("Bad length on BootstrapMethods");
    }

    private RecordComponentInfo[] ParseRecord(uint length)
    {
        var start = _in.Position;
        var list = new RecordComponentInfo[_in.U2()];
        for (var i = 0; i < list.Length; i++)
        {
            var nameIndex = _in.U2();
            if (_pool.Tag(nameIndex) != CpTag.Utf8) throw Error($"Invalid constant pool index {nameIndex} for name in Record attribute");
            var name = _pool.Utf8(nameIndex);
            if (!IsFieldName(name)) throw BadName("field", name);
            var typeIndex = _in.U2();
            if (_pool.Tag(typeIndex) != CpTag.Utf8) throw Error($"Invalid constant pool index {typeIndex} for descriptor in Record attribute");
            var descriptor = _pool.Utf8(typeIndex);
            CheckFieldType(name, descriptor);
            var shared = new SharedAttributes();
            for (int k = 0, count = _in.U2(); k < count; k++)
            {
                var (attribute, size) = NextAttribute("Invalid Record attribute name index");
                if (!ParseShared(shared, attribute, size, Owner.RecordComponent)) _in.Skip(size);
            }
            list[i] = new RecordComponentInfo(name, descriptor, shared.Signature, shared.Annotations, shared.TypeAnnotations);
        }
        return _in.Position - start == length ? list : throw Error("Record attribute has wrong length");
    }
}
