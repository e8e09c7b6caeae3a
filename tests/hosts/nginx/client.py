import socket
import sys
import threading

master = sys.argv[1]
stop = threading.Event()
wrong = 0


def ask(path):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("socket")
        connection.sendall(b"GET " + path + b" HTTP/1.0\r\n\r\n")
        return connection.makefile().read().split("\n\n")[-1]


def be_busy():
    global wrong
    while not stop.is_set():
        if "answer=" not in ask(b"/busy"):
            wrong += 1


thread = threading.Thread(target=be_busy)
thread.start()
for line in sys.stdin:
    if line.strip() == "pid":
        with open(f"/proc/{master}/task/{master}/children") as children:
            print(f"pid={children.read().split()[0]}", flush=True)
    else:
        print(ask(b"/").strip(), flush=True)
stop.set()
thread.join()
sys.exit(wrong != 0)
