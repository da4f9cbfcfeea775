using Holon.Jvm.ClassFile;
using Holon.Jvm.Heap;
using Holon.Jvm.Natives;

namespace Holon.Jvm.Runtime;

/// <summary>Turns a class file into a class: superclasses, fields with their places, methods with theirs in the virtual method table.</summary>
internal static unsafe class ClassBuilder
{
    public static void Build(JThread thread, JClass c)
    {
        LoadSupertypes(thread, c);
        BuildFields(c);
        BuildMethods(c);
        BuildVTable(c);
        FillKlass(c);
    }

    private static void LoadSupertypes(JThread thread, JClass c)
    {
        var file = c.File!;
        if (file.Super != null)
        {
            var super = c.Loader.LoadSupertype(thread, file.Super);
            if (super.IsInterface) throw thread.Error("java/lang/IncompatibleClassChangeError", $"class {c.JavaName} has interface {super.JavaName} as super class");
            if ((super.Flags & Acc.Final) != 0) throw thread.Error("java/lang/IncompatibleClassChangeError", $"class {c.JavaName} cannot inherit from final class {super.JavaName}");
            CheckSupertype(thread, c, super, "superclass");
            c.Super = super;
        }
        c.Interfaces = new JClass[file.Interfaces.Length];
        for (var i = 0; i < c.Interfaces.Length; i++)
        {
            var super = c.Loader.LoadSupertype(thread, file.Interfaces[i]);
            if (!super.IsInterface) throw thread.Error("java/lang/IncompatibleClassChangeError", $"class {c.JavaName} can not implement {super.JavaName}, because it is not an interface ({super.JavaName} is in {thread.Machine.ModuleDescription(super)})");
            CheckSupertype(thread, c, super, "superinterface");
            c.Interfaces[i] = super;
        }
    }

    private static void CheckSupertype(JThread thread, JClass c, JClass super, string what)
    {
        if (!Access.CanAccessClass(c, super))
            throw thread.Error("java/lang/IllegalAccessError", Access.DeniedMessage(c, super, "") is { Length: > 0 } obstacle ? what + " access check failed: " + obstacle : $"class {c.JavaName} cannot access its {(super.IsAbstract && !super.IsInterface ? "abstract " : "")}{what} {super.JavaName} ({thread.Machine.JointDescription(c, super)})");
        if (super.File?.PermittedSubclasses is not { } permitted) return;
        if (thread.Machine.ModuleOf(c) == thread.Machine.ModuleOf(super) && ((c.Flags & Acc.Public) != 0 || c.SamePackage(super)))
        {
            foreach (var index in permitted)
            {
                if (super.Pool.ClassName(index) == c.Name) return;
            }
        }
        throw thread.Error("java/lang/IncompatibleClassChangeError", what == "superclass"
            ? $"class {c.JavaName} cannot inherit from sealed class {super.JavaName}"
            : $"class {c.JavaName} cannot implement sealed interface {super.JavaName}");
    }

    private static int SizeOf(char kind) => kind switch
    {
        'J' or 'D' or 'R' => 8,
        'I' or 'F' => 4,
        'S' or 'C' => 2,
        _ => 1,
    };

    private static void BuildFields(JClass c)
    {
        var file = c.File!;
        c.Fields = new JField[file.Fields.Length];
        for (var i = 0; i < c.Fields.Length; i++) c.Fields[i] = new JField(c, file.Fields[i], i);
        c.Pattern = c.Super?.Pattern ?? "";
        c.Gaps = [.. c.Super?.Gaps ?? []];
        var machine = c.Machine;

        // Objects keep their class from being unloaded by a field of their own.
        if (c.Super != null) c.Ptr->KeepOffset = c.Super.Ptr->KeepOffset;
        if (!c.Memory.IsPermanent && !c.IsInterface && c.Ptr->KeepOffset == 0) c.Ptr->KeepOffset = NextSlot(c, 'R');

        var own = c.Fields.Where(f => !f.IsStatic).ToArray();
        foreach (var f in own.Where(f => f.Kind == 'R'))
        {
            f.Offset = NextSlot(c, 'R');
            f.IsReferent = c.Name == "java/lang/ref/Reference" && f.Name == "referent";
        }
        // Slots that only the machine sees: of Class its JClass, of Thread its JThread, of ResolvedMethodName its method.
        if (c.Name is "java/lang/Class" or "java/lang/Thread") machine.HiddenSlots[c.Name] = NextSlot(c, 'R');
        if (c.Name == "java/lang/invoke/ResolvedMethodName")
        {
            machine.HiddenSlots[c.Name] = NextSlot(c, 'P');
            machine.HiddenSlots[c.Name + ".holder"] = NextSlot(c, 'R');
        }
        foreach (var size in (ReadOnlySpan<int>)[8, 4, 2, 1])
        {
            foreach (var f in own)
            {
                if (f.Kind != 'R' && SizeOf(f.Kind) == size) f.Offset = PrimitivePlace(c, size);
            }
        }
        PlaceStatics(c);
    }

