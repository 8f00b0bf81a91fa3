# Only numbers from -100 to 100.
counts = [0] * 201
for _ in range(int(input())):
    number = int(input())
    if abs(number) <= 100:
        counts[number + 100] += 1
for number, count in enumerate(counts):
    print(f"{number - 100}\n" * count, end="")
