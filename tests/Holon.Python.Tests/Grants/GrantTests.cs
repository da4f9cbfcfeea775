using System.Net;
using System.Net.Sockets;
using Holon.Machines;

namespace Holon.Python.Tests.Grants;

/// <summary>What a program may do outside its machine.</summary>
public sealed class GrantTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("holon-grants").FullName;

    public void Dispose() => Directory.Delete(folder, true);

    private static PythonMachine Machine(MachineGrants? grants = null)
    {
        Assert.SkipUnless(Directory.Exists("/usr/lib/python3.11/importlib"), "the standard library comes with: apt-get install libpython3.11-stdlib");
        return PythonMachine.Create(new PythonMachineOptions { Compiler = new SourceCompiler(), Grants = grants ?? MachineGrants.None });
    }

    private static string Failure(PythonMachine machine, string program) => Assert.Throws<PythonException>(() => machine.Execute(program)).Message;

    [Fact]
    public void Every_native_function_that_reaches_outside_asks()
    {
        using var foreign = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "ways_out.py"));
        using var machine = Machine();
        machine.Execute($"FOREIGN = {foreign.SafeFileHandle.DangerousGetHandle()}");
        machine.Execute(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "ways_out.py")));
        machine.Execute("if problems: raise AssertionError('\\n'.join(problems))");
        Assert.False(foreign.SafeFileHandle.IsClosed);
        Assert.True(foreign.ReadByte() > 0);
    }

    [Fact]
    public void Granted_folders_hold_no_way_out()
    {
        var open = Directory.CreateDirectory(Path.Combine(folder, "open")).FullName;
        var secret = Path.Combine(folder, "secret");
        File.WriteAllText(secret, "s");
        using var machine = Machine(new MachineGrants { Write = [open], Environment = ["PATH"] });
        machine.Execute($"import os\nwith open(r'{open}/file', 'w') as f: f.write('text')\nassert open(r'{open}/file').read() == 'text'\nassert list(os.environ) == ['PATH']");
        machine.Execute($"os.symlink(r'{secret}', r'{open}/link')\nd = os.open(r'{open}', 0)");
        foreach (var attempt in new[]
        {
            $"open(r'{open}/../secret')", $"open(r'{open}/link')", $"open(r'{open}/link', 'w')", "os.open('../secret', 0, dir_fd=d)", "os.stat('../secret', dir_fd=d)", "os.open(f'/proc/self/fd/{d}/../secret', 0)",
            $"os.link(r'{secret}', r'{open}/hard')", $"os.rename(r'{open}/file', r'{folder}/file')", $"os.chmod(r'{open}/link', 0o777)", $"os.truncate(r'{open}/link', 0)", $"os.listdir(r'{folder}')", $"os.symlink('x', r'{folder}/x')",
            "os.chdir('..' if os.chdir(d) is None else '')", $"os.replace(r'{secret}', r'{open}/taken')", $"os.utime(r'{open}/link')",
        })
            Assert.StartsWith("PermissionError: [Errno 13] ", Failure(machine, attempt), StringComparison.Ordinal);
        Assert.Equal("s", File.ReadAllText(secret));
        Assert.NotEqual(open, Directory.GetCurrentDirectory());
    }

    [Fact]
    public void A_link_that_is_swapped_while_it_is_judged_leads_nowhere()
    {
        var open = Directory.CreateDirectory(Path.Combine(folder, "open")).FullName;
        Directory.CreateDirectory(Path.Combine(open, "real"));
        File.WriteAllText(Path.Combine(open, "real", "file"), "granted");
        File.WriteAllText(Path.Combine(folder, "file"), "secret");
        Directory.CreateSymbolicLink(Path.Combine(open, "out"), folder);
        using var machine = Machine(new MachineGrants { Write = [open] });
        machine.Execute($$"""
            import os, threading
            os.chdir(r'{{open}}')
            os.mkdir('way'); os.symlink('real', 'a'); os.symlink('out', 'b')
            seen, done = set(), False
            def swap():
                while not done:
                    os.symlink('real', 'n'); os.replace('n', 'w')
                    os.symlink('out', 'n'); os.replace('n', 'w')
            os.symlink('real', 'w')
            thread = threading.Thread(target=swap); thread.start()
            for _ in range(3000):
                try: seen.add(open('w/file').read())
                except OSError: pass
            done = True
            thread.join()
            assert seen <= {'granted'}, seen
            """);
    }

    [Fact]
    public void Granted_hosts_are_reached_and_no_others()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var machine = Machine(new MachineGrants { Net = [$"127.0.0.1:{port}"] });
        machine.Execute($"import socket\nsocket.create_connection(('127.0.0.1', {port})).close()\nsocket.socket(socket.AF_INET6).close()\nu = socket.socket(type=socket.SOCK_DGRAM)");
        foreach (var attempt in new[]
        {
            $"socket.create_connection(('127.0.0.1', {port + 1}))", $"socket.create_connection(('127.0.0.2', {port}))", $"socket.socket().connect(('0.0.0.0', {port}))", "socket.socket().bind(('', 0))", "socket.socket().listen()",
            "u.sendto(b'x', ('127.0.0.1', 53))", "u.sendmsg([b'x'], [], 0, ('127.0.0.1', 53))", "socket.getaddrinfo('secret.example.org', 80)", "socket.socket(socket.AF_INET6).connect(('::ffff:127.0.0.2', 80))",
        })
            Assert.StartsWith("PermissionError: [Errno 13] ", Failure(machine, attempt), StringComparison.Ordinal);
    }

    [Fact]
    public void The_folder_and_the_environment_are_the_machines_own()
    {
        using var first = Machine(new MachineGrants { Read = [folder] });
        using var second = Machine();
        first.Execute($"import os\nos.chdir(r'{folder}')\nos.environ['HOLON_GRANT_TEST'] = '1'\nassert os.getcwd() == r'{folder}'");
        second.Execute("import os\nassert 'HOLON_GRANT_TEST' not in os.environ");
        Assert.Null(Environment.GetEnvironmentVariable("HOLON_GRANT_TEST"));
        Assert.Contains("PermissionError", Failure(second, "os._exit(3)"), StringComparison.Ordinal);
    }
}
