# title: Progress bar
# about: Overwrites its line, in 24-bit colours
import time

WIDTH = 40
for step in range(WIDTH + 1):
    done = "".join(
        f"\x1b[38;2;{90 + 4 * n};{220 - 2 * n};{140 + 2 * n}m█" for n in range(step)
    )
    rest = "\x1b[38;5;240m" + "·" * (WIDTH - step)
    print(f"\r{done}{rest}\x1b[0m {100 * step // WIDTH:3d} %", end="", flush=True)
    time.sleep(0.05)
print("\ndone")
