namespace Holon.Jvm.ClassFile;

/// <summary>Fields, methods and their attributes (JVMS §4.5 to §4.7).</summary>
internal ref partial struct ClassFileParser
{
    private FieldInfo[] ParseFields()
    {
        var fields = new FieldInfo[_in.U2()];
        var seen = new HashSet<(string, string)>(fields.Length);
        for (var i = 0; i < fields.Length; i++)
        {
            var flags = (Acc)_in.U2() & (Acc)0x50DF;
            var name = Text(_in.U2(), "for field name");
            if (!IsFieldName(name)) throw BadName("field", name);
            var descriptor = Text(_in.U2(), "for field signature");
            CheckFieldType(name, descriptor);
            CheckFieldFlags(flags);
            if (!seen.Add((name, descriptor))) throw Error($"Duplicate field name \"{name}\" with signature \"{descriptor}\"");
            fields[i] = ParseFieldAttributes(new FieldInfo(flags, name, descriptor));
        }
        return fields;
    }

    private readonly void CheckFieldFlags(Acc flags)
    {
        var visibility = flags & (Acc.Public | Acc.Private | Acc.Protected);
        var bad = _isInterface
            ? (flags & ~Acc.Synthetic) != (Acc.Public | Acc.Static | Acc.Final)
            : ((int)visibility & (int)visibility - 1) != 0 || (flags & (Acc.Final | Acc.Volatile)) == (Acc.Final | Acc.Volatile);
        if (bad) throw Wrong($"Illegal field modifiers in class {_name}: 0x{(int)flags:X}");
    }

    private FieldInfo ParseFieldAttributes(FieldInfo field)
    {
        var shared = new SharedAttributes();
        for (int i = 0, count = _in.U2(); i < count; i++)
        {
            var (name, length) = NextAttribute("Invalid field attribute index");
            if (name == "ConstantValue" && (field.Flags & Acc.Static) != 0)
            {
                if (field.ConstantValue != 0) throw Error("Duplicate ConstantValue attribute");
                if (length != 2) throw Error($"Invalid ConstantValue field attribute length {length}");
                field = field with { ConstantValue = CheckConstantValue(_in.U2(), field.Descriptor) };
            }
            else if (!ParseShared(shared, name, length, Owner.Field))
            {
                _in.Skip(length);
            }
        }
        return field with
        {
            Flags = shared.IsSynthetic ? field.Flags | Acc.Synthetic : field.Flags,
            Signature = shared.Signature,
            Annotations = shared.Annotations,
            TypeAnnotations = shared.TypeAnnotations,
        };
    }

    private readonly int CheckConstantValue(int index, string descriptor)
    {
        var wanted = descriptor[0] switch
        {
            'I' or 'S' or 'C' or 'B' or 'Z' => CpTag.Integer,
            'J' => CpTag.Long,
            'F' => CpTag.Float,
            'D' => CpTag.Double,
            _ => descriptor == "Ljava/lang/String;" ? CpTag.String : CpTag.None,
        };
        if (wanted == CpTag.None || _pool.Tag(index) != wanted) throw Error("Inconsistent constant value type");
        return index;
    }

    private MethodInfo[] ParseMethods()
    {
        var methods = new MethodInfo[_in.U2()];
        var seen = new HashSet<(string, string)>(methods.Length);
        for (var i = 0; i < methods.Length; i++)
        {
            var flags = (Acc)_in.U2();
            var name = Text(_in.U2(), "for method name");
            if (!IsMethodName(name)) throw BadName("method", name);
            var descriptor = Text(_in.U2(), "for method signature");
            if (name == "<clinit>")
            {
                // Before version 51 only its name matters; from then on it is static and takes nothing (§2.9.2).
                if (_major >= 51 && (flags & Acc.Static) == 0) throw Error("Method <clinit> is not static");
                flags = _major >= 51 ? flags & (Acc.Static | (_major <= 60 ? Acc.Strict : 0)) : Acc.Static;
                if (_major >= 51 && descriptor != "()V") throw BadSignature("Method", name, descriptor);
            }
            else
            {
                CheckMethodFlags(flags, name);
            }
            if (name == "<init>" && _isInterface) throw Wrong($"Interface cannot have a method named <init>, class file {_name}");
            CheckMethodType(name, descriptor);
            if (name[0] == '<' && !descriptor.EndsWith(")V", StringComparison.Ordinal)) throw BadSignature("Method", name, descriptor);
            flags &= (Acc)0x1DFF;
            if (Descriptor.ParameterSlots(descriptor) + ((flags & Acc.Static) == 0 ? 1 : 0) > 255) throw Error("Too many arguments in method signature");
            if (!seen.Add((name, descriptor))) throw Error($"Duplicate method name \"{name}\" with signature \"{descriptor}\"");
            var method = new MethodInfo { Flags = flags, Name = name, Descriptor = descriptor };
            ParseMethodAttributes(method);
            if ((flags & (Acc.Abstract | Acc.Native)) == 0 && method.Code == null) throw Error("Absent Code attribute in method that is not native or abstract");
            methods[i] = method;
        }
        return methods;
    }

    private readonly void CheckMethodFlags(Acc flags, string name)
    {
        var visibility = flags & (Acc.Public | Acc.Private | Acc.Protected);
        bool Has(Acc any) => (flags & any) != 0;
        var strict = _major >= 61 ? 0 : Acc.Strict; // nothing to say since version 61
        bool bad;
        if (_isInterface)
        {
            bad = _major switch
            {
                >= 52 => Has(Acc.Public) == Has(Acc.Private) || Has(Acc.Native | Acc.Protected | Acc.Final | Acc.Synchronized) || Has(Acc.Abstract) && Has(Acc.Private | Acc.Static | strict),
                >= 49 => visibility != Acc.Public || !Has(Acc.Abstract) || Has(Acc.Static | Acc.Final | Acc.Synchronized | Acc.Native | Acc.Strict),
                _ => !Has(Acc.Public) || !Has(Acc.Abstract) || Has(Acc.Static | Acc.Final | Acc.Native),
            };
        }
        else
        {
            bad = ((int)visibility & (int)visibility - 1) != 0 || (name == "<init>"
                ? Has(Acc.Static | Acc.Final | Acc.Synchronized | Acc.Native | Acc.Abstract | (_major >= 49 ? Acc.Bridge : 0))
                : Has(Acc.Abstract) && Has(Acc.Final | Acc.Native | Acc.Private | Acc.Static | (_major >= 49 ? Acc.Synchronized | strict : 0)));
        }
        if (bad) throw Wrong($"Method {name} in class {_name} has illegal modifiers: 0x{(int)flags:X}");
    }

    private void ParseMethodAttributes(MethodInfo method)
    {
        var shared = new SharedAttributes();
        for (int i = 0, count = _in.U2(); i < count; i++)
        {
            var (name, length) = NextAttribute("Invalid method attribute name index");
            switch (name)
            {
                case "Code":
                    if ((method.Flags & (Acc.Abstract | Acc.Native)) != 0) throw Error("Code attribute in native or abstract methods");
                    if (method.Code != null) throw Error("Multiple Code attributes");
                    var start = _in.Position;
                    method.Code = ParseCode(method);
                    if (_in.Position - start != length) throw Error("Code segment has wrong length");
                    break;
                case "Exceptions":
                    Once(shared, name, Owner.Class);
                    method.Exceptions = ParseExceptions(length);
                    break;
                case "MethodParameters":
                    Once(shared, name, Owner.Class);
                    var parameters = new (int, ushort)[_in.U1()];
                    if (length != parameters.Length * 4 + 1) throw Wrong($"Invalid MethodParameters method attribute length {length} in class file");
                    for (var k = 0; k < parameters.Length; k++) parameters[k] = (_in.U2(), _in.U2());
                    method.Parameters = parameters;
                    break;
                case "RuntimeVisibleParameterAnnotations" when _major >= 49:
                    Once(shared, name, Owner.Method);
                    method.ParameterAnnotations = _in.Take(length).ToArray();
                    break;
                case "RuntimeInvisibleParameterAnnotations" when _major >= 49:
                    Once(shared, name, Owner.Method);
                    _in.Skip(length);
                    break;
                case "AnnotationDefault" when _major >= 49:
                    Once(shared, name, Owner.Method);
                    method.AnnotationDefault = _in.Take(length).ToArray();
                    break;
                default:
                    if (!ParseShared(shared, name, length, Owner.Method)) _in.Skip(length);
                    break;
            }
        }
        method.Signature = shared.Signature;
        method.Annotations = shared.Annotations;
        method.TypeAnnotations = shared.TypeAnnotations;
        if (shared.IsSynthetic) method.Flags |= Acc.Synthetic;
        if (method.Annotations != null) ReadMachineAnnotations(method);
    }

    private string[] ParseExceptions(uint length)
    {
        var exceptions = new string[_in.U2()];
        for (var i = 0; i < exceptions.Length; i++)
        {
            var index = _in.U2();
            if (_pool.Tag(index) != CpTag.Class) throw Error($"Exception name has bad type at constant pool {index}");
            exceptions[i] = _pool.ClassName(index);
        }
        return length == 2 + 2 * exceptions.Length ? exceptions : throw Error("Exceptions attribute has wrong length");
    }

    /// <summary>Marker annotations have no elements: type index, zero pairs. Others end the search, which is good enough for those of the JDK.</summary>
    private readonly void ReadMachineAnnotations(MethodInfo method)
    {
        var bytes = method.Annotations!;
        for (var i = 2; i + 3 < bytes.Length && bytes[i + 2] == 0 && bytes[i + 3] == 0; i += 4)
        {
            var index = bytes[i] << 8 | bytes[i + 1];
            if (_pool.Tag(index) != CpTag.Utf8) return;
            switch (_pool.Utf8(index))
            {
                case "Ljdk/internal/reflect/CallerSensitive;":
                    method.CallerSensitive = true;
                    break;
                case "Ljdk/internal/vm/annotation/Hidden;" or "Ljava/lang/invoke/LambdaForm$Hidden;" or "Ljava/lang/invoke/LambdaForm$Compiled;":
                    method.HiddenFrame = true;
                    break;
            }
        }
    }

    private CodeInfo ParseCode(MethodInfo method)
    {
        int maxStack = _in.U2();
        int maxLocals = _in.U2();
        var length = _in.U4();
        if (length is 0 or > 65535) throw Error($"Invalid method Code length {length}");
        var bytes = _in.Take((int)length).ToArray();
        var arguments = Descriptor.ParameterSlots(method.Descriptor) + ((method.Flags & Acc.Static) == 0 ? 1 : 0);
        if (arguments > maxLocals) throw Error("Arguments can't fit into locals");
        var handlers = new ExceptionHandler[_in.U2()];
        for (var i = 0; i < handlers.Length; i++)
        {
            handlers[i] = new ExceptionHandler(_in.U2(), _in.U2(), _in.U2(), _in.U2());
            if (handlers[i].Start >= handlers[i].End || handlers[i].End > bytes.Length) throw Error("Illegal exception table range");
            if (handlers[i].Handler >= bytes.Length) throw Error("Illegal exception table handler");
            if (handlers[i].CatchType != 0 && _pool.Tag(handlers[i].CatchType) != CpTag.Class) throw Error("Catch type in exception table has bad constant type");
        }
        var code = new CodeInfo { MaxStack = maxStack, MaxLocals = maxLocals, Bytes = bytes, Handlers = handlers };
        var lines = new List<(ushort, ushort)>();
        var variables = new List<LocalVariable>();
        var types = new List<LocalVariable>();
        for (int i = 0, count = _in.U2(); i < count; i++)
        {
            var (name, size) = NextAttribute("Invalid code attribute name index");
            switch (name)
            {
                case "LineNumberTable":
                    ParseLines(bytes.Length, size, lines);
                    break;
                case "LocalVariableTable":
                    ParseLocalVariables(code, name, size, variables);
                    break;
                case "LocalVariableTypeTable" when _major >= 49:
                    ParseLocalVariables(code, name, size, types);
                    break;
                case "StackMapTable" when _major >= 50:
                    if (code.StackMapTable != null) throw Error("Multiple StackMapTable attributes");
                    code.StackMapTable = _in.Take(size).ToArray();
                    break;
                case VisibleTypeAnnotations:
                    code.TypeAnnotations = _in.Take(size).ToArray();
                    break;
                default:
                    _in.Skip(size);
                    break;
            }
        }
        CheckLocalVariables(variables, types);
        code.Lines = [.. lines];
        code.LocalVariables = [.. variables];
        return code;
    }

    private void ParseLines(int codeLength, uint size, List<(ushort, ushort)> lines)
    {
        int rows = _in.U2();
        if (size != 2 + 4 * rows) throw Error("LineNumberTable attribute has wrong length");
        for (var i = 0; i < rows; i++)
        {
            var row = (_in.U2(), _in.U2());
            if (row.Item1 >= codeLength) throw Error("Invalid pc in LineNumberTable");
            lines.Add(row);
        }
    }

    /// <summary>Names (or generic signatures) of local variables: messages name variables, and it all has to be right.</summary>
    private void ParseLocalVariables(CodeInfo code, string table, uint size, List<LocalVariable> found)
    {
        int rows = _in.U2();
        if (size != 2 + 10 * rows) throw Error($"{table} has wrong length");
        var typed = table == "LocalVariableTypeTable";
        for (var i = 0; i < rows; i++)
        {
            var row = new LocalVariable(_in.U2(), _in.U2(), _in.U2(), _in.U2(), _in.U2());
            if (row.Start >= code.Bytes.Length) throw Error($"Invalid start_pc {row.Start} in {table}");
            if (row.Start + row.Length > code.Bytes.Length) throw Error($"Invalid length {row.Length} in {table}");
            if (_pool.Tag(row.Name) != CpTag.Utf8) throw Error($"Name index {row.Name} in {table} has bad constant type");
            if (_pool.Tag(row.Descriptor) != CpTag.Utf8) throw Error($"Signature index {row.Descriptor} in {table} has bad constant type");
            var (name, descriptor) = (_pool.Utf8(row.Name), _pool.Utf8(row.Descriptor));
            if (!IsFieldName(name)) throw BadName("field", name);
            if (!typed) CheckFieldType(name, descriptor);
            if (row.Slot + (!typed && descriptor is "J" or "D" ? 1 : 0) >= code.MaxLocals) throw Error($"Invalid index {row.Slot} in {table}");
            found.Add(row);
        }
    }

    /// <summary>A variable has one row in each table, and one in the table of types only if it has one in the other.</summary>
    private readonly void CheckLocalVariables(List<LocalVariable> variables, List<LocalVariable> types)
    {
        if (variables.Count == 0) return;
        var seen = new Dictionary<(ushort, ushort, ushort, ushort), bool>(variables.Count);
        foreach (var row in variables)
        {
            if (!seen.TryAdd(row.Key, false) && _major >= 49) throw Error($"Duplicated LocalVariableTable attribute entry for '{_pool.Utf8(row.Name)}'");
        }
        foreach (var row in types)
        {
            if (!seen.TryGetValue(row.Key, out var typed)) throw Wrong($"LVTT entry for '{_pool.Utf8(row.Name)}' in class file {_name} does not match any LVT entry");
            if (typed) throw Error($"Duplicated LocalVariableTypeTable attribute entry for '{_pool.Utf8(row.Name)}'");
            seen[row.Key] = true;
        }
    }
}
