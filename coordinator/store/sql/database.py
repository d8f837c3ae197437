"""How the database is spoken to: transactions, rows, and operations that open what they need.

An operation of the store is a function of SQL that opens its transaction when a store has it:

    @reading("reading a job")
    def job(connection: sqlite3.Connection, job_id: str) -> JobView: ...

    class Store(Opened):
        job = jobs.job

`store.job(job_id)` is one transaction; `job(connection, job_id)` is a part of the caller's. The
function has the only signature and the only docstring.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields
from enum import Enum
from types import NoneType
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    TypeVar,
    get_args,
    get_type_hints,
    overload,
)

import msgspec
from bitgauge.benchmarks.common.walks.finite import require_finite
from bitgauge.benchmarks.vocabulary.errors import (
    BadInput,
    BitgaugeError,
    Code,
    Internal,
    Refused,
    Unavailable,
)
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from .. import last_backup
from ..values import StoreFailed
from .budget import Budget, within

if TYPE_CHECKING:
    from sqlite_utils import Database

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
D = TypeVar("D")


# Matched against the message, because Python 3.10 does not expose SQLite's error codes.
_MEANINGS: tuple[tuple[str, type[BitgaugeError], Code, str], ...] = (
    ("disk is full", Unavailable, Code.DISK_FULL, "there is no space left on the disk of {path}"),
    ("malformed JSON", Internal, Code.STORE_DAMAGED, "{path} holds a value that can not be read"),
    ("malformed", StoreFailed, Code.STORE_DAMAGED, "the database {path} is damaged"),
    ("is not a database", Internal, Code.STORE_DAMAGED, "{path} is not a Bitgauge database"),
    ("is locked", Unavailable, Code.STORE_BUSY, "another process is writing to {path}"),
    ("I/O error", StoreFailed, Code.STORE_IO, "the disk of {path} does not answer"),
    ("readonly database", StoreFailed, Code.STORE_IO, "{path} can not be written"),
    ("unable to open", Unavailable, Code.STORE_IO, "{path} can not be opened"),
    ("interrupted", Refused, Code.ASKED_TOO_MUCH, "the answer takes too long to be found"),
)


@contextlib.contextmanager
def translated(path: str, doing: str) -> Iterator[None]:
    """Turn everything that the database answers into a `BitgaugeError` with one sentence.

    `doing` says what was attempted, such as ``recording a run``.
    """
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        for words, kind, code, meaning in _MEANINGS:
            if words in text:
                sentence = f"While {doing}: {meaning.format(path=path)}."
                if code is Code.STORE_DAMAGED:
                    sentence += last_backup.words(path)
                raise kind(code, sentence) from error
        raise Internal(Code.INTERNAL, f"While {doing}: {path} answered {text!r}.") from error
    except msgspec.MsgspecError as error:
        sentence = (
            f"While {doing}: {path} holds a value that can not be read ({error})."
            f"{last_backup.words(path)}"
        )
        raise Internal(Code.STORE_DAMAGED, sentence) from error
    except OverflowError as error:
        sentence = f"While {doing}: a number does not fit into 64 bits."
        raise BadInput(Code.BAD_ARGUMENT, sentence) from error


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """All or nothing: begin, the block, commit; roll back whatever goes wrong."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk has SQLite roll back by itself; a second rollback would hide that error.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def fetch(
    connection: sqlite3.Connection, sql: str, values: Sequence[object] | Mapping[str, object] = ()
) -> list[sqlite3.Row]:
    """Every row of a query, with its columns by name."""
    budget: Budget | None = getattr(connection, "budget", None)
    cursor = each(connection, sql, values)
    return cursor.fetchall() if budget is None else list(budget.kept(cursor))


def each(
    connection: sqlite3.Connection, sql: str, values: Sequence[object] | Mapping[str, object] = ()
) -> sqlite3.Cursor:
    """As `fetch`, one row after the other, for whoever keeps few of them."""
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    return cursor.execute(sql, values)


