"""What every step of a process works with: the contract on its day, the ledger, the lake, the outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
from sqlalchemy import Connection, select

from todoke.contract import loader
from todoke.contract.model import Contract
from todoke.intake import private_folder
from todoke.model.changes import Changes
from todoke.outbox.batch import Outbox
from todoke.process import contract_check
from todoke.protect.encryption import FileCipher, TableCipher
from todoke.store import settle as settling
from todoke.store import tables as t
from todoke.store.files import FileStore, home
from todoke.store.lake import DAY_SECONDS, Lake
from todoke.store.ledger import Ledger, Pin, VersionRef, insert_ignoring_conflicts
from todoke.store.schema import DATASETS
from todoke.store.sorted_rows import SortedRows

#: Computes what a settlement changes, outside any transaction.
Computation = Callable[[], Changes]

#: What a step returns and Airflow keeps: counts and ids, never a value of a record.
Counts = dict[str, int | str]


@dataclass(frozen=True)
class LabelFonts:
    """What labels are drawn with: the SHA-256 of the base font's file, the receipts of gaiji fonts by priority."""

    base: str
    gaiji: tuple[str, ...]


@dataclass(frozen=True)
class Workspace:
    """One contract on one business date.

    `fonts`: those to print with; None: the contract's base font and the newest gaiji fonts that the ward has sent.
    """

    contract: Contract
    on: date
    ledger: Ledger
    lake: Lake
    outbox: Outbox
    fonts: LabelFonts | None = None

    @classmethod
    def open(cls, contract_id: str, on: date) -> Workspace:
        """Opens the stores of `contract_id` for the business date `on`.

        Whatever step comes next removes the plaintext that one which was killed has left (P05).

        Raises:
            ContractError: the contract is wrong, its labels cannot be printed, or it is not one for this environment
                (P07).
        """
        contract = contract_check.check(contract_id, on)
        loader.keep_apart(contract)
        private_folder.sweep()
        ledger = Ledger(contract_id)
        return cls(contract, on, ledger, Lake(ledger), Outbox(ledger))

    @property
    def cipher(self) -> FileCipher:
        return FileCipher(self.ledger.keys.file_key)

    @property
    def vault(self) -> FileStore:
        """The originals as they came, sealed, by receipt number."""
        return FileStore(f"{home('vault')}/{self.contract.id}")

    def sweep(self) -> int:
        """Removes what killed runs left in lake, vault and outbox and is too old to be in work; returns how many."""
        others = (FileStore(f"{home(part)}/{self.contract.id}") for part in ("vault", "outbox"))
        return self.lake.sweep() + sum(files.sweep_partial(DAY_SECONDS) for files in others)

    def head_table(self, dataset: str, pin: Pin, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a dataset's pinned version; no rows when it has none yet."""
        version = pin.heads.get(dataset)
        return self.version_table(dataset, version, columns)

    def version_table(self, dataset: str, version: VersionRef | None, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a version; no rows for None."""
        if version is not None:
            return self.lake.read(version, columns)
        table = DATASETS[dataset].empty_table()
        return table.select(list(columns)) if columns is not None else table

    def sorted_rows(self, by: Sequence[str], beside: int = 1) -> SortedRows:
        """For rows to be read in the order of some columns; what is too much for memory is sealed as the lake is.

        Args:
            beside: how many of these are filled side by side: they share the memory of one.
        """
        return SortedRows(by, TableCipher(self.ledger.keys.table_key), beside)

    def version_parts(self, version: VersionRef | None, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The rows of a version, some ten thousand at a time; nothing for None."""
        for batch in self.lake.batches(version, columns) if version is not None else ():
            yield pa.Table.from_batches([batch])

    def commit_tables(
        self, tables: Mapping[str, pa.Table], heads: Mapping[str, VersionRef], inputs: Sequence[str]
    ) -> dict[str, VersionRef]:
        """Stages tables and makes them the next versions, all in one transaction.

        Args:
            heads: the versions that the tables were made on.

        Raises:
            StaleParent: one of them has a successor already.
        """
        staged = {name: self.lake.stage(name, table, inputs) for name, table in tables.items()}
        with self.ledger.write() as tx:
            return {name: self.ledger.commit_version(tx, item, heads.get(name)) for name, item in staged.items()}

    def settle(
        self, process: str, plan: Callable[[Connection, Pin, date], Computation], *, only_changes: bool = False
    ) -> settling.Settlement | None:
        """Settles the business date for `process`, under a contract revision that the ledger knows."""
        self.record_contract()
        return settling.settle(self.ledger, process, self.on, plan, only_changes=only_changes)

    def record_contract(self) -> None:
        """Keeps every revision of the contract that anything was settled or released under."""
        digest = loader.digest(self.contract)
        c = t.contract_revision.c
        known = select(c.digest).where(c.contract == self.contract.id, c.digest == digest)
        with self.ledger.read() as tx:
            if tx.execute(known).first():
                return
        body = self.contract.model_dump_json(by_alias=True)
        row = {"contract": self.contract.id, "digest": digest, "valid_from": self.on, "body": body}
        with self.ledger.write() as tx:
            insert_ignoring_conflicts(tx, t.contract_revision, [row])
