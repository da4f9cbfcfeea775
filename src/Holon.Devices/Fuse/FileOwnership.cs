using System.Buffers.Text;

namespace Holon.Devices.Fuse;

/// <summary>What a guest is shown of who owns a file, and what it may do with it.</summary>
internal struct ShownOwner
{
    public uint User, Group;

    /// <summary>Set-user and set-group bits, and the kind of a device that an empty file stands for.</summary>
    public uint Mode;

    public uint Device;
}

/// <summary>
/// How owners in the guest and on the host belong together. Passed through, they are the same: Holon runs as root. Mapped, everything on the host
/// belongs to whoever runs Holon, who is root in the guest; other owners, set-user bits and devices are kept in an extended attribute of
/// files and folders, where nothing on the host acts upon them.
/// </summary>
internal sealed unsafe class FileOwnership(bool mapped)
{
    /// <summary>What the host's other users are in the guest: nobody.</summary>
    public const uint Nobody = 65534;

    private const int LongestValue = 64;

    private readonly uint _user = LinuxCalls.EffectiveUser, _group = LinuxCalls.EffectiveGroup;

    /// <summary>The attribute's name.</summary>
    public static ReadOnlySpan<byte> Attribute => "user.holon.owner\0"u8;

    /// <summary>True when owners are kept beside the files.</summary>
    public bool IsMapped { get; } = mapped;

    /// <summary>Whether the guest may neither see nor set an extended attribute.</summary>
    public bool IsOurs(ReadOnlySpan<byte> name) => IsMapped && name.StartsWith("user.holon."u8);

    /// <summary>Who owns a file, in the guest's eyes.</summary>
    /// <param name="status">What the host says.</param>
    /// <param name="path">How it is reached.</param>
    /// <param name="byName">True when the path ends in the file's name, which is not followed if it has become a link.</param>
    public ShownOwner Shown(in FileStatus status, byte* path, bool byName)
    {
        if (!IsMapped) return new ShownOwner { User = status.User, Group = status.Group, Mode = (uint)status.Mode & ~0x1FFu };
        var owner = new ShownOwner
        {
            User = status.User == _user ? 0 : Nobody,
            Group = status.Group == _group ? 0 : Nobody,
            Mode = status.Mode & ~(0x1FFu | LinuxCalls.SetUser | LinuxCalls.SetGroup),
        };
        if (status.Kind is LinuxCalls.KindRegular or LinuxCalls.KindFolder) Read(path, byName, ref owner);
        return owner;
    }

    /// <summary>Writes down who owns a file.</summary>
    /// <param name="path">How it is reached.</param>
    /// <param name="owner">Who is to own it.</param>
    /// <returns>0 or the error.</returns>
    public static int Keep(byte* path, in ShownOwner owner)
    {
        Span<byte> value = stackalloc byte[LongestValue];
        var length = 0;
        foreach (var number in (ReadOnlySpan<uint>)[owner.User, owner.Group, owner.Mode, owner.Device])
        {
            Utf8Formatter.TryFormat(number, value[length..], out var digits);
            length += digits;
            value[length++] = (byte)' ';
        }

        fixed (byte* name = Attribute, text = value) return LinuxCalls.SetAttribute(path, name, text, length - 1, 0);
    }

    private static void Read(byte* path, bool byName, ref ShownOwner owner)
    {
        Span<byte> value = stackalloc byte[LongestValue];
        nint length;
        fixed (byte* name = Attribute, text = value)
            length = byName ? LinuxCalls.GetAttributeOfName(path, name, text, LongestValue) : LinuxCalls.GetAttribute(path, name, text, LongestValue);
        if (length <= 0) return;
        var rest = (ReadOnlySpan<byte>)value[..(int)length];
        Span<uint> numbers = stackalloc uint[4];
        for (var i = 0; i < numbers.Length; i++)
        {
            if (!Utf8Parser.TryParse(rest, out numbers[i], out var used)) return; // somebody else's text
            rest = rest[used..].TrimStart((byte)' ');
        }

        (owner.User, owner.Group, owner.Device) = (numbers[0], numbers[1], numbers[3]);
        var kind = numbers[2] & LinuxCalls.KindMask;
        owner.Mode = (owner.Mode & ~(LinuxCalls.SetUser | LinuxCalls.SetGroup)) | (numbers[2] & (LinuxCalls.SetUser | LinuxCalls.SetGroup));
        if (kind is LinuxCalls.KindBlock or LinuxCalls.KindCharacter) owner.Mode = (owner.Mode & ~LinuxCalls.KindMask) | kind;
    }
}
