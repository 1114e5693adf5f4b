"""SQLAlchemy and SQLModel with pgvector-python, by each driver: an index that the
model declares; and Alembic, which has to leave it alone."""

import asyncio

import numpy as np
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, registry
from sqlmodel import Field, SQLModel
from sqlmodel import Session as ModelSession
from sqlmodel import select as model_select

from client_cycle import client_cycle
from embedding import DIMS

# What is written of an index: as for pgvector, and with what is ours alone.  Of the
# columns of a model or a table.
INDEXES = {
    'hnsw': lambda column: sa.Index(
        'item_embedding', column['embedding'], postgresql_using='hnsw',
        postgresql_with={'m': 16, 'ef_construction': 64},
        postgresql_ops={'embedding': 'vector_cosine_ops'}),
    'omen_hnsw': lambda column: sa.Index(
        'item_embedding', column['embedding'], column['topic'],
        postgresql_using='omen_hnsw',
        postgresql_with={'m': 16, 'ef_construction': 64, 'storage': 'sq8'},
        postgresql_ops={'embedding': 'vector_cosine_ops'}),
}


def make_model(method):
    """A model of its own for each test: what knows of tables is its base."""
    class Base(DeclarativeBase):
        pass

    class Item(Base):
        __tablename__ = 'item'

        id = mapped_column(sa.BigInteger, primary_key=True)
        topic = mapped_column(sa.Text)
        embedding = mapped_column(VECTOR(DIMS))

        __table_args__ = (INDEXES[method]({'embedding': embedding, 'topic': topic}),)

    return Item


def check_index(db, engine, method):
    """Hold what reflection finds of the index against what the model says; where
    that has made pgvector's, ours is made by hand, and is to be found."""
    columns, options = ['embedding'], {'m': '16', 'ef_construction': '64'}
    if method == 'omen_hnsw':
        columns, options = columns + ['topic'], options | {'storage': 'sq8'}
    made = method
    for _ in range(2):
        index, = sa.inspect(engine).get_indexes('item')
        dialect = index['dialect_options']
        assert (index['column_names'], dialect['postgresql_using'],
                dialect['postgresql_with']) == (columns, made, options)
        assert db.take_over() == ['item_embedding']
        made = method if db.route == 'vector' else 'omen_hnsw'


@pytest.fixture
def driver():
    return 'psycopg'


@pytest.fixture
def engine(db, driver):
    engine = sa.create_engine(db.url(f'postgresql+{driver}'))
    with engine.begin() as connection:
        connection.execute(sa.text('CREATE EXTENSION IF NOT EXISTS vector'))
    yield engine
    engine.dispose()


def query(model, vector, count, topic, select=sa.select):
    distance = model.embedding.cosine_distance(vector)
    statement = select(model.id, distance).order_by(distance).limit(count)
    return statement if topic is None else statement.where(model.topic == topic)


@pytest.mark.parametrize('driver', ('psycopg', 'psycopg2'))
@pytest.mark.parametrize('method', INDEXES)
def test_orm(db, engine, docs, rows, method):
    Item = make_model(method)
    Item.metadata.create_all(engine)
    check_index(db, engine, method)
    with Session(engine) as session:
        session.add_all(Item(id=d.id, topic=d.topic, embedding=d.embedding)
                        for d in docs)
        session.commit()
    db.sql('ANALYZE item')

    def search(vector, count, topic):
        with Session(engine) as session:
            return [tuple(row) for row in
                    session.execute(query(Item, vector, count, topic))]

    def delete(ids):
        with Session(engine) as session:
            session.execute(sa.delete(Item).where(Item.id.in_(ids)))
            session.commit()

    client_cycle(db, docs, rows, search, delete)
    # whole objects, and their values
    with Session(engine) as session:
        for item in session.scalars(sa.select(Item).limit(3)):
            assert np.array_equal(np.float32(item.embedding), rows[item.id])


