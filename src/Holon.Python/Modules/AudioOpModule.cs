namespace Holon.Python.Modules;

/// <summary>audioop: arithmetic on samples of 1 to 4 bytes.</summary>
internal static class AudioOpModule
{
    private static PyError Error(string message)
    {
        var type = (PyType)Attributes.Get(PyThread.Current.Machine.ImportModule("audioop"), "error");
        return Err.Of(type, message);
    }

    private static int Width(PyObject? o) => Args.Int(o!) is >= 1 and <= 4 and var width ? width : throw Error("Size should be 1, 2, 3 or 4");

    private static byte[] Fragment(PyObject? o, int width)
    {
        if (o is PyStr)
            throw Err.Type("a bytes-like object is required, not 'str'");
        var bytes = Buffers.Bytes(o);
        return bytes.Length % width == 0 ? bytes : throw Error("not a whole number of frames");
    }

    private static int Get(ReadOnlySpan<byte> data, int width) => width switch
    {
        1 => (sbyte)data[0],
        2 => BitConverter.ToInt16(data),
        3 => data[0] | data[1] << 8 | (sbyte)data[2] << 16,
        _ => BitConverter.ToInt32(data),
    };

    private static void Put(Span<byte> data, int width, int value)
    {
        for (var i = 0; i < width; i++)
            data[i] = (byte)(value >> (8 * i));
    }

    private static int[] Samples(byte[] data, int width)
    {
        var samples = new int[data.Length / width];
        for (var i = 0; i < samples.Length; i++)
            samples[i] = Get(data.AsSpan(i * width), width);
        return samples;
    }

    private static PyBytes Pack(int width, int[] samples)
    {
        var data = new byte[samples.Length * width];
        for (var i = 0; i < samples.Length; i++)
            Put(data.AsSpan(i * width), width, samples[i]);
        return new PyBytes(data);
    }

    private static double Most(int width) => Math.Pow(2, 8 * width - 1) - 1;

    private static double Least(int width) => -Math.Pow(2, 8 * width - 1);

    private static int Clipped(double value, int width) => (int)Math.Floor(Math.Clamp(value, Least(width), Most(width)));

    // ---- Logarithmic coding, ITU-T G.711 ----

    private static byte ToULaw(int sample)
    {
        const int bias = 0x84, clip = 32635;
        var sign = sample < 0 ? 0x80 : 0;
        var magnitude = Math.Min(Math.Abs(sample), clip) + bias;
        var exponent = BitOperations.Log2((uint)magnitude) - 7;
        return (byte)~(sign | exponent << 4 | magnitude >> (exponent + 3) & 15);
    }

    private static int FromULaw(byte coded)
    {
        var value = ~coded & 0xff;
        var magnitude = (((value & 15) << 3) + 0x84 << ((value & 0x70) >> 4)) - 0x84;
        return (value & 0x80) != 0 ? -magnitude : magnitude;
    }

    private static byte ToALaw(int sample)
    {
        var value = sample >> 3;
        var mask = 0xd5;
        if (value < 0)
        {
            mask = 0x55;
            value = -value - 1;
        }
        value = Math.Min(value, 0xfff);
        var segment = value < 32 ? 0 : BitOperations.Log2((uint)value) - 4;
        var low = segment < 2 ? value >> 1 & 15 : value >> segment & 15;
        return (byte)((segment << 4 | low) ^ mask);
    }

    private static int FromALaw(byte coded)
    {
        var value = coded ^ 0x55;
        var magnitude = (value & 15) << 4;
        var segment = (value & 0x70) >> 4;
        magnitude = segment switch { 0 => magnitude + 8, 1 => magnitude + 0x108, _ => magnitude + 0x108 << (segment - 1) };
        return (value & 0x80) != 0 ? magnitude : -magnitude;
    }

    // ---- IMA ADPCM ----

    private static readonly int[] IndexSteps = [-1, -1, -1, -1, 2, 4, 6, 8];

    private static readonly int[] StepSizes = [7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767];

    private static (int Value, int Index) AdpcmState(PyObject? state)
    {
        if (state == Values.None)
            return (0, 0);
        if (state is not PyTuple { Count: 2 } pair)
            throw Err.Type($"state must be a tuple or None, not {state!.Type.FullName}");
        var (value, index) = (Args.Int(pair[0]), Args.Int(pair[1]));
        return value is >= -0x8000 and < 0x8000 && index >= 0 && index < StepSizes.Length ? (value, index) : throw Err.Value("bad state");
    }

