using Holon.Jvm.ClassFile;
using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>java.lang.reflect and jdk.internal.reflect.</summary>
internal static class ReflectNatives
{
    private const string Byte = "[B";

    public static void Register(Func<string, NativeClass> of)
    {
        of("java/lang/reflect/Field").Ref("getTypeAnnotationBytes0()[B", a => FieldOf(a, a.Object(0)).Info.TypeAnnotations);
        of("java/lang/reflect/Executable")
            .Ref("getTypeAnnotationBytes0()[B", a => MethodOf(a, a.Object(0)).Info.TypeAnnotations)
            .Ref("getParameters0()[Ljava/lang/reflect/Parameter;", Parameters);
        of("jdk/internal/reflect/NativeMethodAccessorImpl")
            .Ref("invoke0(Ljava/lang/reflect/Method;Ljava/lang/Object;[Ljava/lang/Object;)Ljava/lang/Object;", Invoke);
        of("jdk/internal/reflect/DirectMethodHandleAccessor$NativeAccessor")
            .Ref("invoke0(Ljava/lang/reflect/Method;Ljava/lang/Object;[Ljava/lang/Object;)Ljava/lang/Object;", Invoke);
        of("jdk/internal/reflect/NativeConstructorAccessorImpl")
            .Ref("newInstance0(Ljava/lang/reflect/Constructor;[Ljava/lang/Object;)Ljava/lang/Object;", NewInstance);
        of("jdk/internal/reflect/Reflection")
            .Ref("getCallerClass()Ljava/lang/Class;", StackNatives.CallerClass)
            .Int("getClassAccessFlags(Ljava/lang/Class;)I", a => (int)a.Class(0).Flags & 0x7FFF)
            .Bool("areNestMates(Ljava/lang/Class;Ljava/lang/Class;)Z", a => Access.AreNestMates(a.Class(0), a.Class(1)));
        RegisterArray(of("java/lang/reflect/Array"));
        RegisterPool(of("jdk/internal/reflect/ConstantPool"));
    }

    public static JField FieldOf(Args a, JObject field)
    {
        var c = field.Class();
        return a.Machine.ClassOfMirror(field.Ref(Known.Offset(c, "clazz"))!).Fields[field.Field<int>(Known.Offset(c, "slot"))];
    }

    public static JMethod MethodOf(Args a, JObject method)
    {
        var c = method.Class();
        return a.Machine.ClassOfMirror(method.Ref(Known.Offset(c, "clazz"))!).Methods[method.Field<int>(Known.Offset(c, "slot"))];
    }

    internal static JObject Construct(Args a, string className, string descriptor, params ReadOnlySpan<Value> arguments)
    {
        var c = a.Machine.BootLoader.Load(a.Thread, className);
        Initialization.Initialize(a.Thread, c);
        var o = c.Allocate();
        a.Thread.Call(c.DeclaredMethod("<init>", descriptor)!, [Value.Of(o), .. arguments]);
        return o;
    }

    public static object Fields(Args a, JClass c, bool publicOnly)
    {
        var list = new List<object?>();
        var m = a.Machine;
        Initialization.Link(a.Thread, c);
        foreach (var f in c.Fields)
        {
            if (publicOnly && (f.Flags & Acc.Public) == 0) continue;
            var trusted = (f.Flags & Acc.Final) != 0 && (f.IsStatic || c.IsHidden || c.File!.IsRecord);
            list.Add(Construct(a, "java/lang/reflect/Field", "(Ljava/lang/Class;Ljava/lang/String;Ljava/lang/Class;IZILjava/lang/String;[B)V",
                Value.Of(c.Mirror), Value.Of(m.Intern(f.Name)), Value.Of(c.Loader.LoadDescriptor(a.Thread, f.Descriptor).Mirror), Value.Of((int)f.Flags), Value.Of(trusted), Value.Of(f.Index),
                Value.Of(m.NewStringOrNull(f.Info.Signature)), Value.Of(f.Info.Annotations)));
        }
        return JavaMachine.NewArray(m.BootLoader.Load(a.Thread, "java/lang/reflect/Field"), list);
    }

