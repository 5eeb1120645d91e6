# SPDX-License-Identifier: GPL-2.0-or-later
"""Registries on 127.0.0.1 for check-images: Debian's docker-registry, and one that lies."""
import base64
import contextlib
import hashlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

USER, PASSWORD = "reader", "two words"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def auth_file(path, where, password):
    """As skopeo login writes it: containers-auth.json(5)."""
    text = base64.b64encode(f"{USER}:{password}".encode()).decode()
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"auths": {where: {"auth": text}}}, f)
    return path


def program(folder):
    """Debian's docker-registry, unpacked and not installed: that would start a service."""
    found = shutil.which("docker-registry")
    if found:
        return found
    os.makedirs(folder, exist_ok=True)
    found = folder + "/usr/bin/docker-registry"
    if not os.path.exists(found):
        subprocess.run(["apt-get", "download", "-qq", "docker-registry"], cwd=folder, check=True)
        package = next(n for n in os.listdir(folder) if n.endswith(".deb"))
        subprocess.run(["dpkg", "-x", package, "."], cwd=folder, check=True)
    return found


@contextlib.contextmanager
def registry(folder, password=False, tls=False):
    """Debian's docker-registry, which keeps its files in @folder; yields HOST:PORT."""
    os.makedirs(folder)
    port = free_port()
    config = {"version": "0.1", "log": {"level": "error"},
              "storage": {"filesystem": {"rootdirectory": folder + "/data"}},
              "http": {"addr": f"127.0.0.1:{port}"}}
    if password:
        with open(folder + "/htpasswd", "w", encoding="utf-8") as f:
            f.write(f"{USER}:{crypt.crypt(PASSWORD, crypt.mksalt(crypt.METHOD_BLOWFISH))}\n")
        config["auth"] = {"htpasswd": {"realm": "check-images", "path": folder + "/htpasswd"}}
    if tls:
        os.mkdir(folder + "/certs")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-keyout", folder + "/key", "-out", folder + "/certs/ca.crt",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, stderr=subprocess.DEVNULL)
        config["http"]["tls"] = {"certificate": folder + "/certs/ca.crt", "key": folder + "/key"}
    with open(folder + "/config.yml", "w", encoding="utf-8") as f:
        json.dump(config, f)
    with subprocess.Popen([program(os.path.dirname(folder) + "/package"), "serve", folder + "/config.yml"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)
            else:
                raise RuntimeError(f"docker-registry does not listen on {port}")
            yield f"127.0.0.1:{port}"
        finally:
            server.kill()


@contextlib.contextmanager
def liar(answer):
    """A registry that answers each question for a manifest by @answer; yields HOST:PORT."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = answer if "/manifests/" in self.path else b"{}"
            self.send_response(200)
            self.send_header("Content-Type", json.loads(body).get("mediaType", "application/json"))
            self.send_header("Docker-Content-Digest", "sha256:" + hashlib.sha256(body).hexdigest())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
