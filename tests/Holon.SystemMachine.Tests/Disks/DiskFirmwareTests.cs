using Holon.Machines;
using Holon.SystemMachine.Disks;
using Holon.SystemMachine.Images;

namespace Holon.SystemMachine.Tests.Disks;

/// <summary>A disk tells by its partitions and its boot sector which firmware starts it.</summary>
public sealed class DiskFirmwareTests : IDisposable
{
    private const long MiB = 1 << 20;

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(true, false, SystemMachineSpec.UefiFirmware)]
    [InlineData(false, true, SystemMachineSpec.DefaultFirmware)]
    public void The_firmware_is_the_one_that_the_disk_is_made_for(bool efi, bool boots, string firmware)
    {
        Make(efi, boots);
        var spec = DiskFirmware.Complete(new SystemMachineSpec { Disks = [new DiskSpec { Path = _path }] });
        Assert.Equal((firmware, efi), (spec.Bios, spec.Uefi));
    }

    [Fact]
    public void A_disk_for_both_is_started_by_the_firmware_that_is_there()
    {
        Make(efi: true, boots: true);
        var spec = DiskFirmware.Complete(new SystemMachineSpec { Disks = [new DiskSpec { Path = _path }] });
        Assert.Equal(File.Exists(SystemMachineSpec.UefiFirmware), spec.Uefi);
    }

    [Fact]
    public void A_disk_without_a_system_is_named()
    {
        Make(efi: false, boots: false);
        var complaint = Assert.Throws<HolonException>(() => DiskFirmware.Complete(new SystemMachineSpec { Disks = [new DiskSpec { Path = _path }] }));
        Assert.Contains($"no system to start on {_path}", complaint.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_said_to_be_booted_stays()
    {
        Make(efi: true, boots: true);
        var spec = new SystemMachineSpec { Kernel = "vmlinuz", Disks = [new DiskSpec { Path = _path }] };
        Assert.Same(spec, DiskFirmware.Complete(spec));
    }

    [Fact]
    public void Tables_that_lie_are_no_tables()
    {
        var random = new Random(1);
        var start = new byte[64 << 10];
        for (var round = 0; round < 10_000; round++)
        {
            random.NextBytes(start.AsSpan(0, 2048));
            (start[510], start[511]) = (0x55, 0xAA);
            "EFI PART"u8.CopyTo(start.AsSpan(512));
            if (round % 2 == 0) start.AsSpan(512 + 72, 8).Clear();
            if (round % 3 == 0) start.AsSpan(512 + 82, 6).Clear();
            _ = DiskFirmware.HasEfiSystem(start.AsSpan(0, random.Next(start.Length)));
            _ = DiskFirmware.HasBootCode(start.AsSpan(0, random.Next(1024)));
        }
    }

    private void Make(bool efi, bool boots)
    {
        using var file = File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.SetLength(file, 64 * MiB);
        var root = new Partition(1, Partition.Linux, "root", 8 * MiB, 55 * MiB);
        GuidPartitionTable.Write(file, 64 * MiB, efi ? [root, new Partition(15, Partition.EfiSystem, "efi", MiB, 3 * MiB)] : [root], boots ? [0xEB, 0x63] : []);
    }
}
