using System.Text;
using Holon.SystemMachine;
using Holon.SystemMachine.Images;
using Holon.SystemMachine.Networks;

namespace Holon.EndToEnd;

/// <summary>Devices that come and go while a guest runs.</summary>
public sealed class HotplugTests(Busybox busybox) : IClassFixture<Busybox>
{
    [Fact]
    public async Task A_network_card_is_plugged_in_used_and_taken_out()
    {
        busybox.Require();
        var cancellation = TestContext.Current.CancellationToken;
        var image = await ImageStore.ForUser().GetAsync("busybox", new Progress<ImageProgress>(), cancellation);
        var session = new GuestSession
        {
            Command =
            [
                "sh", "-c",
                """
                echo waiting; while ! [ -e /sys/class/net/eth0 ]; do sleep 0.1; done
                ip link set eth0 up; udhcpc -q -n -i eth0 -s /holon/dhcp >/dev/null 2>&1; ping -qc 1 10.0.2.1 | grep -o '1 packets received'
                while [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do sleep 0.1; done; echo pulled
                while [ -e /sys/class/net/eth0 ]; do sleep 0.1; done; echo gone; exit 3
                """,
            ],
            HasInput = false,
            HasNetwork = true,
            Modules = ["virtio_pci", "virtio_net"],
        };
        var output = new StringBuilder();
        await using var machine = SystemMachine.SystemMachine.Create(
            new SystemMachineSpec { Kernel = image.Kernel, Initrds = [image.Initrd, image.Modules], CommandLine = BusyboxImage.CommandLine, ExtraInitrd = session.ToInitrd(), StopOnReset = true, Timeout = TimeSpan.FromMinutes(2) },
            bytes =>
            {
                lock (output) output.Append(Encoding.ASCII.GetString(bytes));
            });
        await machine.StartAsync(cancellation);
        await PrintedAsync(machine, output, "waiting");
        machine.AttachNetwork(new NetworkSpec());
        await PrintedAsync(machine, output, "1 packets received");
        machine.SetLink("net", up: false);
        await PrintedAsync(machine, output, "pulled");
        machine.DetachDevice("net");
        Assert.Equal(3, (await machine.Completion.WaitAsync(cancellation)).Code);
    }

    [Fact]
    public async Task Cards_come_and_go_while_another_and_they_themselves_carry_traffic()
    {
        busybox.Require();
        var cancellation = TestContext.Current.CancellationToken;
        using var server = new LoopbackServer(200);
        var image = await ImageStore.ForUser().GetAsync("busybox", new Progress<ImageProgress>(), cancellation);
        var session = new GuestSession
        {
            Command =
            [
                "sh", "-c",
                $$"""
                url=http://10.0.2.1:{{server.Port}}/
                (while :; do [ "$(wget -qO- $url | sha256sum | cut -d' ' -f1)" = {{server.Digest}} ] || echo wrong; done) &
                for round in 1 2 3; do
                    while ! [ -e /sys/class/net/eth1 ]; do sleep 0.05; done
                    ip link set eth1 up
                    until ping -6 -qc 1 -W 1 -I eth1 fe80::1%eth1 >/dev/null 2>&1; do :; done
                    (while ping -6 -A -qc 100 -s 1400 -I eth1 fe80::1%eth1 >/dev/null 2>&1; do :; done) &
                    sleep 0.3; echo used $round
                    while [ -e /sys/class/net/eth1 ]; do sleep 0.05; done; echo gone $round
                done
                kill %1; wget -qO- $url | sha256sum | cut -d' ' -f1; exit 4
                """,
            ],
            HasInput = false,
            HasNetwork = true,
            Modules = ["virtio_pci", "virtio_net"],
        };
        var output = new StringBuilder();
        await using var machine = SystemMachine.SystemMachine.Create(
            new SystemMachineSpec
            {
                Kernel = image.Kernel,
                Initrds = [image.Initrd, image.Modules],
                CommandLine = BusyboxImage.CommandLine,
                ExtraInitrd = session.ToInitrd(),
                StopOnReset = true,
                Timeout = TimeSpan.FromMinutes(3),
                Networks = [new NetworkSpec { HostAccess = [$"{server.Port}"] }],
                Cpus = 2,
            },
            bytes =>
            {
                lock (output) output.Append(Encoding.ASCII.GetString(bytes));
            });
        await machine.StartAsync(cancellation);
        for (var round = 1; round <= 3; round++)
        {
            machine.AttachNetwork(new NetworkSpec());
            await PrintedAsync(machine, output, $"used {round}");
            machine.DetachDevice($"net{round + 1}");
            await PrintedAsync(machine, output, $"gone {round}");
        }

        Assert.Equal(4, (await machine.Completion.WaitAsync(cancellation)).Code);
        Assert.Contains(server.Digest, output.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", output.ToString(), StringComparison.Ordinal);
    }

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
        await PrintedAsync(machine, output, "waiting");
        machine.AttachDisk(disk);
        await PrintedAsync(machine, output, "hot contents");
        Assert.Throws<Holon.Machines.HolonException>(() => machine.AttachDisk(disk)); // its name is taken
        machine.DetachDevice("hot");
        var exit = await machine.Completion.WaitAsync(cancellation);
        Assert.Equal(3, exit.Code);
        Assert.Contains("hot-1", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("gone", output.ToString(), StringComparison.Ordinal);
    }

    private static async Task PrintedAsync(SystemMachine.SystemMachine machine, StringBuilder output, string text)
    {
        while (true)
        {
            lock (output)
            {
                if (output.ToString().Contains(text, StringComparison.Ordinal)) return;
            }

            Assert.False(machine.Completion.IsCompleted, $"The machine ended without '{text}'; it printed {output}");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