    private static (object?[] Types, JObject Result, object?[] Exceptions) Signature(Args a, JMethod method)
    {
        var loader = method.Class.Loader;
        var (parameters, result) = Descriptor.Parse(method.Desc);
        var classClass = a.Machine.Known.Class;
        var t = a.Thread;
        return (JavaMachine.NewArray(classClass, [.. parameters.Select(p => loader.LoadDescriptor(t, p).Mirror)]),
            loader.LoadDescriptor(t, result).Mirror,
            JavaMachine.NewArray(classClass, [.. method.Info.Exceptions.Select(e => loader.LoadNamed(t, e).Mirror)]));
    }

    public static JObject NewMethod(Args a, JMethod m)
    {
        var (types, result, exceptions) = Signature(a, m);
        return Construct(a, "java/lang/reflect/Method", "(Ljava/lang/Class;Ljava/lang/String;[Ljava/lang/Class;Ljava/lang/Class;[Ljava/lang/Class;IILjava/lang/String;[B[B[B)V",
            Value.Of(m.Class.Mirror), Value.Of(a.Machine.Intern(m.Name)), Value.Of(types), Value.Of(result), Value.Of(exceptions), Value.Of((int)m.Flags), Value.Of(m.Index),
            Value.Of(a.Machine.NewStringOrNull(m.Info.Signature)), Value.Of(m.Info.Annotations), Value.Of(m.Info.ParameterAnnotations), Value.Of(m.Info.AnnotationDefault));
    }

    public static JObject NewConstructor(Args a, JMethod m)
    {
        var (types, _, exceptions) = Signature(a, m);
        return Construct(a, "java/lang/reflect/Constructor", "(Ljava/lang/Class;[Ljava/lang/Class;[Ljava/lang/Class;IILjava/lang/String;[B[B)V",
            Value.Of(m.Class.Mirror), Value.Of(types), Value.Of(exceptions), Value.Of((int)m.Flags), Value.Of(m.Index),
            Value.Of(a.Machine.NewStringOrNull(m.Info.Signature)), Value.Of(m.Info.Annotations), Value.Of(m.Info.ParameterAnnotations));
    }

    public static object Methods(Args a, JClass c, bool publicOnly)
    {
        Initialization.Link(a.Thread, c);
        var list = new List<object?>();
        foreach (var m in c.Methods)
        {
            if (!m.IsInitializer && (!publicOnly || (m.Flags & Acc.Public) != 0)) list.Add(NewMethod(a, m));
        }
        return JavaMachine.NewArray(a.Machine.BootLoader.Load(a.Thread, "java/lang/reflect/Method"), list);
    }

    public static object Constructors(Args a, JClass c, bool publicOnly)
    {
        Initialization.Link(a.Thread, c);
        var list = new List<object?>();
        foreach (var m in c.Methods)
        {
            if (m.Name == "<init>" && (!publicOnly || (m.Flags & Acc.Public) != 0)) list.Add(NewConstructor(a, m));
        }
        return JavaMachine.NewArray(a.Machine.BootLoader.Load(a.Thread, "java/lang/reflect/Constructor"), list);
    }

    public static object? RecordComponents(Args a)
    {
        var c = a.Class(0);
        if (c.File?.Record is not { } record) return null;
        var component = a.Machine.BootLoader.Load(a.Thread, "java/lang/reflect/RecordComponent");
        Initialization.Initialize(a.Thread, component);
        var list = new List<object?>();
        foreach (var row in record)
        {
            var o = component.Allocate();
            o.Ref(Known.Offset(component, "clazz")) = c.Mirror;
            o.Ref(Known.Offset(component, "name")) = a.Machine.Intern(row.Name);
            o.Ref(Known.Offset(component, "type")) = c.Loader.LoadDescriptor(a.Thread, row.Descriptor).Mirror;
            o.Ref(Known.Offset(component, "signature")) = row.Signature == null ? null : a.Machine.Intern(row.Signature);
            o.Ref(Known.Offset(component, "annotations")) = row.Annotations;
            o.Ref(Known.Offset(component, "typeAnnotations")) = row.TypeAnnotations;
            if (c.DeclaredMethod(row.Name, "()" + row.Descriptor) is { IsStatic: false } accessor) o.Ref(Known.Offset(component, "accessor")) = NewMethod(a, accessor);
            list.Add(o);
        }
        return JavaMachine.NewArray(component, list);
    }