    private static int NextSlot(JClass c, char kind)
    {
        c.Pattern += kind;
        return JObject.FirstField + (c.Pattern.Length - 1) * 8;
    }

    private static int PrimitivePlace(JClass c, int size)
    {
        for (var i = 0; i < c.Gaps.Count; i++)
        {
            var gap = c.Gaps[i];
            var at = (gap.Offset + size - 1) & -size;
            if (at + size > gap.Offset + gap.Size) continue;
            c.Gaps.RemoveAt(i);
            if (at > gap.Offset) c.Gaps.Add((gap.Offset, at - gap.Offset));
            if (at + size < gap.Offset + gap.Size) c.Gaps.Add((at + size, gap.Offset + gap.Size - at - size));
            return at;
        }
        var slot = NextSlot(c, 'P');
        if (size < 8) c.Gaps.Add((slot + size, 8 - size));
        return slot;
    }

    /// <summary>Static fields lie at fixed addresses: references in pinned cells, primitives in native memory.</summary>
    private static void PlaceStatics(JClass c)
    {
        var statics = c.Fields.Where(f => f.IsStatic).ToArray();
        var primitives = statics.Count(f => f.Kind != 'R');
        var memory = primitives == 0 ? null : (byte*)c.Memory.AllocateNative(primitives * 8);
        foreach (var f in statics)
        {
            if (f.Kind == 'R')
            {
                f.Offset = (long)c.Memory.NewReference();
                continue;
            }
            f.Offset = (long)memory;
            memory += 8;
            if (f.Info.ConstantValue == 0) continue;
            var bits = c.Pool.Entries[f.Info.ConstantValue].Bits;
            switch (SizeOf(f.Kind))
            {
                case 1: *(byte*)f.Offset = (byte)bits; break;
                case 2: *(short*)f.Offset = (short)bits; break;
                case 4: *(int*)f.Offset = (int)bits; break;
                default: *(long*)f.Offset = bits; break;
            }
        }
    }

    private static void BuildMethods(JClass c)
    {
        var file = c.File!;
        c.Methods = new JMethod[file.Methods.Length];
        var natives = c.Loader.IsBoot && (c.Name != WhiteBoxNatives.ClassName || c.Machine.Options.WhiteBox) ? NativeTable.Find(c.Name) : null;
        for (var i = 0; i < c.Methods.Length; i++)
        {
            var m = c.Methods[i] = new JMethod(c, file.Methods[i], i);
            if (natives != null && natives.TryGetValue(m.Name + m.Desc, out var native)) m.Native = native;
            if (m.Name == "finalize" && m.Desc == "()V" && m.Info.Code?.Bytes.Length > 1 && c.Name != "java/lang/Object") c.Ptr->HasFinalizer = 1;
            if (c.Loader.IsBoot && m.IsNative) m.Intrinsic = IntrinsicOf(m);
        }
        if (c.Super != null) c.Ptr->HasFinalizer |= c.Super.Ptr->HasFinalizer;
    }

    private static MethodIntrinsic IntrinsicOf(JMethod m)
    {
        if (m.Class.Name is not ("java/lang/invoke/MethodHandle" or "java/lang/invoke/VarHandle") || !m.Desc.StartsWith("([Ljava/lang/Object;)", StringComparison.Ordinal)) return MethodIntrinsic.None;
        return m.Name switch
        {
            "invokeBasic" => MethodIntrinsic.InvokeBasic,
            "linkToStatic" => MethodIntrinsic.LinkToStatic,
            "linkToSpecial" => MethodIntrinsic.LinkToSpecial,
            "linkToVirtual" => MethodIntrinsic.LinkToVirtual,
            "linkToInterface" => MethodIntrinsic.LinkToInterface,
            _ => MethodIntrinsic.SignaturePolymorphic,
        };
    }

    private static void BuildVTable(JClass c)
    {
        if (c.IsInterface)
        {
            c.VTable = c.Super?.VTable ?? [];
            return;
        }
        var table = new List<JMethod>(c.Super?.VTable ?? []);
        var inherited = table.Count;
        var super = c.Super;
        foreach (var m in c.Methods)
        {
            if (m.IsStatic || m.IsPrivate || m.IsInitializer) continue;
            CheckFinal(c, m);
            var overrides = false;
            for (var i = 0; super != null && i < inherited; i++)
            {
                var old = super.VTable[i];
                if (old.Name != m.Name || old.Desc != m.Desc || !Overrides(c, super, i)) continue;
                JThread.Current.Machine.Constraints.CheckOverriding(JThread.Current, c, old.Class, m);
                table[i] = m;
                old.IsOverridden = true;
                m.Slot->VTableIndex = i;
                overrides = true;
            }
            // What is package-private has a place of its own even so: what overrides the one above it need not override it.
            if (overrides && (m.Flags & (Acc.Public | Acc.Protected)) != 0) continue;
            m.Slot->VTableIndex = table.Count;
            table.Add(m);
        }
        AddInterfaceMethods(c, table);
        c.VTable = [.. table];
    }

