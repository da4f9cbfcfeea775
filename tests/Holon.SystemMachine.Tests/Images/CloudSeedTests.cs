using System.Diagnostics;
using System.Text;
using Holon.Machines;
using Holon.SystemMachine.Images;

namespace Holon.SystemMachine.Tests.Images;

/// <summary>Seed disks, as others read them.</summary>
public sealed class CloudSeedTests
{
    [Fact]
    public void Blkid_and_isoinfo_find_label_and_files()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/isoinfo"), "There is no isoinfo (package genisoimage).");
        var folder = Directory.CreateTempSubdirectory("holon-seed-").FullName;
        try
        {
            string Put(string name, string content)
            {
                File.WriteAllText(Path.Combine(folder, name), content);
                return Path.Combine(folder, name);
            }

            var long_ = "#cloud-config\n" + new string('#', 5000) + "\n";
            var seed = new CloudSeed { UserData = Put("user", long_), SshKeys = [Put("a.pub", "ssh-ed25519 AAAA \"one\"\n# no key\n")], HostName = "web" };
            var disk = Path.Combine(folder, "seed");
            File.WriteAllBytes(disk, seed.ToDisk());
            Assert.Contains("LABEL=\"CIDATA\"", Run("/sbin/blkid", "-p", disk), StringComparison.Ordinal);
            Assert.Contains("TYPE=\"iso9660\"", Run("/sbin/blkid", "-p", disk), StringComparison.Ordinal);
            Assert.Equal(long_, Run("/usr/bin/isoinfo", "-J", "-i", disk, "-x", "/user-data"));
            Assert.Equal(long_, Run("/usr/bin/isoinfo", "-i", disk, "-x", "/USER_DAT.;1"));
            var meta = Run("/usr/bin/isoinfo", "-J", "-i", disk, "-x", "/meta-data");
            Assert.Matches("^{\"instance-id\":\"holon-[0-9a-f]{16}\",\"local-hostname\":\"web\",\"public-keys\":\\[\"ssh-ed25519 AAAA \\\\u0022one\\\\u0022\"\\]}$", meta);
            Assert.NotEqual(meta, Encoding.UTF8.GetString((seed with { HostName = "db" }).ToDisk()));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void What_cannot_be_is_refused()
    {
        var error = Assert.Throws<HolonException>(() => new CloudSeed { MetaData = "x", HostName = "y" }.ToDisk());
        Assert.Contains("--meta-data", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<HolonException>(() => new CloudSeed { UserData = "/nonexistent/user-data" }.ToDisk());
        Assert.Contains("/nonexistent/user-data", error.Message, StringComparison.Ordinal);
    }

    private static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }
}
