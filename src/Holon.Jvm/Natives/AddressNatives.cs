using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>java.net: addresses, looking up names, network interfaces.</summary>
internal static class AddressNatives
{
    /// <summary>The family of IPv6 as java.net.InetAddress numbers it.</summary>
    private const int Version6 = 2;

    public static void Register(Func<string, NativeClass> of)
    {
        foreach (var name in (ReadOnlySpan<string>)["java/net/InetAddress", "java/net/Inet4Address", "java/net/Inet6Address", "java/net/NetworkInterface", "java/net/DatagramPacket"]) of(name).Void("init()V", _ => { });
        of("java/net/InetAddressImplFactory").Bool("isIPv6Supported()Z", a => a.Machine.UsesIPv6);
        RegisterNames(of("java/net/Inet4AddressImpl")).Bool("isReachable0([BI[BI)Z", _ => false);
        RegisterNames(of("java/net/Inet6AddressImpl")).Bool("isReachable0([BII[BII)Z", _ => false);
        RegisterInterfaces(of("java/net/NetworkInterface"));
    }

    /// <summary>Whether the host has IPv6 at all.</summary>
    public static bool HostHasIPv6 { get; } = Socket.OSSupportsIPv6 && File.Exists("/proc/net/if_inet6") && File.ReadAllText("/proc/net/if_inet6").Length > 0;

    // Names -----------------------------------------------------------------------------------------------------------

    private static NativeClass RegisterNames(NativeClass c) => c
        .Ref("getLocalHostName()Ljava/lang/String;", a => a.Machine.NewString(Environment.MachineName))
        .Ref("lookupAllHostAddr(Ljava/lang/String;)[Ljava/net/InetAddress;", LookUp)
        .Ref("getHostByAddr([B)Ljava/lang/String;", a =>
        {
            try
            {
                if (!a.Machine.Net.Any) throw Unknown(a, "host");
                return a.Machine.NewString(Dns.GetHostEntry(new IPAddress(a.Bytes(1))).HostName);
            }
            catch (SocketException)
            {
                throw Unknown(a, null);
            }
        });

    private static JavaThrow Unknown(Args a, string? message) => a.Thread.Error("java/net/UnknownHostException", message);

    private static object LookUp(Args a)
    {
        var host = a.String(1) ?? throw a.Thread.Error("java/lang/NullPointerException", "host argument is null");
        IPAddress[] found;
        try
        {
            found = a.Machine.Net.Any || host == "localhost" ? Dns.GetHostAddresses(host, a.Machine.UsesIPv6 ? AddressFamily.Unspecified : AddressFamily.InterNetwork) : [];
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            found = [];
        }
        if (found.Length == 0) throw Unknown(a, $"{host}: Name or service not known");
        // java.net.preferIPv6Addresses: false, true, or the order of the host's resolver.
        var first = a.Machine.Options.Properties.GetValueOrDefault("java.net.preferIPv6Addresses") switch
        {
            "system" => AddressFamily.Unspecified,
            { } text when text.Equals("true", StringComparison.OrdinalIgnoreCase) => AddressFamily.InterNetworkV6,
            _ => AddressFamily.InterNetwork,
        };
        var ordered = found.Distinct().Where(address => !address.IsIPv4MappedToIPv6).OrderBy(address => first != AddressFamily.Unspecified && address.AddressFamily != first);
        return JavaMachine.NewArray(a.Machine.BootLoader.Load(a.Thread, "java/net/InetAddress"), [.. ordered.Select(address => New(a, host, address))]);
    }

