namespace Holon.X86.SoftFloat;

/// <summary>A value of the x87's 80-bit double extended-precision format (SDM vol. 1 §4.2.2), any encoding.</summary>
/// <param name="SignExponent">Sign in bit 15, exponent biased by 16383 below.</param>
/// <param name="Significand">64 bits with an explicit integer bit 63.</param>
public readonly partial record struct Float80(ushort SignExponent, ulong Significand);
