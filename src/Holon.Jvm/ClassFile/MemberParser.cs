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
            if (!IsFieldType(descriptor)) throw Error($"Field \"{name}\" has illegal signature \"{descriptor}\"");
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
        if (bad) throw BadModifiers($"Illegal field modifiers in class {_name}: 0x{(int)flags:X}");
    }

    private FieldInfo ParseFieldAttributes(FieldInfo field)
    {
        for (int i = 0, count = _in.U2(); i < count; i++)
        {
            var name = _pool.Utf8(_in.U2());
            var length = _in.Length();
            var start = _in.Position;
            var end = start + length;
            switch (name)
            {
                case "ConstantValue" when (field.Flags & Acc.Static) != 0:
                    if (field.ConstantValue != 0) throw Error("Duplicate ConstantValue attribute");
                    if (length != 2) throw Error($"Invalid ConstantValue field attribute length {length}");
                    field = field with { ConstantValue = CheckConstantValue(_in.U2(), field.Descriptor) };
                    break;
                case "Signature":
                    field = field with { Signature = _pool.Utf8(_in.U2()) };
                    break;
                case "Synthetic":
                    field = field with { Flags = field.Flags | Acc.Synthetic };
                    break;
                case "RuntimeVisibleAnnotations":
                    field = field with { Annotations = _in.Take(length).ToArray() };
                    break;
                case "RuntimeVisibleTypeAnnotations":
                    field = field with { TypeAnnotations = _in.Take(length).ToArray() };
                    break;
            }
            SkipTo(start, end, name);
        }
        return field;
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

    /// <summary>Goes to the end of an attribute; one that was read must end where its length says.</summary>
    private void SkipTo(int start, int end, string attribute)
    {
        if (_in.Position != start && _in.Position != end) throw Error($"{attribute} attribute has wrong length");
        _ = _in.Take(end - _in.Position);
    }

    private MethodInfo[] ParseMethods()
    {
        var methods = new MethodInfo[_in.U2()];
        var seen = new HashSet<(string, string)>(methods.Length);
        for (var i = 0; i < methods.Length; i++)
        {
            var flags = (Acc)_in.U2() & (Acc)0x1DFF;
            var name = Text(_in.U2(), "for method name");
            if (!IsMethodName(name)) throw BadName("method", name);
            var descriptor = Text(_in.U2(), "for method signature");
            if (!IsMethodType(descriptor)) throw Error($"Method \"{name}\" has illegal signature \"{descriptor}\"");
            if (name == "<clinit>")
            {
                // Only its name matters before version 51; from then on it must be static and take nothing (§2.9.2).
                if (_major >= 51 && ((flags & Acc.Static) == 0 || descriptor != "()V")) throw Error("Method <clinit> is not static or has arguments");
                flags = _major >= 51 ? flags & (Acc.Static | Acc.Strict) : flags & Acc.Strict | Acc.Static;
            }
            else
            {
                CheckMethodFlags(flags, name, descriptor);
            }
            if (Descriptor.ParameterSlots(descriptor) + ((flags & Acc.Static) == 0 ? 1 : 0) > 255) throw Error("Too many arguments in method signature");
            if (!seen.Add((name, descriptor))) throw Error($"Duplicate method name \"{name}\" with signature \"{descriptor}\"");
            var method = new MethodInfo { Flags = flags, Name = name, Descriptor = descriptor };
            ParseMethodAttributes(method);
            if ((flags & (Acc.Abstract | Acc.Native)) == 0 && method.Code == null) throw Error($"Absent Code attribute in method that is not native or abstract");
            methods[i] = method;
        }
        return methods;
    }

    private readonly void CheckMethodFlags(Acc flags, string name, string descriptor)
    {
        var visibility = flags & (Acc.Public | Acc.Private | Acc.Protected);
        var several = ((int)visibility & (int)visibility - 1) != 0;
        bool bad;
        if (_isInterface)
        {
            bad = name == "<init>" || (flags & (Acc.Protected | Acc.Final | Acc.Synchronized | Acc.Native)) != 0 && _major >= 52
                || (_major >= 52
                    ? visibility is not (Acc.Public or Acc.Private) || (flags & Acc.Abstract) != 0 && (flags & (Acc.Private | Acc.Static | Acc.Strict)) != 0
                    : (flags & (Acc.Public | Acc.Abstract | Acc.Static)) != (Acc.Public | Acc.Abstract));
        }
        else
        {
            bad = several || (flags & Acc.Abstract) != 0 && (flags & (Acc.Final | Acc.Native | Acc.Private | Acc.Static | (_major >= 46 ? Acc.Synchronized | Acc.Strict : 0))) != 0
                || name == "<init>" && ((flags & (Acc.Static | Acc.Final | Acc.Synchronized | Acc.Native | Acc.Abstract | (_major >= 49 ? Acc.Bridge : 0))) != 0 || !descriptor.EndsWith(")V", StringComparison.Ordinal));
        }
        if (bad) throw BadModifiers($"Method {name} in class {_name} has illegal modifiers: 0x{(int)flags:X}");
    }

    private void ParseMethodAttributes(MethodInfo method)
    {
        var seenExceptions = false;
        for (int i = 0, count = _in.U2(); i < count; i++)
        {
            var name = _pool.Utf8(_in.U2());
            var length = _in.Length();
            var start = _in.Position;
            var end = start + length;
            switch (name)
            {
                case "Code":
                    if (method.Code != null) throw Error("Multiple Code attributes");
                    if ((method.Flags & (Acc.Abstract | Acc.Native)) != 0) throw Error("Code attribute in native or abstract methods");
                    method.Code = ParseCode(method);
                    if (_in.Position != end) throw Error("Code attribute has wrong length");
                    break;
                case "Exceptions":
                    if (seenExceptions) throw Error("Multiple Exceptions attributes");
                    seenExceptions = true;
                    method.Exceptions = new string[_in.U2()];
                    for (var k = 0; k < method.Exceptions.Length; k++) method.Exceptions[k] = _pool.ClassName(_in.U2());
                    break;
                case "Signature":
                    method.Signature = _pool.Utf8(_in.U2());
                    break;
                case "MethodParameters":
                    var parameters = new (int, ushort)[_in.U1()];
                    for (var k = 0; k < parameters.Length; k++) parameters[k] = (_in.U2(), _in.U2());
                    method.Parameters = parameters;
                    break;
                case "RuntimeVisibleAnnotations":
                    method.Annotations = _in.Take(length).ToArray();
                    ReadMachineAnnotations(method);
                    break;
                case "RuntimeVisibleParameterAnnotations":
                    method.ParameterAnnotations = _in.Take(length).ToArray();
                    break;
                case "AnnotationDefault":
                    method.AnnotationDefault = _in.Take(length).ToArray();
                    break;
                case "RuntimeVisibleTypeAnnotations":
                    method.TypeAnnotations = _in.Take(length).ToArray();
                    break;
            }
            SkipTo(start, end, name);
        }
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
        var variables = new List<(ushort, ushort, ushort, ushort)>();
        for (int i = 0, count = _in.U2(); i < count; i++)
        {
            var name = _pool.Utf8(_in.U2());
            var size = _in.Length();
            var start = _in.Position;
            var end = start + size;
            switch (name)
            {
                case "LineNumberTable":
                    for (int k = 0, rows = _in.U2(); k < rows; k++)
                    {
                        var row = (_in.U2(), _in.U2());
                        if (row.Item1 >= bytes.Length) throw Error("Invalid pc in LineNumberTable");
                        lines.Add(row);
                    }
                    break;
                case "LocalVariableTable":
                    ParseLocalVariables(code, name, variables);
                    break;
                case "LocalVariableTypeTable" when _major >= 49:
                    ParseLocalVariables(code, name, null);
                    break;
                case "StackMapTable" when _major >= 50:
                    if (code.StackMapTable != null) throw Error("Multiple StackMapTable attributes");
                    code.StackMapTable = _in.Take(size).ToArray();
                    break;
                case "RuntimeVisibleTypeAnnotations":
                    code.TypeAnnotations = _in.Take(size).ToArray();
                    break;
            }
            SkipTo(start, end, name);
        }
        code.Lines = [.. lines];
        code.LocalVariables = [.. variables];
        return code;
    }

    /// <summary>Names (or generic signatures) of local variables: messages name variables, and it all has to be right.</summary>
    private void ParseLocalVariables(CodeInfo code, string table, List<(ushort, ushort, ushort, ushort)>? found)
    {
        for (int i = 0, rows = _in.U2(); i < rows; i++)
        {
            ushort start = _in.U2(), length = _in.U2();
            var nameIndex = _in.U2();
            var name = _pool.Utf8(nameIndex);
            var descriptor = _pool.Utf8(_in.U2());
            var index = _in.U2();
            if (start >= code.Bytes.Length) throw Error($"Invalid start_pc {start} in {table}");
            if (start + length > code.Bytes.Length) throw Error($"Invalid length {length} in {table}");
            if (!IsFieldName(name)) throw BadName("field", name);
            if (found != null && !IsFieldType(descriptor)) throw Error($"Field \"{name}\" has illegal signature \"{descriptor}\"");
            if (index + (found != null && descriptor is "J" or "D" ? 1 : 0) >= code.MaxLocals) throw Error($"Invalid index {index} in {table}");
            found?.Add((start, length, nameIndex, index));
        }
    }
}
