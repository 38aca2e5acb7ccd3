# SPDX-License-Identifier: Apache-2.0
"""Starts what the tests and benches need: origins, weir, certificates.

Everything lives in a directory of its own and on free ports of 127.0.0.1.
`Origin` is the program weir-origin; `Weir` is `weir serve` with a generated
configuration. Both end only the processes that they started.
"""
import atexit
import contextlib
import http.client
import json
import os
import pathlib
import random
import shlex
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("WEIR_BUILD", ROOT / "build"))


def data_dir():
    """The test data, or None."""
    path = pathlib.Path(os.environ.get("WEIR_DATA", ROOT / "../shared/data"))
    return path if path.is_dir() else None


GIVEN_PORTS = set()
# Below the ports from which the kernel takes those of outgoing connections:
# one of these could take the port before its owner listens.
PORTS = range(10240, 32768)


def free_port():
    """A port that nobody has, and that was not given out here before."""
    while True:
        port = random.choice(PORTS)
        if port in GIVEN_PORTS:
            continue
        GIVEN_PORTS.add(port)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def program(name):
    """The newest program of that name below the build directory."""
    places = [BUILD / "cli" / name, BUILD / "writer" / name,
              BUILD / "tests/harness/origin" / name,
              BUILD / "tests/harness/translator" / name, BUILD / name]
    for place in places:
        if place.is_file():
            return str(place)
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not built in {BUILD}")
    return found


def module():
    """nginx's module, or another build of it that WEIR_MODULE names."""
    return os.environ.get("WEIR_MODULE",
                          str(BUILD / "nginx/ngx_http_weir_module.so"))


def nginx():
    """nginx, or what WEIR_NGINX says is to be started in its place."""
    return (os.environ.get("WEIR_NGINX") or shutil.which("nginx") or
            "/usr/sbin/nginx")


# No claim is given up earlier: a limit only says how long a failure takes,
# and a machine that other work shares is slow at times.
PATIENCE = 30.0


def wait_for(claim, seconds=10.0, what="it"):
    """Polls until claim() is true; its value."""
    seconds = max(seconds, PATIENCE)
    end = time.monotonic() + seconds
    while True:
        value = claim()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come true in {seconds} s")
        time.sleep(0.01)


def is_open(port, host="127.0.0.1"):
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((host, port)) == 0


def make_certificates(where):
    """A CA and a certificate of 127.0.0.1 and localhost by it."""
    where = pathlib.Path(where)
    run = lambda *words: subprocess.run(  # noqa: E731
        ["openssl", *words], cwd=where, check=True, capture_output=True)
    run("req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
        "/CN=weir test CA", "-keyout", "ca.key", "-out", "ca.pem")
    run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-subj", "/CN=localhost", "-keyout", "server.key", "-out",
        "server.csr")
    (where / "server.ext").write_text(
        "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey",
        "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "server.ext",
        "-out", "server.pem")
    return {"ca": str(where / "ca.pem"), "certificate":
            str(where / "server.pem"), "key": str(where / "server.key")}


def exchange(port, method, path, body=None, headers=None, timeout=30):
    """One request on a connection of its own: status, headers, body. A reply
    that breaks off is what has come, with a header "broken"."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        reply = connection.getresponse()
        fields = {name.lower(): value for name, value in reply.getheaders()}
        try:
            return reply.status, fields, reply.read()
        except http.client.IncompleteRead as fault:
            return reply.status, {**fields, "broken": "1"}, fault.partial
    finally:
        connection.close()


class Process:
    """A child with its output in a file; ended by stop() or kill()."""

    def __init__(self, words, log, **more):
        self.log = pathlib.Path(log)
        self.words = [str(word) for word in words]
        self.output = open(self.log, "ab")
        self.child = subprocess.Popen(self.words, stdout=self.output,
                                      stderr=subprocess.STDOUT, **more)

    @property
    def pid(self):
        return self.child.pid

    def stop(self, seconds=15):
        """SIGTERM; the exit code. Killed, with an error, when it stays."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                raise TimeoutError(f"{self.words[0]} ignored SIGTERM: " +
                                   self.tail()) from None
        self.output.close()
        return self.child.returncode

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.output.close()

    def tail(self, count=40):
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-count:])


