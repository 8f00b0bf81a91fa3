# Waits for the validator, which waits for the first guess.
print(input())
