using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Holon.Machines.Control;

/// <summary>
/// The running machines of a user: a socket each in a folder that nobody else can enter, named after its machine; and what is remembered of machines
/// without a terminal once they have ended. There is no other list: a machine is there when its socket answers.
/// </summary>
public sealed partial class MachineRegistry
{
    /// <summary>The longest path of a Unix socket on Linux: sun_path of unix(7) with its closing zero.</summary>
    private const int MostPathBytes = 107;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const string SocketSuffix = ".sock";

    private readonly string _runtime, _state;

    /// <summary>A registry in given folders, which are made when they are needed.</summary>
    /// <param name="runtime">Where sockets are.</param>
    /// <param name="state">Where ended machines are remembered.</param>
    public MachineRegistry(string runtime, string state) => (_runtime, _state) = (runtime, state);

    /// <summary>The user's own: below XDG_RUNTIME_DIR, or the state folder where there is none.</summary>
    /// <exception cref="HolonException">The user has no home.</exception>
    public static MachineRegistry ForUser()
    {
        var home = Environment.GetEnvironmentVariable("HOME");
        var state = Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { } given && Path.IsPathRooted(given) ? given
            : !string.IsNullOrEmpty(home) ? Path.Combine(home, ".local", "state")
            : throw new HolonException("There is no folder to keep track of machines in, because neither HOME nor XDG_STATE_HOME is set; set one.");
        var runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { } shared && Path.IsPathRooted(shared) && Directory.Exists(shared)
            ? Path.Combine(shared, "holon", "machines")
            : Path.Combine(state, "holon", "run");
        return new MachineRegistry(runtime, Path.Combine(state, "holon", "ended"));
    }

    /// <summary>Takes a name and listens for it.</summary>
    /// <param name="name">The name wanted.</param>
    /// <param name="exactly">False when a number may be added to tell it from others.</param>
    /// <returns>The name taken, and its socket; who holds it disposes of both by <see cref="Release"/>.</returns>
    /// <exception cref="HolonException">The name is taken.</exception>
    /// <exception cref="IOException">The host refuses folder or socket; the message says what to do.</exception>
    public (string Name, Socket Listener) Claim(string name, bool exactly)
    {
        Prepare(_runtime);
        using var hold = Hold();
        for (var number = 1; ; number++)
        {
            var candidate = number == 1 ? name : $"{name}-{number}";
            var path = PathOf(candidate);
            var holder = Dial(path, out var process);
            if (holder is null)
            {
                File.Delete(path); // of a process that was killed: nobody listens there
                return (candidate, Listen(path));
            }

            holder.Dispose();
            if (exactly) throw new HolonException($"A machine '{name}' runs already, as process {process}; give another --name, or end that one with: holon stop {name}");
        }
    }

    /// <summary>Gives a name back.</summary>
    public void Release(string name, Socket listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        using (Hold()) File.Delete(PathOf(name));
        listener.Dispose();
    }

    /// <summary>The names of running machines.</summary>
    public IReadOnlyList<string> List() => !Directory.Exists(_runtime)
        ? []
        : [.. Directory.EnumerateFiles(_runtime, "*" + SocketSuffix).Select(path => Path.GetFileName(path)[..^SocketSuffix.Length]).Order(StringComparer.Ordinal)];

    /// <summary>Connects to a machine.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="process">Its process, as the kernel tells.</param>
    /// <returns>Null when no machine of that name runs; what a killed one has left is removed.</returns>
    public Socket? Connect(string name, out int process)
    {
        process = 0;
        if (!IsName(name) || !File.Exists(PathOf(name))) return null;
        if (Dial(PathOf(name), out process) is { } socket) return socket;
        using (Hold())
        {
            socket = Dial(PathOf(name), out process);
            if (socket is null) File.Delete(PathOf(name));
            return socket;
        }
    }

    /// <summary>Where a machine without a terminal keeps what it printed.</summary>
    public string LogOf(string name) => Path.Combine(_state, name, "console.log");

    /// <summary>Makes the folder for <see cref="LogOf"/>, which only its user can read.</summary>
    public string PrepareLog(string name)
    {
        Prepare(Path.Combine(_state, name));
        return LogOf(name);
    }

