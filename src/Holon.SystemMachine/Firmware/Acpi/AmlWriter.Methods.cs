using System.Text;

namespace Holon.SystemMachine.Firmware.Acpi;

/// <summary>The terms that methods consist of.</summary>
internal sealed partial class AmlWriter
{
    private const byte OpRegionOp = 0x80, FieldOp = 0x81, Local0Op = 0x60, OrOp = 0x7D, AndOp = 0x7B, NotifyOp = 0x86, CreateDWordFieldOp = 0x8A,
        LEqualOp = 0x93, ElseOp = 0xA1, SystemIo = 1, DWordAccessWriteAsZeros = 0x43;

    /// <summary><c>OperationRegion (name, SystemIO, port, length)</c></summary>
    public void PortRegion(string name, ushort port, byte length)
    {
        _bytes.AddRange([ExtendedPrefix, OpRegionOp]);
        Path(name);
        _bytes.Add(SystemIo);
        Integer(port);
        Integer(length);
    }

    /// <summary><c>Field (region, DWordAcc, NoLock, WriteAsZeros) { name, 32, … }</c></summary>
    public void DWordFields(string region, params IReadOnlyList<string> names) => Nested([ExtendedPrefix, FieldOp], () =>
    {
        Path(region);
        _bytes.Add(DWordAccessWriteAsZeros);
        foreach (var name in names)
        {
            const byte Bits = 32; // a length of fewer than 64 bits is its own encoding
            _bytes.AddRange(Encoding.ASCII.GetBytes(name));
            _bytes.Add(Bits);
        }
    });

    /// <summary><c>Store (name, Local0)</c></summary>
    public void LoadLocal0(string name)
    {
        _bytes.Add(StoreOp);
        Path(name);
        _bytes.Add(Local0Op);
    }

    /// <summary><c>Store (Local0, name)</c></summary>
    public void StoreLocal0(string name)
    {
        _bytes.AddRange([StoreOp, Local0Op]);
        Path(name);
    }

    /// <summary><c>Store (number, name)</c></summary>
    public void Store(ulong value, string name)
    {
        _bytes.Add(StoreOp);
        Integer(value);
        Path(name);
    }

    /// <summary><c>If (And (Local0, mask)) { … }</c></summary>
    public void IfLocal0Has(uint mask, Action body) => Nested([IfOp], () =>
    {
        _bytes.AddRange([AndOp, Local0Op]);
        Integer(mask);
        _bytes.Add(ZeroOp);
        body();
    });

    /// <summary><c>If (LEqual (Arg0, Buffer () { … })) { … }</c></summary>
    public void IfArgument0Is(byte[] content, Action body) => Nested([IfOp], () =>
    {
        _bytes.AddRange([LEqualOp, Arg0Op]);
        Buffer(content);
        body();
    });

    /// <summary><c>Else { … }</c></summary>
    public void Else(Action body) => Nested([ElseOp], body);

    /// <summary><c>Notify (device, number)</c></summary>
    public void Notify(string device, byte value)
    {
        _bytes.Add(NotifyOp);
        Path(device);
        Integer(value);
    }

    /// <summary><c>CreateDWordField (Arg3, offset, name)</c></summary>
    public void DWordOfArgument3(byte offset, string name)
    {
        _bytes.AddRange([CreateDWordFieldOp, Arg0Op + 3]);
        Integer(offset);
        Path(name);
    }

    /// <summary><c>And (name, mask, name)</c></summary>
    public void AndInto(string name, uint mask) => Combine(AndOp, name, mask);

    /// <summary><c>Or (name, bits, name)</c></summary>
    public void OrInto(string name, uint bits) => Combine(OrOp, name, bits);

    /// <summary><c>Return (Arg3)</c></summary>
    public void ReturnArgument3() => _bytes.AddRange([ReturnOp, Arg0Op + 3]);

    private void Combine(byte operation, string name, uint value)
    {
        _bytes.Add(operation);
        Path(name);
        Integer(value);
        Path(name);
    }
}
