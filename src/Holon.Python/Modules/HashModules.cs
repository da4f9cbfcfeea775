using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Digests;

namespace Holon.Python.Modules;

/// <summary>_md5, _sha1, _sha256, _sha512, _sha3 and _blake2, on BouncyCastle's digests, which can be copied while they run.</summary>
internal static class HashModules
{
    private sealed class PyHash(PyType type, string name, IDigest digest, int block) : PyExtensible(type)
    {
        public string Name { get; } = name;

        public IDigest Digest { get; } = digest;

        public int Block { get; } = block;

        public IDigest Copy() => Digest switch
        {
            MD5Digest d => new MD5Digest(d),
            Sha1Digest d => new Sha1Digest(d),
            Sha224Digest d => new Sha224Digest(d),
            Sha256Digest d => new Sha256Digest(d),
            Sha384Digest d => new Sha384Digest(d),
            Sha512Digest d => new Sha512Digest(d),
            Sha3Digest d => new Sha3Digest(d),
            ShakeDigest d => new ShakeDigest(d),
            Blake2bDigest d => new Blake2bDigest(d),
            Blake2sDigest d => new Blake2sDigest(d),
            _ => throw new InvalidOperationException(Digest.AlgorithmName),
        };

        public byte[] Finish(long length = -1)
        {
            var copy = Copy();
            if (copy is IXof xof && length >= 0)
            {
                PyThread.Current.Machine.Limits.CheckSize(length);
                var output = new byte[length];
                xof.OutputFinal(output, 0, output.Length);
                return output;
            }
            var result = new byte[copy.GetDigestSize()];
            copy.DoFinal(result, 0);
            return result;
        }
    }

    private static PyHash H(PyObject o) => (PyHash)o;

    private static PyType MakeType(string name, string module, bool variable, Action<PyType>? more = null) => new(name, PyType.Object, t =>
    {
        t.IsFinal = name == "hash" || module == "_sha3";
        t.Getter("name", o => new PyStr(H(o).Name));
        t.Getter("block_size", o => PyInt.Of(H(o).Block));
        t.Getter("digest_size", o => PyInt.Of(variable ? 0 : H(o).Digest.GetDigestSize()));
        t.Def1("update", (o, data) =>
        {
            Update(H(o).Digest, data);
            return Values.None;
        });
        if (variable)
        {
            t.Def("digest", "length, /", (o, a) => new PyBytes(H(o).Finish(Length(a[0]!))));
            t.Def("hexdigest", "length, /", (o, a) => new PyStr(Convert.ToHexStringLower(H(o).Finish(Length(a[0]!)))));
        }
        else
        {
            t.Def0("digest", o => new PyBytes(H(o).Finish()));
            t.Def0("hexdigest", o => new PyStr(Convert.ToHexStringLower(H(o).Finish())));
        }
        t.Def0("copy", o => new PyHash(o.Type, H(o).Name, H(o).Copy(), H(o).Block));
        t.Repr = o => PyStr.FromUtf16($"<{H(o).Name} {ObjectType.QualifiedName(o.Type)} object @ {Ops.Address(o)}>");
        more?.Invoke(t);
    }, module);

    private static long Length(PyObject o) => Args.Long(o) is >= 0 and < 1 << 29 and var length ? length : throw Err.Value(Args.Long(o) < 0 ? "value must be positive" : "length is too large");

    private static void Update(IDigest digest, PyObject data)
    {
        if (data is PyStr)
            throw Err.Type("Strings must be encoded before hashing");
        var bytes = (data as IBuffer ?? throw Err.Type("object supporting the buffer API required")).Bytes;
        digest.BlockUpdate(bytes);
    }

    private static readonly PyType Md5 = MakeType("md5", "_md5", false), Sha1 = MakeType("sha1", "_sha1", false), Sha224 = MakeType("sha224", "_sha256", false), Sha256 = MakeType("sha256", "_sha256", false), Sha384 = MakeType("sha384", "_sha512", false), Sha512 = MakeType("sha512", "_sha512", false);

    public static void FillMd5(ModuleBuilder m) => Define(m, "md5", Md5, () => new MD5Digest(), 64);

    public static void FillSha1(ModuleBuilder m) => Define(m, "sha1", Sha1, () => new Sha1Digest(), 64);

    public static void FillSha256(ModuleBuilder m)
    {
        Define(m, "sha224", Sha224, () => new Sha224Digest(), 64);
        Define(m, "sha256", Sha256, () => new Sha256Digest(), 64);
    }

    public static void FillSha512(ModuleBuilder m)
    {
        Define(m, "sha384", Sha384, () => new Sha384Digest(), 128);
        Define(m, "sha512", Sha512, () => new Sha512Digest(), 128);
    }

