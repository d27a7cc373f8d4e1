# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the benchmark against a fresh server, beside vanilla Radicale; prints, never fails on a figure.

    python tests/bench.py --bench DIR [--short] [--json FILE] [--no-radicale] [further options of run.py]

DIR holds the benchmark's `run.py` and `compare.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

BIN = Path(sys.executable).parent
USERS = ("bench", "org", *(f"att{n:02}" for n in range(1, 51)))
PASSWORD = "benchpw"
RADICALE = """
[server]
hosts = 127.0.0.1:{port}
max_connections = 64
[auth]
type = htpasswd
htpasswd_filename = {data}/htpasswd
htpasswd_encryption = plain
htpasswd_cache = True
[rights]
type = owner_only
[storage]
filesystem_folder = {data}/data
[logging]
level = warning
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    while process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
    sys.exit("a server of the benchmark did not start")


@contextlib.contextmanager
def calcore(data: Path) -> Iterator[tuple[str, int]]:
    directory = data / "directory.toml"
    directory.write_text(
        "".join(
            f'[[principal]]\nname = "{u}"\naddresses = ["{u}@example.com"]\npassword = "{PASSWORD}"\n'
            for u in USERS
        )
    )
    command = [BIN / "calcore-caldav", "serve", "--data", data / "calcore", "--port", "0"]
    command += ["--directory", directory]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith("ready "):
                yield line.split()[1], process.pid
                break
        process.terminate()


@contextlib.contextmanager
def radicale(data: Path) -> Iterator[tuple[str, int]]:
    port = free_port()
    (data / "htpasswd").write_text("".join(f"{u}:{PASSWORD}\n" for u in USERS))
    (data / "radicale.ini").write_text(RADICALE.format(port=port, data=data))
    command = [sys.executable, "-m", "radicale", "-C", str(data / "radicale.ini")]
    with subprocess.Popen(command, text=True) as process:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}/", process.pid
        process.terminate()


def main() -> int:
    # Without abbreviations: "--n" is an option of the benchmark.
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--bench", type=Path, required=True, help="folder of the benchmark")
    parser.add_argument("--short", action="store_true", help="about a minute, 1 000 events, one repetition")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--no-radicale", action="store_true")
    args, further = parser.parse_known_args()
    further = [option for option in further if option != "--"]
    options = ["--workloads", "W1,W2,W3,W4,W6,W7,W8", "--n", "1000", "--reps", "1" if args.short else "3"]
    with contextlib.ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        peers = {"calcore": stack.enter_context(calcore(data))}
        if not args.no_radicale:
            peers["radicale"] = stack.enter_context(radicale(data))
        stores = {"calcore": data / "calcore", "radicale": data / "data"}
        command = [sys.executable, str(args.bench / "run.py")]
        for name, (url, pid) in peers.items():
            (data / f"{name}.pid").write_text(str(pid))
            command += ["--peer", f"{name}={url},bench,{PASSWORD},pids={data / name}.pid,disk={stores[name]}"]
        out = args.json or data / "out.json"
        environment = {**os.environ, "BENCH_DIR": str(data)}
        done = subprocess.run([*command, *options, *further, "--json", out], env=environment, check=False)
        subprocess.run([sys.executable, str(args.bench / "compare.py"), str(out), "--cpu"], check=False)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
