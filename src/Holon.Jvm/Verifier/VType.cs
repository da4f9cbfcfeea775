namespace Holon.Jvm.Verifier;

/// <summary>What the verifier knows of a local variable or a slot of the operand stack (JVMS §4.10.1.2).</summary>
internal enum VKind : byte
{
    /// <summary>Nothing that may be used.</summary>
    Top,
    Int,
    Float,
    Long,

    /// <summary>The second slot of a long.</summary>
    LongHigh,
    Double,
    DoubleHigh,
    Null,

    /// <summary>The object that a constructor has not yet given to another constructor.</summary>
    UninitializedThis,

    /// <summary>What <c>new</c> made and no constructor has seen.</summary>
    Uninitialized,

    /// <summary>An object or array.</summary>
    Reference,

    /// <summary>Where a subroutine of <c>jsr</c> returns to.</summary>
    ReturnAddress,
}

/// <summary>A verification type.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Name">Of references: the class's internal name, or an array's descriptor.</param>
/// <param name="At">Of uninitialized objects: where <c>new</c> is. Of return addresses: where the subroutine begins.</param>
internal readonly record struct VType(VKind Kind, string? Name = null, int At = 0)
{
    public static readonly VType Top;
    public static readonly VType Int = new(VKind.Int), Float = new(VKind.Float), Long = new(VKind.Long), Double = new(VKind.Double);
    public static readonly VType Null = new(VKind.Null), UninitializedThis = new(VKind.UninitializedThis);
    public static readonly VType Object = Of("java/lang/Object"), String = Of("java/lang/String"), Throwable = Of("java/lang/Throwable");

    public static VType Of(string name) => new(VKind.Reference, name);

    public bool IsWide => Kind is VKind.Long or VKind.Double;

    public bool IsHigh => Kind is VKind.LongHigh or VKind.DoubleHigh;

    /// <summary>A value of one slot. What a stack map calls unusable is none: it may be half of a long.</summary>
    public bool IsSingle => Kind != VKind.Top && !IsWide && !IsHigh;

    public bool IsArray => Kind == VKind.Reference && Name![0] == '[';

    public bool IsUninitialized => Kind is VKind.Uninitialized or VKind.UninitializedThis;

    /// <summary>Anything that one slot of references can hold, uninitialized objects included.</summary>
    public bool IsReference => Kind is VKind.Null or VKind.Reference || IsUninitialized;

    /// <summary>The second slot of a long or double.</summary>
    public VType High => new(Kind == VKind.Long ? VKind.LongHigh : VKind.DoubleHigh);

    /// <summary>The type of a field or return descriptor; V gives <see cref="VKind.Top"/>.</summary>
    public static VType OfDescriptor(string descriptor) => descriptor[0] switch
    {
        'Z' or 'B' or 'C' or 'S' or 'I' => Int,
        'F' => Float,
        'J' => Long,
        'D' => Double,
        'L' => Of(descriptor[1..^1]),
        '[' => Of(descriptor),
        _ => Top,
    };

    /// <summary>Of an array: what its elements are; null when they are numbers.</summary>
    public VType? ReferenceComponent => Name![1] is 'L' or '[' ? OfDescriptor(Name[1..]) : null;

    public override string ToString() => Kind switch
    {
        VKind.Top => "top",
        VKind.Int => "integer",
        VKind.Float => "float",
        VKind.Long => "long",
        VKind.LongHigh => "long_2nd",
        VKind.Double => "double",
        VKind.DoubleHigh => "double_2nd",
        VKind.Null => "null",
        VKind.UninitializedThis => "uninitializedThis",
        VKind.Uninitialized => $"uninitialized {At}",
        VKind.ReturnAddress => $"returnAddress {At}",
        _ => $"'{Name}'",
    };
}
