"""What the disk can do: 4 kB written and synced, again and again, as a log that grows and as one that is recycled."""
import os, sys, time


def rate(folder, recycled, seconds=1.0):
    """Syncs per second, and the p99 of their time in milliseconds."""
    path = os.path.join(folder, "fsync.tmp")
    block, size = os.urandom(4096), 4 << 20
    file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_TRUNC)
    try:
        if recycled:
            os.write(file, bytes(size))
            os.fsync(file)
        times, at, end = [], 0, time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            os.pwrite(file, block, at % size if recycled else at)
            os.fdatasync(file)
            times.append(time.monotonic() - began)
            at += 4096
        times.sort()
        return len(times) / sum(times), times[int(len(times) * 0.99)] * 1e3
    finally:
        os.close(file)
        os.remove(path)


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "target"
    for name, recycled in (("growing", False), ("recycled", True)):
        syncs, p99 = rate(folder, recycled)
        print(f"{name} log, 4 kB + fdatasync: {syncs:,.0f}/s, p99 {p99:.2f} ms")
