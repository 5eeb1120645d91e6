# SPDX-License-Identifier: GPL-2.0-or-later
"""serve_layout.py LAYOUT PORT-FILE [USER:PASSWORD]: an image layout as a registry on
127.0.0.1, by http, under any name; under the name "liar" every question for a manifest
has the first one as its answer.  Ends with its standard input."""
import base64
import hashlib
import http.server
import json
import os
import socket
import sys
import threading

layout, port_file, login = sys.argv[1], sys.argv[2], sys.argv[3:]
want = "Basic " + base64.b64encode(login[0].encode()).decode() if login else None


def blob(digest):
    with open(layout + "/blobs/sha256/" + digest[7:], "rb") as f:
        return f.read()


with open(layout + "/index.json", encoding="utf-8") as file:
    tops = json.load(file)["manifests"]


class Handler(http.server.BaseHTTPRequestHandler):
    def handle(self):
        # a hello of TLS has no line that ends: others answer it like this
        if self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
            self.connection.recv(65536)
            self.connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        else:
            super().handle()

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", "sha256:" + hashlib.sha256(body).hexdigest())
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="r"')
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if want and self.headers.get("Authorization") != want:
            return self.answer(401, b'{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}')
        words = self.path.strip("/").split("/")
        if len(words) < 4:
            return self.answer(200, b"{}")
        name, what, reference = words[1], words[-2], words[-1]
        for top in tops:
            if what == "manifests" and (name == "liar" or reference == top["annotations"]["org.opencontainers.image.ref.name"].split(":")[-1]):
                reference = top["digest"]
                break
        try:
            body = blob(reference)
        except OSError:
            return self.answer(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}')
        kind = json.loads(body).get("mediaType") if what == "manifests" else None
        if what == "manifests" and b'"manifests"' in body:
            kind = "application/vnd.oci.image.index.v1+json"
        return self.answer(200, body, kind or "application/octet-stream")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
with open(port_file + ".new", "w", encoding="utf-8") as file:
    file.write(str(server.server_port))
os.rename(port_file + ".new", port_file)
sys.stdin.read()