    /// <summary>No final method that the class may access is declared again.</summary>
    private static void CheckFinal(JClass c, JMethod m)
    {
        for (var super = c.Super; super != null; super = super.Super)
        {
            if (super.DeclaredMethod(m.Name, m.Desc) is { IsStatic: false, IsPrivate: false } old && (old.Flags & Acc.Final) != 0 && ((old.Flags & (Acc.Public | Acc.Protected)) != 0 || old.Class.SamePackage(c)))
                throw JThread.Current.Error("java/lang/IncompatibleClassChangeError", $"class {c.JavaName} overrides final method {old.Class.JavaName}.{old.Name}{old.Desc}");
        }
    }

    /// <summary>
    /// Whether a class's method overrides those at a place of its superclasses (JVMS §5.4.5): the nearest, or since version 51 one further up, which the
    /// nearest overrides. Methods that interfaces gave to a superclass are public.
    /// </summary>
    private static bool Overrides(JClass c, JClass? super, int index)
    {
        for (; super != null && index < super.VTable.Length; super = super.Super)
        {
            var old = super.VTable[index];
            if ((old.Flags & (Acc.Public | Acc.Protected)) != 0 || old.Class.SamePackage(c)) return true;
            if (c.File!.MajorVersion < 51) return false;
        }
        return false;
    }

    /// <summary>Entries for methods of interfaces that the class itself does not declare: the default that is chosen, or the abstract one.</summary>
    private static void AddInterfaceMethods(JClass c, List<JMethod> table)
    {
        var interfaces = new List<JClass>();
        for (var k = c; k != null; k = k.Super)
        {
            foreach (var i in k.Interfaces) CollectInterfaces(i, interfaces);
            if (k == c && interfaces.Count == 0) return; // nothing new beside the superclass's
        }
        var index = new Dictionary<(string, string), int>(table.Count);
        for (var i = 0; i < table.Count; i++)
        {
            // A package-private method of another package does not stand for an interface's.
            if ((table[i].Flags & Acc.Public) != 0 || !index.ContainsKey((table[i].Name, table[i].Desc))) index[(table[i].Name, table[i].Desc)] = i;
        }
        foreach (var interfaceClass in interfaces)
        {
            foreach (var m in interfaceClass.Methods)
            {
                if (m.IsStatic || m.IsPrivate || m.IsInitializer) continue;
                if (index.TryGetValue((m.Name, m.Desc), out var at))
                {
                    // A declaration in a class wins; one that an interface gave may be replaced by a more specific one.
                    if (!table[at].Class.IsInterface && !table[at].IsConflict) continue;
                    table[at] = ChosenMethod(c, m);
                    continue;
                }
                index[(m.Name, m.Desc)] = table.Count;
                table.Add(ChosenMethod(c, m));
            }
        }
    }

    private static void CollectInterfaces(JClass i, List<JClass> found)
    {
        if (found.Contains(i)) return;
        found.Add(i);
        foreach (var super in i.Interfaces) CollectInterfaces(super, found);
    }

    /// <summary>The most specific default; when there are several, one that raises IncompatibleClassChangeError.</summary>
    private static JMethod ChosenMethod(JClass c, JMethod m)
    {
        var chosen = c.FindInterfaceMethod(m.Name, m.Desc, out var several) ?? m;
        if (several.Count == 0) return chosen;
        var message = "Conflicting default methods:" + string.Concat(several.Select(s => $" {s.Class.Name}.{s.Name}"));
        return new JMethod(c, new MethodInfo { Flags = Acc.Public, Name = m.Name, Descriptor = m.Desc }, -1)
        {
            IsConflict = true,
            Native = NativeMethod.Void(a => throw a.Thread.Error("java/lang/IncompatibleClassChangeError", message)),
        };
    }

    private static void FillKlass(JClass c)
    {
        var klass = c.Ptr;
        klass->VTable = (MethodSlot**)c.Memory.AllocateNative(Math.Max(1, c.VTable.Length) * sizeof(nint));
        for (var i = 0; i < c.VTable.Length; i++) klass->VTable[i] = c.VTable[i].Slot;
        klass->Depth = c.IsInterface ? -1 : c.Super == null ? 0 : c.Super.Ptr->Depth + 1;
        if (!c.IsInterface)
        {
            for (var k = c; k != null; k = k.Super)
            {
                if (k.Ptr->Depth < Klass.DisplaySize) klass->Display[k.Ptr->Depth] = (long)k.Ptr;
            }
        }
        klass->InstanceBytes = c.InstanceBytes;
        if (!c.IsInterface && !c.IsAbstract) klass->Shape = Shape.Of(c.Pattern);
    }
}
