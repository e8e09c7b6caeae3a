import sys
import worker

answer = worker.answer
thing = worker.Object()

for line in sys.stdin:
    print(answer(), thing)