    private static void Step(ref int value, ref int index, int code)
    {
        var step = StepSizes[index];
        var difference = step >> 3;
        if ((code & 4) != 0)
            difference += step;
        if ((code & 2) != 0)
            difference += step >> 1;
        if ((code & 1) != 0)
            difference += step >> 2;
        value = Math.Clamp((code & 8) != 0 ? value - difference : value + difference, short.MinValue, short.MaxValue);
        index = Math.Clamp(index + IndexSteps[code & 7], 0, StepSizes.Length - 1);
    }

    private static PyTuple ToAdpcm(int[] samples, (int Value, int Index) state)
    {
        var (value, index) = state;
        var output = new byte[(samples.Length + 1) / 2];
        for (var i = 0; i < samples.Length; i++)
        {
            var difference = samples[i] - value;
            var code = difference < 0 ? 8 : 0;
            difference = Math.Abs(difference);
            var step = StepSizes[index];
            for (var bit = 4; bit > 0; bit >>= 1, step >>= 1)
            {
                if (difference < step)
                    continue;
                code |= bit;
                difference -= step;
            }
            Step(ref value, ref index, code);
            output[i / 2] |= (byte)(i % 2 == 0 ? code << 4 : code);
        }
        return new PyTuple(new PyBytes(output), new PyTuple(PyInt.Of(value), PyInt.Of(index)));
    }

    private static double Product(int[] a, int[] b, int offset, int length)
    {
        double sum = 0;
        for (var i = 0; i < length; i++)
            sum += (double)a[offset + i] * b[i];
        return sum;
    }

