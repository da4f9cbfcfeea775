using Holon.Oracle.Comparison;
using Holon.Oracle.Generation;
using Holon.Oracle.Guest;
using Iced.Intel;

namespace Holon.Oracle;

/// <summary>Runs cases of one form on the host and on an engine, and compares.</summary>
public sealed class FormRun : IDisposable
{
    private const int MostReports = 3;

    private readonly IInstructionRunner _host, _engine;
    private readonly CaseGenerator _generator;
    private readonly byte[] _window = new byte[AddressLayout.WindowSize];
    private readonly TestCase[] _cases;
    private readonly Instruction[] _instructions;
    private readonly int[] _numbers;
    private readonly CaseResult[] _expected, _actual;

    /// <summary>Takes over two runners.</summary>
    public FormRun(IInstructionRunner host, IInstructionRunner engine, ulong seed)
    {
        _host = host;
        _engine = engine;
        _generator = new CaseGenerator(seed);
        var capacity = Math.Min(host.Capacity, engine.Capacity);
        _cases = new TestCase[capacity];
        _instructions = new Instruction[capacity];
        _numbers = new int[capacity];
        _expected = new CaseResult[capacity];
        _actual = new CaseResult[capacity];
    }

    /// <summary>Runs some cases of a form.</summary>
    /// <param name="code">The form.</param>
    /// <param name="count">How many.</param>
    /// <param name="first">Number of the first one, to repeat a failure alone.</param>
    public FormOutcome Run(Code code, int count, int first = 0)
    {
        var form = new InstructionForm(code);
        var outcome = new FormOutcome(code);
        _generator.FillWindow(form, _window);
        for (var number = first; number < first + count;)
        {
            var filled = 0;
            for (; filled < _cases.Length && number < first + count; number++)
            {
                if (!_generator.TryGenerate(form, number, ref _cases[filled])) continue;
                _instructions[filled] = _generator.Instruction;
                _numbers[filled++] = number;
            }

            RunBatch(outcome, filled);
        }

        return outcome;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _host.Dispose();
        _engine.Dispose();
    }

    private void RunBatch(FormOutcome outcome, int count)
    {
        _host.Run(_window, _cases.AsSpan(0, count), _expected);
        _engine.Run(_window, _cases.AsSpan(0, count), _actual);
        for (var i = 0; i < count; i++)
        {
            outcome.Cases++;
            if (_expected[i].Vector == CaseResult.Completed) outcome.Completed++;
            var agree = ResultComparer.Agree(_window, in _cases[i], in _instructions[i], in _expected[i], in _actual[i], out var setAside);
            if (setAside is not null) outcome.SetAside[setAside] = outcome.SetAside.GetValueOrDefault(setAside) + 1;
            if (agree) continue;
            outcome.Failures++;
            if (outcome.Reports.Count >= MostReports) continue;
            outcome.Reports.Add(Report(i));
        }
    }

    /// <summary>A failing case in its smallest form, and what differs.</summary>
    private string Report(int index)
    {
        var reducer = new CaseReducer(_host, _engine, _window, _instructions[index]);
        var test = reducer.Reduce(_cases[index], out var expected, out var actual);
        var differences = new List<string>();
        ResultComparer.Agree(_window, in test, in _instructions[index], in expected, in actual, differences);
        if (actual.Vector == EngineProcessor.EngineFailed && _engine is EngineProcessor { LastFailure: { } failure }) differences = [failure];
        return CaseText.Describe(_window, in test, _numbers[index], in expected, differences);
    }
}

/// <summary>What running cases of one form showed.</summary>
/// <param name="Code">The form.</param>
public sealed record FormOutcome(Code Code)
{
    /// <summary>Cases run.</summary>
    public int Cases { get; set; }

    /// <summary>Cases that raised no exception on the host.</summary>
    public int Completed { get; set; }

    /// <summary>Cases in which the engine differed.</summary>
    public int Failures { get; set; }

    /// <summary>Cases in which the host differs from the engine as its maker's processors do.</summary>
    public Dictionary<MakerDifference, int> SetAside { get; } = [];

    /// <summary>The first failures, described.</summary>
    public List<string> Reports { get; } = [];
}
