using System.Security.Cryptography;

namespace Holon.Python.Modules;

/// <summary>_md5, _sha1, _sha256 and _sha512: .NET's hash functions, and SHA-224.</summary>
internal static class HashModules
{
    private const string Sha224Name = "SHA224";

    private sealed class PyHash(string name, HashAlgorithmName algorithm, int block) : PyObject
    {
        public string Name { get; } = name;

        public HashAlgorithmName Algorithm { get; } = algorithm;

        public int Block { get; } = block;

        /// <summary>What has been added: a copy is made from it.</summary>
        public List<byte> Added { get; init; } = [];

        public byte[] Digest()
        {
            if (Algorithm.Name == Sha224Name)
                return Sha224.Hash(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(Added));
            using var hash = IncrementalHash.CreateHash(Algorithm);
            hash.AppendData(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(Added));
            return hash.GetHashAndReset();
        }

        public override PyType Type => HashType;
    }

    private static readonly PyType HashType = new("hash", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Getter("name", o => new PyStr(((PyHash)o).Name));
        t.Getter("block_size", o => PyInt.Of(((PyHash)o).Block));
        t.Getter("digest_size", o => PyInt.Of(((PyHash)o).Digest().Length));
        t.Def1("update", (o, data) =>
        {
            ((PyHash)o).Added.AddRange(Bytes(data));
            return Values.None;
        });
        t.Def0("digest", o => new PyBytes(((PyHash)o).Digest()));
        t.Def0("hexdigest", o => new PyStr(Convert.ToHexStringLower(((PyHash)o).Digest())));
        t.Def0("copy", o => new PyHash(((PyHash)o).Name, ((PyHash)o).Algorithm, ((PyHash)o).Block) { Added = [.. ((PyHash)o).Added] });
    }, "_hashlib");

    public static void FillMd5(ModuleBuilder m) => Define(m, "md5", HashAlgorithmName.MD5, 64);

    public static void FillSha1(ModuleBuilder m) => Define(m, "sha1", HashAlgorithmName.SHA1, 64);

    public static void FillSha256(ModuleBuilder m)
    {
        Define(m, "sha224", new HashAlgorithmName(Sha224Name), 64);
        Define(m, "sha256", HashAlgorithmName.SHA256, 64);
    }

    public static void FillSha512(ModuleBuilder m)
    {
        Define(m, "sha384", HashAlgorithmName.SHA384, 128);
        Define(m, "sha512", HashAlgorithmName.SHA512, 128);
    }

    private static void Define(ModuleBuilder m, string name, HashAlgorithmName algorithm, int block) =>
        m.Def(name, "string=None, *, usedforsecurity=True", a => new PyHash(name, algorithm, block) { Added = [.. a[0] is null || a[0] == Values.None ? [] : Bytes(a[0]!)] });

    private static byte[] Bytes(PyObject data) => (data as IBuffer ?? throw Err.Type(data is PyStr ? "Strings must be encoded before hashing" : "object supporting the buffer API required")).Bytes.ToArray();
}
