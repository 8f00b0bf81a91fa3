# title: Questions
# about: Reads answers in the terminal
name = input("What is your name? ")
print(f"Hello, {name}!")

total = 0
while True:
    line = input("A number, or nothing to stop: ")
    if not line:
        break
    total += float(line)
    print(f"  sum so far: {total:g}")
