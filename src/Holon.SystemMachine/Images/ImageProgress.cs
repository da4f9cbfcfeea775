namespace Holon.SystemMachine.Images;

/// <summary>How far the making of an image is.</summary>
/// <param name="Step">What is being done, in words.</param>
/// <param name="Fraction">How much of that step is done, from 0 to 1; null when nobody knows.</param>
public readonly record struct ImageProgress(string Step, double? Fraction);
