using Holon.Python.Tier1;

namespace Holon.Python.Interpreter;

/// <summary>Names and attributes: the general way, and putting the quick way in place.</summary>
internal static partial class EvaluationLoop
{
    /// <summary>After that many failures a site stays general.</summary>
    private const int MaxMisses = 20;

    /// <summary>So many shapes are remembered at one site.</summary>
    private const int MaxShapes = 6;

    private static InlineCache CacheOf(PyCode code, int at) => code.Caches[at] = new InlineCache();

    /// <summary>A cache for one more shape, in front of those of the others.</summary>
    private static InlineCache CacheOf(PyCode code, int at, Shape shape)
    {
        InlineCache? others = null;
        var count = 0;
        for (var old = code.Caches[at]; old is not null; old = old.More)
        {
            if (old.Guard is not Shape other || other == shape || other.Type.Version != old.Version)
                continue;
            others = new InlineCache { Guard = other, Version = old.Version, Index = old.Index, Value = old.Value, Next = old.Next, Namespace = old.Namespace, More = others };
            count++;
        }
        if (count >= MaxShapes)
        {
            others = null;
            code.Instructions[at].Misses = MaxMisses;
        }
        return code.Caches[at] = new InlineCache { Guard = shape, Version = shape.Type.Version, More = others };
    }

    /// <summary>What a site remembers of a shape.</summary>
    private static InlineCache? Remembered(PyCode code, int at, Shape shape)
    {
        for (var cache = code.Caches[at]; cache is not null; cache = cache.More)
        {
            if (ReferenceEquals(cache.Guard, shape) && cache.Version == shape.Type.Version)
                return cache;
        }
        return null;
    }

    /// <summary>What is remembered of an attribute of a class still holds: neither the class nor its metaclass has changed.</summary>
    private static bool IsCached(InlineCache cache, PyType type) =>
        ReferenceEquals(cache.Guard, type) && cache.Version == type.Version && cache.Version2 == type.Type.Version;

    private static void Specialise(ref Instruction site, Opcode op)
    {
        if (site.Misses < MaxMisses)
        {
            site.Misses++;
            site.Op = op;
        }
        else
        {
            site.Op = op switch
            {
                Opcode.LoadAttrShape or Opcode.LoadAttrModule or Opcode.LoadAttrClass => Opcode.LoadAttr,
                Opcode.LoadMethodShape or Opcode.LoadMethodType or Opcode.LoadMethodModule or Opcode.LoadMethodClass => Opcode.LoadMethod,
                _ => Opcode.StoreAttr,
            };
        }
    }

    private static PyObject LoadGlobal(PyFrame frame, ref Instruction site, int at)
    {
        var code = frame.Code;
        var name = code.NameList[site.Arg >> 1];
        var globals = frame.Globals;
        if (globals.GetType() == typeof(PyDict) && frame.Builtins.GetType() == typeof(PyDict))
        {
            var entry = globals.FindEntry(name);
            var dict = globals;
            if (entry < 0)
            {
                dict = frame.Builtins;
                entry = dict.FindEntry(name);
            }
            if (entry < 0)
                throw Err.Name($"name '{name}' is not defined", name);
            var cache = CacheOf(code, at);
            cache.Guard = globals;
            cache.Version = globals.KeysVersion;
            cache.Guard2 = dict == globals ? null : dict;
            cache.Version2 = dict.KeysVersion;
            cache.Index = entry;
            site.Op = Opcode.LoadGlobalCached;
            return dict.ValueAt(entry)!;
        }
        if (globals.Get(name) is { } value)
            return value;
        return frame.Builtins.GetType() == typeof(PyDict) ? frame.Builtins.Get(name) ?? throw Err.Name($"name '{name}' is not defined", name) : Ops.GetItem(frame.Builtins, name);
    }

