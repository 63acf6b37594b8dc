"""scale.py QUERIES COUNT... - what a query costs as the store grows: Q2, Q4 and Q12 of the workload over so many events each, milliseconds of
processor time of the whole process (the least of five), and the size of the store. QUERIES is the workload's queries.sql."""
import os, re, resource, subprocess, sys, tempfile

texts = {m[1].lower(): " ".join(l for l in m[2].splitlines() if not l.startswith("--")).strip().rstrip(";")
         for m in re.finditer(r"^-- (Q\d+):.*?\n(.*?)(?=^-- Q\d+:|\Z)", open(sys.argv[1]).read(), re.S | re.M)}
bench = os.path.dirname(os.path.abspath(sys.argv[1]))


def cpu(words):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3, out


for count in map(int, sys.argv[2:]):
    with tempfile.TemporaryDirectory(prefix="at-bench-scale-", dir=os.environ.get("AT_BENCH_STORE")) as folder:
        subprocess.run(["cc", "-O2", "-w", "-o", folder + "/gen", bench + "/gen_events.c", "-lm"], check=True)
        subprocess.run([folder + "/gen", "-n", str(count), "-d", "14", "-o", folder + "/rows"], check=True)
        subprocess.run(["at-ingest", "-q", "-S", folder + "/store", folder + "/rows"], check=True)
        os.unlink(folder + "/rows")
        size = os.path.getsize(folder + "/store/tenants/default/data.mdb")
        user = cpu(["at-query", "-S", folder + "/store", "-f", "csv", "SELECT user_id FROM events WHERE user_id IS NOT NULL ORDER BY timestamp LIMIT 1 OFFSET 1000"])[1].split()[1].decode()
        took = []
        for q in "q2", "q4", "q12":
            words = ["at-query", "-S", folder + "/store", "-f", "csv", "-P", "needle=" + user, texts[q]]
            runs = [cpu(words) for _ in range(5)]
            took.append("%s %.1f ms (%d rows)" % (q.upper(), min(r[0] for r in runs), runs[0][1].count(b"\n") - 1))
        print("  %9d events: %s; %.1f bytes an event" % (count, ", ".join(took), size / count))
