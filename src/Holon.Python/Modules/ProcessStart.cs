using System.Text;

namespace Holon.Python.Modules;

/// <summary>How a process is to be started.</summary>
internal sealed class ProcessStart
{
    private const short ResetIds = 1, SetGroupFlag = 2, SetSignalDefaults = 4, SetSignalMask = 8, SetPriority = 0x10, SetPolicy = 0x20, SetSession = 0x80;

    /// <summary>SIGINT, SIGPIPE, SIGXFSZ and what .NET catches: its handlers do not exist in the new program.</summary>
    private static readonly int[] DefaultSignals = [1, 2, 3, 13, 15, 17, 18, 20, 21, 22, 25, 28];

    public required byte[][] Arguments { get; init; }

    /// <summary>Null passes this process's environment on.</summary>
    public byte[][]? Environment { get; init; }

    public byte[]? Folder { get; init; } = OwnFolder;

    /// <summary>The working folder of a machine that has one of its own.</summary>
    public static byte[]? OwnFolder => Gate.Current.SharesProcess ? null : FileSystemCodec.Encode(PyStr.FromUtf16(Gate.Current.WorkingFolder));

    public bool NewSession { get; init; }

    /// <summary>The process group, or -1.</summary>
    public int Group { get; init; } = -1;

    public bool SearchPath { get; init; }

    /// <summary>Whether the program gets the real user and group instead of the effective ones.</summary>
    public bool RealIds { get; init; }

    /// <summary>Signals that the program has blocked; null: none.</summary>
    public int[]? BlockedSignals { get; init; }

    /// <summary>Signals that the program finds with their default actions, besides those of this process.</summary>
    public int[] DefaultedSignals { get; init; } = [];

    /// <summary>The scheduling policy, or -1 to leave it.</summary>
    public int Policy { get; init; } = -1;

    /// <summary>The scheduling priority; null to leave it.</summary>
    public int? Priority { get; init; }

    /// <summary>In order: (from, to) duplicates, (from, -1) closes.</summary>
    public List<(int From, int To)> Descriptors { get; } = [];

    public List<(int Fd, byte[] Path, int Flags, int Mode)> Opened { get; } = [];

    /// <summary>Starts the program; the result is its number, or the negative of an error number.</summary>
    public unsafe int Run(byte[] program)
    {
        byte[] actions = new byte[ProcessCalls.ActionsSize], attributes = new byte[ProcessCalls.AttributesSize], signals = new byte[128], none = new byte[128];
        foreach (var signal in DefaultSignals.Concat(DefaultedSignals))
            signals[(signal - 1) / 8] |= (byte)(1 << ((signal - 1) % 8));
        foreach (var signal in BlockedSignals ?? [])
            none[(signal - 1) / 8] |= (byte)(1 << ((signal - 1) % 8));
        var path = Terminated(program);
        var folder = Folder is null ? null : Terminated(Folder);
        var pinned = new List<System.Runtime.InteropServices.GCHandle>();
        try
        {
            var argumentTable = Table(Arguments, pinned);
            var environmentTable = Table(Environment ?? CurrentEnvironment(), pinned);
            // Everything that the C library gets a pointer to is pinned until it returns; its two structures have more room than they need.
            fixed (byte* actionsAt = actions, attributesAt = attributes, signalsAt = signals, noneAt = none, pathAt = path, folderAt = folder)
            fixed (nint* argumentsAt = argumentTable, environmentAt = environmentTable)
            {
                _ = ProcessCalls.InitActions(actionsAt);
                _ = ProcessCalls.InitAttributes(attributesAt);
                var flags = (short)(SetSignalDefaults | SetSignalMask | (NewSession ? SetSession : 0) | (Group >= 0 ? SetGroupFlag : 0) | (RealIds ? ResetIds : 0) | (Policy >= 0 ? SetPolicy : 0) | (Priority is null ? 0 : SetPriority));
                _ = ProcessCalls.SetFlags(attributesAt, flags);
                _ = ProcessCalls.SetSignalDefaults(attributesAt, signalsAt);
                _ = ProcessCalls.SetSignalMask(attributesAt, noneAt);
                if (Policy >= 0)
                    _ = ProcessCalls.SetPolicy(attributesAt, Policy);
                if (Priority is { } priority)
                    _ = ProcessCalls.SetParameter(attributesAt, ref priority);
                if (Group >= 0)
                    _ = ProcessCalls.SetGroup(attributesAt, Group);
                if (folder is not null)
                    _ = ProcessCalls.AddChDir(actionsAt, folderAt);
                foreach (var (fd, file, openFlags, mode) in Opened)
                {
                    fixed (byte* fileAt = Terminated(file))
                        _ = ProcessCalls.AddOpen(actionsAt, fd, fileAt, openFlags, mode); // the C library copies the path
                }
                foreach (var (from, to) in Descriptors)
                    _ = to < 0 ? ProcessCalls.AddClose(actionsAt, from) : ProcessCalls.AddDup(actionsAt, from, to);
                var error = SearchPath
                    ? ProcessCalls.SpawnByPath(out var pid, pathAt, actionsAt, attributesAt, (byte**)argumentsAt, (byte**)environmentAt)
                    : ProcessCalls.Spawn(out pid, pathAt, actionsAt, attributesAt, (byte**)argumentsAt, (byte**)environmentAt);
                _ = ProcessCalls.DestroyActions(actionsAt);
                _ = ProcessCalls.DestroyAttributes(attributesAt);
                return error == 0 ? pid : -error;
            }
        }
        finally
        {
            foreach (var handle in pinned)
                handle.Free();
        }
    }

    private static byte[] Terminated(byte[] text) => [.. text, 0];

    /// <summary>Pointers to texts with a zero at the end, and a null; they stay where they are until the handles are freed.</summary>
    public static nint[] Table(byte[][] items, List<System.Runtime.InteropServices.GCHandle> pinned)
    {
        var table = new nint[items.Length + 1];
        for (var i = 0; i < items.Length; i++)
        {
            var handle = System.Runtime.InteropServices.GCHandle.Alloc(Terminated(items[i]), System.Runtime.InteropServices.GCHandleType.Pinned);
            pinned.Add(handle);
            table[i] = handle.AddrOfPinnedObject();
        }
        return table;
    }

    /// <summary>As the process has it now: programs change it by os.environ, which .NET does not see.</summary>
    public static byte[][] CurrentEnvironment()
    {
        var environ = PyThread.Current.Machine.ImportModule("posix");
        var dict = (PyDict)Attributes.Get(environ, "environ");
        var live = PyThread.Current.Machine.State<EnvironmentState>("environ");
        return [.. live.Apply(dict).Select(e => (byte[])[.. e.Key, (byte)'=', .. e.Value])];
    }

    /// <summary>putenv's changes since the start.</summary>
    internal sealed class EnvironmentState
    {
        private readonly Dictionary<string, byte[]?> changes = [];

        public void Set(byte[] name, byte[]? value) => changes[Encoding.Latin1.GetString(name)] = value;

        public List<(byte[] Key, byte[] Value)> Apply(PyDict start)
        {
            var all = new Dictionary<string, byte[]>();
            foreach (var (key, value) in start.Items())
                all[Encoding.Latin1.GetString(Buffers.Bytes(key))] = Buffers.Bytes(value);
            foreach (var (key, value) in changes)
            {
                if (value is null)
                    all.Remove(key);
                else
                    all[key] = value;
            }
            return [.. all.Select(e => (Encoding.Latin1.GetBytes(e.Key), e.Value))];
        }
    }
}
