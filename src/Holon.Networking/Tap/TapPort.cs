using System.Runtime.InteropServices;
using System.Text;
using Holon.Machines;
using Holon.Networking.Host;

namespace Holon.Networking;

/// <summary>
/// A TAP device of the host as a port (kernel: Documentation/networking/tuntap.rst), with the kernel's offloads, so that frames of 64 KiB
/// pass. Making one needs root; opening one that belongs to the user does not.
/// </summary>
public sealed unsafe class TapPort : INetworkPort, IDisposable
{
    private const uint SetInterface = 0x400454CA, SetOffload = 0x400454D0, SetHeaderSize = 0x400454D8, AddToBridge = 0x89A2, SetInterfaceFlags = 0x8914;
    private const short InterfaceUp = 1, Tap = 2, NoPacketInfo = 0x1000, VnetHeader = 0x4000;
    private const uint OffloadChecksum = 1, OffloadTso4 = 2, OffloadTso6 = 4, OffloadUso4 = 0x20, OffloadUso6 = 0x40; // USO since Linux 6.2
    private const int HeaderSize = 12, NameSize = 16; // virtio_net_hdr_v1

    private readonly int _descriptor;
    private readonly byte* _buffer;

    private TapPort(int descriptor, PortFeatures features)
    {
        _descriptor = descriptor;
        Features = features;
        _buffer = (byte*)NativeMemory.AlignedAlloc(HeaderSize + Frame.MaxLength, 64);
    }

    /// <inheritdoc/>
    public PortFeatures Features { get; }

    /// <inheritdoc/>
    public int PollDescriptor => _descriptor;

    /// <summary>Opens a TAP device, or makes one that goes away with the port.</summary>
    /// <exception cref="HolonException">The host refuses.</exception>
    public static TapPort Open(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or >= NameSize || name.Any(letter => letter is '/' or <= ' ' or > '~' or '%'))
            throw new HolonException($"'{name}' cannot be a network interface; its name has 1 to 15 letters and digits.");
        const int ReadWriteNonBlocking = 2 | Linux.NonBlocking | Linux.CloseOnExec;
        var descriptor = Linux.Open("/dev/net/tun", ReadWriteNonBlocking, 0);
        if (descriptor < 0) throw new HolonException($"The TAP device '{name}' needs /dev/net/tun, which cannot be opened ({Linux.Describe(Linux.Error)}); load the module tun, or use the default network.");
        var request = stackalloc byte[40]; // struct ifreq; safe: the kernel reads and writes these 40 bytes only
        new Span<byte>(request, 40).Clear();
        Encoding.ASCII.GetBytes(name, new Span<byte>(request, NameSize));
        *(short*)(request + NameSize) = Tap | NoPacketInfo | VnetHeader;
        if (Linux.Control(descriptor, SetInterface, request) < 0)
        {
            var error = Linux.Error;
            _ = Linux.Close(descriptor);
            throw new HolonException(error == Linux.NotPermitted
                ? $"The TAP device '{name}' needs root, or one made for you: sudo ip tuntap add {name} mode tap vnet_hdr user $USER."
                : $"The TAP device '{name}' cannot be used ({Linux.Describe(error)}); it must not be in use and must have been made with vnet_hdr.");
        }

        var headerSize = HeaderSize;
        _ = Linux.Control(descriptor, SetHeaderSize, &headerSize);
        const uint Offloads = OffloadChecksum | OffloadTso4 | OffloadTso6;
        var features = PortFeatures.PartialChecksum | PortFeatures.Tso4 | PortFeatures.Tso6;
        if (Linux.Control(descriptor, SetOffload, (void*)(Offloads | OffloadUso4 | OffloadUso6)) == 0)
        {
            features |= PortFeatures.Uso4 | PortFeatures.Uso6;
        }
        else if (Linux.Control(descriptor, SetOffload, (void*)Offloads) < 0)
        {
            _ = Linux.Close(descriptor);
            throw new HolonException($"The host's kernel refuses offloads for the TAP device '{name}'.");
        }

