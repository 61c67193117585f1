"""A small server with the part of the Hugging Face Hub's interface that files come and go by."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import re


class Hub(http.server.ThreadingHTTPServer):
    """repos: OWNER/REPO -> {commit: {file: bytes}}; heads: (OWNER/REPO, branch) -> commit;
    seen: (method, path) of all requests."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos, self.heads, self.seen = {}, {}, []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def commit(self, repo: str, branch: str = "main", **files: bytes) -> str:
        """Files by name with _ for . ; returns the commit."""
        files = {name.replace("_", "."): content for name, content in files.items()}
        return self.put(repo, branch, files)

    def put(self, repo: str, branch: str, files: dict[str, bytes]) -> str:
        content = repr(sorted(files.items())).encode()
        commit = hashlib.sha1(content).hexdigest()
        self.repos.setdefault(repo, {})[commit] = files
        self.heads[repo, branch] = commit
        return commit


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        hub = self.server
        hub.seen.append((self.command, self.path))
        match = re.fullmatch(r"/([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)", self.path)
        if match is None:
            return self.answer(404, b"")
        repo, revision, name = match.groups()
        if repo not in hub.repos:
            return self.answer(404, b"", **{"X-Error-Code": "RepoNotFound"})
        commit = hub.heads.get((repo, revision), revision)
        if commit not in hub.repos[repo]:
            return self.answer(404, b"", **{"X-Error-Code": "RevisionNotFound"})
        headers = {"X-Repo-Commit": commit}
        if name not in hub.repos[repo][commit]:
            return self.answer(404, b"", **headers, **{"X-Error-Code": "EntryNotFound"})
        content = hub.repos[repo][commit][name]
        headers["ETag"] = f'"{hashlib.sha256(content).hexdigest()}"'
        return self.answer(200, content, **headers)

    def do_POST(self):
        hub = self.server
        hub.seen.append((self.command, self.path))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            repo = f"{asked['organization']}/{asked['name']}"
            hub.repos.setdefault(repo, {})
            return self.answer_json({"url": f"{hub.url}/{repo}", "name": repo})
        if self.path == "/api/validate-yaml":
            return self.answer_json({"errors": [], "warnings": []})
        match = re.fullmatch(r"/api/models/([\w.-]+/[\w.-]+)/(preupload|commit)/main", self.path)
        repo, what = match.groups()
        if what == "preupload":
            return self.answer_json({"files": [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]})
        lines = [json.loads(line) for line in body.splitlines()]
        commit = hub.put(repo, "main", {
            line["value"]["path"]: base64.b64decode(line["value"]["content"])
            for line in lines if line["key"] == "file"
        })
        return self.answer_json({
            "commitUrl": f"{hub.url}/{repo}/commit/{commit}", "commitOid": commit,
            "pullRequestUrl": None,
        })

    def answer_json(self, found: dict) -> None:
        self.answer(200, json.dumps(found).encode(), **{"Content-Type": "application/json"})

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        """Not into the tests' output."""
