namespace Holon.Python.Modules.Sqlite;

/// <summary>A row whose values have the names of their columns.</summary>
internal sealed class PyRow(PyType type, PyTuple values, PyObject description) : PyExtensible(type)
{
    private static readonly NativeParameters RowParameters = new("Row", "cursor, row, /");

    public PyTuple Columns { get; } = values;

    public PyObject Description { get; } = description;

    private static PyRow R(PyObject o) => (PyRow)o;

    private IEnumerable<PyStr> Names => Description is PyTuple columns ? columns.Items.Select(c => (PyStr)((PyTuple)c)[0]) : [];

    public static readonly PyType RowType = new("Row", PyType.Object, t =>
    {
        t.New = (type, args, names) =>
        {
            var a = RowParameters.Bind(args, names);
            var cursor = a[0] as PyCursor ?? throw Err.Type($"Row() argument 1 must be sqlite3.Cursor, not {Args.TypeName(a[0])}");
            var row = a[1] as PyTuple ?? throw Err.Type($"Row() argument 2 must be tuple, not {Args.TypeName(a[1])}");
            return new PyRow(type, row, cursor.Description);
        };
        t.IsSequence = true;
        t.Def0("keys", o => new PyList(R(o).Names.Select(n => (PyObject)n)));
        t.Len = o => R(o).Columns.Count;
        t.Iter = o => Ops.Iter(R(o).Columns);
        t.Hash = o => Ops.Hash(R(o).Columns) ^ Ops.Hash(R(o).Description);
        t.GetItem = (o, key) =>
        {
            if (key is PyStr name)
            {
                var at = 0;
                foreach (var each in R(o).Names)
                {
                    if (string.Equals(each.Value, name.Value, StringComparison.OrdinalIgnoreCase))
                        return R(o).Columns[at];
                    at++;
                }
                throw Err.Index("No item with that key");
            }
            return key is PySlice || key.Type.Index is not null ? Ops.GetItem(R(o).Columns, key) : throw Err.Index("Index must be int or string");
        };
        t.Compare = (o, other, op) =>
        {
            if (other is not PyRow row || op is not (CompareOp.Eq or CompareOp.Ne))
                return Values.NotImplemented;
            var same = Ops.Eq(R(o).Columns, row.Columns) && Ops.Eq(R(o).Description, row.Description);
            return Values.Bool(same == (op == CompareOp.Eq));
        };
    }, "sqlite3");
}
