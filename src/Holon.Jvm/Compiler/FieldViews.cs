using System.Reflection;
using System.Reflection.Emit;

namespace Holon.Jvm.Compiler;

/// <summary>
/// Classes of .NET with many fields of one kind, through which emitted code accesses the fields of Java objects by number. So
/// RyuJIT knows that two fields of different kind or place are not the same, and may keep what it loaded.
/// </summary>
internal static class FieldViews
{
    private const int Bytes = 512;

    private static readonly Dictionary<char, FieldInfo[]> Views = Build();

    /// <summary>The field of a kind at an offset from an object's address; null beyond the view.</summary>
    public static FieldInfo? At(char kind, long offset)
    {
        if (!Views.TryGetValue(kind, out var fields)) return null;
        var size = Bytes / fields.Length;
        return offset >= 8 && offset < 8 + Bytes && offset % size == 0 ? fields[(offset - 8) / size] : null;
    }

    private static Dictionary<char, FieldInfo[]> Build()
    {
        var module = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Holon.Jvm.Views"), AssemblyBuilderAccess.Run).DefineDynamicModule("Views");
        return new Dictionary<char, FieldInfo[]>
        {
            ['I'] = Define(module, typeof(int), 4),
            ['F'] = Define(module, typeof(float), 4),
            ['J'] = Define(module, typeof(long), 8),
            ['D'] = Define(module, typeof(double), 8),
            ['R'] = Define(module, typeof(object), 8),
        };
    }

    private static FieldInfo[] Define(ModuleBuilder module, Type type, int size)
    {
        var view = module.DefineType("View" + type.Name, TypeAttributes.Public | TypeAttributes.Sealed | TypeAttributes.Class);
        var names = Enumerable.Range(0, Bytes / size).Select(i => "F" + (8 + i * size)).ToArray();
        foreach (var name in names) view.DefineField(name, type, FieldAttributes.Public);
        var built = view.CreateType();
        return [.. names.Select(n => built.GetField(n)!)];
    }
}
