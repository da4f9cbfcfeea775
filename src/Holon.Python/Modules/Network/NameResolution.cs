using System.Runtime.InteropServices;
using System.Text;

namespace Holon.Python.Modules.Network;

/// <summary>Names to addresses and back, by the C library, which knows what the host is set up to ask.</summary>
internal static unsafe class NameResolution
{
    public readonly record struct Found(int Family, int Type, int Protocol, string CanonicalName, byte[] Address);

    public static string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";

    public static PyError GaiError(int code) =>
        code == -11 ? Err.OS(LibC.LastError, (PyObject?)null) : Err.Of(SocketModule.GaiErrorType, PyInt.Of(code), new PyStr(Text(SocketCalls.GaiText(code))));

    public static List<Found> Look(string? host, string? service, int family, int type, int protocol, int flags)
    {
        var gate = PyThread.Current.Machine.Gate;
        gate.AskName(host);
        var result = new List<Found>();
        var hints = new AddressInfo { Family = family, SocketType = type, Protocol = protocol, Flags = flags };
        nint list = 0;
        var code = PyThread.Current.Machine.Gil.Without(() =>
        {
            var copy = hints;
            var error = SocketCalls.GetAddrInfo(host, service, &copy, out var first);
            list = (nint)first;
            return error;
        });
        if (code != 0)
            throw GaiError(code);
        // The list is the C library's until it is freed, and its lengths are the C library's own.
        for (var at = (AddressInfo*)list; at != null; at = at->Next)
            result.Add(new Found(at->Family, at->SocketType, at->Protocol, at->CanonicalName == null ? "" : Text(at->CanonicalName), new ReadOnlySpan<byte>(at->Address, (int)at->AddressLength).ToArray()));
        SocketCalls.FreeAddrInfo((AddressInfo*)list);
        gate.Learn(host, result.Select(f => f.Family switch
        {
            SocketAddress.Inet => new System.Net.IPAddress(f.Address.AsSpan(4, 4)),
            SocketAddress.Inet6 => new System.Net.IPAddress(f.Address.AsSpan(8, 16)),
            _ => System.Net.IPAddress.None,
        }));
        return result;
    }

    public static (string Host, string Service) Name(byte[] address, int flags)
    {
        const int numericHost = 1;
        if ((flags & numericHost) == 0)
            PyThread.Current.Machine.Gate.OnAddress(address, false, _ => 0);
        var host = new byte[1025];
        var service = new byte[32];
        var code = PyThread.Current.Machine.Gil.Without(() => SocketCalls.GetNameInfo(address, address.Length, host, host.Length, service, service.Length, flags));
        if (code != 0)
            throw GaiError(code);
        return (Terminated(host), Terminated(service));
    }

    private static string Terminated(byte[] text) => Encoding.UTF8.GetString(text.AsSpan(0, Math.Max(0, Array.IndexOf(text, (byte)0))));

    public static string InterfaceName(uint index)
    {
        var name = new byte[32];
        Gate.Current.AskAll();
        return SocketCalls.InterfaceName(index, name) == null ? throw Err.OS(LibC.LastError, (PyObject?)null) : Terminated(name);
    }