    private static object? Parameters(Args a)
    {
        var method = MethodOf(a, a.Object(0));
        if (method.Info.Parameters is not { } rows) return null;
        var list = new List<object?>();
        for (var i = 0; i < rows.Length; i++)
        {
            var name = rows[i].NameIndex == 0 ? null : a.Machine.Intern(method.Class.Pool.Utf8(rows[i].NameIndex));
            list.Add(Construct(a, "java/lang/reflect/Parameter", "(Ljava/lang/String;ILjava/lang/reflect/Executable;I)V", Value.Of(name), Value.Of((int)rows[i].Flags), Value.Of(a.Ref(0)), Value.Of(i)));
        }
        return JavaMachine.NewArray(a.Machine.BootLoader.Load(a.Thread, "java/lang/reflect/Parameter"), list);
    }

    /// <summary>Arguments from their boxes, widened to what the method takes.</summary>
    private static List<Value> Unbox(Args a, JMethod method, object? receiver, object?[]? boxes)
    {
        var values = new List<Value>();
        if (!method.IsStatic) values.Add(Value.Of(receiver));
        var given = (boxes?.Length ?? 1) - 1;
        if (given != method.Parameters.Length) throw a.Thread.Error("java/lang/IllegalArgumentException", "wrong number of arguments");
        var (descriptors, _) = Descriptor.Parse(method.Desc);
        for (var i = 0; i < given; i++)
        {
            var box = boxes![i + 1];
            var kind = method.Parameters[i];
            if (kind == 'R')
            {
                if (box != null && !a.Machine.ClassOf(box).IsSubclassOf(method.Class.Loader.LoadDescriptor(a.Thread, descriptors[i])))
                    throw a.Thread.Error("java/lang/IllegalArgumentException", "argument type mismatch");
                values.Add(Value.Of(box));
                continue;
            }
            if (box == null) throw a.Thread.Error("java/lang/IllegalArgumentException", "argument type mismatch");
            var value = Boxes.Unbox(a.Thread, box, out var from);
            if (from == 'V' || !Boxes.Widen(ref value, from, kind)) throw a.Thread.Error("java/lang/IllegalArgumentException", "argument type mismatch");
            values.Add(value);
        }
        return values;
    }

    private static JavaThrow Wrap(Args a, JavaThrow e) =>
        new(Construct(a, "java/lang/reflect/InvocationTargetException", "(Ljava/lang/Throwable;)V", Value.Of(e.Throwable)));

    private static object? Invoke(Args a)
    {
        var method = MethodOf(a, a.Object(0));
        var receiver = a.Ref(1);
        if (method.IsStatic)
        {
            Initialization.Initialize(a.Thread, method.Class);
        }
        else
        {
            if (receiver == null) throw a.Thread.Error("java/lang/NullPointerException", null);
            var c = a.Machine.ClassOf(receiver);
            if (!c.IsSubclassOf(method.Class)) throw a.Thread.Error("java/lang/IllegalArgumentException", "object is not an instance of declaring class");
        }
        var values = Unbox(a, method, receiver, (object?[]?)a.Ref(2));
        var target = method;
        if (!method.IsStatic && !method.IsPrivate)
        {
            var c = a.Machine.ClassOf(receiver!);
            target = (method.Class.IsInterface ? c.InterfaceTarget(method) : Dispatch(c, method)) ?? method;
        }
        Value result;
        try
        {
            result = a.Thread.Call(target, [.. values]);
        }
        catch (JavaThrow e)
        {
            throw Wrap(a, e);
        }
        return target.ReturnKind switch
        {
            'V' => null,
            'R' => result.Ref,
            _ => Boxes.Box(a.Thread, target.ReturnKind, result.Bits),
        };
    }

    private static unsafe JMethod Dispatch(JClass c, JMethod method) => method.Slot->VTableIndex >= 0 ? c.VTable[method.Slot->VTableIndex] : method;

    private static object NewInstance(Args a)
    {
        var constructor = MethodOf(a, a.Object(0));
        var c = constructor.Class;
        if (c.IsAbstract) throw a.Thread.Error("java/lang/InstantiationException", c.JavaName);
        Initialization.Initialize(a.Thread, c);
        var o = JavaMachine.NewObject(a.Thread, c);
        var values = Unbox(a, constructor, o, (object?[]?)a.Ref(1));
        try
        {
            a.Thread.Call(constructor, [.. values]);
        }
        catch (JavaThrow e)
        {
            throw Wrap(a, e);
        }
        return o;
    }

