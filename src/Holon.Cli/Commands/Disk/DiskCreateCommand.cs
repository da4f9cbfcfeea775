using System.CommandLine;
using Holon.Machines;
using Holon.Storage;
using Holon.Storage.Tools;

namespace Holon.Cli.Commands.Disk;

/// <summary>What new disks are to be: options that <c>create</c> and <c>convert</c> share.</summary>
internal sealed class NewDiskOptions
{
    private readonly Option<string> _clusterSize = new("--cluster-size") { Description = "Size of a qcow2 cluster, 512 to 2M.", HelpName = "SIZE", DefaultValueFactory = _ => "64K" };
    private readonly Option<string> _compat = new("--compat") { Description = "qcow2 version: 0.10 (2) or 1.1 (3).", HelpName = "0.10|1.1", DefaultValueFactory = _ => "1.1" };
    private readonly Option<int> _refcountBits = new("--refcount-bits") { Description = "Width of a reference count: 1, 2, 4, 8, 16, 32 or 64.", HelpName = "BITS", DefaultValueFactory = _ => 16 };
    private readonly Option<bool> _lazy = new("--lazy-refcounts") { Description = "Write counts late: faster flushes, counted anew after a crash." };
    private readonly Option<string> _compression = new("--compression") { Description = "How compressed clusters are packed.", HelpName = "zlib|zstd", DefaultValueFactory = _ => "zlib" };
    private readonly Option<string> _dataFile = new("--data-file") { Description = "Keep the data in this file, and only tables in the image.", HelpName = "FILE" };
    private readonly Option<bool> _dataFileRaw = new("--data-file-raw") { Description = "Keep the data file a raw image by itself." };
    private readonly Option<string> _preallocation = new("--preallocation") { Description = "What is reserved beforehand.", HelpName = "off|metadata|falloc|full", DefaultValueFactory = _ => "off" };
    private readonly Option<bool> _force = new("--force") { Description = "Overwrite a file that is there." };

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _clusterSize, _compat, _refcountBits, _lazy, _compression, _dataFile, _dataFileRaw, _preallocation, _force }) command.Add(option);
    }

    /// <summary>What was asked for.</summary>
    public DiskCreationOptions Read(ParseResult parsed, string? format, string file) => new()
    {
        Format = format is not null ? DiskCommand.ParseFormat(format) : file.EndsWith(".raw", StringComparison.OrdinalIgnoreCase) ? DiskFormat.Raw : DiskFormat.Qcow2,
        ClusterSize = (int)Math.Min(DiskCommand.ParseSize(parsed.GetRequiredValue(_clusterSize)), int.MaxValue),
        Version = parsed.GetRequiredValue(_compat) switch
        {
            "0.10" or "2" => 2,
            "1.1" or "3" => 3,
            var other => throw new HolonException($"There is no qcow2 version '{other}'; use 0.10 or 1.1."),
        },
        RefcountBits = parsed.GetValue(_refcountBits),
        LazyRefcounts = parsed.GetValue(_lazy),
        Zstd = parsed.GetRequiredValue(_compression) switch
        {
            "zlib" => false,
            "zstd" => true,
            var other => throw new HolonException($"There is no compression '{other}'; use zlib or zstd."),
        },
        DataFile = parsed.GetValue(_dataFile),
        DataFileRaw = parsed.GetValue(_dataFileRaw),
        Preallocation = parsed.GetRequiredValue(_preallocation) switch
        {
            "off" => Preallocation.Off,
            "metadata" => Preallocation.Metadata,
            "falloc" => Preallocation.Falloc,
            "full" => Preallocation.Full,
            var other => throw new HolonException($"There is no preallocation '{other}'; use off, metadata, falloc or full."),
        },
        Overwrite = parsed.GetValue(_force),
    };
}

/// <summary><c>holon disk create</c>.</summary>
internal sealed class DiskCreateCommand : Command
{
    private readonly Argument<string> _file = DiskCommand.FileArgument(description: "The new disk image.");
    private readonly Argument<string?> _size = new("SIZE") { Description = "Size of the disk, such as 10G; with --backing it may be left out.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string> _format = DiskCommand.NewFormatOption();
    private readonly Option<string> _backing = new("--backing") { Description = "The image below: the new one begins as a copy of it, and changes stay in the new one.", HelpName = "FILE" };
    private readonly Option<string> _backingFormat = DiskCommand.FormatOption("--backing-format", "What the image below holds. It is looked at when not given.");
    private readonly NewDiskOptions _options = new();

    /// <summary>The verb.</summary>
    public DiskCreateCommand()
        : base("create", "Make a disk image.")
    {
        Add(_file);
        Add(_size);
        Add(_format);
        Add(_backing);
        Add(_backingFormat);
        _options.AddTo(this);
        SetAction((parsed, cancellationToken) => Task.Run(() => Create(parsed, cancellationToken), cancellationToken));
    }

    private void Create(ParseResult parsed, CancellationToken cancellationToken)
    {
        var options = _options.Read(parsed, parsed.GetValue(_format), parsed.GetRequiredValue(_file)) with
        {
            Length = parsed.GetValue(_size) is { } size ? DiskCommand.ParseSize(size) : null,
            BackingFile = parsed.GetValue(_backing),
            BackingFormat = DiskCommand.ParseFormat(parsed.GetValue(_backingFormat)),
        };
        using var progress = new DiskProgress("reserving space");
        DiskCreation.Create(parsed.GetRequiredValue(_file), options, progress, cancellationToken);
    }
}
