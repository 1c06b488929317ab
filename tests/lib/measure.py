"""Runs a program and says what it cost, for the benchmarks.

    cost = measure.run([program, word...], env=..., user=...)      .wall_s .cpu_s .rss_mib .stdout
    table = measure.Table(); table.row("full read", n=10000, unit="contact", ours=cost, peer=other)
    table.print()

The CPU time is the process's own and its threads', waited for by the kernel's accounting; resident memory is
the peak that /proc shows of it (an rusage would show the parent's, from before the exec).
"""
import collections
import os
import subprocess
import tempfile
import threading
import time

Cost = collections.namedtuple("Cost", "wall_s cpu_s rss_mib stdout")


def _watch(pid, peak, ended):
    """Peak resident memory; read until the process is a zombie, whose status has no such line."""
    while not ended.wait(0.02):
        try:
            with open("/proc/%d/status" % pid) as f:
                lines = [line for line in f if line.startswith("VmHWM:")]
        except OSError:
            return
        if lines:
            peak[0] = int(lines[0].split()[1]) / 1024


def run(words, env=None, user=None, stdin=None, codes=(0,)):
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begun = time.monotonic()
        process = subprocess.Popen(words, env=env, user=user, stdout=out, stderr=err,
                                   stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE, text=True)
        peak, ended = [0.0], threading.Event()
        watch = threading.Thread(target=_watch, args=(process.pid, peak, ended))
        watch.start()
        if stdin is not None:
            process.stdin.write(stdin)
            process.stdin.close()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        ended.set()
        watch.join()
        out.seek(0)
        err.seek(0)
        text = out.read()
        if process.returncode not in codes:
            raise RuntimeError("%s ended with %d: %s" % (words, process.returncode, err.read()[-2000:] or text[-2000:]))
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak[0], text)


class Table:
    """One line a piece of work: our cost, the peer's, and how many times less ours is."""

    def __init__(self):
        self.rows = [("work", "n", "ours us CPU", "ours/s", "peer us CPU", "peer/s", "CPU ratio", "speed ratio")]

    def row(self, work, n, ours, peer=None):
        """A peer is (name, n, wall_s, cpu_s), and may have done another number of the same things."""
        row = [work, "%d" % n, "%.1f" % (ours.cpu_s / n * 1e6), "%.0f" % (n / ours.wall_s)]
        if peer is None:
            row += ["-"] * 4
        else:
            name, m, wall, cpu = peer
            row[0] += " | " + name
            row += ["%.1f" % (cpu / m * 1e6), "%.0f" % (m / wall), "%.1f" % (cpu / m / (ours.cpu_s / n)),
                    "%.1f" % (n / ours.wall_s / (m / wall))]
        self.rows.append(row)

    def print(self):
        widths = [max(len(row[i]) for row in self.rows) for i in range(len(self.rows[0]))]
        for row in self.rows:
            print("  ".join([row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]))
