namespace Holon.EndToEnd;

/// <summary>Folders of the host as programs use them: run from there, mapped, locked, with attributes, in every cache mode and by an ordinary user of the host.</summary>
public sealed class ShareUseTests(Busybox busybox) : IClassFixture<Busybox>
{
    private const string Limit = "180s";

    /// <summary>Says what a folder lets a program do. Its argument is the folder.</summary>
    private const string Probe = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/file.h>
        #include <sys/mman.h>
        #include <sys/wait.h>
        #include <sys/xattr.h>
        #include <unistd.h>
        static const char *result(int failed) { return failed ? errno == ENODEV ? "ENODEV" : strerror(errno) : "yes"; }
        int main(int count, char **arguments)
        {
            char value[8] = "";
            if (chdir(arguments[1]) < 0) return 1;
            int file = open("probe", O_RDWR | O_CREAT | O_TRUNC, 0644);
            if (write(file, "first", 5) != 5) return 2;
            char *own = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
            printf("private %s %.5s\n", result(own == MAP_FAILED), own == MAP_FAILED ? "" : own);
            char *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            printf("shared %s\n", result(shared == MAP_FAILED));
            if (shared != MAP_FAILED) {
                shared[0] = 'F';
                msync(shared, 4096, MS_SYNC);
            }
            struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
            printf("locks %s", result(fcntl(file, F_SETLK, &lock) < 0 || flock(file, LOCK_EX) < 0));
            fflush(stdout);
            if (fork() == 0) {
                int other = open("probe", O_RDWR);
                printf(" %s", fcntl(other, F_SETLK, &lock) < 0 && flock(other, LOCK_EX | LOCK_NB) < 0 ? "held" : "not held");
                exit(0);
            }
            wait(0);
            printf("\nattributes %s", result(setxattr("probe", "user.mark", "value", 5, 0) < 0 || getxattr("probe", "user.mark", value, sizeof value) != 5));
            printf(" %s\n", value);
            char *page = aligned_alloc(4096, 4096);
            memset(page, 'd', 4096);
            int direct = open("direct", O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0644);
            printf("direct %s\n", result(pwrite(direct, page, 4096, 4096) != 4096 || pread(direct, page, 4096, 0) != 4096 || page[0] != 0));
            int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0644), again = open("log", O_WRONLY | O_APPEND);
            printf("append %s\n", result(write(log, "one", 3) != 3 || write(again, "two", 3) != 3 || write(log, "three", 5) != 5));
            return 0;
        }
        """;

    public static TheoryData<string, string> Modes => new() { { "auto", "yes" }, { "none", "ENODEV" }, { "always", "yes" } };

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Files_are_mapped_locked_appended_to_and_have_attributes(string cache, string shared)
    {
        busybox.Require();
        using var folder = new TemporaryFolder();
        await CompileAsync(folder.Path);
        var outcome = await HolonProgram.RunAsync("run", "busybox", "--timeout", Limit, "--share", $"{folder.Path}:/work:cache={cache}", "--", "/work/run", "/work");
        Assert.Equal($"private yes first\nshared {shared}\nlocks yes held\nattributes yes value\ndirect yes\nappend yes\n", outcome.Output);
        Assert.Equal(cache == "none" ? "first" : "First", await File.ReadAllTextAsync(Path.Combine(folder.Path, "probe"), TestContext.Current.CancellationToken));
        Assert.Equal("onetwothree", await File.ReadAllTextAsync(Path.Combine(folder.Path, "log"), TestContext.Current.CancellationToken));
    }

    /// <summary>The host's own system as the guest's: thousands of shared libraries and programs mapped from a folder that caches nothing.</summary>
    [Fact]
    public async Task Programs_of_the_host_run_from_a_folder_without_a_cache()
    {
        busybox.Require();
        foreach (var (file, package) in new[] { ("/usr/bin/gcc", "gcc"), ("/usr/include/stdio.h", "libc6-dev"), ("/usr/bin/git", "git") })
            Assert.SkipUnless(File.Exists(file), $"It needs {file}, which comes with: apt-get install {package}");
        const string Script = """
            mount -t tmpfs tmpfs /host/tmp && mount -t proc proc /host/proc && chroot /host /bin/sh -ec '
            cd /tmp; export HOME=/tmp
            printf "#include <stdio.h>\nint main(void) { puts(\"compiled\"); return 0; }\n" >a.c
            gcc -O2 a.c -o a && ./a
            git init -q r && cd r && cp ../a.c . && git add a.c && git -c user.name=a -c user.email=a@b commit -qm first && git log --format=%s && git status --porcelain | wc -l'
            """;
        var outcome = await HolonProgram.RunAsync("run", "busybox", "--timeout", Limit, "--memory", "1G", "--share", "/:/host:ro:cache=none", "--", "sh", "-c", Script);
        Assert.Equal(("", "compiled\nfirst\n0\n"), (outcome.Error, outcome.Output));
    }

    /// <summary>What the host changes while the guest has a file open and has read it: without a cache the next read, listing and stat have it.</summary>
    [Fact]
    public async Task Without_a_cache_the_host_s_changes_are_seen_at_once()
    {
        busybox.Require();
        using var folder = new TemporaryFolder();
        var file = folder.File("file", "before\n"u8.ToArray());
        const string Script = "cd /work; exec 3<file; cat file; ls; echo asked; read line; head -c 6 <&3; echo; stat -c %s file; ls; cat new; echo from-guest >>file";
        var outcome = await HolonProgram.RunAsync(["run", "busybox", "--timeout", Limit, "--share", $"{folder.Path}:/work:cache=none", "--", "sh", "-c", Script], input: null, meanwhile: async machine =>
        {
            await machine.WaitForAsync("asked");
            await File.WriteAllTextAsync(file, "behind and longer\n", TestContext.Current.CancellationToken); // the same file, other contents
            folder.File("new", "new\n"u8.ToArray());
            await machine.TypeAsync("\n");
        });
        Assert.Equal(("", "before\nfile\nasked\nbehind\n18\nfile\nnew\nnew\n"), (outcome.Error, outcome.Output.Replace("\r", "", StringComparison.Ordinal)));
        Assert.Equal("behind and longer\nfrom-guest\n", await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task An_ordinary_user_s_files_are_root_s_in_the_guest_and_stay_his_on_the_host()
    {
        busybox.Require();
        const string User = "54321"; // who needs no account for this
        Assert.SkipUnless(Environment.UserName == "root" && File.Exists("/usr/bin/setpriv"), "It becomes another user, which only root can, with setpriv (apt-get install util-linux).");
        using var home = new TemporaryFolder();
        var (share, cache) = (Directory.CreateDirectory(Path.Combine(home.Path, "share")).FullName, Directory.CreateDirectory(Path.Combine(home.Path, ".cache/holon/images")).FullName);
        await CompileAsync(share);
        await File.WriteAllTextAsync(Path.Combine(share, "own"), "own\n", TestContext.Current.CancellationToken);
        var images = Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "holon/images/busybox");
        var program = Path.Combine(home.Path, "holon");
        var prepared = await HostTool.RunAsync("sh", "-ec", $"cp '{HolonProgram.Path}' '{program}'; cp -r '{images}' '{cache}'; chown -R {User}:{User} '{home.Path}'; chmod 755 '{home.Path}' '{program}'; echo secret >'{share}/roots'; chmod 600 '{share}/roots'");
        Assert.True(prepared.ExitCode == 0, prepared.Error);
        const string Script = """
            cd /work
            stat -c '%u:%g %n' . own roots
            echo new >new; chown 1000:1001 new; chmod 4750 new; stat -c '%u:%g %a' new
            echo changed >new; chown 0:0 new; stat -c '%u:%g %a' new
            mknod null c 1 3; echo gone >null; stat -c '%F %t,%T' null
            cat roots 2>&1; ln -s own link; chown -h 5:5 link 2>&1
            umask 0; mkdir -m 2775 group; chown 0:1001 group; chmod 2775 group; touch group/file; stat -c '%g %a' group/file
            ./run /work
            """;
        var outcome = await HostTool.RunAsync("setpriv", "--reuid", User, "--regid", User, "--clear-groups", "env", "-i", $"HOME={home.Path}", $"PATH={Environment.GetEnvironmentVariable("PATH")}",
            program, "run", "busybox", "--timeout", Limit, "--share", $"{share}:/work", "--", "sh", "-c", Script);
        Assert.Equal("", outcome.Error);
        Assert.Equal("""
            0:0 .
            0:0 own
            65534:65534 roots
            1000:1001 4750
            0:0 750
            character special file 1,3
            cat: can't open 'roots': Permission denied
            chown: link: Operation not permitted
            1001 666
            private yes first
            shared yes
            locks yes held
            attributes yes value
            direct yes
            append yes

            """, outcome.Output);
        var (_, owners, _) = await HostTool.RunAsync("sh", "-ec", $"cd '{share}'; stat -c '%u:%g %a %F %s %n' new null group/file link probe; cat roots");
        Assert.Equal($"""
            {User}:{User} 750 regular file 8 new
            {User}:{User} 644 regular empty file 0 null
            {User}:{User} 666 regular empty file 0 group/file
            {User}:{User} 777 symbolic link 3 link
            {User}:{User} 644 regular file 5 probe
            secret

            """, owners);
    }

    private static async Task CompileAsync(string folder)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/gcc") && File.Exists("/usr/include/stdio.h"), "It needs a C compiler, which comes with: apt-get install gcc libc6-dev");
        var source = Path.Combine(folder, "run.c");
        await File.WriteAllTextAsync(source, Probe, TestContext.Current.CancellationToken);
        var compiled = await HostTool.RunAsync("gcc", "-O1", "-static", "-o", Path.Combine(folder, "run"), source);
        Assert.True(compiled.ExitCode == 0, compiled.Error);
    }
}
