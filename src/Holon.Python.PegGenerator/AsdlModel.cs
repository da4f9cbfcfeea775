namespace Holon.Python.PegGenerator;

/// <summary>A type of the abstract syntax: a sum of constructors, an enumeration, or one product of fields.</summary>
internal sealed record AsdlType(string Name, IReadOnlyList<AsdlConstructor> Constructors, IReadOnlyList<AsdlField> Attributes, bool IsProduct)
{
    /// <summary>Only names, no fields.</summary>
    public bool IsEnum => !IsProduct && Attributes.Count == 0 && Constructors.All(c => c.Fields.Count == 0);
}

/// <summary>A constructor and its fields.</summary>
internal sealed record AsdlConstructor(string Name, IReadOnlyList<AsdlField> Fields);

/// <summary>A field: <c>?</c> may be absent, <c>*</c> is a sequence.</summary>
internal sealed record AsdlField(string Type, string Name, bool IsOptional, bool IsSequence);
