"""Where the log lines of runs in this process go: to the files in which Airflow's UI looks for them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any, TextIO


@cache
def run_log(folder: Path) -> RunLog:
    """The one log of `folder` in this process."""
    return RunLog(folder)


class RunLog(io.TextIOBase):
    """A standard output that writes to the file of the task that runs now, else to `in_process.log`.

    Airflow's loggers keep the stream they were made with, so the stream is one and its target changes.
    """

    encoding = "utf-8"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._general = (folder / "in_process.log").open("a", encoding="utf-8", buffering=1)
        self._target: TextIO = self._general

    @contextmanager
    def capturing(self) -> Iterator[None]:
        """Send what this process prints here, not to the console."""
        with redirect_stdout(self):
            try:
                yield
            finally:
                self.leave_task()

    def enter_task(self, context: Mapping[str, Any]) -> None:
        """Airflow's `on_execute_callback`: from here on the lines belong to this try of this task."""
        self.leave_task()
        ti = context["ti"]
        path = self.task_file(ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._target = path.open("a", encoding="utf-8", buffering=1)

    def leave_task(self) -> None:
        """The lines that follow belong to no task."""
        if self._target is not self._general:
            self._target.close()
            self._target = self._general

    def task_file(self, dag_id: str, run_id: str, task_id: str, map_index: int, try_number: int) -> Path:
        """The path of Airflow's default `log_filename_template`."""
        folder = self._folder / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
        if map_index >= 0:
            folder /= f"map_index={map_index}"
        return folder / f"attempt={try_number}.log"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return self._target.write(text)

    def flush(self) -> None:
        self._target.flush()
