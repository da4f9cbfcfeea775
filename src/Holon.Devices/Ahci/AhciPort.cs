using System.Buffers.Binary;
using Holon.Devices.State;
using Holon.Memory;
using Holon.Storage;

namespace Holon.Devices.Ahci;

/// <summary>One port of the controller with its disk (AHCI 1.3.1, §3.3 and chapter 5).</summary>
/// <remarks>Not thread-safe: every call is made under the controller's lock, but <see cref="Completed"/>, which takes it.</remarks>
internal sealed class AhciPort
{
    /// <summary>Commands that may be under way.</summary>
    public const int Slots = 32;

    private const int SectorLength = 512;
    private const uint CommandStart = 1, CommandSpinUp = 2, CommandPowerOn = 4, CommandListOverride = 8, CommandFisEnable = 16, CommandFisRunning = 1 << 14, CommandListRunning = 1 << 15,
        CommandWritable = 0xF000_0000 | CommandStart | CommandSpinUp | CommandPowerOn | CommandFisEnable;
    private const uint InterruptRegister = 1, InterruptPio = 2, InterruptBits = 8, InterruptConnect = 1 << 6, InterruptTaskFile = 1 << 30;
    private const uint DiskSignature = 0x101, DiskPresent = 0x123, ConnectionChanged = 1 << 26;
    private const uint PioSetupAt = 0x20, RegisterAt = 0x40, BitsAt = 0x58;

    private readonly AhciController _controller;
    private readonly GuestMemory _memory;
    private readonly AhciCommand[] _commands;
    private readonly List<AhciCommand> _parked = [];
    private ulong _commandList, _fisArea;
    private uint _interruptStatus, _interruptEnable, _command, _taskFile, _signature, _control, _errors, _active, _issued;
    private int _generation, _underWay;
    private bool _inSoftwareReset, _halted;

    public AhciPort(AhciController controller, GuestMemory memory, int number, AhciDisk disk)
    {
        _controller = controller;
        _memory = memory;
        Disk = disk;
        _commands = [.. Enumerable.Range(0, Slots).Select(slot => new AhciCommand(this, slot))];
        Reset();
        string Name(string register) => $"P{number}{register}";
        var at = (ushort)(0x100 + (number * 0x80));
        Registers =
        [
            new Register(at, 4, Name("CLB"), () => (uint)_commandList, value => _commandList = (_commandList & ~0xFFFF_FFFFul) | (value & 0xFFFF_FC00)),
            new Register((ushort)(at + 4), 4, Name("CLBU"), () => _commandList >> 32, value => _commandList = (uint)_commandList | (value << 32)),
            new Register((ushort)(at + 8), 4, Name("FB"), () => (uint)_fisArea, value => _fisArea = (_fisArea & ~0xFFFF_FFFFul) | (value & 0xFFFF_FF00)),
            new Register((ushort)(at + 0xC), 4, Name("FBU"), () => _fisArea >> 32, value => _fisArea = (uint)_fisArea | (value << 32)),
            new Register((ushort)(at + 0x10), 4, Name("IS"), () => InterruptStatus, value => ClearInterrupts((uint)value), PartialWrite.Zero),
            new Register((ushort)(at + 0x14), 4, Name("IE"), () => _interruptEnable, value => EnableInterrupts((uint)value)),
            new Register((ushort)(at + 0x18), 4, Name("CMD"), () => Command, value => SetCommand((uint)value)),
            new Register((ushort)(at + 0x20), 4, Name("TFD"), () => _taskFile),
            new Register((ushort)(at + 0x24), 4, Name("SIG"), () => _signature),
            new Register((ushort)(at + 0x28), 4, Name("SSTS"), () => DiskPresent),
            new Register((ushort)(at + 0x2C), 4, Name("SCTL"), () => _control, value => SetControl((uint)value)),
            new Register((ushort)(at + 0x30), 4, Name("SERR"), () => _errors, value => ClearErrors((uint)value), PartialWrite.Zero),
            new Register((ushort)(at + 0x34), 4, Name("SACT"), () => _active, value => _active |= IsStarted ? (uint)value : 0, PartialWrite.Zero),
            new Register((ushort)(at + 0x38), 4, Name("CI"), () => _issued, value => Issue((uint)value), PartialWrite.Zero),
        ];
    }

    /// <summary>The registers, as they lie in the controller.</summary>
    public IReadOnlyList<Register> Registers { get; }

    /// <summary>The disk.</summary>
    public AhciDisk Disk { get; }

    /// <summary>Requests that the backend has.</summary>
    public int UnderWay => Volatile.Read(ref _underWay);

    /// <summary>Whether the port asks for an interrupt.</summary>
    public bool Interrupts => (InterruptStatus & _interruptEnable) != 0;

