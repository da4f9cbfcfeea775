namespace Holon.Storage.Host;

/// <summary>The host could not do what a request needs; the status says what the device above is told.</summary>
internal sealed class BlockFailure : IOException
{
    /// <summary>A failure with its status and its sentence.</summary>
    public BlockFailure(BlockStatus status, string message)
        : base(message) => Status = status;

    /// <summary>What the device is told.</summary>
    public BlockStatus Status { get; }
}
