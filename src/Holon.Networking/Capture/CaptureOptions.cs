namespace Holon.Networking;

/// <summary>Where frames are recorded.</summary>
/// <param name="Path">The file; older ones get <c>.1</c>, <c>.2</c> … behind their names.</param>
/// <param name="FileBytes">A file of this size is put aside and a new one begun.</param>
/// <param name="Files">How many are kept, the current one included.</param>
/// <param name="SnapLength">Bytes kept of each frame.</param>
public sealed record CaptureOptions(string Path, long FileBytes = 64L << 20, int Files = 4, int SnapLength = 65550);
