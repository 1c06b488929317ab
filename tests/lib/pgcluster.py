#!/usr/bin/python3
"""A throw-away PostgreSQL cluster: UNIX socket only, never as root, gone with its owner.

    pgcluster.py serve              prints the URL, runs until its standard input closes
    pgcluster.py run -- PROGRAM...  runs PROGRAM with the variables below, ends with its status

    IMEX_TEST_PG_URL      a URL of the database "imex"
    IMEX_TEST_PG_CUT_URL  the same through a relay that hands COMMIT to the server, waits until it is
                          done, and then drops the connection instead of the answer

From Python: `with pgcluster.Cluster() as cluster: cluster.url, cluster.create_database("x")`.

A cluster outlives nothing: the server is told by the kernel when this process dies, and this process
when its parent does.
"""
import ctypes
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent(signum):
    _libc.prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0)


def _bindir():
    """The folder of the newest installed server, whose programs Debian keeps out of PATH."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"),
                   key=lambda path: int(path.split("/")[4]) if path.split("/")[4].isdigit() else 0)
    path = found[-1] if found else shutil.which("initdb")
    if path is None:
        raise RuntimeError("PostgreSQL is not installed; run ./bootstrap.sh, then try again")
    return os.path.dirname(os.path.realpath(path))


def _user():
    """Whom to run as: initdb refuses root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise RuntimeError("neither user postgres nor nobody exists; PostgreSQL does not run as root")


class Cluster:
    def __init__(self, settings=()):
        self.bindir = _bindir()
        self.user = _user()
        self.settings = list(settings)
        self.process = None
        self.relay = None
        # Socket paths must stay under 107 bytes, so never below the build folder.
        self.dir = tempfile.mkdtemp(prefix="imexpg.", dir="/tmp")

    def _as_user(self):
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def _spawn(self, args, **more):
        return subprocess.Popen(args, cwd="/", stdin=subprocess.DEVNULL,
                                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                                preexec_fn=lambda: _die_with_parent(signal.SIGQUIT),
                                **self._as_user(), **more)

    def start(self):
        data = os.path.join(self.dir, "data")
        log = open(os.path.join(self.dir, "log"), "wb")
        if self.user is not None:
            os.chown(self.dir, self.user.pw_uid, self.user.pw_gid)
            os.chmod(self.dir, 0o755)
        done = self._spawn([os.path.join(self.bindir, "initdb"), "-D", data, "-U", "imex", "-A", "trust",
                            "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
                           stdout=log, stderr=subprocess.STDOUT).wait()
        if done != 0:
            raise RuntimeError("initdb failed:\n" + self.log())
        settings = ["listen_addresses=", "unix_socket_directories=" + self.dir, "fsync=off",
                    "full_page_writes=off", "max_connections=60", "log_timezone=UTC",
                    "lc_messages=C"] + self.settings
        args = [os.path.join(self.bindir, "postgres"), "-D", data]
        for setting in settings:
            args += ["-c", setting]
        self.process = self._spawn(args, stdout=log, stderr=subprocess.STDOUT)
        self._wait_ready()
        self.create_database("imex")
        return self

    def _wait_ready(self):
        for _ in range(300):
            if self.process.poll() is not None:
                break
            done = subprocess.run([os.path.join(self.bindir, "pg_isready"), "-q", "-h", self.dir,
                                   "-U", "imex", "-d", "postgres", "-t", "1"], check=False)
            if done.returncode == 0:
                return
            try:
                self.process.wait(0.1)
            except subprocess.TimeoutExpired:
                pass
        raise RuntimeError("PostgreSQL does not start:\n" + self.log())

    def log(self):
        with open(os.path.join(self.dir, "log"), errors="replace") as log:
            return log.read()

    def sql(self, text, database="postgres"):
        """Runs SQL through psql and gives its output, tab-separated."""
        return subprocess.run([os.path.join(self.bindir, "psql"), "-X", "-q", "-A", "-t", "-F", "\t",
                               "-v", "ON_ERROR_STOP=1", "-h", self.dir, "-U", "imex", "-d", database,
                               "-c", text], check=True, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL).stdout

    def create_database(self, name):
        self.sql('CREATE DATABASE "%s"' % name)
        return self.url_of(name)

    def url_of(self, name, folder=None):
        return "postgresql://imex@/%s?host=%s" % (name, folder or self.dir)

    @property
    def url(self):
        return self.url_of("imex")

    def cut_url(self):
        if self.relay is None:
            self.relay = _Relay(os.path.join(self.dir, ".s.PGSQL.5432"), os.path.join(self.dir, "cut"))
        return self.url_of("imex", self.relay.dir)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            # Immediate: nothing of it is wanted any more.
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()


class _Relay:
    """Passes a session on until COMMIT, whose answer it swallows."""

    def __init__(self, target, folder):
        os.mkdir(folder, 0o755)
        self.dir = folder
        self.target = target
        self.listener = socket.socket(socket.AF_UNIX)
        path = os.path.join(folder, ".s.PGSQL.5432")
        self.listener.bind(path)
        os.chmod(path, 0o777)
        self.listener.listen(5)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        server = socket.socket(socket.AF_UNIX)
        cut = threading.Event()
        try:
            server.connect(self.target)
            threading.Thread(target=self._answers, args=(server, client, cut), daemon=True).start()
            while True:
                data = client.recv(65536)
                # Simple query messages: 'Q', length, text. Our COMMIT always comes alone.
                if data[:1] == b"Q" and data[5:] == b"COMMIT\0":
                    cut.set()
                if not data:
                    break
                server.sendall(data)
        except OSError:
            pass
        server.close()

    @staticmethod
    def _answers(server, client, cut):
        try:
            while True:
                data = server.recv(65536)
                if not data or cut.is_set():
                    break
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def _run(cluster, argv):
    env = dict(os.environ, IMEX_TEST_PG_URL=cluster.url, IMEX_TEST_PG_CUT_URL=cluster.cut_url())
    return subprocess.Popen(argv, env=env, preexec_fn=lambda: _die_with_parent(signal.SIGKILL)).wait()


def main(argv):
    if argv[:1] not in (["serve"], ["run"]) or (argv[0] == "run" and argv[1:2] != ["--"]):
        print(__doc__, file=sys.stderr)
        return 2
    _die_with_parent(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with Cluster() as cluster:
            if argv[0] == "run":
                status = _run(cluster, argv[2:])
                return status if status >= 0 else 128 - status
            print(cluster.url, flush=True)
            while os.read(0, 4096):
                pass
    except RuntimeError as why:
        print("Bail out! %s" % str(why).replace("\n", "\n# "), flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
