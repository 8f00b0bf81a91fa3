# The fractions must be different.
p, q = map(int, input().split())
print(*[q] * p)
