import os
import sys

for line in sys.stdin:
    print(f"answer={os.getppid()} calls={os.getuid()} thread={os.geteuid()}",
          f"twice={os.getgid()}")