    public static void Fill(ModuleBuilder m)
    {
        var dict = new PyDict();
        dict.Set("__module__", new PyStr("audioop"));
        m.Set("error", ClassBuilder.Build(PyType.TypeType, new PyStr("error"), new PyTuple(ExceptionTypes.Exception), dict, [], null));
        Measure("max", s => PyInt.Of(s.Length == 0 ? 0 : s.Max(v => Math.Abs((long)v))));
        m.Def("minmax", "fragment, width, /", a =>
        {
            var s = Samples(Fragment(a[0], Width(a[1])), Width(a[1]));
            return s.Length == 0 ? new PyTuple(PyInt.Of(int.MaxValue), PyInt.Of(int.MinValue)) : new PyTuple(PyInt.Of(s.Min()), PyInt.Of(s.Max()));
        });
        Measure("avg", s => PyInt.Of(s.Length == 0 ? 0 : (long)Math.Floor(s.Sum(v => (double)v) / s.Length)));
        Measure("rms", s => PyInt.Of(s.Length == 0 ? 0 : (long)Math.Sqrt(s.Sum(v => (double)v * v) / s.Length)));
        Measure("cross", s => PyInt.Of(s.Length == 0 ? -1 : s.Skip(1).Zip(s, (now, before) => now < 0 != before < 0).Count(c => c)));
        Measure("avgpp", s => PyInt.Of(PeakToPeak(s).Average));
        Measure("maxpp", s => PyInt.Of(PeakToPeak(s).Most));
        m.Def("getsample", "fragment, width, index, /", a =>
        {
            var s = Samples(Fragment(a[0], Width(a[1])), Width(a[1]));
            return Args.Long(a[2]!) is >= 0 and var i && i < s.Length ? PyInt.Of(s[i]) : throw Error("Index out of range");
        });
        Convert("mul", "fragment, width, factor, /", (s, width, a) => [.. s.Select(v => Clipped(v * Args.Double(a[2]!), width))]);
        Convert("bias", "fragment, width, bias, /", (s, width, a) => [.. s.Select(v => unchecked(v + (int)(uint)(ulong)(Ops.Index(a[2]!).ToBig() & uint.MaxValue)))]);
        Convert("reverse", "fragment, width, /", (s, _, _) => [.. s.Reverse()]);
        Convert("byteswap", "fragment, width, /", (s, width, _) => [.. s.Select(v => (int)(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness((uint)v) >> (32 - 8 * width)))]);
        Convert("tomono", "fragment, width, lfactor, rfactor, /", (s, width, a) =>
        {
            if (s.Length % 2 != 0)
                throw Error("not a whole number of frames");
            return [.. Enumerable.Range(0, s.Length / 2).Select(i => Clipped(s[2 * i] * Args.Double(a[2]!) + s[2 * i + 1] * Args.Double(a[3]!), width))];
        });
        Convert("tostereo", "fragment, width, lfactor, rfactor, /", (s, width, a) => [.. s.SelectMany(v => new[] { Clipped(v * Args.Double(a[2]!), width), Clipped(v * Args.Double(a[3]!), width) })]);
        m.Def("add", "fragment1, fragment2, width, /", a =>
        {
            var width = Width(a[2]);
            var (x, y) = (Samples(Fragment(a[0], width), width), Samples(Fragment(a[1], width), width));
            return x.Length == y.Length ? Pack(width, [.. x.Zip(y, (p, q) => Clipped((double)p + q, width))]) : throw Error("Lengths should be the same");
        });
        m.Def("lin2lin", "fragment, width, newwidth, /", a =>
        {
            var (from, to) = (Width(a[1]), Width(a[2]));
            return Pack(to, [.. Samples(Fragment(a[0], from), from).Select(v => v << (32 - 8 * from) >> (32 - 8 * to))]);
        });
        m.DefKept("lin2ulaw", "fragment, width, /", a => new PyBytes([.. Sixteen(a).Select(v => ToULaw(v >> 2 << 2))]));
        m.DefKept("ulaw2lin", "fragment, width, /", a => Pack(Width(a[1]), [.. Fragment(a[0], 1).Select(b => FromULaw(b) << 16 >> (32 - 8 * Width(a[1])))]));
        m.DefKept("lin2alaw", "fragment, width, /", a => new PyBytes([.. Sixteen(a).Select(ToALaw)]));
        m.DefKept("alaw2lin", "fragment, width, /", a => Pack(Width(a[1]), [.. Fragment(a[0], 1).Select(b => FromALaw(b) << 16 >> (32 - 8 * Width(a[1])))]));
        m.DefKept("lin2adpcm", "fragment, width, state, /", a => ToAdpcm(Sixteen(a), AdpcmState(a[2])));
        m.Def("adpcm2lin", "fragment, width, state, /", a =>
        {
            var width = Width(a[1]);
            var (value, index) = AdpcmState(a[2]);
            var samples = new List<int>();
            foreach (var code in Fragment(a[0], 1).SelectMany(b => new[] { b >> 4, b & 15 }))
            {
                Step(ref value, ref index, code);
                samples.Add(value << 16 >> (32 - 8 * width));
            }
            return new PyTuple(Pack(width, [.. samples]), new PyTuple(PyInt.Of(value), PyInt.Of(index)));
        });
        m.DefKept("findfactor", "fragment, reference, /", a =>
        {
            var (x, y) = Pair(a);
            if (x.Length != y.Length)
                throw Error("Samples should be same size");
            return new PyFloat(Product(x, y, 0, y.Length) / Product(y, y, 0, y.Length));
        });
        m.DefKept("findfit", "fragment, reference, /", a =>
        {
            var (x, y) = Pair(a);
            if (x.Length < y.Length)
                throw Error("First sample should be longer");
            var self = Product(y, y, 0, y.Length);
            var (best, bestAt) = (double.PositiveInfinity, 0);
            for (var at = 0; at <= x.Length - y.Length; at++)
            {
                var part = x[at..(at + y.Length)];
                var (energy, cross) = (Product(part, part, 0, part.Length), Product(x, y, at, y.Length));
                var result = (energy * self - cross * cross) / self;
                if (result < best)
                    (best, bestAt) = (result, at);
            }
            return new PyTuple(PyInt.Of(bestAt), new PyFloat(Product(x, y, bestAt, y.Length) / self));
        });
        m.DefKept("findmax", "fragment, length, /", a =>
        {
            var x = Samples(Fragment(a[0], 2), 2);
            var length = Args.Long(a[1]!);
            if (length < 0 || length > x.Length)
                throw Error("Input sample should be longer");
            var (best, bestAt) = (-1.0, 0);
            for (var at = 0; at <= x.Length - length; at++)
            {
                var part = x[at..(at + (int)length)];
                if (Product(part, part, 0, part.Length) is var energy && energy > best)
                    (best, bestAt) = (energy, at);
            }
            return PyInt.Of(bestAt);
        });
        m.DefKept("ratecv", "fragment, width, nchannels, inrate, outrate, state, weightA=1, weightB=0, /", ConvertRate);

        void Measure(string name, Func<int[], PyObject> measure) => m.Def(name, "fragment, width, /", a => measure(Samples(Fragment(a[0], Width(a[1])), Width(a[1]))));

        void Convert(string name, string signature, Func<int[], int, PyObject?[], int[]> convert) => m.DefKept(name, signature, a => Pack(Width(a[1]), convert(Samples(Fragment(a[0], Width(a[1])), Width(a[1])), Width(a[1]), a)));
    }