    public static PyObject? LoadAttribute(PyCode code, PyObject self, ref Instruction site, int at)
    {
        var name = code.NameList[site.Arg];
        var type = self.Type;
        if (self is PyInstance instance)
        {
            if (site.Op == Opcode.LoadAttrShape && Remembered(code, at, instance.Fields.Shape) is { } known)
            {
                if (known.Namespace is { } ofClass)
                    return ofClass.ValueAt(known.Index);
                if (known.Value is { } getter)
                    return Support.Call1(PyThread.Current, getter, self);
                if (instance.Fields.Values[known.Index] is { } field)
                    return field;
            }
            if (type.GetAttr == GenericGet && !instance.Fields.Shape.IsDict)
            {
                var found = type.Lookup(name);
                var property = found is PyProperty { Getter: PyFunction } p && p.Type == FunctionTypes.Property ? p.Getter : null;
                var index = found is PyGetSet { Slot: >= 0 } slot ? slot.Slot : found is null || found.Type.DescrSet is null ? instance.Fields.Shape.IndexOf(name) : -1;
                if (index >= 0 || property is not null)
                {
                    var cache = CacheOf(code, at, instance.Fields.Shape);
                    cache.Index = index;
                    cache.Value = property;
                    Specialise(ref site, Opcode.LoadAttrShape);
                    if (property is null && instance.Fields.Values[index] is { } value)
                        return value;
                }
                else if (found is not null && PyType.IsPlainData(found) && ClassData(type, name) is { Namespace: { } space, Index: var place })
                {
                    var cache = CacheOf(code, at, instance.Fields.Shape);
                    cache.Namespace = space;
                    cache.Index = place;
                    Specialise(ref site, Opcode.LoadAttrShape);
                    return found;
                }
            }
        }
        else if (self is PyType owner)
        {
            if (site.Op == Opcode.LoadAttrClass && IsCached(code.Caches[at]!, owner))
                return code.Caches[at]!.Namespace?.ValueAt(code.Caches[at]!.Index) ?? code.Caches[at]!.Value;
            if (!owner.IsBuiltin && LooksUpAsType(owner.Type, name) && ClassData(owner, name) is { Namespace: { } space, Index: var place })
            {
                var cache = CacheOf(code, at);
                cache.Guard = owner;
                cache.Version = owner.Version;
                cache.Version2 = owner.Type.Version;
                cache.Namespace = space;
                cache.Index = place;
                Specialise(ref site, Opcode.LoadAttrClass);
                return space.ValueAt(place);
            }
            if (ClassAttribute(owner, name) is { } value)
            {
                var cache = CacheOf(code, at);
                cache.Guard = owner;
                cache.Version = owner.Version;
                cache.Version2 = owner.Type.Version;
                cache.Value = value;
                Specialise(ref site, Opcode.LoadAttrClass);
                return value;
            }
        }
        else if (self is PyModule module && module.Type == ModuleType.Type)
        {
            var entry = module.Dict.FindEntry(name);
            if (entry >= 0 && type.Lookup(name) is null)
            {
                var cache = CacheOf(code, at);
                cache.Guard = module.Dict;
                cache.Version = module.Dict.KeysVersion;
                cache.Index = entry;
                Specialise(ref site, Opcode.LoadAttrModule);
                return module.Dict.ValueAt(entry);
            }
        }
        return type.GetAttr!(self, name);
    }

    private static readonly GetAttrFn GenericGet = PyType.Object.GetAttr!;

    /// <summary>
    /// Where a class keeps plain data under that name. The value may change without a new version of the class; the place does not.
    /// </summary>
    public static (PyDict? Namespace, int Index) ClassData(PyType type, PyStr name)
    {
        foreach (var each in type.Mro)
        {
            var entry = each.Dict.FindEntry(name);
            if (entry >= 0)
                return PyType.IsPlainData(each.Dict.ValueAt(entry)!) ? (each.Dict, entry) : default;
        }
        return default;
    }

    /// <summary>The metaclass leaves the attributes of its classes to type: it may have __getattr__, which is asked when nothing is found.</summary>
    public static bool LooksUpAsType(PyType meta, PyStr name) =>
        (meta == PyType.TypeType || ReferenceEquals(meta.Lookup(Names.GetAttribute), PyType.TypeType.Lookup(Names.GetAttribute))) && meta.Lookup(name)?.Type.DescrSet is null;

