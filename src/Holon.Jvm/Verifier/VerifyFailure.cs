namespace Holon.Jvm.Verifier;

/// <summary>Why a class is refused. It becomes the Java error once the method and the frame are known.</summary>
internal sealed class VerifyFailure(string message, string? reason = null, bool isFormat = false) : Exception(message)
{
    /// <summary>The sentence under "Reason" in the error's details.</summary>
    public string? Reason { get; } = reason;

    /// <summary>Whether it becomes a ClassFormatError rather than a VerifyError.</summary>
    public bool IsFormat { get; } = isFormat;

    /// <summary>What the older verifier says instead.</summary>
    public string? OldMessage { get; init; }

    /// <summary>The frame of the stack map that did not fit.</summary>
    public TypeFrame? MapFrame { get; init; }

    public int MapAt { get; init; } = -1;

    /// <summary>Whether the message goes on with the method's name.</summary>
    public bool NamesMethod { get; init; }

    public static VerifyFailure Format(string message, bool namesMethod = true) => new(message, null, true) { NamesMethod = namesMethod };
}
