#!/usr/bin/env python3
"""How many statements of FILE at-query answers without an error, on a few events: for machines without an oracle."""
import json, subprocess, sys, tempfile

rows = [{"event": e, "timestamp": "2025-01-%02dT10:00:00Z" % (i + 1), "user_id": "u%d" % (i % 3), "id": "e%d" % i,
         "properties": {"source": "google", "country": "CH", "page": "/", "revenue": i * 1.5, "duration_ms": i}} for i, e in enumerate(["page_view", "signup"] * 10)]
good = 0
statements = [s.strip() for s in open(sys.argv[1]) if s.strip()]
with tempfile.TemporaryDirectory() as store:
    subprocess.run(["at-ingest", "-q", "-S", store], input="\n".join(map(json.dumps, rows)), text=True, check=True)
    for sql in statements:
        p = subprocess.run(["at-query", "-S", store, sql], capture_output=True, text=True)
        good += p.returncode == 0
        if p.returncode:
            print(sql, p.stderr.strip())
print("%d of %d answered" % (good, len(statements)))
sys.exit(good < .93 * len(statements))