def fetch_where(
    connection: sqlite3.Connection, sql: str, where: Mapping[str, object]
) -> list[sqlite3.Row]:
    """The rows of a query that ends in a WHERE, to which clauses with one value each are added.

    A clause whose value is None does not count.
    """
    return fetch(connection, *_asked(sql, where))


def each_where(
    connection: sqlite3.Connection, sql: str, where: Mapping[str, object]
) -> Iterator[sqlite3.Row]:
    """As `fetch_where`, one row after the other."""
    return each(connection, *_asked(sql, where))


def _asked(sql: str, where: Mapping[str, object]) -> tuple[str, list[object]]:
    asked = {clause: one for clause, one in where.items() if one is not None}
    values = [getattr(one, "value", one) for one in asked.values()]
    return sql + "".join(f" AND {clause}" for clause in asked), values


def texts(
    connection: sqlite3.Connection, sql: str, values: Sequence[object] = ()
) -> tuple[str, ...]:
    """The first column of every row of a query, as text."""
    return tuple(str(found[0]) for found in connection.execute(sql, values).fetchall())


def text(connection: sqlite3.Connection, sql: str, values: Sequence[object] = ()) -> str | None:
    """The first column of a query's first row, as text; None when there is no row."""
    return next(iter(texts(connection, sql, values)), None)


def decode(text: str | None, kind: type[T]) -> T | None:
    """A value from its JSON column, or None for NULL."""
    return None if text is None else msgspec.json.decode(text, type=kind)


def encode(value: object) -> str:
    """The JSON of a value, for a TEXT column.

    Raises:
        Internal: a number of it is not finite; JSON would hold null, which nobody could read.
    """
    require_finite(value)
    return msgspec.json.encode(value).decode()


# -- rows ---------------------------------------------------------------------------------
# A digest stands in two columns, `X_sha256` and `X_size_bytes`; what has parts is JSON; a truth is
# an integer, and an enumeration its value.
_PLAIN = (str, int, float, bytes)


def value(kind: type[T], row: sqlite3.Row, **given: object) -> T:
    """The value of a row. A field is what is given, its column, or else its default."""
    make: Any = kind
    told = {name: read(row) for name, read in _readers(make, (*row.keys(),), (*given,))}
    made: T = make(**told, **given)
    return made


def columns(one: object, *names: str) -> dict[str, object]:
    """The columns of a value's fields: of all of them, or of those with these names."""
    found: dict[str, object] = {}
    own: Any = type(one)
    kinds = _kinds(own)
    for name in names or kinds:
        part = getattr(one, name)
        if kinds[name] is Digest:
            found[f"{name}_sha256"] = part and part.sha256
            found[f"{name}_size_bytes"] = part and part.size_bytes
        elif part is None or kinds[name] in _PLAIN:
            if kinds[name] is float:
                require_finite(part, f"{own.__name__}.{name}")
            found[name] = part
        elif isinstance(part, Enum):
            found[name] = part.value
        else:
            found[name] = int(part) if kinds[name] is bool else encode(part)
    return found


@functools.cache
def _kinds(kind: Any) -> dict[str, Any]:
    """The type of each field, of an optional one without the None."""
    hints = get_type_hints(kind)
    told = {}
    for field in fields(kind):
        parts = get_args(hints[field.name])
        optional = len(parts) == 2 and NoneType in parts
        told[field.name] = parts[parts[0] is NoneType] if optional else hints[field.name]
    return told


@functools.cache
def _readers(
    kind: Any, there: tuple[str, ...], given: tuple[str, ...]
) -> tuple[tuple[str, Callable[[sqlite3.Row], object]], ...]:
    """How each field is read that has a column there and is not given."""
    return tuple(
        (name, _reader(name, part))
        for name, part in _kinds(kind).items()
        if name not in given and (f"{name}_sha256" if part is Digest else name) in there
    )


