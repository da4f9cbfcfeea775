using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace Holon.Python.Modules.Network;

/// <summary>Addresses: Python's tuples and strings to the kernel's structures and back.</summary>
internal static class SocketAddress
{
    public const int Unspecified = 0, Unix = 1, Inet = 2, Inet6 = 10;

    /// <summary>The largest of the structures: struct sockaddr_storage.</summary>
    public const int MaxSize = 128;

    private const int UnixPathSize = 108;

    public static byte[] FromPython(PyObject address, int family, string function)
    {
        switch (family)
        {
            case Unix:
                return UnixAddress(address);
            case Inet:
                {
                    if (address is not PyTuple pair)
                        throw Err.Type($"{function}(): AF_INET address must be tuple, not {address.Type.FullName}");
                    if (pair.Count != 2)
                        throw Err.Type($"{function}(): AF_INET address must be a pair (host, port)");
                    var result = new byte[16];
                    BitConverter.TryWriteBytes(result, (short)Inet);
                    BinaryPrimitives.WriteUInt16BigEndian(result.AsSpan(2), Port(pair[1], function));
                    Resolve(pair[0], Inet, function).CopyTo(result, 4);
                    return result;
                }
            case Inet6:
                {
                    if (address is not PyTuple parts)
                        throw Err.Type($"{function}(): AF_INET6 address must be tuple, not {address.Type.FullName}");
                    if (parts.Count is < 2 or > 4)
                        throw Err.Type($"{function}(): AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])");
                    var result = new byte[28];
                    BitConverter.TryWriteBytes(result, (short)Inet6);
                    BinaryPrimitives.WriteUInt16BigEndian(result.AsSpan(2), Port(parts[1], function));
                    var flow = parts.Count > 2 ? Args.Long(parts[2]) : 0;
                    if (flow is < 0 or > 0xfffff)
                        throw Err.Overflow($"{function}(): flowinfo must be 0-1048575.");
                    BinaryPrimitives.WriteUInt32BigEndian(result.AsSpan(4), (uint)flow);
                    Resolve(parts[0], Inet6, function).CopyTo(result, 8);
                    BitConverter.TryWriteBytes(result.AsSpan(24), parts.Count > 3 ? (uint)Args.Long(parts[3]) : 0);
                    return result;
                }
            default:
                throw Err.Of(ExceptionTypes.OSError, $"{function}(): bad family");
        }
    }

    /// <summary>The structure of a Unix socket's path.</summary>
    public static byte[] OfPath(string path) => UnixAddress(PyStr.FromUtf16(path));

    private static ushort Port(PyObject port, string function)
    {
        if (port.Type.Index is null)
            throw Err.Type($"'{port.Type.FullName}' object cannot be interpreted as an integer");
        return Ops.Index(port).TryLong(out var value) && value is >= 0 and <= 65535 ? (ushort)value : throw Err.Overflow($"{function}(): port must be 0-65535.");
    }

    private static byte[] UnixAddress(PyObject address)
    {
        var path = address is PyStr text ? FileSystemCodec.Encode(text) : Buffers.Bytes(address);
        if (path is not [0, ..] && path.Length >= UnixPathSize || path.Length > UnixPathSize)
            throw Err.Of(ExceptionTypes.OSError, "AF_UNIX path too long");
        // An abstract name has its length; a path ends with a zero.
        var result = new byte[2 + path.Length + (path is [0, ..] || path.Length == 0 ? 0 : 1)];
        BitConverter.TryWriteBytes(result, (short)Unix);
        path.CopyTo(result, 2);
        return result;
    }

    /// <summary>The bytes of an address: a number, a name, "" for any and "&lt;broadcast&gt;".</summary>
    public static byte[] Resolve(PyObject host, int family, string function)
    {
        var name = HostName(host, function);
        var size = family == Inet ? 4 : 16;
        if (name.Length == 0)
            return new byte[size];
        if (family == Inet && name is "<broadcast>" or "255.255.255.255")
            return [255, 255, 255, 255];
        if (IPAddress.TryParse(name, out var parsed) && parsed.GetAddressBytes() is var bytes && bytes.Length == size && (family != Inet || name.Count(c => c == '.') == 3))
            return bytes;
        var found = NameResolution.Look(name, null, family, 1, 0, 0);
        return found[0].Address[(family == Inet ? 4 : 8)..][..size];
    }

    public static string HostName(PyObject host, string function) => host switch
    {
        PyStr text when text.ToCodePoints().All(c => c < 128) => text.Value.Contains('\0', StringComparison.Ordinal) ? throw Err.Type("host name must not contain null character") : text.Value,
        PyStr text => Encoding.ASCII.GetString(Buffers.Bytes(Calls.CallMethod(text, "encode", new PyStr("idna")))),
        PyBytes or PyByteArray => Encoding.ASCII.GetString(Buffers.Bytes(host)),
        _ => throw Err.Type($"{function}(): str, bytes or bytearray expected, not {host.Type.FullName}"),
    };

    /// <summary>A structure from the kernel as Python sees it.</summary>
    public static PyObject ToPython(ReadOnlySpan<byte> address)
    {
        if (address.Length < 2)
            return Values.None;
        switch (BitConverter.ToInt16(address))
        {
            case Unix:
                var path = address[2..];
                if (path.Length == 0)
                    return PyStr.Empty;
                if (path[0] == 0)
                    return new PyBytes(path.ToArray());
                var end = path.IndexOf((byte)0);
                return FileSystemCodec.Decode(end < 0 ? path : path[..end]);
            case Inet:
                return new PyTuple(new PyStr(new IPAddress(address.Slice(4, 4)).ToString()), PyInt.Of(BinaryPrimitives.ReadUInt16BigEndian(address[2..])));
            case Inet6:
                var scope = MemoryMarshal.Read<uint>(address[24..]);
                return new PyTuple(new PyStr(Text6(address.Slice(8, 16)) + (scope != 0 && address[8] == 0xfe && (address[9] & 0xc0) == 0x80 ? "%" + NameResolution.InterfaceName(scope) : "")),
                    PyInt.Of(BinaryPrimitives.ReadUInt16BigEndian(address[2..])), PyInt.Of(BinaryPrimitives.ReadUInt32BigEndian(address[4..])), PyInt.Of(scope));
            case Unspecified:
                return Values.None;
            case var family:
                return new PyTuple(PyInt.Of(family), new PyBytes(address[2..].ToArray()));
        }
    }

    public static string Text6(ReadOnlySpan<byte> address) => new IPAddress(address).ToString();
}