def test_core_async(db, docs, rows):
    """Tables without models, by asyncpg; the index made once the rows are there."""
    table = sa.Table('item', sa.MetaData(),
                     sa.Column('id', sa.BigInteger, primary_key=True),
                     sa.Column('topic', sa.Text),
                     sa.Column('embedding', VECTOR(DIMS)))
    index = sa.Index('item_embedding', table.c.embedding,
                     postgresql_using=db.method,
                     postgresql_ops={'embedding': 'vector_cosine_ops'})
    table.indexes.clear()
    loop = asyncio.new_event_loop()
    engine = create_async_engine(db.url('postgresql+asyncpg'))

    def run(act):
        async def transaction():
            async with engine.begin() as connection:
                return await act(connection)
        return loop.run_until_complete(transaction())

    run(lambda c: c.execute(sa.text('CREATE EXTENSION IF NOT EXISTS vector')))
    run(lambda c: c.run_sync(table.create))
    run(lambda c: c.execute(sa.insert(table), [
        {'id': d.id, 'topic': d.topic, 'embedding': d.embedding} for d in docs]))
    run(lambda c: c.run_sync(index.create))
    db.sql('ANALYZE item')

    def search(vector, count, topic):
        async def find():
            async with AsyncSession(engine) as session:
                return (await session.execute(
                    query(table.c, vector, count, topic))).all()
        return [tuple(row) for row in loop.run_until_complete(find())]

    def delete(ids):
        run(lambda c: c.execute(sa.delete(table).where(table.c.id.in_(ids))))

    client_cycle(db, docs, rows, search, delete)
    loop.run_until_complete(engine.dispose())
    loop.close()


@pytest.mark.parametrize('method', INDEXES)
def test_sqlmodel(db, engine, docs, rows, method):
    class Base(SQLModel, registry=registry()):
        pass

    class Item(Base, table=True):
        __tablename__ = 'item'

        id: int = Field(primary_key=True, sa_type=sa.BigInteger)
        topic: str
        embedding: list[float] = Field(sa_type=VECTOR(DIMS))

    columns = Item.__table__.c
    INDEXES[method](columns)
    Item.metadata.create_all(engine)
    check_index(db, engine, method)
    with ModelSession(engine) as session:
        session.add_all(Item(id=d.id, topic=d.topic, embedding=d.embedding)
                        for d in docs)
        session.commit()
    db.sql('ANALYZE item')

    def search(vector, count, topic):
        with ModelSession(engine) as session:
            return [tuple(row) for row in session.exec(
                query(Item, vector, count, topic, model_select))]

    def delete(ids):
        with ModelSession(engine) as session:
            for item in session.exec(
                    model_select(Item).where(columns.id.in_(ids))):
                session.delete(item)
            session.commit()

    client_cycle(db, docs, rows, search, delete)


# ---------- Alembic ----------

ENVIRONMENT = '''
from alembic import context
engine, metadata = (context.config.attributes[n] for n in ('engine', 'metadata'))
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
'''

TEMPLATE = '''
from alembic import op
import pgvector.sqlalchemy
import sqlalchemy as sa

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}

def upgrade():
    ${upgrades if upgrades else "pass"}

def downgrade():
    ${downgrades if downgrades else "pass"}
'''


@pytest.mark.parametrize('method', INDEXES)
def test_alembic(db, engine, tmp_path, docs, method):
    Item = make_model(method)
    (tmp_path / 'versions').mkdir()
    (tmp_path / 'env.py').write_text(ENVIRONMENT)
    (tmp_path / 'script.py.mako').write_text(TEMPLATE)
    config = Config()
    config.set_main_option('script_location', str(tmp_path))
    config.attributes.update(engine=engine, metadata=Item.metadata)

    script = command.revision(config, 'first', autogenerate=True)
    text = open(script.path, encoding='utf-8').read()
    assert f"postgresql_using='{method}'" in text, text
    command.upgrade(config, 'head')
    check_index(db, engine, method)
    with Session(engine) as session:
        session.add_all(Item(id=d.id, topic=d.topic, embedding=d.embedding)
                        for d in docs[:100])
        session.commit()

    # nothing to do, once it is there: not even once it was built anew
    command.check(config)
    db.sql('REINDEX INDEX CONCURRENTLY item_embedding')
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Item.metadata) == []

    command.downgrade(config, 'base')
    assert not sa.inspect(engine).has_table('item')
    command.upgrade(config, 'head')
    assert db.take_over() == ['item_embedding']