class Origin:
    """weir-origin with one listener for each name."""

    def __init__(self, where, names=("origin",), tls=None, replay=None,
                 keep=64, ports=None, script=None, before=()):
        where = pathlib.Path(where)
        self.ports = dict(zip(names, ports or [free_port() for _ in names]))
        self.is_tls = tls is not None
        words = [*before, program("weir-origin"), "--keep", keep]
        if replay:
            words += ["--replay", replay]
        if script:
            words += ["--script", script]
        if tls:
            words += ["--tls-cert", tls["certificate"], "--tls-key",
                      tls["key"]]
        self.control = free_port()
        words += ["--listen", f"127.0.0.1:{self.control}=control"]
        for name, port in self.ports.items():
            words += ["--tls" if tls else "--listen",
                      f"127.0.0.1:{port}={name}"]
        self.process = Process(words, where / "origin.log")
        wait_for(lambda: is_open(self.control) or
                 self.process.child.poll() is not None, what="weir-origin")
        if self.process.child.poll() is not None:
            raise RuntimeError("weir-origin: " + self.process.tail())

    def url(self, name="origin"):
        scheme = "https" if self.is_tls else "http"
        return f"{scheme}://127.0.0.1:{self.ports[name]}/v1"

    def ask(self, method, path, body=None):
        status, _, reply = exchange(self.control, method, "/_origin/" + path,
                                    body)
        if status != 200:
            raise RuntimeError(f"/_origin/{path}: {status} {reply!r}")
        return reply

    def stats(self):
        return json.loads(self.ask("GET", "stats"))

    def requests(self):
        return json.loads(self.ask("GET", "requests"))

    def body(self, back=0):
        """Body of the newest request (or `back` before it), exactly."""
        return self.ask("GET", f"body/{back}")

    def head(self, back=0):
        return self.ask("GET", f"head/{back}")

    def reset(self):
        self.ask("POST", "reset")

    def standing(self, words):
        self.ask("POST", "default", words)

    def next(self, words, count=1, name=None):
        """Scripts the next `count` calls (on one listener if named)."""
        self.ask("POST", f"next?count={count}" +
                 (f"&name={name}" if name else ""), words)

    def stop(self):
        self.process.stop()

    def kill(self):
        self.process.kill()


RUN_DIRS = set()    # of every weir that was started


@atexit.register
def remove_run_dirs():
    """Shared memory outlives its processes, on purpose: 24 MB of each weir
    that no test took away."""
    for run in RUN_DIRS:
        shutil.rmtree(run, ignore_errors=True)


