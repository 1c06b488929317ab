"""Debian's Chromium, without a window and without the network, for looking at pages.

    with Browser(folder) as browser:
        picture = browser.picture(path, width=900, height=1200, dark=True)
        picture.pixel(0, 0), picture.colours(), browser.text(path)
"""
import os
import shutil
import struct
import subprocess
import zlib

FLAGS = ("--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
         "--disable-default-apps --disable-extensions --disable-sync --no-first-run --no-default-browser-check "
         "--hide-scrollbars --force-device-scale-factor=1").split()
# Nothing is reached by a name, whatever a page asks for.
NO_NETWORK = "--host-resolver-rules=MAP * ~NOTFOUND"


class Picture:
    """A PNG of eight bits per channel as rows of pixels (PNG specification, 9: filtering)."""

    def __init__(self, path):
        with open(path, "rb") as f:
            data = f.read()
        assert data[:8] == b"\x89PNG\r\n\x1a\n", data[:8]
        at, packed = 8, b""
        while at < len(data):
            size, kind = struct.unpack(">I4s", data[at:at + 8])
            body = data[at + 8:at + 8 + size]
            if kind == b"IHDR":
                self.width, self.height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
                assert (depth, interlace) == (8, 0) and colour in (2, 6), body
                self.channels = 3 if colour == 2 else 4
            elif kind == b"IDAT":
                packed += body
            at += 12 + size
        self.rows = self._unfilter(zlib.decompress(packed))

    def _unfilter(self, raw):
        step, stride = self.channels, self.width * self.channels
        rows, above = [], bytearray(stride)
        for y in range(self.height):
            start = y * (stride + 1)
            kind, row = raw[start], bytearray(raw[start + 1:start + 1 + stride])
            if kind == 1:
                for i in range(step, stride):
                    row[i] = (row[i] + row[i - step]) & 255
            elif kind == 2:
                row = bytearray((a + b) & 255 for a, b in zip(row, above))
            elif kind == 3:
                for i in range(stride):
                    row[i] = (row[i] + ((row[i - step] if i >= step else 0) + above[i]) // 2) & 255
            elif kind == 4:
                for i in range(stride):
                    a, b, c = (row[i - step], above[i], above[i - step]) if i >= step else (0, above[i], 0)
                    pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
                    row[i] = (row[i] + (a if pa <= pb and pa <= pc else b if pb <= pc else c)) & 255
            rows.append(row)
            above = row
        return rows

    def pixel(self, x, y):
        at = x * self.channels
        return tuple(self.rows[y][at:at + 3])

    def colours(self, left=0, right=None):
        """The set of colours between two columns."""
        right = self.width if right is None else right
        return {self.pixel(x, y) for y in range(self.height) for x in range(left, right)}


class Browser:
    def __init__(self, folder):
        self.folder = folder
        self.program = shutil.which("chromium")
        assert self.program, "Chromium is needed: apt-get install chromium"

    def run(self, *words):
        profile = os.path.join(self.folder, "profile")
        try:
            return subprocess.run([self.program, *FLAGS, NO_NETWORK, "--user-data-dir=" + profile, *words],
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=True)
        finally:
            shutil.rmtree(profile, ignore_errors=True)

    def picture(self, path, width=900, height=1200, dark=False):
        png = os.path.join(self.folder, "page.png")
        self.run("--window-size=%d,%d" % (width, height), "--screenshot=" + png,
                 "--blink-settings=preferredColorScheme=%d" % (0 if dark else 1), "file://" + path)
        keep = os.environ.get("IMEX_PICTURES")
        if keep:
            shutil.copy(png, os.path.join(keep, "%s-%d%s.png" % (
                os.path.basename(path).split(".")[0], width, "-dark" if dark else "")))
        return Picture(png)

    def dom(self, path):
        """The page as the browser understood it."""
        return self.run("--dump-dom", "file://" + path).stdout.decode()
