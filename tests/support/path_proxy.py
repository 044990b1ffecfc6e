"""A proxy that serves another server below a path of its own, and takes that path away before it asks."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

AT_ONCE = 65536
ITS_OWN = {"connection", "transfer-encoding"}


@contextlib.contextmanager
def proxied(url: str, path: str) -> Iterator[str]:
    """Give the address by which `url` is reached below `path`, which ends with a slash."""
    host = urlsplit(url).netloc

    class Handler(BaseHTTPRequestHandler):
        def forward(self) -> None:
            if not self.path.startswith(path):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))) or None
            behind = http.client.HTTPConnection(host)
            with contextlib.closing(behind), contextlib.suppress(ConnectionError, http.client.HTTPException):
                behind.request(self.command, "/" + self.path.removeprefix(path), body, dict(self.headers.items()))
                answer = behind.getresponse()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ITS_OWN:
                        self.send_header(name, value)
                self.end_headers()
                while some := answer.read1(AT_ONCE):
                    self.wfile.write(some)
                    self.wfile.flush()

        do_GET = do_POST = do_DELETE = forward

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{path}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