class Weir:
    """`weir serve` over a configuration of its own.

    `config` is the whole configuration as Python data: JSON is YAML.
    `policies` maps a path below policies/ to Cedar text.
    """

    def __init__(self, where, config, policies, environment=None, before=()):
        self.where = pathlib.Path(where)
        self.where.mkdir(parents=True, exist_ok=True)
        self.config = config
        self.file = self.where / "weir.yaml"
        self.environment = {**os.environ, **(environment or {})}
        self.before = list(before) or shlex.split(
            os.environ.get("WEIR_BEFORE", ""))
        self.process = None
        self.run = None     # see run_dir
        self.token = None   # of the admin API
        self.port = free_port()
        self.admin_port = free_port()
        config.setdefault("listen", [{"address": f"127.0.0.1:{self.port}"}])
        config.setdefault("admin", {"address": f"127.0.0.1:{self.admin_port}"})
        if "WEIR_NGINX" in os.environ:
            config.setdefault("nginx", {}).setdefault("program", nginx())
        if "WEIR_MODULE" in os.environ:
            config.setdefault("nginx", {}).setdefault("module", module())
        config.setdefault("state", "state")
        config.setdefault("policies", "policies")
        # Whose test is about it says what a key needs.
        config.setdefault("onboarding", {"require": "none"})
        for path, text in policies.items():
            self.policy(path, text)
        self.write()

    def policy(self, path, text):
        place = self.where / "policies" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def write(self):
        self.file.write_text(json.dumps(self.config, indent=1))

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def state(self):
        return self.where / "state"

    def cli(self, *words, check=True, timeout=30, verb_first=True):
        """`weir WORDS -c FILE`: the completed process."""
        done = subprocess.run(
            [program("weir"), *[str(word) for word in words], "-c",
             str(self.file)], capture_output=True, text=True, timeout=timeout,
            env=self.environment)
        if check and done.returncode != 0:
            raise RuntimeError(f"weir {' '.join(map(str, words))}: "
                               f"{done.returncode}\n{done.stdout}"
                               f"{done.stderr}\n{self.tail()}")
        return done

    def json(self, *words, **more):
        return json.loads(self.cli(*words, "--json", **more).stdout)

    def start(self, seconds=15):
        self.process = Process(
            [*self.before, program("weir"), "serve", "-c", self.file],
            self.where / "weir.log", env=self.environment,
            start_new_session=True)
        self.wait_ready(seconds)
        assert self.run_dir
        return self

    def is_ready(self):
        """True when a call without a key is refused by weir itself, and the
        admin API says that all is well."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, headers, _ = exchange(self.port, "GET", "/v1/models",
                                          timeout=2)
            if status != 401 or "weir-request-id" not in headers:
                return False
            return exchange(self.admin_port, "GET", "/healthz",
                            timeout=2)[0] == 200
        return False

    @property
    def run_dir(self):
        """Where the shared memory lies: what a dead machine loses."""
        if self.run is None:
            maps = pathlib.Path(f"/proc/{self.process.pid}/maps").read_text()
            self.run = pathlib.Path(next(
                line.split()[-1] for line in maps.splitlines()
                if line.endswith("/quota"))).parent
            RUN_DIRS.add(self.run)
        return self.run

    def wait_ready(self, seconds=15):
        wait_for(lambda: self.process.child.poll() is not None or
                 self.is_ready(), seconds, "weir serve: " + self.tail())
        if self.process.child.poll() is not None:
            raise RuntimeError("weir serve ended: " + self.tail())

    def tail(self):
        if self.process is None:
            return ""
        text = self.process.tail()
        for log in sorted(self.state.rglob("*.log")):
            text += f"\n{log}:\n" + "\n".join(
                log.read_text(errors="replace").splitlines()[-15:])
        return text

    def key(self, project, purpose="test", staff="DE", end_users="DE", *more):
        """A new key's text."""
        made = self.json("keys", "create", "--project", project, "--purpose",
                         purpose, "--staff", staff, "--end-users", end_users,
                         *more)
        return made["key"]

    def usage(self, tenant=None, by=None):
        """Rows of the ledger's sums, as `weir usage` tells them."""
        words = ["usage"]
        if tenant:
            words += ["--tenant", tenant]
        if by:
            words += ["--by", by]
        return self.json(*words)["rows"]

    def audit(self, seconds=20):
        """`weir audit verify`, once it agrees (the log's first checkpoint
        comes some seconds after the first calls) or the time is over."""
        end = time.monotonic() + seconds
        while True:
            done = self.cli("audit", "verify", check=False)
            if done.returncode == 0 or time.monotonic() > end:
                return done
            time.sleep(0.5)

    def admin(self, method, path, body=None):
        """One call of the admin API; its answer as data."""
        if self.token is None:
            self.token = self.json("admins", "create", "--role", "admin",
                                   "--name", "lab")["token"]
        status, _, reply = exchange(
            self.admin_port, method, path, body,
            {"Authorization": "Bearer " + self.token})
        if status != 200:
            raise RuntimeError(f"{method} {path}: {status} {reply!r}")
        return json.loads(reply)

    def budgets(self, tenant):
        """(metric, window) -> counter of a tenant, as admission sees it."""
        rows = self.admin("GET", "/v1/tenants")["tenants"]
        row = next(row for row in rows if row["name"] == tenant)
        return {(limit["metric"], limit["window"]): limit
                for limit in row["limits"]}

    def reload(self):
        os.kill(self.process.pid, signal.SIGHUP)

    def stop(self, seconds=20):
        return self.process.stop(seconds) if self.process else 0

    def end(self):
        """Stops, and removes what a later start would go on from."""
        try:
            self.stop()
        finally:
            if self.run is not None:
                shutil.rmtree(self.run, ignore_errors=True)

    def kill(self):
        """kill -9 of every process at once, as when the machine goes."""
        for pid, _, _ in self.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.kill()

    def children(self):
        """(pid, name, command line) of every process that works on this
        weir's run directory, whoever its parent is by now."""
        mark = str(self.run_dir)
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                name = (entry / "comm").read_text().strip()
                if name not in ("nginx", "weir", "weir-writer"):
                    continue
                words = (entry / "cmdline").read_bytes().replace(
                    b"\0", b" ").decode(errors="replace").strip()
                if mark in words or mark in (entry / "maps").read_text():
                    found.append((int(entry.name), name, words))
        return found


def descendants(root):
    """(pid, name, command line) of every process below `root`, and it."""
    table = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, IndexError):
            stat = (entry / "stat").read_text()
            name = stat[stat.index("(") + 1:stat.rindex(")")]
            parent = int(stat[stat.rindex(")") + 2:].split()[1])
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
            table[int(entry.name)] = (parent, name,
                                      words.decode(errors="replace").strip())
    found, wanted = [], [root]
    while wanted:
        pid = wanted.pop()
        if pid in table:
            found.append((pid, table[pid][1], table[pid][2]))
        wanted += [p for p, row in table.items() if row[0] == pid]
    return found
