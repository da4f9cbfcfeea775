using System.Runtime.InteropServices;

namespace Holon.Python.Modules.Sqlite;

/// <summary>SQLite's C interface (sqlite.org/c3ref), of the library that comes with the package SQLite.</summary>
internal static unsafe partial class SqliteCalls
{
    private const string Library = "e_sqlite3";

    public const int Ok = 0, Error = 1, Busy = 5, Interrupt = 9, Misuse = 21, HasRow = 100, Done = 101;
    public const int Integer = 1, Float = 2, Text = 3, Blob = 4, Null = 5;
    public const int Utf8 = 1, Deterministic = 0x800;

    /// <summary>The library copies what it is given.</summary>
    public const nint Transient = -1;

    [LibraryImport(Library, EntryPoint = "sqlite3_libversion")]
    public static partial byte* Version();

    [LibraryImport(Library, EntryPoint = "sqlite3_open_v2", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string name, out nint database, int flags, nint vfs);

    [LibraryImport(Library, EntryPoint = "sqlite3_close_v2")]
    public static partial int Close(nint database);

    [LibraryImport(Library, EntryPoint = "sqlite3_errmsg")]
    public static partial byte* Message(nint database);

    [LibraryImport(Library, EntryPoint = "sqlite3_errstr")]
    public static partial byte* MessageOf(int code);

    [LibraryImport(Library, EntryPoint = "sqlite3_errcode")]
    public static partial int Code(nint database);

    [LibraryImport(Library, EntryPoint = "sqlite3_extended_errcode")]
    public static partial int ExtendedCode(nint database);

    [LibraryImport(Library, EntryPoint = "sqlite3_complete")]
    public static partial int Complete(byte* sql);

    [LibraryImport(Library, EntryPoint = "sqlite3_interrupt")]
    public static partial void InterruptAll(nint database);

    [LibraryImport(Library, EntryPoint = "sqlite3_get_autocommit")]
    public static partial int IsAutocommit(nint database);

    [LibraryImport(Library, EntryPoint = "sqlite3_changes")]
    public static partial int Changes(nint database);

    [LibraryImport(Library, EntryPoint = "sqlite3_total_changes")]
    public static partial int TotalChanges(nint database);

    [LibraryImport(Library, EntryPoint = "sqlite3_last_insert_rowid")]
    public static partial long LastRow(nint database);

    [LibraryImport(Library, EntryPoint = "sqlite3_limit")]
    public static partial int Limit(nint database, int category, int value);

    [LibraryImport(Library, EntryPoint = "sqlite3_prepare_v2")]
    public static partial int Prepare(nint database, byte* sql, int length, out nint statement, out byte* tail);

    [LibraryImport(Library, EntryPoint = "sqlite3_finalize")]
    public static partial int End(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_reset")]
    public static partial int Reset(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_step")]
    public static partial int Step(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_stmt_readonly")]
    public static partial int IsReadOnly(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_clear_bindings")]
    public static partial int ClearBindings(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_bind_parameter_count")]
    public static partial int ParameterCount(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_bind_parameter_name")]
    public static partial byte* ParameterName(nint statement, int index);

    [LibraryImport(Library, EntryPoint = "sqlite3_bind_null")]
    public static partial int BindNull(nint statement, int index);

    [LibraryImport(Library, EntryPoint = "sqlite3_bind_int64")]
    public static partial int BindInteger(nint statement, int index, long value);

    [LibraryImport(Library, EntryPoint = "sqlite3_bind_double")]
    public static partial int BindFloat(nint statement, int index, double value);

    [LibraryImport(Library, EntryPoint = "sqlite3_bind_text64")]
    public static partial int BindText(nint statement, int index, byte* text, ulong length, nint free, byte encoding);

    [LibraryImport(Library, EntryPoint = "sqlite3_bind_blob64")]
    public static partial int BindBlob(nint statement, int index, byte* data, ulong length, nint free);

    [LibraryImport(Library, EntryPoint = "sqlite3_column_count")]
    public static partial int ColumnCount(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_data_count")]
    public static partial int DataCount(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_column_name")]
    public static partial byte* ColumnName(nint statement, int column);

    [LibraryImport(Library, EntryPoint = "sqlite3_column_decltype")]
    public static partial byte* ColumnDeclaration(nint statement, int column);

    [LibraryImport(Library, EntryPoint = "sqlite3_column_type")]
    public static partial int ColumnType(nint statement, int column);

    [LibraryImport(Library, EntryPoint = "sqlite3_column_int64")]
    public static partial long ColumnInteger(nint statement, int column);

    [LibraryImport(Library, EntryPoint = "sqlite3_column_double")]
    public static partial double ColumnFloat(nint statement, int column);

    [LibraryImport(Library, EntryPoint = "sqlite3_column_text")]
    public static partial byte* ColumnText(nint statement, int column);

    [LibraryImport(Library, EntryPoint = "sqlite3_column_blob")]
    public static partial byte* ColumnBlob(nint statement, int column);

    [LibraryImport(Library, EntryPoint = "sqlite3_column_bytes")]
    public static partial int ColumnBytes(nint statement, int column);

    [LibraryImport(Library, EntryPoint = "sqlite3_value_type")]
    public static partial int ValueType(nint value);

    [LibraryImport(Library, EntryPoint = "sqlite3_value_int64")]
    public static partial long ValueInteger(nint value);

    [LibraryImport(Library, EntryPoint = "sqlite3_value_double")]
    public static partial double ValueFloat(nint value);

    [LibraryImport(Library, EntryPoint = "sqlite3_value_text")]
    public static partial byte* ValueText(nint value);

    [LibraryImport(Library, EntryPoint = "sqlite3_value_blob")]
    public static partial byte* ValueBlob(nint value);

    [LibraryImport(Library, EntryPoint = "sqlite3_value_bytes")]
    public static partial int ValueBytes(nint value);

    [LibraryImport(Library, EntryPoint = "sqlite3_result_null")]
    public static partial void ResultNull(nint context);

    [LibraryImport(Library, EntryPoint = "sqlite3_result_int64")]
    public static partial void ResultInteger(nint context, long value);

    [LibraryImport(Library, EntryPoint = "sqlite3_result_double")]
    public static partial void ResultFloat(nint context, double value);

    [LibraryImport(Library, EntryPoint = "sqlite3_result_text64")]
    public static partial void ResultText(nint context, byte* text, ulong length, nint free, byte encoding);

    [LibraryImport(Library, EntryPoint = "sqlite3_result_blob64")]
    public static partial void ResultBlob(nint context, byte* data, ulong length, nint free);

    [LibraryImport(Library, EntryPoint = "sqlite3_result_error", StringMarshalling = StringMarshalling.Utf8)]
    public static partial void ResultError(nint context, string message, int length);

    [LibraryImport(Library, EntryPoint = "sqlite3_result_error_nomem")]
    public static partial void ResultNoMemory(nint context);

    [LibraryImport(Library, EntryPoint = "sqlite3_result_error_toobig")]
    public static partial void ResultTooBig(nint context);

    [LibraryImport(Library, EntryPoint = "sqlite3_user_data")]
    public static partial nint UserData(nint context);

    [LibraryImport(Library, EntryPoint = "sqlite3_aggregate_context")]
    public static partial nint* AggregateContext(nint context, int size);

    [LibraryImport(Library, EntryPoint = "sqlite3_create_function_v2")]
    public static partial int CreateFunction(nint database, byte* name, int arguments, int flags, nint data, delegate* unmanaged<nint, int, nint*, void> function, delegate* unmanaged<nint, int, nint*, void> step, delegate* unmanaged<nint, void> final, delegate* unmanaged<nint, void> destroy);

    [LibraryImport(Library, EntryPoint = "sqlite3_create_window_function")]
    public static partial int CreateWindowFunction(nint database, byte* name, int arguments, int flags, nint data, delegate* unmanaged<nint, int, nint*, void> step, delegate* unmanaged<nint, void> final, delegate* unmanaged<nint, void> value, delegate* unmanaged<nint, int, nint*, void> inverse, delegate* unmanaged<nint, void> destroy);

    [LibraryImport(Library, EntryPoint = "sqlite3_create_collation_v2")]
    public static partial int CreateCollation(nint database, byte* name, int encoding, nint data, delegate* unmanaged<nint, int, byte*, int, byte*, int> compare, delegate* unmanaged<nint, void> destroy);

    [LibraryImport(Library, EntryPoint = "sqlite3_set_authorizer")]
    public static partial int SetAuthorizer(nint database, delegate* unmanaged<nint, int, byte*, byte*, byte*, byte*, int> authorize, nint data);

    [LibraryImport(Library, EntryPoint = "sqlite3_progress_handler")]
    public static partial void SetProgress(nint database, int steps, delegate* unmanaged<nint, int> handler, nint data);

    [LibraryImport(Library, EntryPoint = "sqlite3_busy_handler")]
    public static partial int SetBusy(nint database, delegate* unmanaged<nint, int, int> handler, nint data);

    [LibraryImport(Library, EntryPoint = "sqlite3_trace_v2")]
    public static partial int Trace(nint database, uint mask, delegate* unmanaged<uint, nint, nint, nint, int> handler, nint data);

    [LibraryImport(Library, EntryPoint = "sqlite3_expanded_sql")]
    public static partial byte* ExpandedSql(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_sql")]
    public static partial byte* Sql(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_free")]
    public static partial void Free(void* memory);

    [LibraryImport(Library, EntryPoint = "sqlite3_malloc64")]
    public static partial byte* Allocate(ulong size);

    [LibraryImport(Library, EntryPoint = "sqlite3_backup_init", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint BackupStart(nint target, string targetName, nint source, string sourceName);

    [LibraryImport(Library, EntryPoint = "sqlite3_backup_step")]
    public static partial int BackupStep(nint backup, int pages);

    [LibraryImport(Library, EntryPoint = "sqlite3_backup_remaining")]
    public static partial int BackupRemaining(nint backup);

    [LibraryImport(Library, EntryPoint = "sqlite3_backup_pagecount")]
    public static partial int BackupPages(nint backup);

    [LibraryImport(Library, EntryPoint = "sqlite3_backup_finish")]
    public static partial int BackupEnd(nint backup);

    [LibraryImport(Library, EntryPoint = "sqlite3_blob_open", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int BlobOpen(nint database, string schema, string table, string column, long row, int writable, out nint blob);

    [LibraryImport(Library, EntryPoint = "sqlite3_blob_close")]
    public static partial int BlobClose(nint blob);

    [LibraryImport(Library, EntryPoint = "sqlite3_blob_bytes")]
    public static partial int BlobSize(nint blob);

    [LibraryImport(Library, EntryPoint = "sqlite3_blob_read")]
    public static partial int BlobRead(nint blob, Span<byte> buffer, int count, int offset);

    [LibraryImport(Library, EntryPoint = "sqlite3_blob_write")]
    public static partial int BlobWrite(nint blob, ReadOnlySpan<byte> data, int count, int offset);

    [LibraryImport(Library, EntryPoint = "sqlite3_serialize", StringMarshalling = StringMarshalling.Utf8)]
    public static partial byte* Serialize(nint database, string schema, out long size, uint flags);

    [LibraryImport(Library, EntryPoint = "sqlite3_deserialize", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Deserialize(nint database, string schema, byte* data, long size, long capacity, uint flags);
}