    public static void Fill(ModuleBuilder m)
    {
        m.DefKept("getaddrinfo", "host, port, family=0, type=0, proto=0, flags=0", GetAddrInfo);
        m.Def("getnameinfo", "sockaddr, flags, /", a =>
        {
            if (a[0] is not PyTuple { Count: >= 2 and <= 4 } address)
                throw Err.Type("getnameinfo() argument 1 must be a tuple");
            if (address[0] is not PyStr host)
                throw Err.Type("getnameinfo(): illegal sockaddr argument");
            var family = host.Value.Contains(':', StringComparison.Ordinal) ? SocketAddress.Inet6 : SocketAddress.Inet;
            if (family == SocketAddress.Inet && address.Count != 2)
                throw Err.Of(ExceptionTypes.OSError, "IPv4 sockaddr must be 2 tuple");
            var (name, service) = Name(SocketAddress.FromPython(address, family, "getnameinfo"), Args.Int(a[1]!));
            return new PyTuple(new PyStr(name), new PyStr(service));
        });
        m.Def1("gethostbyname", host => SocketAddress.ToPython(Pad(SocketAddress.Resolve(host, SocketAddress.Inet, "gethostbyname"))) is PyTuple t ? t[0] : Values.None);
        m.Def1("gethostbyname_ex", host =>
        {
            var name = SocketAddress.HostName(host, "gethostbyname_ex");
            var found = Look(name, null, SocketAddress.Inet, 1, 0, 2);
            return new PyTuple(new PyStr(found[0].CanonicalName.Length > 0 ? found[0].CanonicalName : name), new PyList(), new PyList(found.Select(f => ((PyTuple)SocketAddress.ToPython(f.Address))[0])));
        });
        m.Def1("gethostbyaddr", host =>
        {
            var found = Look(SocketAddress.HostName(host, "gethostbyaddr"), null, 0, 1, 0, 0)[0];
            string name;
            try
            {
                name = Name(found.Address, 8).Host;
            }
            catch (PyError error) when (error.Value.Type == SocketModule.GaiErrorType)
            {
                throw Err.Of(SocketModule.HErrorType, PyInt.One, new PyStr("Unknown host"));
            }
            return new PyTuple(new PyStr(name), new PyList(), new PyList(((PyTuple)SocketAddress.ToPython(found.Address))[0]));
        });
        m.Def("getservbyname", "servicename, protocolname=?, /", a =>
        {
            var entry = SocketCalls.GetServiceByName(Args.Str(a[0], "getservbyname").Value, (a[1] as PyStr)?.Value);
            return entry == null ? throw Err.Of(ExceptionTypes.OSError, "service/proto not found") : PyInt.Of(System.Net.IPAddress.NetworkToHostOrder((short)entry->Port) & 0xffff);
        });
        m.Def("getservbyport", "port, protocolname=?, /", a =>
        {
            var port = Args.Int(a[0]!);
            if (port is < 0 or > 65535)
                throw Err.Overflow("getservbyport: port must be 0-65535.");
            var entry = SocketCalls.GetServiceByPort((ushort)System.Net.IPAddress.HostToNetworkOrder((short)port), (a[1] as PyStr)?.Value);
            return entry == null ? throw Err.Of(ExceptionTypes.OSError, "port/proto not found") : new PyStr(Text(entry->Name));
        });
        m.Def1("getprotobyname", name =>
        {
            var entry = SocketCalls.GetProtocol(Args.Str(name, "getprotobyname").Value);
            return entry == null ? throw Err.Of(ExceptionTypes.OSError, "protocol not found") : PyInt.Of(entry->Number);
        });
        m.Def1("if_nametoindex", name => Interfaces(SocketCalls.InterfaceIndex(FileSystemCodec.Path(name))) is > 0 and var index ? PyInt.Of(index) : throw Err.Of(ExceptionTypes.OSError, "no interface with this name"));
        m.Def1("if_indextoname", index => new PyStr(InterfaceName((uint)Args.Long(index))));
        m.Def0("if_nameindex", () => new PyList(Interfaces(System.Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces()).Select(i => (PyObject)new PyTuple(PyInt.Of(SocketCalls.InterfaceIndex(i.Name)), new PyStr(i.Name)))));
    }

    /// <summary>What is told of the host's network cards asks for all of the network.</summary>
    private static T Interfaces<T>(T found)
    {
        Gate.Current.AskAll();
        return found;
    }

    private static byte[] Pad(byte[] address) => [2, 0, 0, 0, .. address];

    private static PyObject GetAddrInfo(PyObject?[] a)
    {
        var host = a[0] == Values.None ? null : SocketAddress.HostName(a[0]!, "getaddrinfo");
        var service = a[1] switch
        {
            PyInt number => number.ToString(),
            PyStr text => text.Value,
            PyBytes bytes => Encoding.ASCII.GetString(bytes.Content),
            _ when a[1] == Values.None => null,
            _ => throw Err.Of(ExceptionTypes.OSError, "Int or String expected"),
        };
        var result = new PyList();
        foreach (var found in Look(host, service, Args.Int(a[2]!), Args.Int(a[3]!), Args.Int(a[4]!), Args.Int(a[5]!)))
            result.Add(new PyTuple(PyInt.Of(found.Family), PyInt.Of(found.Type), PyInt.Of(found.Protocol), new PyStr(found.CanonicalName), SocketAddress.ToPython(found.Address)));
        return result;
    }
}