    /// <summary>A java.net.InetAddress; one of IPv4 that an IPv6 socket shows becomes an Inet4Address.</summary>
    public static JObject New(Args a, string? host, IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        var name = Value.Of(a.Machine.NewStringOrNull(host));
        return address.AddressFamily == AddressFamily.InterNetwork
            ? ReflectNatives.Construct(a, "java/net/Inet4Address", "(Ljava/lang/String;I)V", name, Value.Of(BinaryPrimitives.ReadInt32BigEndian(address.GetAddressBytes())))
            : ReflectNatives.Construct(a, "java/net/Inet6Address", "(Ljava/lang/String;[BI)V", name, Value.Of(address.GetAddressBytes()), Value.Of(address.ScopeId > 0 ? (int)address.ScopeId : -1));
    }

    /// <summary>The address of a java.net.InetAddress.</summary>
    public static IPAddress Of(Args a, JObject address)
    {
        var c = a.Machine.BootLoader.Load(a.Thread, "java/net/InetAddress");
        var holder = (JObject)address.Ref(Known.Offset(c, "holder"))!;
        if (holder.Field<int>(Known.Offset(holder.Class(), "family")) != Version6)
            return new IPAddress((uint)BinaryPrimitives.ReverseEndianness(holder.Field<int>(Known.Offset(holder.Class(), "address"))));
        holder = (JObject)address.Ref(Known.Offset(a.Machine.BootLoader.Load(a.Thread, "java/net/Inet6Address"), "holder6"))!;
        var bytes = (byte[])holder.Ref(Known.Offset(holder.Class(), "ipaddress"))!;
        return new IPAddress(bytes, (uint)holder.Field<int>(Known.Offset(holder.Class(), "scope_id")));
    }

    // Interfaces ------------------------------------------------------------------------------------------------------

    private static void RegisterInterfaces(NativeClass c) => c
        .Ref("getAll()[Ljava/net/NetworkInterface;", a => All(a) is { Length: > 0 } all ? JavaMachine.NewArray(a.Machine.BootLoader.Load(a.Thread, "java/net/NetworkInterface"), [.. all.Select(i => Bean(a, i))]) : null)
        .Ref("getByName0(Ljava/lang/String;)Ljava/net/NetworkInterface;", a => Find(a, i => i.Name == a.String(0)))
        .Ref("getByIndex0(I)Ljava/net/NetworkInterface;", a => Find(a, i => IndexOf(i) == a.Int(0)))
        .Ref("getByInetAddress0(Ljava/net/InetAddress;)Ljava/net/NetworkInterface;", a => Find(a, i => Has(i, Of(a, a.Object(0)))))
        .Bool("boundInetAddress0(Ljava/net/InetAddress;)Z", a => All(a).Any(i => Has(i, Of(a, a.Object(0)))))
        .Bool("isUp0(Ljava/lang/String;I)Z", a => Named(a, 0) is { } i && (Flags(i) & 1) != 0)
        .Bool("isLoopback0(Ljava/lang/String;I)Z", a => Named(a, 0) is { } i && (Flags(i) & 8) != 0)
        .Bool("isP2P0(Ljava/lang/String;I)Z", a => Named(a, 0) is { } i && (Flags(i) & 0x10) != 0)
        .Bool("supportsMulticast0(Ljava/lang/String;I)Z", a => Named(a, 0) is { } i && (Flags(i) & 0x1000) != 0)
        .Ref("getMacAddr0([BLjava/lang/String;I)[B", a => Named(a, 1)?.GetPhysicalAddress().GetAddressBytes() is { Length: > 0 } mac && mac.Any(b => b != 0) ? mac : null)
        .Int("getMTU0(Ljava/lang/String;I)I", a => Named(a, 0) is { } i && int.TryParse(Setting(i, "mtu"), out var mtu) ? mtu : 0);

    /// <summary>The host's interfaces that have an address; none for a machine that may not use the network.</summary>
    private static NetworkInterface[] All(Args a) => a.Machine.Net.Any ? [.. NetworkInterface.GetAllNetworkInterfaces().Reverse().Where(i => AddressesOf(a, i).Any())] : [];

    private static IEnumerable<UnicastIPAddressInformation> AddressesOf(Args a, NetworkInterface i) =>
        i.GetIPProperties().UnicastAddresses.Where(u => u.Address.AddressFamily == AddressFamily.InterNetwork || a.Machine.UsesIPv6);