        return new TapPort(descriptor, features);
    }

    /// <summary>Makes a TAP device that is plugged into a bridge of the host and goes away with the port.</summary>
    /// <exception cref="HolonException">There is no such bridge, or the host refuses.</exception>
    public static TapPort OpenOnBridge(string bridge)
    {
        ArgumentNullException.ThrowIfNull(bridge);
        var name = $"holon{Random.Shared.Next(0x100000):x5}";
        if (bridge.Length is 0 or >= NameSize || Linux.InterfaceIndex(bridge) == 0) throw new HolonException($"There is no bridge '{bridge}'; make it with: sudo ip link add {bridge} type bridge");
        var port = Open(name);
        var socket = Linux.Socket(Linux.FamilyV4, Linux.Datagram | Linux.CloseOnExec, 0);
        try
        {
            var request = stackalloc byte[40]; // struct ifreq; safe: the kernel reads these 40 bytes only
            new Span<byte>(request, 40).Clear();
            Encoding.ASCII.GetBytes(bridge, new Span<byte>(request, NameSize));
            *(uint*)(request + NameSize) = Linux.InterfaceIndex(name);
            if (Linux.Control(socket, AddToBridge, request) < 0)
                throw new HolonException($"The TAP device '{name}' cannot be added to '{bridge}' ({Linux.Describe(Linux.Error)}); that needs root, and '{bridge}' must be a bridge.");
            new Span<byte>(request, 40).Clear();
            Encoding.ASCII.GetBytes(name, new Span<byte>(request, NameSize));
            *(short*)(request + NameSize) = InterfaceUp;
            if (Linux.Control(socket, SetInterfaceFlags, request) < 0) throw new HolonException($"The TAP device '{name}' cannot be switched on ({Linux.Describe(Linux.Error)}).");
            return port;
        }
        catch
        {
            port.Dispose();
            throw;
        }
        finally
        {
            _ = Linux.Close(socket);
        }
    }

    /// <inheritdoc/>
    public bool TryTake(Frame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        frame.Clear();
        // Safe: the buffer is ours until Dispose and has room for the header and the longest frame.
        var count = Linux.Read(_descriptor, _buffer, HeaderSize + Frame.MaxLength);
        if (count <= HeaderSize) return false;
        frame.Offload = *(FrameOffload*)_buffer;
        return frame.Add((nint)(_buffer + HeaderSize), (int)count - HeaderSize);
    }

    /// <inheritdoc/>
    public void Release(Frame frame)
    {
        // The buffer is used for the next one.
    }

    /// <inheritdoc/>
    public bool TryPut(ReadOnlySpan<byte> head, ReadOnlySpan<MemorySegment> body, in FrameOffload offload)
    {
        // Safe: the kernel only reads the pieces; head and header stay in place while they are fixed or on the stack.
        var header = stackalloc byte[HeaderSize];
        *(FrameOffload*)header = offload;
        *(ushort*)(header + FrameOffload.Size) = 0;
        var segments = stackalloc MemorySegment[body.Length + 2];
        fixed (byte* first = head)
        {
            segments[0] = new((nint)header, HeaderSize);
            segments[1] = new((nint)first, head.Length);
            body.CopyTo(new Span<MemorySegment>(segments + 2, body.Length));
            if (Linux.WriteVector(_descriptor, segments, body.Length + 2) >= 0) return true;
            return Linux.Error != Linux.Again; // an interface that is down loses frames, as a pulled cable does
        }
    }

    /// <inheritdoc/>
    public void Flush()
    {
        // The kernel has them already.
    }

    /// <summary>Closes the device; a temporary one goes away.</summary>
    public void Dispose()
    {
        _ = Linux.Close(_descriptor);
        NativeMemory.AlignedFree(_buffer);
    }
}
