"""Opening envelopes: MB of payload a CPU second, and peak memory, each form in a process of its own.

python bench/envelopes.py [megabytes of CSV]
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import py7zr
import pyzipper

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "intake"))
from envelope_makers import program, records, self_decrypting

from todoke.intake.envelopes import NAMES, Keys, opened_payload

AIM_MB_PER_SECOND = 40
PASSPHRASE = "bench"
FORMS = ("openpgp", "zip", "7z", "pgp_sda")


def main(megabytes: int) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "opened").mkdir(mode=0o700)
        csv = _csv(folder / "households.csv", megabytes)
        for form in FORMS:
            file = MAKERS[form](csv, folder / f"households.{form}")
            wall, cpu, peak = _measured(form, file, folder / "opened")
            size, packed = csv.stat().st_size / 1e6, file.stat().st_size / 1e6
            print(
                f"{NAMES[form]}: {packed:.0f} MB file, {size:.0f} MB CSV, {wall:.1f} s wall, {cpu:.2f} CPU s = "
                f"{size / cpu:.0f} MB/s of CSV, {packed / cpu:.0f} of file (aim {AIM_MB_PER_SECOND}), "
                f"{peak:.0f} MB more than before",
                flush=True,
            )
            file.unlink()


def _csv(path: Path, megabytes: int) -> Path:
    """Lines that pack about as well as a ward's do."""
    line = "{:08d},見本　一郎,みほん　いちろう,見本　花子,みほん　はなこ,153-0061,中目黒,{}丁目,コーポ,3,{}\r\n"
    with path.open("wb") as stream:
        for _ in range(megabytes):
            lines, size = [], 0
            while size < 1_000_000:
                lines.append(line.format(*(int.from_bytes(os.urandom(3), "big") for _ in range(3))).encode("cp932"))
                size += len(lines[-1])
            stream.write(b"".join(lines))
    return path


def _openpgp(csv: Path, file: Path) -> Path:
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        command = ["gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase-fd", "0"]
        command += ["--quiet", "--output", str(file), "--symmetric", str(csv)]
        subprocess.run(command, input=PASSPHRASE.encode(), check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
    return file


def _zip(csv: Path, file: Path) -> Path:
    with pyzipper.AESZipFile(file, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(PASSPHRASE.encode())
        archive.write(csv, csv.name)
    return file


def _seven_zip(csv: Path, file: Path) -> Path:
    quick = [{"id": py7zr.FILTER_LZMA2, "preset": 1}, {"id": py7zr.FILTER_CRYPTO_AES256_SHA256}]
    with py7zr.SevenZipFile(file, "w", filters=quick, password=PASSPHRASE) as archive:
        archive.write(csv, csv.name)
    return file


def _self_decrypting(csv: Path, file: Path) -> Path:
    file.write_bytes(self_decrypting(records([(csv.name, csv.read_bytes())]), PASSPHRASE, stub=program(1 << 16)))
    return file


MAKERS = {"openpgp": _openpgp, "zip": _zip, "7z": _seven_zip, "pgp_sda": _self_decrypting}


def _measured(form: str, file: Path, into: Path) -> tuple[float, float, float]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_open, (form, file, into))


def _open(form: str, file: Path, into: Path) -> tuple[float, float, float]:
    """Seconds by the clock, CPU seconds with those of gpg, MB of memory more than before."""
    before, wall, start = _peak(), time.perf_counter(), _cpu()
    with opened_payload(file, keys=Keys(PASSPHRASE), allowed=(form,), into=into):
        return time.perf_counter() - wall, _cpu() - start, _peak() - before


def _peak() -> float:
    """The most memory that this process has had, in MB; `ru_maxrss` would count its parent's."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