    private static NetworkInterface? Named(Args a, int slot) => Array.Find(All(a), i => i.Name == a.String(slot));

    private static JObject? Find(Args a, Predicate<NetworkInterface> wanted) => Array.Find(All(a), wanted) is { } found ? Bean(a, found) : null;

    private static bool Has(NetworkInterface i, IPAddress address) => i.GetIPProperties().UnicastAddresses.Any(u => u.Address.GetAddressBytes().AsSpan().SequenceEqual(address.GetAddressBytes()));

    /// <summary>What the kernel says of an interface (sysfs, class/net).</summary>
    private static string Setting(NetworkInterface i, string name)
    {
        try
        {
            return File.ReadAllText($"/sys/class/net/{i.Name}/{name}").Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static int IndexOf(NetworkInterface i) => int.TryParse(Setting(i, "ifindex"), out var index) ? index : -1;

    /// <summary>Its flags (netdevice(7)).</summary>
    private static int Flags(NetworkInterface i) => Setting(i, "flags") is { Length: > 2 } text ? Convert.ToInt32(text, 16) : 0;

    private static JObject Bean(Args a, NetworkInterface i)
    {
        var made = ReflectNatives.Construct(a, "java/net/NetworkInterface", "()V");
        long Field(string name) => Known.Offset(made.Class(), name);
        var addresses = AddressesOf(a, i).OrderBy(u => u.Address.AddressFamily != AddressFamily.InterNetworkV6).ToArray();
        object?[] Array(string type, IEnumerable<JObject> items) => JavaMachine.NewArray(a.Machine.BootLoader.Load(a.Thread, type), [.. items]);
        made.Ref(Field("name")) = made.Ref(Field("displayName")) = a.Machine.NewString(i.Name);
        made.Field<int>(Field("index")) = IndexOf(i);
        made.Ref(Field("addrs")) = Array("java/net/InetAddress", addresses.Select(u => AddressIn(a, made, IndexOf(i), u.Address)));
        made.Ref(Field("bindings")) = Array("java/net/InterfaceAddress", addresses.Select(u => Binding(a, u, AddressIn(a, made, IndexOf(i), u.Address), (Flags(i) & 2) != 0)));
        made.Ref(Field("childs")) = Array("java/net/NetworkInterface", []);
        return made;
    }

    /// <summary>An interface's address; those of IPv6 are told apart by the interface that they are of.</summary>
    private static JObject AddressIn(Args a, JObject bean, int index, IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetwork) return New(a, null, address);
        var made = New(a, null, new IPAddress(address.GetAddressBytes(), index));
        var holder = (JObject)made.Ref(Known.Offset(made.Class(), "holder6"))!;
        holder.Ref(Known.Offset(holder.Class(), "scope_ifname")) = bean;
        holder.Field<byte>(Known.Offset(holder.Class(), "scope_ifname_set")) = 1;
        return made;
    }

    private static JObject Binding(Args a, UnicastIPAddressInformation u, JObject address, bool broadcasts)
    {
        var made = ReflectNatives.Construct(a, "java/net/InterfaceAddress", "()V");
        long Field(string name) => Known.Offset(made.Class(), name);
        made.Ref(Field("address")) = address;
        made.Field<short>(Field("maskLength")) = (short)u.PrefixLength;
        if (!broadcasts || u.Address.AddressFamily != AddressFamily.InterNetwork) return made;
        var hosts = u.PrefixLength == 0 ? uint.MaxValue : (1u << (32 - u.PrefixLength)) - 1;
        made.Ref(Field("broadcast")) = New(a, null, new IPAddress(BinaryPrimitives.ReverseEndianness(BinaryPrimitives.ReadUInt32BigEndian(u.Address.GetAddressBytes()) | hosts)));
        return made;
    }
}