    private static int[] Sixteen(PyObject?[] a)
    {
        var width = Width(a[1]);
        return [.. Samples(Fragment(a[0], width), width).Select(v => v << (32 - 8 * width) >> 16)];
    }

    private static (int[] X, int[] Y) Pair(PyObject?[] a)
    {
        var (x, y) = (Buffers.Bytes(a[0]), Buffers.Bytes(a[1]));
        return x.Length % 2 == 0 && y.Length % 2 == 0 ? (Samples(x, 2), Samples(y, 2)) : throw Error("Strings should be even-sized");
    }

    private static (long Average, long Most) PeakToPeak(int[] s)
    {
        if (s.Length < 2)
            return (0, 0);
        long sum = 0, count = 0, most = 0;
        long? extreme = null;
        long before = s[0];
        var direction = 17; // neither up nor down yet
        foreach (long value in s.AsSpan(1))
        {
            if (value == before)
                continue;
            var now = value < before ? 1 : 0;
            if (direction == 1 - now)
            {
                if (extreme is { } e)
                {
                    sum += Math.Abs(before - e);
                    count++;
                    most = Math.Max(most, Math.Abs(before - e));
                }
                extreme = before;
            }
            (direction, before) = (now, value);
        }
        return (count == 0 ? 0 : sum / count, most);
    }

    private static PyObject ConvertRate(PyObject?[] a)
    {
        var width = Width(a[1]);
        var channels = Args.Int(a[2]!);
        if (channels < 1)
            throw Error("# of channels should be >= 1");
        if ((long)channels * width > int.MaxValue)
            throw Err.Overflow("width * nchannels too big for a C int");
        var (inRate, outRate, weightA, weightB) = (Args.Int(a[3]!), Args.Int(a[4]!), Args.Int(a[6]!), Args.Int(a[7]!));
        if (weightA < 1 || weightB < 0)
            throw Error("weightA should be >= 1, weightB should be >= 0");
        var data = Buffers.Bytes(a[0]);
        if (data.Length % (width * channels) != 0)
            throw Error("not a whole number of frames");
        if (inRate <= 0 || outRate <= 0)
            throw Error("sampling rate not > 0");
        var divisor = (int)BigInteger.GreatestCommonDivisor(inRate, outRate);
        (inRate, outRate) = (inRate / divisor, outRate / divisor);
        var weights = (int)BigInteger.GreatestCommonDivisor(weightA, weightB);
        (weightA, weightB) = (weightA / weights, weightB / weights);
        var (previous, current) = (new int[channels], new int[channels]);
        var d = -outRate;
        if (a[5] != Values.None)
        {
            if (a[5] is not PyTuple { Count: 2 } state || state[1] is not PyTuple pairs)
                throw Err.Type($"state must be a tuple or None, not {a[5]!.Type.FullName}");
            d = Args.Int(state[0]);
            if (pairs.Count != channels)
                throw Error("illegal state argument");
            for (var c = 0; c < channels; c++)
                (previous[c], current[c]) = (Args.Int(((PyTuple)pairs[c])[0]), Args.Int(((PyTuple)pairs[c])[1]));
        }
        var samples = Samples(data, width);
        var output = new List<int>();
        var at = 0;
        while (true)
        {
            while (d < 0)
            {
                if (at >= samples.Length)
                    return new PyTuple(Pack(width, [.. output]), new PyTuple(PyInt.Of(d), new PyTuple([.. previous.Zip(current, (p, q) => (PyObject)new PyTuple(PyInt.Of(p), PyInt.Of(q)))])));
                for (var c = 0; c < channels; c++)
                {
                    previous[c] = current[c];
                    var value = samples[at++] << (32 - 8 * width);
                    current[c] = (int)(((double)weightA * value + (double)weightB * previous[c]) / ((double)weightA + weightB));
                }
                d += outRate;
            }
            while (d >= 0)
            {
                PyThread.Current.Machine.Limits.CheckSize(output.Count * 8L);
                for (var c = 0; c < channels; c++)
                    output.Add((int)(((double)previous[c] * d + (double)current[c] * ((double)outRate - d)) / outRate) >> (32 - 8 * width));
                d -= inRate;
            }
        }
    }
}
