"""A service that nobody adapted: it answers with the name of its model."""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", type=Path, required=True)
parser.add_argument("--port", type=int, required=True)
ASKED = parser.parse_args()
WORDS = (ASKED.model / "words.txt").read_text(encoding="utf-8").strip()


class Answer(BaseHTTPRequestHandler):
    """Say the model's words, whatever is asked."""

    def do_GET(self) -> None:
        body = json.dumps({"answer": WORDS}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", ASKED.port), Answer).serve_forever()
