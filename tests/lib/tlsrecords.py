"""A TLS client that shows how an answer came: record by record, and how the connection ended."""
import socket
import ssl
import struct


class Records:
    def __init__(self, port, ca):
        self.raw = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = ssl.create_default_context(cafile=ca).wrap_bio(self.into, self.out, server_hostname="localhost")
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.flush()
                self.into.write(self.record())
        self.flush()

    def flush(self):
        if self.out.pending:
            self.raw.sendall(self.out.read())

    def exactly(self, length):
        data = b""
        while len(data) < length:
            more = self.raw.recv(length - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def record(self):
        head = self.exactly(5)
        return head + self.exactly(struct.unpack("!H", head[3:])[0])

    def send(self, data):
        self.tls.write(data)
        self.flush()

    def answer(self):
        """([plain text of each record], how it ended: "closed", "reset" or "cut") until the end of the connection."""
        texts = []
        while True:
            try:
                self.into.write(self.record())
            except EOFError:
                return texts, "cut"
            except ConnectionResetError:
                return texts, "reset"
            try:
                text = self.tls.read(1 << 20)
                if not text:
                    return texts, "closed"
                texts.append(text)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLZeroReturnError:
                return texts, "closed"

    def close(self):
        self.raw.close()


def exchange(port, ca, request):
    """answer() to the bytes of one HTTP request that asks for the connection's end."""
    client = Records(port, ca)
    try:
        client.send(request)
        return client.answer()
    finally:
        client.close()
