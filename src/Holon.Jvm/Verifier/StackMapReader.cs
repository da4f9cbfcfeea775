using Holon.Jvm.ClassFile;

namespace Holon.Jvm.Verifier;

/// <summary>Reads a StackMapTable attribute (JVMS §4.7.4) to the frames that it describes.</summary>
internal ref struct StackMapReader
{
    private readonly MethodCode _code;
    private ReadOnlySpan<byte> _rest;

    private StackMapReader(MethodCode code, ReadOnlySpan<byte> data)
    {
        _code = code;
        _rest = data;
    }

    /// <summary>The frames by bytecode index, in ascending order.</summary>
    public static List<(int At, TypeFrame Frame)> Read(MethodCode code, TypeFrame first, CellBudget cells)
    {
        var frames = new List<(int At, TypeFrame Frame)>();
        if (code.Info.StackMapTable == null) return frames;
        var reader = new StackMapReader(code, code.Info.StackMapTable);
        var frame = first;
        var at = -1;
        for (int i = 0, count = reader.U2(); i < count; i++)
        {
            var before = frame;
            frame = reader.Next(frame, ref at);
            cells.Take((ReferenceEquals(frame.Locals, before.Locals) ? 0 : frame.Locals.Length) + frame.Stack.Length + 4);
            if (!code.IsStart(at)) throw new VerifyFailure("StackMapTable error: bad offset", "Invalid stackmap specification.") { MapFrame = frame, MapAt = at };
            frames.Add((at, frame));
        }
        if (!reader._rest.IsEmpty) throw Error("wrong attribute size");
        return frames;
    }

    private static VerifyFailure Error(string what, bool namesMethod = false) => VerifyFailure.Format($"StackMapTable format error: {what}", namesMethod);

    private int U1()
    {
        if (_rest.IsEmpty) throw Error("access beyond the end of attribute");
        var value = _rest[0];
        _rest = _rest[1..];
        return value;
    }

    private int U2() => U1() << 8 | U1();

    private TypeFrame Next(TypeFrame before, ref int at)
    {
        var tag = U1();
        // Frames that say nothing of locals share them; nobody writes into a frame of the map once it is read.
        var frame = new TypeFrame(tag is < 128 or 247 or 251 ? before.Locals : (VType[])before.Locals.Clone(), tag is < 64 or (>= 248 and < 255) ? 0 : tag == 255 ? _code.Info.MaxStack : Math.Min(2, _code.Info.MaxStack)) { Named = before.Named };
        switch (tag)
        {
            case < 64:
                at += tag + 1;
                break;
            case < 128:
                at += tag - 64 + 1;
                ReadStack(frame, 1);
                break;
            case < 247:
                throw Error("reserved frame type");
            case 247:
                at += U2() + 1;
                ReadStack(frame, 1);
                break;
            case < 251:
                at += U2() + 1;
                Chop(frame, 251 - tag);
                break;
            case 251:
                at += U2() + 1;
                break;
            case < 255:
                at += U2() + 1;
                ReadLocals(frame, frame.Named, tag - 251);
                break;
            default:
                at += U2() + 1;
                frame.Locals.AsSpan().Clear();
                ReadLocals(frame, 0, U2());
                ReadStack(frame, U2());
                break;
        }
        frame.ThisUninitialized = frame.Locals.AsSpan().Contains(VType.UninitializedThis);
        return frame;
    }

    private static void Chop(TypeFrame frame, int count)
    {
        var end = frame.Named;
        for (; count > 0; count--)
        {
            if (end == 0) throw Error("bad offset", true);
            frame.Locals[--end] = VType.Top;
            if (end > 0 && frame.Locals[end - 1].IsWide) frame.Locals[--end] = VType.Top;
        }
        frame.Named = end;
    }

    private void ReadLocals(TypeFrame frame, int slot, int count)
    {
        var types = ReadTypes(count);
        if (slot + types.Count > frame.Locals.Length) throw Error("bad type array size", true);
        types.CopyTo(frame.Locals, slot);
        frame.Named = slot + types.Count;
    }

    private void ReadStack(TypeFrame frame, int count)
    {
        var types = ReadTypes(count);
        if (types.Count > _code.Info.MaxStack) throw Error("bad type array size", true);
        types.CopyTo(frame.Stack);
        frame.Depth = types.Count;
    }

    /// <summary>Types by slot: a long or double takes two.</summary>
    private List<VType> ReadTypes(int count)
    {
        var types = new List<VType>();
        for (; count > 0; count--)
        {
            var type = ReadType();
            types.Add(type);
            if (type.IsWide) types.Add(type.High);
        }
        return types;
    }

    private VType ReadType()
    {
        switch (U1())
        {
            case 0: return VType.Top;
            case 1: return VType.Int;
            case 2: return VType.Float;
            case 3: return VType.Double;
            case 4: return VType.Long;
            case 5: return VType.Null;
            case 6: return VType.UninitializedThis;
            case 7:
                var index = U2();
                if (_code.Pool.Tag(index) != CpTag.Class) throw Error("bad class index");
                return VType.Of(_code.Pool.ClassName(index));
            case 8:
                var offset = U2();
                if (!_code.IsStart(offset) || _code.Bytes[offset] != 187) throw Error("bad offset for Uninitialized", true);
                return new VType(VKind.Uninitialized, null, offset);
            default:
                throw Error("bad verification type");
        }
    }
}
