using Holon.Python.PegGenerator;

if (args is not [var kind, var input, var output])
{
    Console.Error.WriteLine("usage: Holon.Python.PegGenerator (peg | asdl) INPUT OUTPUT.cs");
    return 2;
}

try
{
    var text = File.ReadAllText(input);
    var code = kind switch
    {
        "peg" => new PegWriter(new PegReader(text).ReadGrammar()).Write(),
        "asdl" => new AsdlWriter(new AsdlReader(text).ReadTypes()).Write(),
        _ => throw new FormatException($"'{kind}' is not a kind of input; it is peg or asdl."),
    };
    File.WriteAllText(output, code);
    return 0;
}
catch (FormatException e)
{
    Console.Error.WriteLine($"{input}: error PEG1: {e.Message}");
    return 1;
}
