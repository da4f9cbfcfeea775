namespace Holon.Bench.Engine;

/// <summary>The runs of one round, each by kernel.</summary>
internal sealed record EngineRound(IReadOnlyList<KernelTime> Native, IReadOnlyList<KernelTime> Holon, IReadOnlyList<KernelTime> Peer);

/// <summary>One kernel's line in the report. Ratios are the medians of the rounds' own, so that a host that changes speed in between does little harm.</summary>
/// <param name="Name">The kernel.</param>
/// <param name="Group">Its group.</param>
/// <param name="NativeNanoseconds">An iteration on the host.</param>
/// <param name="HolonNanoseconds">An iteration in Holon.</param>
/// <param name="PeerNanoseconds">An iteration in QEMU's TCG.</param>
/// <param name="HolonOverNative">How many times native's time Holon takes.</param>
/// <param name="PeerOverNative">How many times native's time TCG takes.</param>
/// <param name="PeerOverHolon">How many times as fast as TCG Holon is.</param>
/// <param name="Problem">Why the answers are wrong; null when they are right.</param>
internal sealed record KernelResult(
    string Name, string Group, double NativeNanoseconds, double HolonNanoseconds, double PeerNanoseconds,
    double HolonOverNative, double PeerOverNative, double PeerOverHolon, string? Problem);

/// <summary>A group's geometric means, and whether they are good enough.</summary>
internal sealed record GroupResult(string Name, string Title, double HolonOverNative, double PeerOverNative, double PeerOverHolon, string Target, bool Met);

/// <summary>What a run of the benchmark found.</summary>
internal sealed record EngineResults(DateTimeOffset Date, string Host, string Holon, string Peer, int Rounds, IReadOnlyList<KernelResult> Kernels, IReadOnlyList<GroupResult> Groups)
{
    /// <summary>Puts the rounds together.</summary>
    public static EngineResults From(IReadOnlyList<EngineRound> rounds, string host, string holon, string peer)
    {
        List<KernelResult> kernels = [];
        foreach (var kernel in rounds[0].Native)
        {
            List<(KernelTime Native, KernelTime Holon, KernelTime Peer)> times = [];
            string? problem = null;
            foreach (var round in rounds)
            {
                KernelTime? Find(IReadOnlyList<KernelTime> run) => run.FirstOrDefault(each => each.Name == kernel.Name);
                if (Find(round.Native) is not { } native) continue;
                if (Find(round.Holon) is not { } ours) problem = $"{holon} did not run it";
                else if (ours.Checksum != native.Checksum) problem = $"{holon} computed {ours.Checksum}, the host {native.Checksum}";
                else if (Find(round.Peer) is not { } theirs) problem = $"{peer} did not run it";
                else if (theirs.Checksum != native.Checksum) problem = $"{peer} computed {theirs.Checksum}, the host {native.Checksum}";
                else times.Add((native, ours, theirs));
            }

            if (times.Count == 0)
            {
                kernels.Add(new(kernel.Name, kernel.Group, kernel.Median, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, problem));
                continue;
            }

            kernels.Add(new(
                kernel.Name, kernel.Group,
                times.Select(each => each.Native.Median).Median(), times.Select(each => each.Holon.Median).Median(), times.Select(each => each.Peer.Median).Median(),
                times.Select(each => each.Holon.Median / each.Native.Median).Median(),
                times.Select(each => each.Peer.Median / each.Native.Median).Median(),
                times.Select(each => each.Peer.Median / each.Holon.Median).Median(), problem));
        }

        return new EngineResults(DateTimeOffset.UtcNow, host, holon, peer, rounds.Count, kernels, [.. Group(kernels)]);
    }

    private static IEnumerable<GroupResult> Group(List<KernelResult> kernels)
    {
        foreach (var group in KernelGroup.All)
        {
            List<KernelResult> members = [.. kernels.Where(each => each.Group == group.Name && !double.IsNaN(each.PeerOverHolon))];
            if (members.Count == 0) continue;
            var target = $"≥ {group.OverPeer}× TCG" + (group.OverNative is { } limit ? $", ≤ {limit}× native" : "");
            var (mean, overNative) = (members.Select(each => each.PeerOverHolon).GeometricMean(), members.Select(each => each.HolonOverNative).GeometricMean());
            // Where nothing is to be gained, each kernel by itself must not lose.
            var met = group.Name == KernelGroup.Apart ? members.All(each => each.PeerOverHolon >= group.OverPeer) : mean >= group.OverPeer && !(overNative > group.OverNative);
            yield return new(group.Name, group.Title, overNative, members.Select(each => each.PeerOverNative).GeometricMean(), mean, target, met);
        }

        List<KernelResult> all = [.. kernels.Where(each => each.Group != KernelGroup.Apart && !double.IsNaN(each.PeerOverHolon))];
        if (all.Count == 0) yield break;
        var total = all.Select(each => each.PeerOverHolon).GeometricMean();
        yield return new(
            "all", "All but those apart", all.Select(each => each.HolonOverNative).GeometricMean(), all.Select(each => each.PeerOverNative).GeometricMean(), total,
            $"≥ {KernelGroup.AllOverPeer}× TCG", total >= KernelGroup.AllOverPeer);
    }
}
