"""What this machine can do in this minute, for the figures to stand beside: copying memory, and one fsync."""
import os, tempfile, time

block = bytearray(256 << 20)
best = 0.0
for _ in range(5):
    start = time.perf_counter()
    bytes(block)
    best = max(best, len(block) / (time.perf_counter() - start) / 1e9)
print("memory: one core copies %.1f GB/s" % best)

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
