using System.Net.Sockets;
using System.Text;
using Holon.Machines.Control;

namespace Holon.Machines.Tests.Control;

/// <summary>A machine behind a control socket, in a folder of its own.</summary>
internal sealed class ControlledMachine : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holon-control-").FullName;
    private readonly Socket _listener;
    private readonly ControlServer _server;

    public ControlledMachine(bool hasTerminal = false, TimeSpan? patience = null)
    {
        Registry = new MachineRegistry(Path.Combine(_folder, "run"), Path.Combine(_folder, "state"));
        (Name, _listener) = Registry.Claim("fake", exactly: true);
        var api = new ControlApi(Machine, new MachineIdentity(Name, "image", false, DateTimeOffset.UtcNow), Console, hasTerminal ? null : Type);
        _server = new ControlServer(_listener, api, patience);
    }

    public MachineRegistry Registry { get; }

    public string Name { get; }

    public FakeMachine Machine { get; } = new();

    public ConsoleLog Console { get; } = new();

    public StringBuilder Typed { get; } = new();

    public ControlClient Client => new(Registry, Name);

    public Socket Connect() => Registry.Connect(Name, out _)!;

    /// <summary>Sends bytes as they are and receives everything until the other side closes.</summary>
    public string Say(ReadOnlySpan<byte> message, bool closeBehind = false)
    {
        using var socket = Connect();
        try
        {
            for (var rest = message; !rest.IsEmpty;) rest = rest[socket.Send(rest)..];
            if (closeBehind) socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // It has heard enough; its answer is there all the same.
        }

        var answer = new StringBuilder();
        var buffer = new byte[4096];
        while (Receive(socket, buffer) is var count and > 0) answer.Append(Encoding.Latin1.GetString(buffer, 0, count));
        return answer.ToString();
    }

    public void Dispose()
    {
        Machine.End(new MachineExit(MachineExitReason.PowerOff));
        Console.End();
        _server.Dispose();
        Registry.Release(Name, _listener);
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A connection that is closed before all was read is an end like any other.</summary>
    private static int Receive(Socket socket, byte[] buffer)
    {
        try
        {
            return socket.Receive(buffer);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            return 0;
        }
    }

    private int Type(ReadOnlySpan<byte> keys)
    {
        var taken = Math.Min(3, keys.Length); // as a port that is nearly full
        Typed.Append(Encoding.ASCII.GetString(keys[..taken]));
        Console.Write(keys[..taken]);
        return taken;
    }
}
