namespace Holon.Python.Runtime;

/// <summary>What a machine remembers of one of its objects beside the object's value.</summary>
internal sealed class ObjectNotes
{
    /// <summary>The number from which <c>id()</c> is made, 0 until somebody asks.</summary>
    public long Number;

    /// <summary>What is to happen when the object dies.</summary>
    public DeathNotice? DeathNotice;
}

/// <summary>
/// <c>id()</c>. Objects move in memory, so numbers are given out on demand: they are kept in the object where it has room, and in a table otherwise. Ints and
/// floats have ids made from their values.
/// </summary>
internal sealed class Identities
{
    private const long First = 0x7f00_0000_1000;
    private const int Alignment = 16;

    // Below the alignment: what an id is made of.
    private const int IntTag = 8;
    private const int FloatTag = 4;

    /// <summary>Machines may meet in objects that they share, so a number is given out once in a process; a machine takes so many at a time.</summary>
    private const int BlockSize = 1024;

    private static long lastBlock;

    private readonly ConditionalWeakTable<PyObject, object> others = [];
    private readonly Lock numbersLock = new();
    private long next;
    private long end;

    /// <summary>The id of an object: no other object that lives has it.</summary>
    public PyInt Of(PyObject o)
    {
        ref var number = ref o.IdNumber;
        if (!Unsafe.IsNullRef(ref number))
            return Id(number != 0 || Give(ref number) ? number : (long)others.GetValue(o, _ => NextNumber()));
        if (o.GetType() == typeof(PyInt))
        {
            var value = Unsafe.As<PyInt>(o).Value;
            var unsigned = (ulong)(value << 1 ^ value >> 63);
            return unsigned < 1UL << 58 ? PyInt.Of((long)(unsigned * Alignment | IntTag)) : PyInt.Of((BigInteger)unsigned * Alignment + IntTag);
        }
        if (o.GetType() == typeof(PyFloat))
            return PyInt.Of((BigInteger)BitConverter.DoubleToUInt64Bits(Unsafe.As<PyFloat>(o).Value) * Alignment + FloatTag);
        ref var notes = ref o.Notes;
        if (Unsafe.IsNullRef(ref notes) || !IsOwn(o))
            return Id((long)others.GetValue(o, _ => NextNumber()));
        notes ??= new ObjectNotes();
        if (notes.Number == 0)
            notes.Number = NextNumber();
        return Id(notes.Number);
    }

    /// <summary>The object was made by the program of one machine, which alone uses it.</summary>
    public static bool IsOwn(PyObject o) => o is PyInstance or PyGenerator || !o.Type.IsBuiltin;

    private static PyInt Id(long number) => PyInt.Of(First + number * Alignment);

    /// <summary>Numbers an object; false when those that fit are used up.</summary>
    private bool Give(ref uint number)
    {
        var given = NextNumber();
        if (given > uint.MaxValue)
            return false;
        // Another machine may have been quicker.
        Interlocked.CompareExchange(ref number, (uint)given, 0);
        return true;
    }

    private long NextNumber()
    {
        lock (numbersLock)
        {
            if (next == end)
            {
                end = Interlocked.Add(ref lastBlock, BlockSize) + 1;
                next = end - BlockSize;
            }
            return next++;
        }
    }
}