    // Arrays ----------------------------------------------------------------------------------------------------------

    private static char ElementKind(Args a, object array)
    {
        if (!ObjectExtensions.IsArray(array)) throw a.Thread.Error("java/lang/IllegalArgumentException", "Argument is not an array");
        return a.Machine.ClassOf(array).Element!.Primitive is var p and not '\0' ? p : 'R';
    }

    private static Value Get(Args a, out char kind)
    {
        var array = a.Object(0) as object;
        kind = ElementKind(a, array);
        var index = a.Int(1);
        if ((uint)index >= (uint)ObjectExtensions.ArrayLength(array)) throw new JavaThrow(Messages.OutOfBounds(a.Thread, array, index));
        return Holon.Jvm.Interpreter.Fields.Get(kind, ref JObject.At(array, kind == 'R' ? JObject.ReferenceElements + index * 8L : JObject.PrimitiveElements + (long)index * Size(kind)));
    }

    private static int Size(char kind) => kind switch
    {
        'J' or 'D' => 8,
        'I' or 'F' => 4,
        'S' or 'C' => 2,
        _ => 1,
    };

    private static Value GetAs(Args a, char wanted)
    {
        var value = Get(a, out var kind);
        if (kind == 'R' || !Boxes.Widen(ref value, kind, wanted)) throw a.Thread.Error("java/lang/IllegalArgumentException", "Argument is not an array of primitive type");
        return value;
    }

    private static void Set(Args a, Value value, char from)
    {
        var array = a.Object(0) as object;
        var kind = ElementKind(a, array);
        var index = a.Int(1);
        if ((uint)index >= (uint)ObjectExtensions.ArrayLength(array)) throw new JavaThrow(Messages.OutOfBounds(a.Thread, array, index));
        if (kind == 'R' ? from != 'R' || value.Ref != null && !Types.CanStore(a.Thread, (object?[])array, value.Ref) : from is 'R' or 'V' || !Boxes.Widen(ref value, from, kind))
            throw a.Thread.Error("java/lang/IllegalArgumentException", from == 'R' ? "array element type mismatch" : "argument type mismatch");
        Holon.Jvm.Interpreter.Fields.Put(kind, ref JObject.At(array, kind == 'R' ? JObject.ReferenceElements + index * 8L : JObject.PrimitiveElements + (long)index * Size(kind)), value);
    }

