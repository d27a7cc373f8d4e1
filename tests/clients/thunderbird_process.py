# SPDX-License-Identifier: GPL-3.0-or-later
"""A Thunderbird process on a virtual screen, and a door before a server that records what comes through."""

from __future__ import annotations

import http.client
import http.server
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from marionette_driver.errors import MarionetteException
from marionette_driver.marionette import Marionette

PREFERENCES: dict[str, str | int | bool] = {
    "app.donation.eoy.version.viewed": 999,
    "app.update.enabled": False,
    "calendar.alarms.show": False,
    "calendar.loglevel": "Warn",
    "calendar.network.multirealm": False,
    "calendar.timezone.local": "Europe/Paris",
    "calendar.timezone.useSystemTimezone": False,
    "calendar.week.start": 1,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "extensions.logging.enabled": False,
    "mail.account.account1.identities": "id1",
    "mail.account.account1.server": "server1",
    "mail.accountmanager.accounts": "account1",
    "mail.accountmanager.defaultaccount": "account1",
    "mail.identity.id1.fullName": "Florent",
    "mail.identity.id1.useremail": "florent@example.com",
    "mail.identity.id1.valid": True,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mail.server.server1.check_new_mail": False,
    "mail.server.server1.directory-rel": "[ProfD]Mail/Florent",
    "mail.server.server1.hostname": "florent",
    "mail.server.server1.name": "florent@example.com",
    "mail.server.server1.type": "none",
    "mail.server.server1.userName": "nobody",
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "marionette.port": 0,
    "remote.prefs.recommended": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class Recorder:
    """A door before the server that writes down what goes through it."""

    def __init__(self, port: int, file: Path) -> None:
        lines: list[str] = []
        lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                readable = {k: v for k, v in self.headers.items() if k.lower() != "accept-encoding"}
                upstream.request(self.command, self.path, body, readable)
                answer = upstream.getresponse()
                content = answer.read()
                upstream.close()
                named = "".join(
                    f"{name}: {value}\n"
                    for name, value in self.headers.items()
                    if name.lower()
                    in {"depth", "if-match", "if-none-match", "originator", "recipient", "prefer"}
                )
                with lock:
                    lines.append(f"{self.command} {self.path} -> {answer.status}")
                    with file.open("a") as stream:
                        stream.write(
                            f"==== {lines[-1]}\n{named}{body.decode(errors='replace')}\n----\n"
                            f"{answer.headers}{content.decode(errors='replace')[:6000]}\n"
                        )
                with suppress(ConnectionError):
                    self.send_response_only(answer.status, answer.reason)
                    for name, value in answer.headers.items():
                        if name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                            self.send_header(name, value)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(content)

        self.lines = lines
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port: int = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@contextmanager
def screen(display: str) -> Iterator[str]:
    """A virtual screen, unless there's one with that number."""
    if Path(f"/tmp/.X11-unix/X{display.removeprefix(':')}").exists():
        yield display
        return
    xvfb = subprocess.Popen(["Xvfb", display, "-screen", "0", "1280x860x24"], stderr=subprocess.DEVNULL)
    try:
        yield display
    finally:
        xvfb.terminate()
        xvfb.wait()


class Thunderbird:
    """A process with an empty profile; scripts run in its main window, with everything that its windows may do."""

    PRELUDE = """
        const { cal } = ChromeUtils.importESModule("resource:///modules/calendar/calUtils.sys.mjs");
        const { CalEvent } = ChromeUtils.importESModule("resource:///modules/CalEvent.sys.mjs");
        const { CalAttendee } = ChromeUtils.importESModule("resource:///modules/CalAttendee.sys.mjs");
        const win = Services.wm.getMostRecentWindow("mail:3pane");
        const nap = ms => new Promise(done => win.setTimeout(done, ms));
        const until = async (what, condition) => {
          for (let i = 0; i < 300; i++) {
            const value = await condition();
            if (value) return value;
            await nap(100);
          }
          throw new Error("never came: " + what);
        };
        const windowOf = part => [...Services.wm.getEnumerator(null)].find(w => w.location.href.includes(part));
        const press = w => win.setTimeout(() => w.document.querySelector("dialog").getButton("accept").click(), 0);
        const calendars = () => cal.manager.getCalendars().filter(c => c.type == "caldav");
        const calendar = calendars().find(c => c.uri.spec.endsWith("/calendar/"));
        const refresh = async () => { for (const c of calendars()) c.refresh(); await nap(1000); };
        const occurrences = async (id) => {
          const item = await calendar.getItem(id);
          const end = item.startDate.clone();
          end.day += 60;
          return item.recurrenceInfo.getOccurrences(item.startDate, end, 0);
        };
        const answer = (items, value, scope) => {  // what the context menu "Attendance" does
          const entry = win.document.createXULElement("menuitem");
          entry.setAttribute("respvalue", value);
          entry.setAttribute("scope", scope);
          win.setContextPartstat(entry, items);
        };
        const partstats = item => Object.fromEntries(item.getAttendees().map(
          a => [a.id.replace(/^mailto:|@.*$/g, ""), a.participationStatus]));
    """

    def __init__(self, binary: str, profile: Path, display: str, pictures: Path | None) -> None:
        profile.mkdir(parents=True, exist_ok=True)
        (profile / "user.js").write_text(
            "".join(
                f'user_pref("{name}", {str(value).lower() if isinstance(value, bool) else repr(value)});\n'
                for name, value in PREFERENCES.items()
            )
        )
        self.display = display
        self.pictures = pictures
        self.process = subprocess.Popen(
            [
                binary,
                "--marionette",
                "--remote-allow-system-access",
                "--no-remote",
                "--profile",
                str(profile),
            ],
            env={**os.environ, "DISPLAY": display, "MOZ_DISABLE_CONTENT_SANDBOX": "1", "LANG": "C.UTF-8"},
            stdout=(profile / "output.txt").open("wb"),
            stderr=subprocess.STDOUT,
        )
        port = profile / "MarionetteActivePort"
        deadline = time.monotonic() + 90
        while not (port.exists() and port.read_text()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{binary} doesn't start:\n{(profile / 'output.txt').read_text()}")
            time.sleep(0.5)
        self.marionette = Marionette(host="127.0.0.1", port=int(port.read_text()), socket_timeout=120)
        self.marionette.raise_for_port(timeout=60)
        self.marionette.start_session()
        self.marionette.timeout.script = 90
        self.marionette.set_context("chrome")

    @property
    def version(self) -> str:
        return str(self("return Services.appinfo.version + ' (build ' + Services.appinfo.appBuildID + ')'"))

    def __call__(self, script: str, *arguments: Any) -> Any:
        """What an async function with that body returns."""
        wrapped = (
            "const [args, done] = [arguments[0], arguments[arguments.length - 1]];\n"
            f"(async () => {{ {self.PRELUDE}\n{script} }})()"
            ".then(value => done({value: value ?? null}), error => done({error: `${error}\\n${error?.stack ?? ''}`}));"
        )
        answer = self.marionette.execute_async_script(wrapped, (list(arguments),), sandbox="system")
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer.get("value")

    def picture(self, name: str) -> None:
        if self.pictures is None:
            return
        self.pictures.mkdir(parents=True, exist_ok=True)
        file = self.pictures / f"thunderbird-{name}.png"
        subprocess.run(
            ["import", "-window", "root", "+dither", "-colors", "128", "-strip", f"PNG8:{file}"],
            env={**os.environ, "DISPLAY": self.display},
            check=True,
        )

    def close(self) -> None:
        with suppress(MarionetteException, OSError):
            self("win.setTimeout(() => Services.startup.quit(Ci.nsIAppStartup.eForceQuit), 100)")
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