    /// <summary>The attribute of a class, where it is the same as long as the class's version is; otherwise null.</summary>
    public static PyObject? ClassAttribute(PyType type, PyStr name)
    {
        if (!LooksUpAsType(type.Type, name) || type.Lookup(name) is not { } found)
            return null;
        if (found.GetType() == typeof(PyFunction) || (found.Type.DescrGet is null && (type.IsBuiltin || !PyType.IsPlainData(found))))
            return found;
        return found is PyStaticMethod wrapper && wrapper.Type == FunctionTypes.StaticMethod ? wrapper.Function : null;
    }

    public static PyObject? LoadMethod(PyCode code, PyObject self, ref Instruction site, int at, out bool isMethod)
    {
        var name = code.NameList[site.Arg];
        var type = self.Type;
        isMethod = false;
        if (site.Op == Opcode.LoadMethodShape && self is PyInstance seen && Remembered(code, at, seen.Fields.Shape) is { } known)
        {
            isMethod = known.Value is not null;
            if ((known.Value ?? seen.Fields.Values[known.Index]) is { } remembered)
                return remembered;
        }
        if (site.Op == Opcode.LoadMethodType && ReferenceEquals(code.Caches[at]!.Guard, type))
        {
            isMethod = true;
            return code.Caches[at]!.Value;
        }
        if (site.Op == Opcode.LoadMethodShape && self is not PyInstance && self.HasData && Remembered(code, at, self.Data.Shape) is { } ofOther)
        {
            isMethod = true;
            return ofOther.Value;
        }
        if (self is PyModule module && module.Type == ModuleType.Type)
        {
            var entry = module.Dict.FindEntry(name);
            if (entry >= 0 && type.Lookup(name) is null)
            {
                var cache = CacheOf(code, at);
                cache.Guard = module.Dict;
                cache.Version = module.Dict.KeysVersion;
                cache.Index = entry;
                Specialise(ref site, Opcode.LoadMethodModule);
                return module.Dict.ValueAt(entry);
            }
        }
        if (site.Op == Opcode.LoadMethodClass && self is PyType same && IsCached(code.Caches[at]!, same))
            return code.Caches[at]!.Value;
        if (self is PyType owner && ClassAttribute(owner, name) is { } ofClass)
        {
            var cache = CacheOf(code, at);
            cache.Guard = owner;
            cache.Version = owner.Version;
            cache.Version2 = owner.Type.Version;
            cache.Value = ofClass;
            Specialise(ref site, Opcode.LoadMethodClass);
            return ofClass;
        }
        if (type.GetAttr != GenericGet || self is PyType)
            return type.GetAttr!(self, name);
        var found = type.Lookup(name);
        if (found is PyFunction or PyMethodDescriptor)
        {
            if (self is PyInstance instance)
            {
                if (instance.Fields.Get(name) is { } own)
                    return own;
                if (!instance.Fields.Shape.IsDict)
                {
                    CacheOf(code, at, instance.Fields.Shape).Value = found;
                    Specialise(ref site, Opcode.LoadMethodShape);
                }
            }
            else if (self.HasData && type.HasDict)
            {
                if (self.Data.Get(name) is { } own)
                    return own;
                // Tier 1 takes functions found by a shape for methods of instances; a file's or a container's methods are in C#.
                if (found is PyMethodDescriptor && !self.Data.Shape.IsDict)
                {
                    CacheOf(code, at, self.Data.Shape).Value = found;
                    Specialise(ref site, Opcode.LoadMethodShape);
                }
            }
            else if (type.IsBuiltin)
            {
                var cache = CacheOf(code, at);
                cache.Guard = type;
                cache.Value = found;
                Specialise(ref site, Opcode.LoadMethodType);
            }
            isMethod = true;
            return found;
        }
        if (found is null && self is PyInstance holder && !holder.Fields.Shape.IsDict && holder.Fields.Shape.IndexOf(name) is >= 0 and var index && holder.Fields.Values[index] is { } field)
        {
            // A callable that the instance keeps.
            CacheOf(code, at, holder.Fields.Shape).Index = index;
            Specialise(ref site, Opcode.LoadMethodShape);
            return field;
        }
        return type.GetAttr!(self, name);
    }

