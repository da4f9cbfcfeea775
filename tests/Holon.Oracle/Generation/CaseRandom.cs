using System.Numerics;
using System.Runtime.InteropServices;

namespace Holon.Oracle.Generation;

/// <summary>xoshiro256** (Blackman and Vigna, 2018): fast, and the same numbers on every host for the same seed.</summary>
public sealed class CaseRandom
{
    private ulong _s0, _s1, _s2, _s3;

    /// <summary>Starts the sequence that belongs to a seed.</summary>
    public CaseRandom(ulong seed) => Restart(seed);

    /// <summary>Starts over with another seed.</summary>
    public void Restart(ulong seed)
    {
        _s0 = SplitMix(ref seed);
        _s1 = SplitMix(ref seed);
        _s2 = SplitMix(ref seed);
        _s3 = SplitMix(ref seed);
    }

    /// <summary>A seed for a part of something that has a seed.</summary>
    public static ulong Derive(ulong seed, ulong part)
    {
        var state = seed ^ (part * 0xD1342543DE82EF95);
        SplitMix(ref state);
        return SplitMix(ref state);
    }

    /// <summary>64 random bits.</summary>
    public ulong Next()
    {
        var result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        var t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>A number from 0 to <paramref name="bound"/> - 1.</summary>
    public int Below(int bound) => (int)(((Next() >> 32) * (ulong)bound) >> 32);

    /// <summary>A number from <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public long Between(long low, long high) => low + (long)(Next() % (ulong)(high - low + 1));

    /// <summary>True in so many per cent of the calls.</summary>
    public bool Percent(int chance) => Below(100) < chance;

    /// <summary>One of some values.</summary>
    public T Pick<T>(ReadOnlySpan<T> values) => values[Below(values.Length)];

    /// <summary>Random bytes.</summary>
    public void Fill(Span<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ref var word in words) word = Next();
        var rest = Next();
        foreach (ref var value in bytes[(words.Length * 8)..])
        {
            value = (byte)rest;
            rest >>= 8;
        }
    }

    private static ulong SplitMix(ref ulong state)
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
