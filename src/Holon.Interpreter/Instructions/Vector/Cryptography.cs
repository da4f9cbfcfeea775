using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Iced.Intel;
using HostAes = System.Runtime.Intrinsics.X86.Aes;
using HostPclmulqdq = System.Runtime.Intrinsics.X86.Pclmulqdq;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>Rows of AES, PCLMULQDQ and SHA.</summary>
internal static unsafe class Cryptography
{
    public static void Declare(InstructionTable table)
    {
        table.Packed<AesEncrypt>(Mnemonic.Aesenc, Mnemonic.Vaesenc);
        table.Packed<AesEncryptLast>(Mnemonic.Aesenclast, Mnemonic.Vaesenclast);
        table.Packed<AesDecrypt>(Mnemonic.Aesdec, Mnemonic.Vaesdec);
        table.Packed<AesDecryptLast>(Mnemonic.Aesdeclast, Mnemonic.Vaesdeclast);
        table.Packed<AesInverseMixColumns>(Mnemonic.Aesimc, Mnemonic.Vaesimc);
        table.Packed<AesKeyGenAssist>(Mnemonic.Aeskeygenassist, Mnemonic.Vaeskeygenassist);
        table.Packed<CarrylessMultiply>(Mnemonic.Pclmulqdq, Mnemonic.Vpclmulqdq);
        table.Add(Mnemonic.Sha1rnds4, &PackedForms.Bind<Sha1Rounds4>);
        table.Add(Mnemonic.Sha1nexte, &PackedForms.Bind<Sha1NextE>);
        table.Add(Mnemonic.Sha1msg1, &PackedForms.Bind<Sha1Message1>);
        table.Add(Mnemonic.Sha1msg2, &PackedForms.Bind<Sha1Message2>);
        table.Add(Mnemonic.Sha256rnds2, &BindSha256Rounds);
        table.Add(Mnemonic.Sha256msg1, &PackedForms.Bind<Sha256Message1>);
        table.Add(Mnemonic.Sha256msg2, &PackedForms.Bind<Sha256Message2>);
    }

    private static Handler BindSha256Rounds(in Instruction instruction, Op* op)
    {
        op->Reg2 = op->Reg1;
        return instruction.Op1Kind == OpKind.Memory ? &Sha256Rounds2<AlignedSource> : &Sha256Rounds2<RegisterSource>;
    }

    /// <summary>SHA256RNDS2: the two round inputs are in XMM0.</summary>
    private static Op* Sha256Rounds2<TSource>(Interpreter cpu, Op* op)
        where TSource : struct, IVectorSource
    {
        cpu.RequireSse();
        var abef = TSource.Load(cpu, op).AsUInt32();
        cpu.Xmm(op->Reg0) = Sha.Rounds256(cpu.Xmm(op->Reg0).AsUInt32(), abef, cpu.Xmm(StateOffsets.Ymm).AsUInt32()).AsByte();
        return op + 1;
    }

    private readonly struct AesEncrypt : IVectorOperation
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
            HostAes.IsSupported ? HostAes.Encrypt(a, b) : Aes.MixColumns(Aes.SubstituteShifted(a)) ^ b;
    }

    private readonly struct AesEncryptLast : IVectorOperation
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
            HostAes.IsSupported ? HostAes.EncryptLast(a, b) : Aes.SubstituteShifted(a) ^ b;
    }

    private readonly struct AesDecrypt : IVectorOperation
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
            HostAes.IsSupported ? HostAes.Decrypt(a, b) : Aes.InverseMixColumns(Aes.InverseSubstituteShifted(a)) ^ b;
    }

    private readonly struct AesDecryptLast : IVectorOperation
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
            HostAes.IsSupported ? HostAes.DecryptLast(a, b) : Aes.InverseSubstituteShifted(a) ^ b;
    }

    private readonly struct AesInverseMixColumns : IVectorOperation
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
            HostAes.IsSupported ? HostAes.InverseMixColumns(b) : Aes.InverseMixColumns(b);
    }

    private readonly struct AesKeyGenAssist : IVectorOperation
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Aes.KeyGenAssist(b, (byte)immediate);
    }

    private readonly struct CarrylessMultiply : IVectorOperation
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
        {
            ulong left = a.AsUInt64().GetElement(immediate & 1), right = b.AsUInt64().GetElement((immediate >> 4) & 1);
            if (HostPclmulqdq.IsSupported) return HostPclmulqdq.CarrylessMultiply(Vector128.CreateScalar(left), Vector128.CreateScalar(right), 0).AsByte();
            ulong low = 0, high = 0;
            for (var bit = 0; bit < 64; bit++)
            {
                if (((right >> bit) & 1) == 0) continue;
                low ^= left << bit;
                if (bit > 0) high ^= left >> (64 - bit);
            }

            return Vector128.Create(low, high).AsByte();
        }
    }

    private readonly struct Sha1Rounds4 : IVectorOperation
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Sha.Rounds1(a.AsUInt32(), b.AsUInt32(), immediate & 3).AsByte();
    }

    private readonly struct Sha1NextE : IVectorOperation
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Sha.NextE(a.AsUInt32(), b.AsUInt32()).AsByte();
    }

    private readonly struct Sha1Message1 : IVectorOperation
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Sha.Message1Of1(a.AsUInt32(), b.AsUInt32()).AsByte();
    }

    private readonly struct Sha1Message2 : IVectorOperation
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Sha.Message2Of1(a.AsUInt32(), b.AsUInt32()).AsByte();
    }

    private readonly struct Sha256Message1 : IVectorOperation
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Sha.Message1Of256(a.AsUInt32(), b.AsUInt32()).AsByte();
    }

    private readonly struct Sha256Message2 : IVectorOperation
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Sha.Message2Of256(a.AsUInt32(), b.AsUInt32()).AsByte();
    }
}
