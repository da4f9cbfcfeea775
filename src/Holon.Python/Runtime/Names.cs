using System.Collections.Concurrent;

namespace Holon.Python.Runtime;

/// <summary>Names that the virtual machine itself uses. Names of programs are interned per machine.</summary>
internal static class Names
{
    private static readonly ConcurrentDictionary<string, PyStr> Table = new();

    public static readonly PyStr Abs = Intern("__abs__");
    public static readonly PyStr AEnter = Intern("__aenter__");
    public static readonly PyStr AExit = Intern("__aexit__");
    public static readonly PyStr All = Intern("__all__");
    public static readonly PyStr Annotations = Intern("__annotations__");
    public static readonly PyStr Bool = Intern("__bool__");
    public static readonly PyStr BuildClass = Intern("__build_class__");
    public static readonly PyStr Builtins = Intern("__builtins__");
    public static readonly PyStr Bytes = Intern("__bytes__");
    public static readonly PyStr Call = Intern("__call__");
    public static readonly PyStr Class = Intern("__class__");
    public static readonly PyStr ClassCell = Intern("__classcell__");
    public static readonly PyStr ClassGetItem = Intern("__class_getitem__");
    public static readonly PyStr Complex = Intern("__complex__");
    public static readonly PyStr Contains = Intern("__contains__");
    public static readonly PyStr Del = Intern("__del__");
    public static readonly PyStr DelAttr = Intern("__delattr__");
    public static readonly PyStr Delete = Intern("__delete__");
    public static readonly PyStr DelItem = Intern("__delitem__");
    public static readonly PyStr Dict = Intern("__dict__");
    public static readonly PyStr Dir = Intern("__dir__");
    public static readonly PyStr Doc = Intern("__doc__");
    public static readonly PyStr Enter = Intern("__enter__");
    public static readonly PyStr Eq = Intern("__eq__");
    public static readonly PyStr Exit = Intern("__exit__");
    public static readonly PyStr File = Intern("__file__");
    public static readonly PyStr Float = Intern("__float__");
    public static readonly PyStr Format = Intern("__format__");
    public static readonly PyStr Get = Intern("__get__");
    public static readonly PyStr GetAttr = Intern("__getattr__");
    public static readonly PyStr GetAttribute = Intern("__getattribute__");
    public static readonly PyStr GetItem = Intern("__getitem__");
    public static readonly PyStr Hash = Intern("__hash__");
    public static readonly PyStr Import = Intern("__import__");
    public static readonly PyStr IndexName = Intern("__index__");
    public static readonly PyStr Init = Intern("__init__");
    public static readonly PyStr InitSubclass = Intern("__init_subclass__");
    public static readonly PyStr InstanceCheck = Intern("__instancecheck__");
    public static readonly PyStr Int = Intern("__int__");
    public static readonly PyStr IsAbstractMethod = Intern("__isabstractmethod__");
    public static readonly PyStr Iter = Intern("__iter__");
    public static readonly PyStr Keys = Intern("keys");
    public static readonly PyStr Len = Intern("__len__");
    public static readonly PyStr LengthHint = Intern("__length_hint__");
    public static readonly PyStr Loader = Intern("__loader__");
    public static readonly PyStr MatchArgs = Intern("__match_args__");
    public static readonly PyStr Metaclass = Intern("metaclass");
    public static readonly PyStr Missing = Intern("__missing__");
    public static readonly PyStr Module = Intern("__module__");
    public static readonly PyStr MroEntries = Intern("__mro_entries__");
    public static readonly PyStr MroMethod = Intern("mro");
    public static readonly PyStr Name = Intern("__name__");
    public static readonly PyStr New = Intern("__new__");
    public static readonly PyStr Next = Intern("__next__");
    public static readonly PyStr OrigBases = Intern("__orig_bases__");
    public static readonly PyStr Package = Intern("__package__");
    public static readonly PyStr Path = Intern("__path__");
    public static readonly PyStr Prepare = Intern("__prepare__");
    public static readonly PyStr QualName = Intern("__qualname__");
    public static readonly PyStr Reduce = Intern("__reduce__");
    public static readonly PyStr ReduceEx = Intern("__reduce_ex__");
    public static readonly PyStr Repr = Intern("__repr__");
    public static readonly PyStr Reversed = Intern("__reversed__");
    public static readonly PyStr Round = Intern("__round__");
    public static readonly PyStr Set = Intern("__set__");
    public static readonly PyStr SetAttr = Intern("__setattr__");
    public static readonly PyStr SetItem = Intern("__setitem__");
    public static readonly PyStr SetName = Intern("__set_name__");
    public static readonly PyStr SizeOf = Intern("__sizeof__");
    public static readonly PyStr Slots = Intern("__slots__");
    public static readonly PyStr Spec = Intern("__spec__");
    public static readonly PyStr StrMethod = Intern("__str__");
    public static readonly PyStr SubclassCheck = Intern("__subclasscheck__");
    public static readonly PyStr SubclassHook = Intern("__subclasshook__");
    public static readonly PyStr Throw = Intern("throw");
    public static readonly PyStr Close = Intern("close");
    public static readonly PyStr Send = Intern("send");
    public static readonly PyStr Trunc = Intern("__trunc__");
    public static readonly PyStr WeakRef = Intern("__weakref__");

    /// <summary>For names in this program's own text only: the table never shrinks.</summary>
    public static PyStr Intern(string name) => Table.GetOrAdd(name, static n => new PyStr(n));

    public static PyStr? Find(string name) => Table.GetValueOrDefault(name);
}
