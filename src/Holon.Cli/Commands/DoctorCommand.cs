using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using Holon.Cli.Terminal;
using Holon.Machines.Host;
using Holon.SystemMachine;
using Spectre.Console;

namespace Holon.Cli.Commands;

/// <summary><c>holon doctor</c>: what this host offers, and what is missing.</summary>
internal sealed class DoctorCommand : Command
{
    /// <summary>The command.</summary>
    public DoctorCommand()
        : base("doctor", "Show what this host offers to machines, and what is missing.")
    {
        SetAction(_ => Show());
    }

    private static void Show()
    {
        var kvm = KvmProbe.Try();
        var engine = EngineSelection.Choose(kvm);
        var missing = HostProcessor.MissingFromLevel3;
        var table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "", "");
        Row(table, true, "holon", $"{HolonVersion.Text}, .NET {Environment.Version}");
        Row(table, true, "system", $"{RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}");
        Row(table, HostProcessor.IsX86, "processor", $"{HostProcessor.Model}, {Environment.ProcessorCount} usable{(HostProcessor.IsVirtual ? ", virtual" : "")}");
        Row(table, missing.Count == 0, "x86-64-v3", missing.Count == 0 ? "all features" : $"lacks {string.Join(' ', missing)}; --cpu x86-64-v3 works all the same, the engine does not need them");
        Row(table, true, "memory", string.Create(CultureInfo.InvariantCulture, $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9:0.0} GB usable"));
        Row(table, kvm.HardwareAssisted, "kvm", kvm.Verdict);
        Row(table, true, "engine", $"--engine auto picks the {engine.Engine}, because {engine.Reason}");
        foreach (var tool in Tools())
            Row(table, tool.IsPresent, tool.Name, tool.IsPresent ? $"{tool.Path} (for {tool.Purpose})" : $"missing, for {tool.Purpose}: sudo apt-get install {tool.Package}");
        Tables.Write(table);
    }

    private static IEnumerable<HostTool> Tools() =>
    [
        HostTool.Program("apt-get", "apt", "making images"),
        HostTool.Program("dpkg-deb", "dpkg", "making images"),
        new("seabios", SystemMachineSpec.DefaultFirmware, "seabios", "run --bios"),
        HostTool.Program("gcc", "gcc libc6-dev", "building holon"),
        HostTool.Program("qemu-system-x86_64", "qemu-system-x86", "comparisons in bench"),
    ];

    private static void Row(Table table, bool good, string subject, string finding) =>
        table.AddRow(new Markup(good ? "[green]ok[/]" : "[yellow]--[/]"), new Markup($"[bold]{Markup.Escape(subject)}[/]"), new Text(finding));
}