def _reader(name: str, kind: Any) -> Callable[[sqlite3.Row], object]:
    if kind in _PLAIN:
        return lambda row: row[name]
    if kind is Digest:
        return lambda row: digest(row[f"{name}_sha256"], row[f"{name}_size_bytes"])
    is_word = isinstance(kind, type) and issubclass(kind, (bool, Enum))
    read = kind if is_word else msgspec.json.Decoder(kind).decode
    return lambda row: None if row[name] is None else read(row[name])


def digest(sha256: str | None, size_bytes: int | None) -> Digest | None:
    """A digest from its two columns, or None for NULL."""
    if sha256 is None or size_bytes is None:
        return None
    return Digest(sha256, size_bytes)


# -- operations ---------------------------------------------------------------------------
class Opened:
    """An open database, to read or to write; what has operations inherits it."""

    def __init__(
        self, connection: sqlite3.Connection, name: str, database: Database | None = None
    ) -> None:
        """Use `connection`; `name` stands in sentences, `database` wraps it when it may write."""
        self._connection = connection
        self._name = name
        self._database = database
        self._in_a_moment = False

    @contextlib.contextmanager
    def reading(self, doing: str) -> Iterator[sqlite3.Connection]:
        """One moment of the database; `doing` stands in the sentences of errors."""
        with translated(self._name, doing):
            if self._in_a_moment:
                yield self._connection
                return
            with transaction(self._connection, "BEGIN"):
                yield self._connection

    @contextlib.contextmanager
    def moment(self, budget: Budget) -> Iterator[None]:
        """Everything that is read in the block is of one moment, and within `budget`.

        Raises:
            Refused: `ASKED_TOO_MUCH`, from whatever is read once the budget is spent.
        """
        doing = "answering a question"
        with (
            translated(self._name, doing),
            within(budget, self._connection),
            transaction(self._connection, "BEGIN"),
        ):
            self._in_a_moment = True
            try:
                yield
            finally:
                self._in_a_moment = False

    @contextlib.contextmanager
    def writing(self, doing: str) -> Iterator[Database]:
        """One transaction, all or nothing; `doing` stands in the sentences of errors."""
        if self._database is None:
            raise Internal(Code.INTERNAL, f"While {doing}: {self._name} was opened to read.")
        with translated(self._name, doing), transaction(self._connection):
            yield self._database

    def close(self) -> None:
        """Close the connection."""
        with translated(self._name, "closing the store"):
            self._connection.close()


class Operation(Generic[D, P, R]):
    """A function whose first argument is the database; see the module."""

    def __init__(
        self,
        function: Callable[Concatenate[D, P], R],
        begin: Callable[[Opened], AbstractContextManager[D]],
    ) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._begin = begin

    def __call__(self, database: D, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Carry it out as a part of the caller's transaction."""
        return self._function(database, *args, **kwargs)

    @overload
    def __get__(self, store: None, owner: type) -> Operation[D, P, R]: ...
    @overload
    def __get__(self, store: Opened, owner: type) -> Callable[P, R]: ...
    def __get__(self, store: Opened | None, owner: type) -> Operation[D, P, R] | Callable[P, R]:
        if store is None:
            return self

        def alone(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._begin(store) as database:
                return self._function(database, *args, **kwargs)

        return alone


def reading(
    doing: str,
) -> Callable[
    [Callable[Concatenate[sqlite3.Connection, P], R]], Operation[sqlite3.Connection, P, R]
]:
    """Make an operation that reads; `doing` says what, such as ``reading a job``."""
    return lambda function: Operation(function, lambda store: store.reading(doing))


def writing(
    doing: str,
) -> Callable[[Callable[Concatenate[Database, P], R]], Operation[Database, P, R]]:
    """Make an operation that writes; `doing` says what, such as ``recording a run``."""
    return lambda function: Operation(function, lambda store: store.writing(doing))
