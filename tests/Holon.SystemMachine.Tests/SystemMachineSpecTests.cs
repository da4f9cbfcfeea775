using CsCheck;
using Holon.Machines;
using Holon.SystemMachine.Networks;

namespace Holon.SystemMachine.Tests;

public sealed class SystemMachineSpecTests
{
    private static readonly SystemMachineSpec Valid = new() { Kernel = "/boot/vmlinuz" };

    public static TheoryData<string, SystemMachineSpec> Impossible => new()
    {
        { "nothing to boot", new SystemMachineSpec() },
        { "not both", Valid with { Bios = "bios.bin" } },
        { "needs a kernel", new SystemMachineSpec { Bios = "bios.bin", Initrds = ["initrd"] } },
        { "needs a kernel", new SystemMachineSpec { Bios = "bios.bin", CommandLine = "quiet" } },
        { "4M of memory is too little", Valid with { Memory = new MemorySize(4 * MemorySize.MiB) } },
        { "too much", Valid with { Memory = new MemorySize(ulong.MaxValue & ~4095ul) } },
        { "give --memory 20484K", Valid with { Memory = new MemorySize((20 * MemorySize.MiB) + 1) } },
        { "1 to 64", Valid with { Cpus = 65 } },
        { "1 to 64", Valid with { Cpus = 0 } },
        { "name", Valid with { Name = "" } },
        { "name", Valid with { Name = "../etc" } },
        { "name", Valid with { Name = new string('a', SystemMachineSpec.LongestName + 1) } },
        { "printable", Valid with { CommandLine = "quiet\n" } },
        { "shorten", Valid with { CommandLine = new string('a', SystemMachineSpec.LongestCommandLine + 1) } },
        { "network card's address", Valid with { Networks = [new NetworkSpec { Mac = "01:00:00:00:00:01" }] } },
        { "network's name", Valid with { Networks = [new NetworkSpec { Kind = NetworkKind.Named, Network = "a b" }] } },
        { "for the network 'nat'", Valid with { Networks = [new NetworkSpec { Kind = NetworkKind.Tap, Network = "tap0", Publish = ["80:80"] }] } },
        { "cannot be read", Valid with { Networks = [new NetworkSpec { Publish = ["80"] }] } },
        { "neither allow nor deny", Valid with { Networks = [new NetworkSpec { Rules = ["all"] }] } },
        { "time limit", Valid with { Timeout = TimeSpan.Zero } },
        { "time limit", Valid with { Timeout = TimeSpan.MaxValue } },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void What_cannot_be_is_refused_with_a_sentence(string reason, SystemMachineSpec spec) =>
        Assert.Contains(reason, Assert.Throws<HolonException>(spec.Validate).Message, StringComparison.Ordinal);

    [Fact]
    public void What_can_be_is_returned_as_it_is() => Assert.Same(Valid, Valid.Validate());

    [Fact]
    public void Json_keeps_everything_but_what_belongs_to_one_run()
    {
        var spec = new SystemMachineSpec
        {
            Name = "web-1",
            Kernel = "/boot/vmlinuz",
            Initrds = ["/boot/initrd", "/tmp/more"],
            CommandLine = "console=ttyS0",
            Memory = new MemorySize(MemorySize.GiB),
            CpuModel = CpuLevel.V2,
            Engine = EngineChoice.Interpreter,
            Trace = TraceCategories.Io | TraceCategories.Exceptions,
            Timeout = TimeSpan.FromSeconds(90),
            ExtraInitrd = new byte[] { 1, 2, 3 },
            Disks = [new DiskSpec { Path = "a.qcow2", Serial = "s", Bus = DiskBus.Ahci }],
            Devices = [new DeviceSpec { Kind = DeviceKind.Vsock, Cid = 9, Socket = "/run/s" }],
            Networks = [new NetworkSpec { Publish = ["2222:22"], Rules = ["deny all"], Mac = "52:54:00:00:00:01" }, new NetworkSpec { Kind = NetworkKind.Named, Network = "lab" }],
            Shares = [new Holon.SystemMachine.Shares.ShareSpec { Source = "/host", Target = "/src", ReadOnly = true }],
        };
        var back = SystemMachineSpec.FromJson(spec.ToJson());
        Assert.Equal(spec.Initrds, back.Initrds);
        Assert.Equal(spec.Disks, back.Disks);
        Assert.Equal(spec.Devices, back.Devices);
        Assert.Equal(spec.Shares, back.Shares);
        Assert.Equal(spec with { ExtraInitrd = default, Initrds = back.Initrds, Disks = back.Disks, Devices = back.Devices, Networks = back.Networks, Shares = back.Shares }, back);
        Assert.Equal(spec.ToJson(), back.ToJson());
    }

    [Fact]
    public void Json_reads_as_people_write_it()
    {
        var json = Valid.ToJson();
        Assert.Contains("\"memory\": \"512M\"", json, StringComparison.Ordinal);
        Assert.Contains("\"cpuModel\": \"x86-64-v3\"", json, StringComparison.Ordinal);
        Assert.Contains("\"engine\": \"auto\"", json, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"kernel\":\"k\",\"memroy\":\"1G\"}")]
    [InlineData("{\"kernel\":\"k\",\"memory\":\"1X\"}")]
    [InlineData("{\"kernel\":\"k\",\"engine\":\"warp\"}")]
    [InlineData("{\"kernel\":\"k\",\"initrds\":null}")]
    [InlineData("{\"kernel\":\"k\",\"name\":null}")]
    public void Json_that_is_no_specification_is_refused(string json) => Assert.Throws<HolonException>(() => SystemMachineSpec.FromJson(json));

    [Fact]
    public void No_text_makes_reading_fail_otherwise() =>
        Gen.String.Sample(text =>
        {
            try
            {
                SystemMachineSpec.FromJson(text);
            }
            catch (HolonException)
            {
                // The only way to fail.
            }
        });
}
