# Too slow for the large tests.
numbers = [int(input()) for _ in range(int(input()))]
for index in range(1, len(numbers)):
    number = numbers[index]
    while index > 0 and numbers[index - 1] > number:
        numbers[index] = numbers[index - 1]
        index -= 1
    numbers[index] = number
print(*numbers, sep="\n")
