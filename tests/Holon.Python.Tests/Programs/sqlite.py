"""sqlite3: the DB-API, types, functions, callbacks, blobs, copies."""
import datetime, os, sqlite3, tempfile, threading

c = sqlite3.connect(":memory:")
cur = c.cursor()
print(cur.execute("create table t(a integer primary key, b text, c real, d blob, e)").description, cur.rowcount, cur.lastrowid)
print(cur.execute("insert into t values(?, ?, ?, ?, ?)", (1, "ä\U0001f600\0x", 1.5, b"\0\1", None)).lastrowid, cur.rowcount, c.in_transaction)
cur.executemany("insert into t(b, e) values(:b, :e)", [dict(b=str(i), e=2**40 + i) for i in range(5)])
print(cur.rowcount, c.total_changes, list(c.execute("select * from t")))
c.rollback()
print(c.execute("select count(*) from t").fetchone(), c.in_transaction)
with c:
    c.executemany("insert into t(b) values(?)", [("x",), ("y",), ("z",)])
try:
    with c:
        c.execute("insert into t(b) values('w')")
        c.execute("insert into t(a) values(1)")
except sqlite3.IntegrityError as error:
    print(error, error.sqlite_errorname, error.sqlite_errorcode)
print(c.execute("select b from t").fetchmany(2), [d[0] for d in c.execute("select b as first, 1 from t").description])
c.row_factory = sqlite3.Row
row = c.execute("select a, b as B from t").fetchone()
print(tuple(row), row["b"], row["B"], row[-1], row.keys(), len(row), row == c.execute("select a, b as B from t").fetchone(), [x for x in row], row[0:1])
for key in ("q", 5, 1.5):
    try:
        row[key]
    except (IndexError, TypeError) as error:
        print(type(error).__name__, error)
c.row_factory = None
c.create_function("f", 2, lambda a, b: None if a is None else f"{a}-{b}", deterministic=True)
c.create_function("bad", 0, lambda: 1 / 0)
c.create_function("odd", 0, lambda: object())


class Sum:
    def __init__(self):
        self.n = 0

    def step(self, x):
        self.n += x

    def inverse(self, x):
        self.n -= x

    def value(self):
        return self.n

    def finalize(self):
        return self.n


c.create_aggregate("total_of", 1, Sum)
c.create_window_function("running", 1, Sum)
c.create_collation("backwards", lambda a, b: (a < b) - (a > b))
print(c.execute("select f(a, b), f(null, 1), total_of(a) from t").fetchall(), c.execute("select running(a) over (order by a rows between 1 preceding and current row) from t").fetchall())
print(c.execute("select b from t order by b collate backwards").fetchall(), c.execute("select total_of(a) from t where 0").fetchone())
for sql, parameters in (("select bad()", ()), ("select odd()", ()), ("select ?", ()), ("select ?", (object(),)), ("select :a", {"b": 1}), ("select 1; select 2", ()), ("selec", ()), ("select * from missing", ()), ("select '", ()), ("select 1\0", ()), ("insert into t(a) values(?)", ("x",))):
    try:
        print(c.execute(sql, parameters).fetchall())
    except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
        print(type(error).__name__, error)
for call in (lambda: sqlite3.connect(":memory:").execute("select ?", (2**70,)), lambda: c.executemany("select 1", [()]), lambda: c.execute(5), lambda: sqlite3.Cursor(5), lambda: c.execute("select ?", 5), lambda: c.cursor().execute("select 1", ("a", "b"))):
    try:
        call()
    except (sqlite3.Error, TypeError, OverflowError) as error:
        print(type(error).__name__, error)
typed = sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES)
typed.execute("create table d(a date, b timestamp, p point)")


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __conform__(self, protocol):
        return f"{self.x};{self.y}" if protocol is sqlite3.PrepareProtocol else None


