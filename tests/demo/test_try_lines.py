"""The three lines, pasted as they are into a shell, against a server that writes down what came."""

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from renkei.catalogue import load_catalogue
from renkei.demo import try_lines
from renkei.demo.region import ORGANIZATIONS
from renkei.ids import now
from renkei.schemas.documents import read_document
from renkei.vocabulary import RecordKind

PATIENT = "019a0000-0000-7000-8000-000000000001"
CREDENTIALS = [
    {"label": o.label, "client_id": f"id-{o.label}", "client_secret": f"secret-of-{o.label}"} for o in ORGANIZATIONS
]


class Handler(BaseHTTPRequestHandler):
    """Answers every token request with the client's id, everything else with the body sent."""

    def do_GET(self) -> None:
        self.server.seen.append((self.command, self.path, self.headers, b""))
        self._answer(200, {"patient_id": PATIENT, "groups": {"medical": {"allergy": "ペニシリン"}}})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.command, self.path, self.headers, body))
        if self.path == "/oauth/token":
            self._answer(200, {"access_token": parse_qs(body.decode())["organization"][0], "token_type": "Bearer"})
        else:
            self._answer(201, {"id": "new"})

    def _answer(self, status: int, body: dict) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body, ensure_ascii=False).encode())

    def log_message(self, *_: object) -> None:
        """Nothing: the test reads ``seen``."""


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.seen = []
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


@pytest.fixture
def text(server, tmp_path):
    file = tmp_path / "a folder" / "credentials.json"
    file.parent.mkdir()
    file.write_text(json.dumps(CREDENTIALS))
    return try_lines(f"http://127.0.0.1:{server.server_port}", CREDENTIALS, PATIENT, file)


def steps(text: str) -> list[str]:
    """The lines to paste: all that begin with ``curl``."""
    return [line for line in text.splitlines() if line.startswith("curl ")]


def paste(block: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["/bin/sh"], input=block, capture_output=True, text=True, timeout=60, check=True)


def test_no_secret_stands_in_the_text(text):
    assert "secret-of-" not in text
    assert len(steps(text)) == 3
    assert all(entry["label"] in text for entry in CREDENTIALS)
    assert "/docs" in text and "credentials.json" in text


def test_a_post_by_the_nurses_that_can_be_repeated(server, text):
    done = paste(steps(text)[0])
    assert " 201 " in done.stdout and "secret" not in done.stdout + done.stderr
    _, token, headers, form = server.seen[0]
    assert token == "/oauth/token"
    assert headers["Authorization"].startswith("Basic ")
    assert parse_qs(form.decode())["user_name"] == ["佐久間 恵"]
    method, path, headers, body = server.seen[1]
    assert (method, path) == ("POST", f"/v1/patients/{PATIENT}/care-reports")
    assert headers["Authorization"] == "Bearer komorebi-nursing"
    assert headers["Content-Type"] == "application/json"
    document = read_document(RecordKind.care_report, json.loads(body), load_catalogue(), now())
    assert document.document_id.startswith("try-")


def test_a_get_by_another_vendor(server, text):
    done = paste(steps(text)[1])
    assert done.stderr == "HTTP 200\n"
    assert json.loads(done.stdout)["groups"]["medical"]["allergy"] == "ペニシリン"
    method, path, headers, _ = server.seen[1]
    assert (method, path) == ("GET", f"/v1/patients/{PATIENT}/summary?groups=medical")
    assert headers["Authorization"] == "Bearer hiiragi-clinic"


def test_a_refusal(server, text):
    done = paste(steps(text)[2])
    assert server.seen[1][2]["Authorization"] == "Bearer toono-clinic"
    assert server.seen[1][1] == f"/v1/patients/{PATIENT}/summary"
    assert done.stdout.startswith("HTTP/1.")