    private static void Define(ModuleBuilder m, string name, PyType type, Func<IDigest> make, int block) => m.Def(name, "string=?, *, usedforsecurity=True", a =>
    {
        var made = new PyHash(type, name, make(), block);
        if (a[0] is not null)
            Update(made.Digest, a[0]!);
        return made;
    });

    private static PyType Constructed(string name, bool variable, Func<IDigest> make, int rate) => MakeType(name, "_sha3", variable, t =>
    {
        t.New = (type, args, names) =>
        {
            var a = Signature.Parse("data=?, /, *, usedforsecurity=True").Bind(new NativeCode { Name = name }, args, names);
            var made = new PyHash(type, name, make(), rate);
            if (a[0] is not null)
                Update(made.Digest, a[0]!);
            return made;
        };
        t.Init = (_, _, _) => { };
        t.Getter("_capacity_bits", _ => PyInt.Of(1600 - rate * 8));
        t.Getter("_rate_bits", _ => PyInt.Of(rate * 8));
        t.Getter("_suffix", _ => new PyBytes([(byte)(variable ? 0x1f : 6)]));
    });

    private static readonly PyType[] Sha3 =
    [
        Constructed("sha3_224", false, () => new Sha3Digest(224), 144), Constructed("sha3_256", false, () => new Sha3Digest(256), 136), Constructed("sha3_384", false, () => new Sha3Digest(384), 104),
        Constructed("sha3_512", false, () => new Sha3Digest(512), 72), Constructed("shake_128", true, () => new ShakeDigest(128), 168), Constructed("shake_256", true, () => new ShakeDigest(256), 136),
    ];

    public static void FillSha3(ModuleBuilder m)
    {
        m.Types(Sha3);
        m.Set("implementation", "BouncyCastle");
    }

    private const string BlakeOptions = "data=?, /, *, digest_size=?, key=?, salt=?, person=?, fanout=1, depth=1, leaf_size=0, node_offset=0, node_depth=0, inner_size=0, last_node=False, usedforsecurity=True";

    private static PyType Blake(string name, int size, int extra, int block, Func<byte[]?, int, byte[]?, byte[]?, IDigest> make) => MakeType(name, "_blake2", false, t =>
    {
        t.New = (type, args, names) =>
        {
            var a = Signature.Parse(BlakeOptions).Bind(new NativeCode { Name = name }, args, names);
            var length = a[1] is null ? size : Args.Int(a[1]!);
            if (length < 1 || length > size)
                throw Err.Value($"digest_size for {(name == "blake2b" ? "Blake2b" : "Blake2s")} must be between 1 and {size} bytes, here it is {length}");
            byte[]? Part(PyObject? o, string what, int most)
            {
                if (o is null)
                    return null;
                var bytes = Buffers.Bytes(o);
                return bytes.Length <= most ? bytes : throw Err.Value($"maximum {what} length is {most} bytes");
            }
            if (Args.Int(a[5]!) != 1 || Args.Int(a[6]!) != 1 || Args.Long(a[7]!) != 0 || !Ops.Index(a[8]!).IsZero || Args.Int(a[9]!) != 0 || Args.Int(a[10]!) != 0 || Ops.IsTrue(a[11]!))
                throw Err.Of(ExceptionTypes.NotImplementedError, $"{name}: tree hashing is not supported");
            byte[] Padded(byte[]? bytes) => bytes is null ? new byte[extra] : [.. bytes, .. new byte[extra - bytes.Length]];
            var key = Part(a[2], "key", size);
            var made = new PyHash(type, name, make(key is { Length: 0 } ? null : key, length, Padded(Part(a[3], "salt", extra)), Padded(Part(a[4], "person", extra))), block);
            if (a[0] is not null)
                Update(made.Digest, a[0]!);
            return made;
        };
        t.Init = (_, _, _) => { };
        t.Constant("MAX_DIGEST_SIZE", PyInt.Of(size));
        t.Constant("MAX_KEY_SIZE", PyInt.Of(size));
        t.Constant("SALT_SIZE", PyInt.Of(extra));
        t.Constant("PERSON_SIZE", PyInt.Of(extra));
    });

    private static readonly PyType Blake2b = Blake("blake2b", 64, 16, 128, (key, length, salt, person) => new Blake2bDigest(key, length, salt, person));
    private static readonly PyType Blake2s = Blake("blake2s", 32, 8, 64, (key, length, salt, person) => new Blake2sDigest(key, length, salt, person));

    public static void FillBlake2(ModuleBuilder m) => m.Types(Blake2b, Blake2s);
}
