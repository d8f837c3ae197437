"""An operation of the store: a function of SQL that opens its transaction when a store has it.

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
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Concatenate, Generic, ParamSpec, TypeVar, overload

from bitgauge.benchmarks.vocabulary.errors import Code, Internal

from .connection import transaction, translated

if TYPE_CHECKING:
    from sqlite_utils import Database

P = ParamSpec("P")
R = TypeVar("R")
D = TypeVar("D")


class Opened:
    """An open database, to read or to write; what has operations inherits it."""

    def __init__(
        self, connection: sqlite3.Connection, name: str, database: Database | None = None
    ) -> None:
        """Use `connection`; `name` stands in sentences, `database` wraps it when it may write."""
        self._connection = connection
        self._name = name
        self._database = database

    @contextlib.contextmanager
    def reading(self, doing: str) -> Iterator[sqlite3.Connection]:
        """One moment of the database; `doing` stands in the sentences of errors."""
        with translated(self._name, doing), transaction(self._connection, "BEGIN"):
            yield self._connection

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