    public static void StoreAttribute(PyCode code, PyObject self, PyObject value, ref Instruction site, int at)
    {
        var name = code.NameList[site.Arg];
        var type = self.Type;
        if (self is PyInstance instance && type.SetAttr == PyType.Object.SetAttr)
        {
            var before = instance.Fields.Shape;
            if (site.Op == Opcode.StoreAttrShape && Remembered(code, at, before) is { } known)
            {
                if (known.Next is null)
                    instance.Fields.Values[known.Index] = value;
                else
                    instance.Fields.Append(known.Next, value);
                return;
            }
            var found = type.Lookup(name);
            if (found is null || (found.Type.DescrSet is null && type.HasDict))
            {
                if (!type.HasDict)
                    throw Err.Attribute(self, name);
                instance.Fields.Set(name, value);
                var after = instance.Fields.Shape;
                if (!after.IsDict)
                {
                    var cache = CacheOf(code, at, before);
                    cache.Next = before == after ? null : after;
                    cache.Index = after.IndexOf(name);
                    Specialise(ref site, Opcode.StoreAttrShape);
                }
                return;
            }
            if (found is PyGetSet { Slot: >= 0 } slot)
            {
                CacheOf(code, at, before).Index = slot.Slot;
                Specialise(ref site, Opcode.StoreAttrShape);
                instance.Fields.Values[slot.Slot] = value;
                return;
            }
        }
        Attributes.Set(self, name, value);
    }

    private static Seen SeenOf(PyObject o) => o.GetType() == typeof(PyInt) ? Seen.Int : o.GetType() == typeof(PyFloat) ? Seen.Float : Seen.Other;

    /// <summary>Notes the operands' classes, for tier 1. A site where they differ from time to time stays general.</summary>
    private static bool Note(ref Instruction site, PyObject a, PyObject b)
    {
        var seen = (byte)((int)SeenOf(a) | (int)SeenOf(b) << 2);
        if (site.Seen != seen && site.Seen != 0 && ++site.Misses > 4)
            site.Misses = MaxMisses;
        if (site.Misses == MaxMisses)
            seen = (int)Seen.Other | (int)Seen.Other << 2;
        site.Seen = seen;
        return site.Misses < MaxMisses;
    }

    private static void Quicken(ref Instruction site, PyObject a, PyObject b)
    {
        if (!Note(ref site, a, b))
            return;
        if (a.GetType() == typeof(PyInt) && b.GetType() == typeof(PyInt))
        {
            site.Op = (NumberOp)(site.Arg % 13) switch
            {
                NumberOp.Add => Opcode.AddInt,
                NumberOp.Subtract => Opcode.SubtractInt,
                NumberOp.Multiply => Opcode.MultiplyInt,
                _ => Opcode.BinaryInt,
            };
        }
        else if (a.GetType() == typeof(PyFloat) && b.GetType() == typeof(PyFloat))
        {
            site.Op = (NumberOp)(site.Arg % 13) switch
            {
                NumberOp.Add => Opcode.AddFloat,
                NumberOp.Subtract => Opcode.SubtractFloat,
                NumberOp.Multiply => Opcode.MultiplyFloat,
                _ => Opcode.BinaryFloat,
            };
        }
    }

    private static void QuickenCompare(ref Instruction site, PyObject a, PyObject b)
    {
        site.Op = Opcode.CompareOp;
        if (!Note(ref site, a, b))
            return;
        if (a.GetType() == typeof(PyInt) && b.GetType() == typeof(PyInt))
            site.Op = Opcode.CompareInt;
        else if (a.GetType() == typeof(PyFloat) && b.GetType() == typeof(PyFloat))
            site.Op = Opcode.CompareFloat;
    }

