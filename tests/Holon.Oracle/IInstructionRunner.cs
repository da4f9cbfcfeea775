namespace Holon.Oracle;

/// <summary>Something that executes single user-mode instructions: the host's processor or an engine under test.</summary>
public interface IInstructionRunner : IDisposable
{
    /// <summary>Most cases in one <see cref="Run"/>.</summary>
    int Capacity { get; }

    /// <summary>Runs cases, each from its own state in the <see cref="AddressLayout"/> address space.</summary>
    /// <param name="window">The content of the data window before each case, except for the case's patch.</param>
    /// <param name="cases">The cases.</param>
    /// <param name="results">Receives one result a case.</param>
    void Run(ReadOnlySpan<byte> window, ReadOnlySpan<TestCase> cases, Span<CaseResult> results);
}
