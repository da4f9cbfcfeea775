namespace Holon.Devices;

/// <summary>Raises or lowers one interrupt input of the board's interrupt controllers.</summary>
public interface IInterruptLine
{
    /// <summary>Sets the level. Setting the same level again changes nothing.</summary>
    void Set(bool asserted);
}