sqlite3.register_converter("point", lambda text: tuple(map(int, text.split(b";"))))
sqlite3.register_adapter(complex, lambda z: f"{z.real}|{z.imag}")
typed.execute("insert into d values(?, ?, ?)", (datetime.date(2024, 2, 29), datetime.datetime(2024, 1, 2, 3, 4, 5, 6), Point(1, 2)))
print(typed.execute("select * from d").fetchall(), typed.execute("select a as 'a [timestamp]', ? as 'z [point]' from d where 0", ("1;2",)).description[1][0], typed.execute("select ?", (1 + 2j,)).fetchone())
typed.text_factory = bytes
print(typed.execute("select 'é'").fetchone())
typed.text_factory = lambda b: b.decode("latin-1")
print(typed.execute("select 'é'").fetchone())
typed.text_factory = str
try:
    typed.execute("select cast(x'ff' as text)").fetchone()
except sqlite3.OperationalError as error:
    print(type(error).__name__)
c.executescript("begin; create table s(x); insert into s values(1); /* c */ insert into s values(2); commit; -- end")
print(c.execute("select * from s").fetchall(), sqlite3.complete_statement("select 1;"), sqlite3.complete_statement("select '"))
c.execute("insert into t(a, d) values(100, zeroblob(10))")
with c.blobopen("t", "d", 100) as blob:
    blob.write(b"hello")
    blob[9] = 0x21
    blob[5:7] = b"ab"
    blob.seek(-3, os.SEEK_END)
    print(len(blob), blob.tell(), blob.read(), blob[0], blob[1:3], blob[::3])
    for call in (lambda: blob.write(b"x" * 20), lambda: blob.seek(99), lambda: blob[99], lambda: blob.__setitem__(0, 300)):
        try:
            call()
        except (ValueError, IndexError) as error:
            print(type(error).__name__, error)
c.commit()
print("\n".join(line for line in c.iterdump() if "x" not in line.lower() or "INSERT" in line))
other = sqlite3.connect(":memory:")
c.backup(other, pages=1, progress=lambda status, left, all: None)
print(other.execute("select count(*) from t").fetchone(), len(c.serialize()) > 1000)
copy = sqlite3.connect(":memory:")
copy.deserialize(c.serialize())
print(copy.execute("select a from t").fetchall())
seen = []
c.set_trace_callback(seen.append)
c.execute("select ?, 1", (5,)).fetchall()
c.set_trace_callback(None)
c.set_authorizer(lambda action, a, b, db, trigger: sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_READ and b == "b" else sqlite3.SQLITE_OK)
try:
    c.execute("select b from t")
except sqlite3.DatabaseError as error:
    print(seen, error)
c.set_authorizer(None)
c.set_progress_handler(lambda: 1, 10)
try:
    c.execute("with recursive r(i) as (select 1 union all select i + 1 from r) select count(*) from (select i from r limit 100000)").fetchall()
except sqlite3.OperationalError as error:
    print(error)
c.set_progress_handler(None, 0)
print(c.isolation_level == "", c.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 20), c.getlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH))
try:
    c.execute("select 1 + 1 + 1 + 1 + 1")
except sqlite3.DataError as error:
    print(error)
c.close()
try:
    c.execute("select 1")
except sqlite3.ProgrammingError as error:
    print(error)
result = []
thread = threading.Thread(target=lambda: result.append(caught(other)))


def caught(connection):
    try:
        connection.execute("select 1")
    except sqlite3.ProgrammingError as error:
        return str(error).split(".")[0]


thread.start()
thread.join()
print(result)
path = os.path.join(tempfile.mkdtemp(), "file.db")
one, two = sqlite3.connect(path, isolation_level="IMMEDIATE"), sqlite3.connect(path, timeout=0.05)
one.execute("create table x(a)")
one.execute("insert into x values(1)")
try:
    two.execute("insert into x values(2)")
except sqlite3.OperationalError as error:
    print(error, two.in_transaction)
one.commit()
two.execute("insert into x values(2)")
two.commit()
print(one.execute("select * from x").fetchall(), sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("select count(*) from x").fetchone())
try:
    sqlite3.connect("/nonexistent/x.db")
except sqlite3.OperationalError as error:
    print(error)
shared = sqlite3.connect(path, check_same_thread=False)


def add(n):
    for i in range(50):
        with lock:
            shared.execute("insert into x values(?)", (n * 100 + i,))


lock = threading.Lock()
threads = [threading.Thread(target=add, args=(n,)) for n in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
shared.commit()
print(one.execute("select count(*), sum(a) from x").fetchone(), sqlite3.apilevel, sqlite3.paramstyle, sqlite3.threadsafety, sqlite3.version)
