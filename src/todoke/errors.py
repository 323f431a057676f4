"""Every error that Todoke raises on purpose: what is wrong, where, and what the operator does next.

The text is Japanese because operators read it in Airflow. It never holds a value of a record:
a place is a file, a row number, a field and a reason code.
"""

from __future__ import annotations

from collections.abc import Sequence


class TodokeError(Exception):
    """Something that stops a run.

    Args:
        what: what is wrong, in Japanese, without any personal data.
        where: file, row, field, dataset or key it is about.
        next_step: what the operator does now.
    """

    #: Trying again cannot help: the input or the decision has to change.
    final = True

    def __init__(self, what: str, *, where: str = "", next_step: str = "") -> None:
        self.what, self.where, self.next_step = what, where, next_step
        super().__init__(what + (f"［{where}］" if where else "") + (f" → {next_step}" if next_step else ""))


class ContractError(TodokeError):
    """The contract file is wrong; `where` is the key."""


class KeyMissing(TodokeError):
    """A key, passphrase or address that the environment has to give is missing or unusable."""


class FileRefused(TodokeError):
    """A received file is refused whole; nothing of it has been taken.

    `reason` is the code that goes on the receipt.
    """

    def __init__(self, reason: str, what: str, *, where: str = "", next_step: str = "") -> None:
        self.reason = reason
        super().__init__(what, where=where, next_step=next_step)


class FilesRefused(FileRefused):
    """Several files are refused, each for what it says itself; `reason` is the first one's.

    Args:
        errors: in the order in which the files were received.
    """

    def __init__(self, errors: Sequence[FileRefused]) -> None:
        self.errors = tuple(errors)
        told = "".join(f"\n{number}. {error}" for number, error in enumerate(self.errors, 1))
        super().__init__(
            self.errors[0].reason,
            f"受け取れないファイルが{len(self.errors)}件あります{told}\n",
            next_step="1件ずつ、それぞれに書いてある次の手順を行ってください",
        )


class NotAnnounced(TodokeError):
    """A file has waited too long for its sidecar, or a sidecar for its file."""


class GateClosed(TodokeError):
    """A quality or count gate does not let a version pass."""


class NotApproved(TodokeError):
    """A person has not said yes to exactly this content."""


class Passing(TodokeError):
    """It may be well in a while: Airflow tries again."""

    final = False


class StaleParent(Passing):
    """Another publisher has put a version on the same parent: rebase and stage again."""


class StalePlan(Passing):
    """The ledger has moved since the plan was made: pin again and recompute."""


class OutboxConflict(TodokeError):
    """A file of this batch is there already with other content."""


class LedgerBroken(TodokeError):
    """Heads and log of the ledger disagree."""