    public static PyObject CompareGeneric(PyObject a, PyObject b, CompareOp op) =>
        a.GetType() == typeof(PyStr) && b.GetType() == typeof(PyStr) && op is CompareOp.Eq or CompareOp.Ne
            ? Values.Bool(Unsafe.As<PyStr>(a).Equals(Unsafe.As<PyStr>(b)) == (op == CompareOp.Eq))
            : a.GetType() == typeof(PyTuple) && b.GetType() == typeof(PyTuple) && op is CompareOp.Eq or CompareOp.Ne
            ? Values.Bool(Ops.TuplesEqual(Unsafe.As<PyTuple>(a).Items, Unsafe.As<PyTuple>(b).Items) == (op == CompareOp.Eq))
            : a.GetType() == typeof(PyInt) && b.GetType() == typeof(PyInt) ? Ops.CompareResult(Unsafe.As<PyInt>(a).Value.CompareTo(Unsafe.As<PyInt>(b).Value), op)
            : a.GetType() == typeof(PyFloat) && b.GetType() == typeof(PyFloat) ? CompareFloats(Unsafe.As<PyFloat>(a).Value, Unsafe.As<PyFloat>(b).Value, op)
            : Ops.Compare(a, b, op);

    public static PyObject BinaryGeneric(PyObject a, PyObject b, int arg)
    {
        if (a.GetType() == typeof(PyInt) && b.GetType() == typeof(PyInt))
        {
            var (x, y) = (Unsafe.As<PyInt>(a).Value, Unsafe.As<PyInt>(b).Value);
            switch ((NumberOp)(arg % 13))
            {
                case NumberOp.And:
                    return PyInt.Of(x & y);
                case NumberOp.Or:
                    return PyInt.Of(x | y);
                case NumberOp.Xor:
                    return PyInt.Of(x ^ y);
                case NumberOp.Remainder:
                    return IntMath.Remainder(Unsafe.As<PyInt>(a), Unsafe.As<PyInt>(b));
                case NumberOp.FloorDivide:
                    return IntMath.FloorDivide(Unsafe.As<PyInt>(a), Unsafe.As<PyInt>(b));
                case NumberOp.RightShift when y is >= 0 and < 64:
                    return PyInt.Of(x >> (int)y);
            }
        }
        else if (a.GetType() == typeof(PyStr) && b.GetType() == typeof(PyStr) && arg % 13 == (int)NumberOp.Add)
        {
            return PyStr.Concat(Unsafe.As<PyStr>(a), Unsafe.As<PyStr>(b));
        }
        return arg < 13 ? Ops.Binary(a, b, (NumberOp)arg) : Ops.InPlace(a, b, (NumberOp)(arg - 13));
    }

    private static PyObject CompareFloats(double x, double y, CompareOp op) => Values.Bool(Ops.Holds(x, y, op));

    /// <summary>The Python <c>__init__</c> of a class whose instances are otherwise made by object alone.</summary>
    public static PyFunction? PythonConstructor(PyType type)
    {
        if (type.ConstructorVersion != type.Version || type.ConstructorMetaVersion != type.Type.Version)
        {
            type.Constructor = !type.IsBuiltin && (type.Type == PyType.TypeType || ReferenceEquals(type.Type.Lookup(Names.Call), PyType.TypeType.Lookup(Names.Call))) && type.New == PyType.Object.New && !type.IsAbstract ? type.Lookup(Names.Init) as PyFunction : null;
            type.ConstructorVersion = type.Version;
            type.ConstructorMetaVersion = type.Type.Version;
        }
        return type.Constructor;
    }

    private static PyError UnboundLocal(PyCode code, int index) =>
        Err.Of(ExceptionTypes.UnboundLocalError, $"cannot access local variable '{code.LocalsPlusNames[index]}' where it is not associated with a value");

    private static PyError UnboundDeref(PyCode code, int index)
    {
        var name = code.LocalsPlusNames[index];
        return (code.LocalsPlusKinds[index] & PyCode.FreeKind) == 0
            ? UnboundLocal(code, index)
            : Err.Name($"cannot access free variable '{name}' where it is not associated with a value in enclosing scope", name);
    }
}