    /// <summary>Remembers a machine.</summary>
    public void Remember(MachineDescription machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        var folder = Path.Combine(_state, machine.Name);
        Prepare(folder);
        var path = Path.Combine(folder, "machine.json");
        File.WriteAllBytes(path + ".new", JsonSerializer.SerializeToUtf8Bytes(machine, MachineJson.Default.MachineDescription));
        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>What is remembered of a machine; null when it is nothing.</summary>
    public MachineDescription? Recall(string name)
    {
        var path = Path.Combine(_state, name, "machine.json");
        if (!IsName(name) || !File.Exists(path)) return null;
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), MachineJson.Default.MachineDescription);
        }
        catch (JsonException)
        {
            return null; // as good as forgotten
        }
    }

    /// <summary>The names of remembered machines.</summary>
    public IReadOnlyList<string> ListRemembered() => !Directory.Exists(_state)
        ? []
        : [.. Directory.EnumerateDirectories(_state).Select(path => Path.GetFileName(path)!).Where(IsName).Order(StringComparer.Ordinal)];

    /// <summary>Forgets a machine with what it printed.</summary>
    /// <returns>False when there was nothing to forget.</returns>
    public bool Forget(string name)
    {
        if (!IsName(name) || !Directory.Exists(Path.Combine(_state, name))) return false;
        Directory.Delete(Path.Combine(_state, name), recursive: true);
        return true;
    }

    /// <summary>Whether the process on the other side of a socket belongs to this user, as the kernel tells (SO_PEERCRED of unix(7)).</summary>
    internal static bool IsOwn(Socket socket, out int process)
    {
        const int solSocket = 1, peerCredentials = 17;
        Span<byte> credentials = stackalloc byte[12]; // struct ucred: pid, uid, gid
        process = 0;
        if (socket.GetRawSocketOption(solSocket, peerCredentials, credentials) != credentials.Length) return false;
        process = BitConverter.ToInt32(credentials);
        return BitConverter.ToUInt32(credentials[4..]) == EffectiveUser();
    }

    private static bool IsName(string name) => name is { Length: > 0 and <= 80 } && char.IsAsciiLetterOrDigit(name[0]) && name.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.');

    private string PathOf(string name) => Path.Combine(_runtime, name + SocketSuffix);

    private static void Prepare(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(folder, OwnerOnly); // only its owner can, so it is ours from here on
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The folder {folder}, where machines are found, cannot be made this user's own; set XDG_RUNTIME_DIR and XDG_STATE_HOME to folders that are.", exception);
        }
    }

    private static Socket Listen(string path)
    {
        if (Encoding.UTF8.GetByteCount(path) > MostPathBytes) throw new IOException($"The path of the socket {path} is longer than Unix sockets can have; set XDG_RUNTIME_DIR to a shorter folder.");
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
            socket.Listen(64);
            return socket;
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            throw new IOException($"The socket {path} cannot be made ({exception.Message}); set XDG_RUNTIME_DIR to a folder for sockets.", exception);
        }
    }

    /// <summary>Connects; null when nobody listens, or somebody who must not.</summary>
    private static Socket? Dial(string path, out int process)
    {
        process = 0;
        if (Encoding.UTF8.GetByteCount(path) > MostPathBytes) return null;
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            if (IsOwn(socket, out process)) return socket;
        }
        catch (SocketException)
        {
            // Refused, or nothing there.
        }

        socket.Dispose();
        return null;
    }

    /// <summary>Only one process at a time takes names or removes what others left. Held for moments, so waiting for it is short.</summary>
    private FileHold Hold() => new(Path.Combine(_runtime, ".lock"));

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();

    /// <summary>A lock of flock(2), which goes with its process.</summary>
    private sealed partial class FileHold : IDisposable
    {
        private const int Exclusive = 2, Interrupted = 4, ReadWriteCreateCloseOnExec = 0x80042, OwnerReadWrite = 0x180;
        private readonly int _file;

        public FileHold(string path)
        {
            _file = Open(path, ReadWriteCreateCloseOnExec, OwnerReadWrite);
            if (_file < 0) throw new IOException($"The file {path} cannot be opened ({Marshal.GetLastPInvokeErrorMessage()}); make its folder this user's own.");
            while (Flock(_file, Exclusive) != 0 && Marshal.GetLastPInvokeError() == Interrupted)
            {
                // Again.
            }
        }

        public void Dispose() => _ = Close(_file);

        [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        private static partial int Open(string path, int flags, int mode);

        [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
        private static partial int Flock(int descriptor, int operation);

        [LibraryImport("libc", EntryPoint = "close")]
        private static partial int Close(int descriptor);
    }
}
