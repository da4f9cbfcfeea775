namespace Holon.Machines;
#pragma warning disable CS1591, CA2211
public static class Rest { public static int Halted; public static volatile bool Wanted; public static volatile Action? Signal; }
