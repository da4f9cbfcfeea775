using System.Globalization;
using System.Text;

namespace Holon.Bench.Engine;

/// <summary>
/// The results as a picture: for every kernel, how many times native's time Holon and QEMU's TCG take, on a logarithmic axis. SVG of
/// our own with colours that follow the reader's light or dark theme.
/// </summary>
internal static class EngineChart
{
    private const int Width = 860, Left = 190, Right = 60, Top = 74, RowHeight = 22, GroupHeight = 30, BarHeight = 7;

    /// <summary>Draws them.</summary>
    public static string Draw(EngineResults results)
    {
        List<KernelResult> drawn = [.. results.Kernels.Where(each => !double.IsNaN(each.PeerOverHolon))];
        List<GroupResult> groups = [.. results.Groups.Where(group => drawn.Any(kernel => kernel.Group == group.Name))];
        var most = drawn.Count == 0 ? 10 : drawn.Max(each => Math.Max(each.HolonOverNative, each.PeerOverNative));
        var axis = new LogarithmicAxis(0.5, Math.Max(10, most * 1.2), Left, Width - Right);
        var height = Top + (drawn.Count * RowHeight) + (groups.Count * GroupHeight) + 40;
        var svg = new StringBuilder();
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {height}" width="{Width}" height="{height}" role="img" aria-label="Time of each kernel in {results.Holon} and {results.Peer} as a multiple of native">""");
        svg.AppendLine("""
              <style>
                text { font: 12px system-ui, sans-serif; fill: #24292f }
                .title { font-weight: 600; font-size: 15px } .group { font-weight: 600 } .soft { fill: #57606a } .value { font-size: 10px; fill: #57606a }
                .grid { stroke: #d0d7de } .native { stroke: #57606a; stroke-dasharray: 3 3 } .holon { fill: #0969da } .peer { fill: #bc4c00; opacity: .55 }
                @media (prefers-color-scheme: dark) {
                  text { fill: #e6edf3 } .soft, .value { fill: #9198a1 } .grid { stroke: #30363d } .native { stroke: #9198a1 } .holon { fill: #4493f8 } .peer { fill: #f0883e; opacity: .6 }
                }
              </style>
            """);
        svg.AppendLine(CultureInfo.InvariantCulture, $"""  <text class="title" x="12" y="24">Time as a multiple of native, shorter is better (logarithmic)</text>""");
        svg.AppendLine(CultureInfo.InvariantCulture, $"""  <rect class="holon" x="12" y="36" width="12" height="{BarHeight}"/><text x="30" y="44">{results.Holon}</text>""");
        svg.AppendLine(CultureInfo.InvariantCulture, $"""  <rect class="peer" x="150" y="36" width="12" height="{BarHeight}"/><text x="168" y="44">{results.Peer}</text>""");
        foreach (var tick in axis.Ticks)
        {
            svg.AppendLine(CultureInfo.InvariantCulture, $"""  <line class="{(tick == 1 ? "native" : "grid")}" x1="{axis.At(tick):F1}" x2="{axis.At(tick):F1}" y1="{Top - 8}" y2="{height - 34}"/>""");
            svg.AppendLine(CultureInfo.InvariantCulture, $"""  <text class="soft" x="{axis.At(tick):F1}" y="{height - 18}" text-anchor="middle">{tick:G}×</text>""");
        }

        var y = Top;
        foreach (var group in groups)
        {
            svg.AppendLine(CultureInfo.InvariantCulture, $"""  <text class="group" x="12" y="{y + 13}">{group.Title}: {group.HolonOverNative:F2}× native, {group.PeerOverHolon:F1} times as fast as TCG</text>""");
            y += GroupHeight;
            foreach (var kernel in drawn.Where(each => each.Group == group.Name))
            {
                svg.AppendLine(CultureInfo.InvariantCulture, $"""  <text x="{Left - 8}" y="{y + 8}" text-anchor="end">{kernel.Name}</text>""");
                Bar(svg, axis, "holon", kernel.HolonOverNative, y - 3);
                Bar(svg, axis, "peer", kernel.PeerOverNative, y - 3 + BarHeight + 1);
                y += RowHeight;
            }
        }

        return svg.AppendLine("</svg>").ToString();
    }

    private static void Bar(StringBuilder svg, LogarithmicAxis axis, string style, double ratio, int y)
    {
        var (from, to) = (axis.At(Math.Min(1, ratio)), axis.At(Math.Max(1, ratio)));
        svg.AppendLine(CultureInfo.InvariantCulture, $"""  <rect class="{style}" x="{from:F1}" y="{y}" width="{Math.Max(1, to - from):F1}" height="{BarHeight}"/><text class="value" x="{to + 4:F1}" y="{y + BarHeight}">{(ratio < 10 ? $"{ratio:F1}" : $"{ratio:F0}")}</text>""");
    }

    /// <summary>Where a ratio lies on the picture.</summary>
    private sealed record LogarithmicAxis(double From, double To, double Start, double End)
    {
        public IEnumerable<double> Ticks => from power in Enumerable.Range(0, (int)Math.Log10(To) + 1)
                                            from step in (double[])[1, 2, 5]
                                            let tick = step * Math.Pow(10, power)
                                            where tick <= To
                                            select tick;

        public double At(double ratio) => Start + ((End - Start) * (Math.Log(Math.Clamp(ratio, From, To) / From) / Math.Log(To / From)));
    }
}
