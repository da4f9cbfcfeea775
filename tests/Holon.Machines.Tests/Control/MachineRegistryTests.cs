using System.Net.Sockets;
using Holon.Machines.Control;

namespace Holon.Machines.Tests.Control;

/// <summary>Names of machines: who has one, and who had.</summary>
public sealed class MachineRegistryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holon-registry-").FullName;

    private MachineRegistry Registry => new(Path.Combine(_folder, "run"), Path.Combine(_folder, "state"));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_name_is_one_machines()
    {
        var (name, listener) = Registry.Claim("web", exactly: true);
        Assert.Equal("web", name);
        var refused = Assert.Throws<HolonException>(() => Registry.Claim("web", exactly: true));
        Assert.Contains($"runs already, as process {Environment.ProcessId}", refused.Message, StringComparison.Ordinal);
        var (second, other) = Registry.Claim("web", exactly: false);
        Assert.Equal("web-2", second);
        Assert.Equal(["web", "web-2"], Registry.List());
        Registry.Release(name, listener);
        Registry.Release(second, other);
        Assert.Empty(Registry.List());
        Assert.Null(Registry.Connect("web", out _));
    }

    [Fact]
    public void What_a_killed_machine_has_left_is_removed_and_its_name_is_free()
    {
        var (_, listener) = Registry.Claim("web", exactly: true);
        Leave(listener);
        Assert.Equal(["web"], Registry.List());
        var (name, again) = Registry.Claim("web", exactly: true);
        Assert.Equal("web", name);
        Leave(again);
        Assert.Null(Registry.Connect("web", out _));
        Assert.Empty(Registry.List());
    }

    [Fact]
    public void Nobody_else_can_enter_the_folders()
    {
        if (OperatingSystem.IsWindows()) return; // which has no such modes, and no machines
        var (name, listener) = Registry.Claim("web", exactly: true);
        Registry.Remember(new MachineDescription { Name = "web", Kind = "vm" });
        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(Path.Combine(_folder, "run")) & others);
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(Path.Combine(_folder, "state", "web")) & others);
        Registry.Release(name, listener);
    }

    [Theory]
    [InlineData("../web")]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData(".lock")]
    public void What_is_no_name_is_nobodys(string name)
    {
        Assert.Null(Registry.Connect(name, out _));
        Assert.Null(Registry.Recall(name));
        Assert.False(Registry.Forget(name));
        Assert.Contains("There is no machine", Assert.Throws<HolonException>(() => new ControlClient(Registry, name).Change("POST", "/v1/machine/pause")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_ended_machine_is_remembered_until_it_is_forgotten()
    {
        var ended = new MachineDescription { Name = "web", Kind = "vm", Ended = DateTimeOffset.UtcNow, Outcome = new MachineOutcome(MachineExitReason.DebugExit, 7) };
        Registry.Remember(ended);
        Assert.Equal(ended, Registry.Recall("web"));
        Assert.Contains("does not run any more", Assert.Throws<HolonException>(() => new ControlClient(Registry, "web").Change("POST", "/v1/machine/pause")).Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(_folder, "state", "web", "machine.json"), "{ damaged");
        Assert.Null(Registry.Recall("web"));
        Assert.True(Registry.Forget("web"));
        Assert.Empty(Registry.ListRemembered());
    }

    [Fact]
    public void A_path_too_long_for_a_socket_is_an_error_that_says_what_to_do()
    {
        var registry = new MachineRegistry(Path.Combine(_folder, new string('a', 100)), _folder);
        Assert.Contains("XDG_RUNTIME_DIR", Assert.Throws<IOException>(() => registry.Claim("web", exactly: true)).Message, StringComparison.Ordinal);
    }

    /// <summary>Ends listening as a killed process does: the file stays.</summary>
    private static void Leave(Socket listener)
    {
        var path = ((UnixDomainSocketEndPoint)listener.LocalEndPoint!).ToString();
        File.Move(path, path + ".kept");
        listener.Dispose();
        File.Move(path + ".kept", path);
    }
}
