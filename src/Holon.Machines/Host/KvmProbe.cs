using System.Runtime.InteropServices;

namespace Holon.Machines.Host;

/// <summary>What the host's KVM can do for us, found by trying (Documentation/virt/kvm/api.rst).</summary>
/// <param name="Present">There is a /dev/kvm.</param>
/// <param name="Openable">This user may open it.</param>
/// <param name="CreatesMachines">It speaks the API we know and made a virtual machine when asked.</param>
/// <param name="Verdict">One sentence for people: what was found and what follows.</param>
public sealed partial record KvmProbe(bool Present, bool Openable, bool CreatesMachines, string Verdict)
{
    private const string Device = "/dev/kvm";
    private const int ApiVersion = 12;
    private const int ReadWriteCloseOnExec = 0x80002;
    private const nuint GetApiVersion = 0xAE00, CreateMachine = 0xAE01;

    /// <summary>True when a machine could run under KVM's hardware assistance.</summary>
    public bool HardwareAssisted => CreatesMachines && HostProcessor.HardwareVirtualization is not null;

    /// <summary>Tries it, leaving nothing behind.</summary>
    public static KvmProbe Try()
    {
        if (!File.Exists(Device)) return new(false, false, false, $"there is no {Device} on this host");
        var kvm = Open(Device, ReadWriteCloseOnExec);
        if (kvm < 0) return new(true, false, false, $"{Device} cannot be opened ({Marshal.GetLastPInvokeErrorMessage()}); join its group: sudo usermod -aG kvm $USER, then log in anew");
        try
        {
            if (Control(kvm, GetApiVersion, 0) is var version and not ApiVersion) return new(true, true, false, $"{Device} speaks API version {version}, not {ApiVersion}");
            var machine = Control(kvm, CreateMachine, 0);
            if (machine < 0) return new(true, true, false, $"{Device} refused to make a virtual machine ({Marshal.GetLastPInvokeErrorMessage()})");
            _ = Close(machine);
            return HostProcessor.HardwareVirtualization is { } extension
                ? new(true, true, true, $"it makes virtual machines, with {extension}")
                : new(true, true, true, "it makes virtual machines, but the processor has neither vmx nor svm: a paravirtual KVM, which runs adapted kernels only");
        }
        finally
        {
            _ = Close(kvm);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int descriptor, nuint request, nint argument);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
