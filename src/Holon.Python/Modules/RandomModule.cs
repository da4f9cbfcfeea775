namespace Holon.Python.Modules;

/// <summary>_random: the Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), seeded as CPython seeds it.</summary>
internal static class RandomModule
{
    private const int Size = 624;
    private const int Middle = 397;

    private sealed class PyRandom(PyType type) : PyExtensible(type)
    {
        public uint[] State { get; } = new uint[Size];

        public int Index { get; set; } = Size;

        public void SeedWith(uint seed)
        {
            State[0] = seed;
            for (var i = 1; i < Size; i++)
                State[i] = 1812433253u * (State[i - 1] ^ (State[i - 1] >> 30)) + (uint)i;
            Index = Size;
        }

        /// <summary>init_by_array of the reference implementation.</summary>
        public void SeedWith(uint[] key)
        {
            SeedWith(19650218u);
            var (i, j) = (1, 0);
            for (var k = Math.Max(Size, key.Length); k > 0; k--)
            {
                State[i] = (State[i] ^ ((State[i - 1] ^ (State[i - 1] >> 30)) * 1664525u)) + key[j] + (uint)j;
                Step(ref i);
                j = (j + 1) % key.Length;
            }
            for (var k = Size - 1; k > 0; k--)
            {
                State[i] = (State[i] ^ ((State[i - 1] ^ (State[i - 1] >> 30)) * 1566083941u)) - (uint)i;
                Step(ref i);
            }
            State[0] = 0x80000000u;
        }

        private void Step(ref int i)
        {
            if (++i < Size)
                return;
            State[0] = State[Size - 1];
            i = 1;
        }

        public uint Next()
        {
            if (Index >= Size)
                Refill();
            var y = State[Index++];
            y ^= y >> 11;
            y ^= (y << 7) & 0x9d2c5680u;
            y ^= (y << 15) & 0xefc60000u;
            return y ^ (y >> 18);
        }

        private void Refill()
        {
            for (var k = 0; k < Size; k++)
            {
                var y = (State[k] & 0x80000000u) | (State[(k + 1) % Size] & 0x7fffffffu);
                State[k] = State[(k + Middle) % Size] ^ (y >> 1) ^ ((y & 1) != 0 ? 0x9908b0dfu : 0);
            }
            Index = 0;
        }
    }

    private static readonly PyType Random = new("Random", PyType.Object, t =>
    {
        t.New = (type, args, _) =>
        {
            var made = new PyRandom(type);
            Seed(made, args.Length > 0 ? args[0] : Values.None);
            return made;
        };
        t.Init = (_, _, _) => { };
        t.Def("seed", "n=None, /", (o, a) =>
        {
            Seed((PyRandom)o, a[0]!);
            return Values.None;
        });
        t.Def0("random", o =>
        {
            var (high, low) = (((PyRandom)o).Next() >> 5, ((PyRandom)o).Next() >> 6);
            return new PyFloat((high * 67108864.0 + low) * (1.0 / 9007199254740992.0));
        });
        t.Def1("getrandbits", (o, count) => Bits((PyRandom)o, Args.Int(count)));
        t.Def0("getstate", o => new PyTuple([.. ((PyRandom)o).State.Select(w => (PyObject)PyInt.Of((long)w)), PyInt.Of(((PyRandom)o).Index)]));
        t.Def1("setstate", (o, state) =>
        {
            if (state is not PyTuple { Count: Size + 1 } words)
                throw state is PyTuple ? Err.Value("state vector is the wrong size") : Err.Type("state vector must be a tuple");
            var index = Args.Int(words[Size]);
            if (index is < 0 or > Size)
                throw Err.Value("invalid state");
            var values = words.Items.Take(Size).Select(w => unchecked((uint)Args.Long(w))).ToArray();
            values.CopyTo(((PyRandom)o).State, 0);
            ((PyRandom)o).Index = index;
            return Values.None;
        });
    }, "_random");

    public static void Fill(ModuleBuilder m) => m.Types(Random);

    private static void Seed(PyRandom random, PyObject seed)
    {
        BigInteger number;
        if (seed == Values.None)
            number = new BigInteger(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32), isUnsigned: true);
        else if (seed is PyInt)
            number = BigInteger.Abs(seed is PyBigInt big ? big.Big : ((PyInt)seed).Value);
        else
            number = new BigInteger(unchecked((ulong)Ops.Hash(seed)));
        var bytes = number.ToByteArray(isUnsigned: true);
        var key = new uint[Math.Max(1, (bytes.Length + 3) / 4)];
        for (var i = 0; i < bytes.Length; i++)
            key[i / 4] |= (uint)bytes[i] << (i % 4 * 8);
        random.SeedWith(key);
    }

    private static PyInt Bits(PyRandom random, int count)
    {
        if (count < 0)
            throw Err.Value("number of bits must be non-negative");
        if (count <= 32)
            return PyInt.Of(count == 0 ? 0L : random.Next() >> (32 - count));
        PyThread.Current.Machine.Limits.CheckSize(count / 8);
        var bytes = new byte[(count + 31) / 32 * 4];
        for (var at = 0; at < bytes.Length; at += 4, count -= 32)
            BitConverter.TryWriteBytes(bytes.AsSpan(at), count < 32 ? random.Next() >> (32 - count) : random.Next());
        return PyInt.Of(new BigInteger(bytes, isUnsigned: true));
    }
}