    private bool IsStarted => (_command & CommandStart) != 0;

    private uint InterruptStatus => _interruptStatus | ((_errors & ConnectionChanged) != 0 ? InterruptConnect : 0);

    /// <summary>Both engines run until what they have begun is over (§3.3.7).</summary>
    private uint Command => _command | (IsStarted || UnderWay > 0 ? CommandListRunning : 0) | ((_command & CommandFisEnable) != 0 ? CommandFisRunning : 0);

    /// <summary>The state after a reset of the controller. What is under way is forgotten.</summary>
    public void Reset()
    {
        _generation++;
        _parked.Clear();
        _commandList = _fisArea = 0;
        _interruptStatus = _interruptEnable = _control = _errors = _active = _issued = 0;
        _command = CommandSpinUp | CommandPowerOn;
        _signature = DiskSignature;
        _taskFile = AtaStatus.Ready;
        _inSoftwareReset = _halted = false;
    }

    /// <summary>Submits again what waited for space.</summary>
    public void Continue()
    {
        var again = _parked.ToArray();
        _parked.Clear();
        foreach (var command in again) Submit(command);
        Run();
    }

    public void Save(DeviceStateWriter writer)
    {
        writer.Write(_commandList);
        writer.Write(_fisArea);
        var issued = _parked.Aggregate(_issued, (slots, command) => slots | (1u << command.Slot)); // what waits for space runs again
        foreach (var value in (ReadOnlySpan<uint>)[_interruptStatus, _interruptEnable, _command, _taskFile, _signature, _control, _errors, _active, issued]) writer.Write(value);
        writer.Write(_inSoftwareReset);
        writer.Write(_halted);
    }

    public void Load(DeviceStateReader reader)
    {
        _generation++;
        _commandList = reader.ReadUInt64();
        _fisArea = reader.ReadUInt64();
        _interruptStatus = reader.ReadUInt32();
        _interruptEnable = reader.ReadUInt32();
        _command = reader.ReadUInt32() & CommandWritable;
        _taskFile = reader.ReadUInt32();
        _signature = reader.ReadUInt32();
        _control = reader.ReadUInt32();
        _errors = reader.ReadUInt32();
        _active = reader.ReadUInt32();
        _issued = reader.ReadUInt32();
        _inSoftwareReset = reader.ReadBoolean();
        _halted = reader.ReadBoolean();
    }

    /// <summary>The backend has ended a request. On any thread.</summary>
    public void Completed(AhciCommand command, BlockStatus status)
    {
        lock (_controller.Lock)
        {
            Interlocked.Decrement(ref _underWay);
            if (command.Generation != _generation)
            {
                _controller.Settle();
                return;
            }

            if (status == BlockStatus.NoSpace)
            {
                _parked.Add(command);
                Disk.OutOfSpace?.Invoke();
                return;
            }

            if (status == BlockStatus.Success && command.Ranges.TryDequeue(out var range))
            {
                (command.Offset, command.Length) = range;
                Submit(command);
                return;
            }

            if (status == BlockStatus.Success && command.FlushFollows)
            {
                command.FlushFollows = false;
                command.Operation = BlockOperation.Flush;
                command.Length = command.BufferCount = 0;
                Submit(command);
                return;
            }

            var bytes = command.Operation is BlockOperation.Read or BlockOperation.Write && status == BlockStatus.Success ? (uint)command.Length : 0;
            End(command, status == BlockStatus.Success ? (byte)0 : AtaStatus.Uncorrectable, bytes);
        }
    }

    private void ClearInterrupts(uint bits)
    {
        _interruptStatus &= ~bits;
        _controller.UpdateInterrupt();
    }

    private void EnableInterrupts(uint bits)
    {
        _interruptEnable = bits & 0xFDC0_00FF;
        _controller.UpdateInterrupt();
    }

    private void ClearErrors(uint bits)
    {
        _errors &= ~bits;
        _controller.UpdateInterrupt();
    }

    private void SetCommand(uint value)
    {
        var wasStarted = IsStarted;
        _command = value & CommandWritable;
        if ((value & CommandListOverride) != 0) _taskFile = AtaStatus.Ready;
        if (wasStarted && !IsStarted)
        {
            _generation++;
            _parked.Clear();
            _issued = _active = 0;
            _halted = false;
        }

        Run();
    }

    /// <summary>A reset of the link: the disk is found again (§10.4.2).</summary>
    private void SetControl(uint value)
    {
        const uint Detection = 0xF, Initialize = 1;
        var begins = (value & Detection) == Initialize && (_control & Detection) != Initialize;
        _control = value & 0xFFF;
        if (!begins) return;
        _errors |= ConnectionChanged;
        _signature = DiskSignature;
        _taskFile = AtaStatus.Ready;
        _halted = _inSoftwareReset = false;
        _controller.UpdateInterrupt();
    }

