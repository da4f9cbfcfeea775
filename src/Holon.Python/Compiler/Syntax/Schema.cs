namespace Holon.Python.Compiler.Ast;

/// <summary>A type of the abstract syntax.</summary>
/// <param name="Name">Its name in the description, such as <c>expr</c>.</param>
/// <param name="IsEnum">Its constructors have no fields, and are values of a C# enumeration.</param>
/// <param name="IsProduct">It has one constructor, which has the type's name.</param>
/// <param name="Attributes">The places in the source that every node of it has.</param>
/// <param name="Constructors">Its constructors.</param>
internal sealed record SchemaType(string Name, bool IsEnum, bool IsProduct, SchemaField[] Attributes, SchemaConstructor[] Constructors);

/// <summary>A constructor.</summary>
/// <param name="Name">Its name, such as <c>BinOp</c>.</param>
/// <param name="Fields">Its fields in order.</param>
/// <param name="Make">Makes the node, or the value of the enumeration, from the fields' values.</param>
internal sealed record SchemaConstructor(string Name, SchemaField[] Fields, Func<object?[], SourceSpan, object> Make);

/// <summary>A field or an attribute.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">A type's name, or <c>identifier</c>, <c>string</c>, <c>int</c>, <c>constant</c>.</param>
/// <param name="IsOptional">It may be None.</param>
/// <param name="IsSequence">It is a list.</param>
internal sealed record SchemaField(string Name, string Type, bool IsOptional, bool IsSequence);
