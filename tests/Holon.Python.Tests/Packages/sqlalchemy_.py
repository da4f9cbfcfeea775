"""An asyncio server under clients, and sqlalchemy on SQLite."""
import asyncio, datetime, decimal

async def asyncio_part():
    async def serve(reader, writer):
        while line := await reader.readline():
            writer.write(line.strip()[::-1] + b"\n"); await writer.drain()
        writer.close()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async def client(n):
        reader, writer = await asyncio.open_connection("127.0.0.1", port); out = []
        for i in range(20):
            writer.write(f"{n}:{i}\n".encode()); out.append(await reader.readline())
        writer.close(); await writer.wait_closed()
        return out[-1]
    print(await asyncio.gather(*(client(n) for n in range(10))))
    async with asyncio.timeout(300), asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.sleep(0, i)) for i in range(3)]
    print([task.result() for task in tasks])
    server.close(); await server.wait_closed()
asyncio.run(asyncio_part())

import sqlalchemy as sa
from sqlalchemy import orm
Base = orm.declarative_base()
class Author(Base):
    __tablename__ = "author"
    id = sa.Column(sa.Integer, primary_key=True); name = sa.Column(sa.String(50), unique=True, nullable=False)
    books = orm.relationship("Book", back_populates="author", cascade="all, delete-orphan", order_by="Book.title")
    def __repr__(self): return f"Author({self.name})"
class Book(Base):
    __tablename__ = "book"
    id = sa.Column(sa.Integer, primary_key=True); title = sa.Column(sa.String); price = sa.Column(sa.Numeric(8, 2)); when = sa.Column(sa.DateTime); data = sa.Column(sa.JSON)
    author_id = sa.Column(sa.ForeignKey("author.id")); author = orm.relationship("Author", back_populates="books")
engine = sa.create_engine("sqlite://"); Base.metadata.create_all(engine)
with orm.Session(engine) as session:
    session.add_all([Author(name=n, books=[Book(title=f"{n} {i}", price=decimal.Decimal(i) / 4, when=datetime.datetime(2020, 1, i + 1), data={"i": [i]}) for i in range(4)]) for n in ("Ada", "Bob")])
    session.commit()
    print(session.scalars(sa.select(Author).where(Author.name.like("A%"))).all(), session.execute(sa.select(Author.name, sa.func.count(Book.id), sa.func.sum(Book.price)).join(Book).group_by(Author.name).order_by(Author.name)).all())
    print([(b.title, b.price, b.when, b.data) for b in session.query(Book).filter(Book.price >= 0.5, Book.when < datetime.datetime(2020, 1, 4)).order_by(Book.title.desc())])
    a = session.get(Author, 1); a.books.pop(); session.flush(); print(session.query(Book).count()); session.rollback(); print(session.query(Book).count())
    session.add(Author(name="Ada"))
    try:
        session.commit()
    except sa.exc.IntegrityError as error:
        print(error.orig); session.rollback()
    sub = sa.select(Book.author_id, sa.func.max(Book.price).label("m")).group_by(Book.author_id).subquery()
    print(session.query(Author, sub.c.m).join(sub).options(orm.selectinload(Author.books)).order_by(Author.id).all(), str(sa.select(Book).where(sa.or_(Book.id.in_([1, 2]), Book.title.is_(None))).order_by(Book.id)))
    print([i["name"] for i in sa.inspect(engine).get_columns("book")])