    private void Issue(uint slots)
    {
        if (!IsStarted) return;
        _issued |= slots;
        Run(slots);
    }

    private void Run(uint slots = uint.MaxValue)
    {
        if (!IsStarted || _halted || _controller.IsPaused) return;
        slots &= _issued;
        for (var slot = 0; slot < Slots && slots != 0; slot++, slots >>= 1)
        {
            if ((slots & 1) != 0 && !_halted) Start(_commands[slot]);
        }
    }

    private void Start(AhciCommand command)
    {
        if (command.Generation == _generation && _parked.Contains(command)) return;
        if (!command.TryRead(_memory, _commandList))
        {
            Fail(AtaStatus.Abort);
            return;
        }

        command.Generation = _generation;
        if (command.IsControl)
        {
            SoftwareReset(command);
            return;
        }

        if (AtaExecution.Begin(command, Disk, _memory) is not { } result)
        {
            if (command.IsQueued)
            {
                // The disk accepts it at once; the slot is free, the tag is not (§5.6.4).
                _issued &= ~(1u << command.Slot);
            }

            Submit(command);
            return;
        }

        End(command, result.Error, result.Bytes);
    }

    private void Submit(AhciCommand command)
    {
        Interlocked.Increment(ref _underWay);
        Disk.Backend.Submit(command);
    }

    private void SoftwareReset(AhciCommand command)
    {
        _issued &= ~(1u << command.Slot);
        if (command.ResetBit)
        {
            _inSoftwareReset = true;
            return;
        }

        if (!_inSoftwareReset) return;
        _inSoftwareReset = false;
        _signature = DiskSignature;
        _taskFile = (1 << 8) | AtaStatus.Ready; // diagnostics passed
        SendRegisters(1);
        Raise(InterruptRegister);
    }

    /// <summary>Tells the guest how a command ended.</summary>
    private void End(AhciCommand command, byte error, uint bytes)
    {
        var bit = 1u << command.Slot;
        _taskFile = error == 0 ? AtaStatus.Ready : ((uint)error << 8) | AtaStatus.Ready | AtaStatus.Error;
        if (error == 0) command.ReportTransfer(_memory, bytes);
        if (command.IsQueued)
        {
            if (error == 0) _active &= ~bit;
            SendBits(error == 0 ? bit : 0, error);
            Raise(InterruptBits);
        }
        else
        {
            if (error == 0) _issued &= ~bit;
            if (command.IsPio && error == 0)
            {
                SendPioSetup();
                Raise(InterruptPio);
            }

            SendRegisters(error);
            Raise(InterruptRegister);
        }

        if (error != 0) Fail(error);
    }

    /// <summary>An error: nothing more is done until the guest restarts the port (§6.2.2).</summary>
    private void Fail(byte error)
    {
        _taskFile = ((uint)error << 8) | AtaStatus.Ready | AtaStatus.Error;
        _halted = true;
        Raise(InterruptTaskFile);
    }

    private void Raise(uint bits)
    {
        _interruptStatus |= bits;
        _controller.UpdateInterrupt();
    }

    /// <summary>A register FIS, device to host (Serial ATA 3.0, §10.3.5).</summary>
    private void SendRegisters(byte error)
    {
        Span<byte> fis = stackalloc byte[20];
        fis[0] = 0x34;
        fis[1] = 0x40;
        fis[2] = (byte)_taskFile;
        fis[3] = error;
        fis[4] = (byte)_signature; // after a reset these are the signature; otherwise nobody looks
        fis[12] = (byte)_signature;
        SendFis(RegisterAt, fis);
    }

    private void SendPioSetup()
    {
        Span<byte> fis = stackalloc byte[20];
        fis[0] = 0x5F;
        fis[1] = 0x60;
        fis[2] = AtaStatus.Ready | 8;
        fis[15] = AtaStatus.Ready;
        fis[17] = SectorLength >> 8;
        SendFis(PioSetupAt, fis);
    }

    private void SendBits(uint done, byte error)
    {
        Span<byte> fis = stackalloc byte[8];
        fis[0] = 0xA1;
        fis[1] = 0x40;
        fis[2] = (byte)(_taskFile & 0x77);
        fis[3] = error;
        BinaryPrimitives.WriteUInt32LittleEndian(fis[4..], done);
        SendFis(BitsAt, fis);
    }

    private void SendFis(uint at, ReadOnlySpan<byte> fis)
    {
        if ((_command & CommandFisEnable) != 0 && _memory.Contains(_fisArea + at, (ulong)fis.Length)) _memory.Write(_fisArea + at, fis);
    }
}