    private static void RegisterArray(NativeClass c) => c
        .Int("getLength(Ljava/lang/Object;)I", a =>
        {
            _ = ElementKind(a, a.Object(0));
            return ObjectExtensions.ArrayLength(a.Ref(0)!);
        })
        .Ref("get(Ljava/lang/Object;I)Ljava/lang/Object;", a =>
        {
            var value = Get(a, out var kind);
            return kind == 'R' ? value.Ref : Boxes.Box(a.Thread, kind, value.Bits);
        })
        .Int("getBoolean(Ljava/lang/Object;I)Z", a => GetAs(a, 'Z').Int)
        .Int("getByte(Ljava/lang/Object;I)B", a => GetAs(a, 'B').Int)
        .Int("getChar(Ljava/lang/Object;I)C", a => GetAs(a, 'C').Int)
        .Int("getShort(Ljava/lang/Object;I)S", a => GetAs(a, 'S').Int)
        .Int("getInt(Ljava/lang/Object;I)I", a => GetAs(a, 'I').Int)
        .Long("getLong(Ljava/lang/Object;I)J", a => GetAs(a, 'J').Bits)
        .Float("getFloat(Ljava/lang/Object;I)F", a => GetAs(a, 'F').Float)
        .Double("getDouble(Ljava/lang/Object;I)D", a => GetAs(a, 'D').Double)
        .Void("set(Ljava/lang/Object;ILjava/lang/Object;)V", a =>
        {
            if (ElementKind(a, a.Object(0)) == 'R')
            {
                Set(a, Value.Of(a.Ref(2)), 'R');
                return;
            }
            var value = a.Ref(2) == null ? default : Boxes.Unbox(a.Thread, a.Ref(2)!, out _);
            var from = 'V';
            if (a.Ref(2) != null) value = Boxes.Unbox(a.Thread, a.Ref(2)!, out from);
            Set(a, value, from);
        })
        .Void("setBoolean(Ljava/lang/Object;IZ)V", a => Set(a, Value.Of(a.Int(2)), 'Z'))
        .Void("setByte(Ljava/lang/Object;IB)V", a => Set(a, Value.Of(a.Int(2)), 'B'))
        .Void("setChar(Ljava/lang/Object;IC)V", a => Set(a, Value.Of(a.Int(2)), 'C'))
        .Void("setShort(Ljava/lang/Object;IS)V", a => Set(a, Value.Of(a.Int(2)), 'S'))
        .Void("setInt(Ljava/lang/Object;II)V", a => Set(a, Value.Of(a.Int(2)), 'I'))
        .Void("setLong(Ljava/lang/Object;IJ)V", a => Set(a, Value.Of(a.Long(2)), 'J'))
        .Void("setFloat(Ljava/lang/Object;IF)V", a => Set(a, Value.Of(a.Float(2)), 'F'))
        .Void("setDouble(Ljava/lang/Object;ID)V", a => Set(a, Value.Of(a.Double(2)), 'D'))
        .Ref("newArray(Ljava/lang/Class;I)Ljava/lang/Object;", a =>
        {
            var element = a.Class(0);
            if (element.Primitive == 'V') throw a.Thread.Error("java/lang/IllegalArgumentException", null);
            return Arrays.NewMulti(a.Thread, element.ArrayClass, [a.Int(1)]);
        })
        .Ref("multiNewArray(Ljava/lang/Class;[I)Ljava/lang/Object;", a =>
        {
            var c = a.Class(0);
            var counts = (int[]?)a.Ref(1) ?? throw a.Thread.Error("java/lang/NullPointerException", null);
            if (counts.Length is 0 or > 255 || c.Primitive == 'V') throw a.Thread.Error("java/lang/IllegalArgumentException", counts.Length == 0 ? "Empty dimensions array" : null);
            for (var i = 0; i < counts.Length; i++) c = c.ArrayClass;
            return Arrays.NewMulti(a.Thread, c, counts);
        });

    // The constant pool, as annotation parsing reads it ---------------------------------------------------------------

    private static ref CpEntry Entry(Args a, params ReadOnlySpan<CpTag> tags)
    {
        var pool = a.Class(1).Pool;
        var index = a.Int(2);
        if ((uint)index >= (uint)pool.Count) throw a.Thread.Error("java/lang/IllegalArgumentException", "Constant pool index out of bounds");
        if (tags.Length > 0 && !tags.Contains(pool.Tag(index))) throw a.Thread.Error("java/lang/IllegalArgumentException", "Wrong type at constant pool index");
        return ref pool.Entries[index];
    }

    private static void RegisterPool(NativeClass c) => c
        .Int("getSize0(Ljava/lang/Object;)I", a => a.Class(1).Pool.Count)
        .Ref("getClassAt0(Ljava/lang/Object;I)Ljava/lang/Class;", a =>
        {
            _ = Entry(a, CpTag.Class);
            return Resolution.Class(a.Thread, a.Class(1), a.Int(2)).Mirror;
        })
        .Int("getIntAt0(Ljava/lang/Object;I)I", a => (int)Entry(a, CpTag.Integer).Bits)
        .Long("getLongAt0(Ljava/lang/Object;I)J", a => Entry(a, CpTag.Long).Bits)
        .Float("getFloatAt0(Ljava/lang/Object;I)F", a => BitConverter.Int32BitsToSingle((int)Entry(a, CpTag.Float).Bits))
        .Double("getDoubleAt0(Ljava/lang/Object;I)D", a => BitConverter.Int64BitsToDouble(Entry(a, CpTag.Double).Bits))
        .Ref("getStringAt0(Ljava/lang/Object;I)Ljava/lang/String;", a => a.Machine.Intern(a.Class(1).Pool.Utf8(Entry(a, CpTag.String).A)))
        .Ref("getUTF8At0(Ljava/lang/Object;I)Ljava/lang/String;", a => a.Machine.Intern((string)Entry(a, CpTag.Utf8).Resolved!))
        .Int("getTagAt0(Ljava/lang/Object;I)B", a => (int)Entry(a).Tag);
}
