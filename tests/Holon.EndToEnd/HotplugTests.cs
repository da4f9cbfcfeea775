using System.Text;
using Holon.SystemMachine;
using Holon.SystemMachine.Images;

namespace Holon.EndToEnd;

/// <summary>Disks that come and go while a guest runs.</summary>
public sealed class HotplugTests(Busybox busybox) : IClassFixture<Busybox>
{
    [Fact]
    public async Task A_disk_is_plugged_in_used_and_taken_out()
    {
        busybox.Require();
        var cancellation = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        var disk = new DiskSpec { Path = folder.File("hot", Encoding.ASCII.GetBytes("hot contents".PadRight(1 << 20))), Serial = "hot-1", Name = "hot" };
        var image = await ImageStore.ForUser().GetAsync("busybox", new Progress<ImageProgress>(), cancellation);
        var session = new GuestSession
        {
            Command = ["sh", "-c", "echo waiting; while ! [ -e /dev/vda ]; do sleep 0.1; done; cat /sys/block/vda/serial; head -c 12 /dev/vda; echo; while [ -e /dev/vda ]; do sleep 0.1; done; echo gone; exit 3"],
            HasInput = false,
            Modules = ["virtio_pci", "virtio_blk"],
        };
        var output = new StringBuilder();
        await using var machine = SystemMachine.SystemMachine.Create(
            new SystemMachineSpec { Kernel = image.Kernel, Initrds = [image.Initrd, image.Modules], CommandLine = BusyboxImage.CommandLine, ExtraInitrd = session.ToInitrd(), StopOnReset = true, Timeout = TimeSpan.FromMinutes(2) },
            bytes =>
            {
                lock (output) output.Append(Encoding.ASCII.GetString(bytes));
            });
        await machine.StartAsync(cancellation);
        await Printed("waiting");
        machine.AttachDisk(disk);
        await Printed("hot contents");
        Assert.Throws<Holon.Machines.HolonException>(() => machine.AttachDisk(disk)); // its name is taken
        machine.DetachDevice("hot");
        var exit = await machine.Completion.WaitAsync(cancellation);
        Assert.Equal(3, exit.Code);
        Assert.Contains("hot-1", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("gone", output.ToString(), StringComparison.Ordinal);

        async Task Printed(string text)
        {
            while (true)
            {
                lock (output)
                {
                    if (output.ToString().Contains(text, StringComparison.Ordinal)) return;
                }

                Assert.False(machine.Completion.IsCompleted, $"The machine ended without '{text}'; it printed {output}");
                await Task.Delay(20, cancellation);
            }
        }
    }
}
