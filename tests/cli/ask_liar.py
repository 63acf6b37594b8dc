#!/usr/bin/env python3
"""A model server that says what the file `say` has, whatever it is asked, and keeps what it was sent in `heard`."""
import http.server
import json


class Liar(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with open("heard", "a") as f:
            f.write(json.dumps({"path": self.path, "key": self.headers.get("Authorization"), "body": json.loads(body)}) + "\n")
        said = open("say").read().rstrip("\n")
        answer = said if said.startswith("RAW") else json.dumps({"choices": [{"message": {"role": "assistant", "content": said}}]})
        self.send_response(500 if said == "RAW 500" else 200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Liar)
print(server.server_port, flush=True)
server.serve_forever()
