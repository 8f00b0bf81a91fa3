numbers = [input() for _ in range(int(input()))]
print(*sorted(numbers), sep="\n")
