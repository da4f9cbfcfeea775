namespace Holon.Machines;

/// <summary>Something that happened to a machine and that its user may want to know.</summary>
/// <param name="Time">Host time.</param>
/// <param name="Kind">A stable dotted name, such as <c>status.running</c>, <c>engine.chosen</c> or <c>cpu.triple-fault</c>.</param>
/// <param name="Message">One sentence for people.</param>
public sealed record MachineEvent(DateTimeOffset Time, string Kind, string Message);
