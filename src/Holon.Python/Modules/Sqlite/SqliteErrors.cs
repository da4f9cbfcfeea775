using System.Runtime.InteropServices;

namespace Holon.Python.Modules.Sqlite;

/// <summary>The exceptions of the module, and which of them a result code of SQLite becomes.</summary>
internal static unsafe class SqliteErrors
{
    public static readonly PyType Warning = Make("Warning", ExceptionTypes.Exception);
    public static readonly PyType Error = Make("Error", ExceptionTypes.Exception);
    public static readonly PyType InterfaceError = Make("InterfaceError", Error);
    public static readonly PyType DatabaseError = Make("DatabaseError", Error);
    public static readonly PyType InternalError = Make("InternalError", DatabaseError);
    public static readonly PyType OperationalError = Make("OperationalError", DatabaseError);
    public static readonly PyType ProgrammingError = Make("ProgrammingError", DatabaseError);
    public static readonly PyType IntegrityError = Make("IntegrityError", DatabaseError);
    public static readonly PyType DataError = Make("DataError", DatabaseError);
    public static readonly PyType NotSupportedError = Make("NotSupportedError", DatabaseError);

    public static readonly PyType[] All = [Warning, Error, InterfaceError, DatabaseError, InternalError, OperationalError, ProgrammingError, IntegrityError, DataError, NotSupportedError];

    /// <summary>Names of codes, in the order of sqlite3.h; extended codes are the code and a number above it.</summary>
    private static readonly string[] Names = "OK ERROR INTERNAL PERM ABORT BUSY LOCKED NOMEM READONLY INTERRUPT IOERR CORRUPT NOTFOUND FULL CANTOPEN PROTOCOL EMPTY SCHEMA TOOBIG CONSTRAINT MISMATCH MISUSE NOLFS AUTH FORMAT RANGE NOTADB NOTICE WARNING".Split(' ');

    private static readonly Dictionary<int, string[]> Extended = new()
    {
        [1] = ["MISSING_COLLSEQ", "RETRY", "SNAPSHOT"],
        [4] = ["", "ROLLBACK"],
        [5] = ["RECOVERY", "SNAPSHOT", "TIMEOUT"],
        [6] = ["SHAREDCACHE", "VTAB"],
        [8] = ["RECOVERY", "CANTLOCK", "ROLLBACK", "DBMOVED", "CANTINIT", "DIRECTORY"],
        [10] = "READ SHORT_READ WRITE FSYNC DIR_FSYNC TRUNCATE FSTAT UNLOCK RDLOCK DELETE BLOCKED NOMEM ACCESS CHECKRESERVEDLOCK LOCK CLOSE DIR_CLOSE SHMOPEN SHMSIZE SHMLOCK SHMMAP SEEK DELETE_NOENT MMAP GETTEMPPATH CONVPATH VNODE AUTH BEGIN_ATOMIC COMMIT_ATOMIC ROLLBACK_ATOMIC DATA CORRUPTFS".Split(' '),
        [11] = ["VTAB", "SEQUENCE", "INDEX"],
        [14] = ["NOTEMPDIR", "ISDIR", "FULLPATH", "CONVPATH", "DIRTYWAL", "SYMLINK"],
        [19] = ["CHECK", "COMMITHOOK", "FOREIGNKEY", "FUNCTION", "NOTNULL", "PRIMARYKEY", "TRIGGER", "UNIQUE", "VTAB", "ROWID", "PINNED"],
        [23] = ["USER"],
        [27] = ["RECOVER_WAL", "RECOVER_ROLLBACK"],
        [28] = ["AUTOINDEX"],
    };

    private static PyType Make(string name, PyType parent) => new(name, parent, null, "sqlite3");

    /// <summary>All result codes with their names.</summary>
    public static IEnumerable<(string Name, int Code)> Codes()
    {
        for (var code = 0; code < Names.Length; code++)
        {
            yield return ("SQLITE_" + Names[code], code);
            foreach (var (name, index) in Extended.GetValueOrDefault(code, []).Select((n, i) => (n, i)).Where(e => e.n.Length > 0))
                yield return ($"SQLITE_{Names[code]}_{name}", code | (index + 1) << 8);
        }
        yield return ("SQLITE_ROW", SqliteCalls.HasRow);
        yield return ("SQLITE_DONE", SqliteCalls.Done);
    }

    public static string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";

    public static PyError Of(PyType type, string message) => Err.Of(type, message);

    /// <summary>The error that the database has just had.</summary>
    public static PyError Last(nint database)
    {
        var code = SqliteCalls.ExtendedCode(database);
        return Of(code, Text(SqliteCalls.Message(database)));
    }

    public static PyError Of(int code, string message)
    {
        if ((code & 0xff) == 7)
            return Err.Memory();
        var type = (code & 0xff) switch
        {
            2 or 12 => InternalError,
            1 or 3 or 4 or 5 or 6 or 8 or 9 or 10 or 13 or 14 or 15 or 16 or 17 => OperationalError,
            18 => DataError,
            19 or 20 => IntegrityError,
            21 or 25 => InterfaceError,
            _ => DatabaseError,
        };
        var error = Err.Of(type, message);
        Attributes.Set(error.Value, "sqlite_errorcode", PyInt.Of(code));
        var name = Codes().FirstOrDefault(c => c.Code == code).Name ?? "unknown";
        Attributes.Set(error.Value, "sqlite_errorname", new PyStr(name));
        return error;
    }

    public static PyError Code(int code) => Of(code, Text(SqliteCalls.MessageOf(code)));
}
