"""What one fsync costs in this minute: every figure with commits in it depends on that."""
import os, tempfile, time

with tempfile.NamedTemporaryFile(dir=os.environ.get("AT_BENCH_STORE", tempfile.gettempdir())) as f:
    took = []
    for _ in range(50):
        f.write(b"x" * 4096)
        f.flush()
        start = time.perf_counter()
        os.fsync(f.fileno())
        took.append(time.perf_counter() - start)
took.sort()
print("fsync of 4 KiB: p50 %.2f ms, p90 %.2f ms" % (took[25] * 1e3, took[45] * 1e3))
