using System.Text;
using Holon.Devices.Fuse;
using Holon.Machines;
using Holon.SystemMachine.Boot.Cpio;
using Holon.SystemMachine.Images;
using Holon.SystemMachine.Shares;

namespace Holon.SystemMachine.Tests.Shares;

public sealed class ShareSpecTests
{
    [Theory]
    [InlineData("/host:/src", "/host", "/src", false, false, "src")]
    [InlineData("/host:/src:ro", "/host", "/src", true, false, "src")]
    [InlineData("/host:/data/in/:map:ro", "/host", "/data/in", true, true, "data-in")]
    [InlineData("/with:colon:/src", "/with:colon", "/src", false, false, "src")]
    public void It_is_read_as_people_write_it(string text, string source, string target, bool readOnly, bool mapped, string tag)
    {
        var share = ShareSpec.Parse(text);
        Assert.Equal((source, target, readOnly, mapped, tag), (share.Source, share.Target, share.ReadOnly, share.Mapped, share.Tag));
    }

    [Theory]
    [InlineData("/host:/src", FolderCache.Auto)]
    [InlineData("/host:/src:cache=auto", FolderCache.Auto)]
    [InlineData("/host:/src:cache=none:ro", FolderCache.None)]
    [InlineData("/host:/src:map:cache=always", FolderCache.Always)]
    public void What_the_guest_keeps_can_be_said(string text, FolderCache cache)
    {
        var share = ShareSpec.Parse(text);
        Assert.Equal(("/src", cache), (share.Target, share.Cache));
        Assert.Equal(cache, share.ToOptions().Cache);
    }

    [Fact]
    public void The_host_s_folder_may_be_relative_or_at_home()
    {
        Assert.Equal(Path.GetFullPath("a"), ShareSpec.Parse("a:/src").Source);
        Assert.Equal(Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), "src"), ShareSpec.Parse("~/src:/src").Source);
    }

    [Theory]
    [InlineData("/host", "does not say where")]
    [InlineData("/host:src", "not an absolute path")]
    [InlineData("/host:src:ro", "not an absolute path")]
    [InlineData("/host:/src:rw", "The place 'rw'")]
    [InlineData("/host:/src:cache=loose", "has no cache 'loose'")]
    [InlineData(":/src", "names no folder")]
    [InlineData("/host:/", "cannot have the place")]
    [InlineData("/host:/a/../b", "cannot have the place")]
    [InlineData("/host:/a//b", "cannot have the place")]
    public void What_cannot_be_is_said_in_one_sentence(string text, string problem)
    {
        var exception = Assert.Throws<HolonException>(() => ShareSpec.Parse(text));
        Assert.Contains(problem, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tags_fit_and_differ()
    {
        var (first, second) = (ShareSpec.Parse($"/a:/{new string('x', 100)}/1"), ShareSpec.Parse($"/a:/{new string('x', 100)}/2"));
        Assert.All([first.Tag, second.Tag, ShareSpec.Parse("/a:/ä b").Tag], tag => Assert.True(Encoding.UTF8.GetByteCount(tag) is > 0 and <= 36));
        Assert.NotEqual(first.Tag, second.Tag);
    }

    [Theory]
    [InlineData("/src", "/src", "one of its own")]
    [InlineData("/a/b", "/a-b", "same tag")]
    public void Two_shares_have_two_places(string first, string second, string problem)
    {
        var spec = new SystemMachineSpec { Kernel = "vmlinuz", Shares = [ShareSpec.Parse($"/x:{first}"), ShareSpec.Parse($"/y:{second}")] };
        Assert.Contains(problem, Assert.Throws<HolonException>(spec.Validate).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Systemd_finds_a_unit_by_the_name_that_it_expects() // systemd.unit(5), string escaping
    {
        using var stream = new MemoryStream();
        using (var archive = new CpioWriter(stream, leaveOpen: true)) ShareMounts.AddUnits(archive, "run", [ShareSpec.Parse("/x:/srv/my-data 1:ro")]);
        var text = Encoding.UTF8.GetString(stream.ToArray());
        Assert.Contains(@"run/systemd/system/srv-my\x2ddata\x201.mount", text, StringComparison.Ordinal);
        Assert.Contains("Where=/srv/my-data 1\n", text, StringComparison.Ordinal);
        Assert.Contains("Options=ro\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Cloud_init_is_told_and_acts_anew_when_shares_change()
    {
        var seed = new CloudSeed { HostName = "web" };
        var with = Encoding.UTF8.GetString((seed with { Shares = [ShareSpec.Parse("/x:/it's")] }).ToDisk());
        var without = Encoding.UTF8.GetString(seed.ToDisk());
        Assert.Contains("#cloud-config\n{\"bootcmd\":[\"mkdir -p", with, StringComparison.Ordinal);
        Assert.DoesNotContain("bootcmd", without, StringComparison.Ordinal);
        Assert.NotEqual(Instance(with), Instance(without));

        static string Instance(string disk) => disk.Substring(disk.IndexOf("instance-id", StringComparison.Ordinal), 40);
    }
}
