"""The pages of the quality checks: below `quality/<contract>/`, open, for they hold counts alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from todoke.process.workspace import Workspace
from todoke.store.files import FileStore, home
from todoke.store.ledger import VersionRef


@dataclass(frozen=True)
class QualityPage:
    """The page of a suite over some inputs, written when what was found in them is committed.

    A page stands for "these inputs give this version of the findings": while that is the newest, there is nothing
    to check anew, though inputs change without a change of the findings.
    """

    ws: Workspace
    suite: str
    inputs: Sequence[str]

    def is_there(self, head: VersionRef | None) -> bool:
        """Whether the inputs are known to give the version that is the newest of the findings."""
        return head is not None and self._files.exists(self._key(head))

    def put(self, made: VersionRef, page: bytes) -> str:
        """Writes the page.

        Returns:
            Its place below `quality/`.
        """
        self._files.write(self._key(made), page)
        return self._key(made)

    def place(self, head: VersionRef) -> str:
        """Where the page of these inputs and findings lies, below `quality/`."""
        return self._key(head)

    @property
    def _files(self) -> FileStore:
        return FileStore(home("quality"))

    def _key(self, found: VersionRef) -> str:
        name = self.ws.ledger.version_id(self.suite, *self.inputs, found.id)
        return f"{self.ws.contract.id}/{self.suite}_{name}.html"
