using System.Globalization;
using System.Text;
using Holon.Jvm.ClassFile;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Interpreter;

/// <summary>What NullPointerException says by itself: what could not be done, and what was null (JEP 358), in HotSpot's words.</summary>
internal sealed class NullMessages
{
    private const int DetailLimit = 5;

    private readonly JMethod _method;
    private readonly byte[] _code;
    private readonly ConstantPool _pool;
    private readonly NullSources _sources;
    private readonly StringBuilder _text = new();

    private NullMessages(JMethod method)
    {
        _method = method;
        _code = method.Info.Code!.Bytes;
        _pool = method.Class.Pool;
        _sources = new NullSources(method);
    }

    /// <summary>The message of an exception raised at an instruction, or null when that cannot have raised one by itself.</summary>
    public static string? Describe(JMethod method, int at)
    {
        if (method.Info.Code == null || (uint)at >= (uint)method.Info.Code.Bytes.Length) return null;
        var message = new NullMessages(method);
        if (message.NullSlot(at) is not (>= 0 and var slot)) return null;
        message.Action(at);
        var action = message._text.Length;
        if (message.Source(at, slot, DetailLimit, false, " because \"")) message._text.Append("\" is null");
        else message._text.Length = action;
        return message._text.ToString();
    }

    /// <summary>Where on the stack the null is that an instruction fails of; -1 when it fails of none.</summary>
    private int NullSlot(int at)
    {
        int op = _code[at];
        switch (op)
        {
            case >= 46 and <= 53:
                return 1;
            case 80 or 82:
                return 3;
            case >= 79 and <= 86:
                return 2;
            case 180 or 190 or 191 or 194 or 195:
                return 0;
            case 181:
                return _pool.Member(Index(at)).Descriptor[0] is 'J' or 'D' ? 2 : 1;
            case 182 or 183 or 185:
                var (_, name, descriptor) = _pool.Member(Index(at));
                // A constructor is called on a new object: an exception there was made by the program.
                return name == "<init>" ? -1 : Descriptor.ParameterSlots(descriptor);
            default:
                return -1;
        }
    }

    private int Index(int at) => BytecodeReader.U2(_code, at + 1);

    private static readonly string[] ArrayKinds = ["int", "long", "float", "double", "object", "byte/boolean", "char", "short"];

    private void Action(int at)
    {
        int op = _code[at];
        _ = op switch
        {
            >= 46 and <= 53 => _text.Append("Cannot load from ").Append(ArrayKinds[op - 46]).Append(" array"),
            >= 79 and <= 86 => _text.Append("Cannot store to ").Append(ArrayKinds[op - 79]).Append(" array"),
            190 => _text.Append("Cannot read the array length"),
            191 => _text.Append("Cannot throw exception"),
            194 => _text.Append("Cannot enter synchronized block"),
            195 => _text.Append("Cannot exit synchronized block"),
            180 => _text.Append("Cannot read field \"").Append(_pool.Member(Index(at)).Name).Append('"'),
            181 => _text.Append("Cannot assign field \"").Append(_pool.Member(Index(at)).Name).Append('"'),
            _ => Method(_text.Append("Cannot invoke \""), Index(at)).Append('"'),
        };
    }

    private static string ShortClass(string internalName)
    {
        var name = internalName[0] == '[' ? Messages.ExternalType(internalName) : internalName.Replace('/', '.');
        return name is "java.lang.Object" or "java.lang.String" ? name["java.lang.".Length..] : name;
    }

    private StringBuilder Method(StringBuilder text, int index)
    {
        var (owner, name, descriptor) = _pool.Member(index);
        var (parameters, _) = Descriptor.Parse(descriptor);
        return text.Append(ShortClass(owner)).Append('.').Append(name).Append('(')
            .AppendJoin(", ", parameters.Select(p => Trim(Messages.ExternalType(p)))).Append(')');
    }

    /// <summary>A parameter's type without java.lang before Object and String.</summary>
    private static string Trim(string type)
    {
        var element = type.TrimEnd('[', ']');
        return element is "java.lang.Object" or "java.lang.String" ? element["java.lang.".Length..] + type[element.Length..] : type;
    }

    /// <summary>Tells where the value of a slot comes from, as an expression; false when that cannot be told.</summary>
    private bool Source(int at, int slot, int detail, bool isIndex, string? prefix = null)
    {
        if (detail <= 0 || _sources.SourceOf(at, slot) is not (>= 0 and var source)) return false;
        int op = _code[source];
        var isCall = op is >= 182 and <= 185;
        if (detail == DetailLimit && prefix != null && !isCall) _text.Append(prefix);
        switch (op)
        {
            case 1:
                _text.Append("null");
                return true;
            case >= 2 and <= 8:
                _text.Append(op - 3);
                return true;
            case 16:
                _text.Append((sbyte)_code[source + 1]);
                return true;
            case 17:
                _text.Append(BytecodeReader.S2(_code, source + 1));
                return true;
            case 21 or 25:
                Local(source, _code[source + 1]);
                return true;
            case (>= 26 and <= 29) or (>= 42 and <= 45):
                Local(source, (op - 26) % 4);
                return true;
            case 196 when _code[source + 1] is 21 or 25:
                Local(source, BytecodeReader.U2(_code, source + 2));
                return true;
            case 178:
                var (owner, name, _) = _pool.Member(Index(source));
                _text.Append(ShortClass(owner)).Append('.').Append(name);
                return true;
            case 180:
                if (Source(source, 0, detail - 1, isIndex)) _text.Append('.');
                _text.Append(_pool.Member(Index(source)).Name);
                return true;
            case >= 182 and <= 185:
                if (detail == DetailLimit && !isIndex) _text.Append(" because the return value of \"");
                Method(_text, Index(source));
                return true;
            case 46 or (>= 50 and <= 53):
                if (!Source(source, 1, detail - 1, isIndex)) _text.Append("<array>");
                _text.Append('[');
                if (!Source(source, 0, detail, true)) _text.Append("...");
                _text.Append(']');
                return true;
            default:
                return false;
        }
    }

    /// <summary>A variable by its name, or by its place when the class file has no names.</summary>
    private void Local(int at, int slot)
    {
        var variables = _method.Info.Code!.LocalVariables;
        if (variables.Length > 0)
        {
            foreach (var variable in variables)
            {
                if (variable.Slot != slot || at < variable.Start || at >= variable.Start + variable.Length) continue;
                _text.Append(_pool.Utf8(variable.Name));
                return;
            }
        }
        var isParameter = !_sources.IsWritten(at, slot);
        if (!_method.IsStatic && slot == 0 && isParameter)
        {
            _text.Append("this");
            return;
        }
        var first = _method.IsStatic ? 0 : 1;
        var number = 1;
        foreach (var kind in _method.Parameters)
        {
            var size = kind is 'J' or 'D' ? 2 : 1;
            if (slot >= first && slot < first + size && isParameter)
            {
                _text.Append(CultureInfo.InvariantCulture, $"<parameter{number}>");
                return;
            }
            first += size;
            number++;
        }
        _text.Append(CultureInfo.InvariantCulture, $"<local{slot}>");
    }
}
