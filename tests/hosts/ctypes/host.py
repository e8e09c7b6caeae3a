import ctypes
import sys

worker = ctypes.CDLL("./worker.so")
answer = worker.answer
exported = ctypes.c_long.in_dll(worker, "n_exported")
printer_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p)


@printer_type
def printer(text):
    # Subscription looks the symbol up anew each time.
    fresh = worker["number"]()
    print(text.decode(), f"exported={exported.value} fresh={fresh}")
    return 0


for line in sys.stdin:
    answer(printer)
