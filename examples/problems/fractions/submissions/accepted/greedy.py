from fractions import Fraction

p, q = map(int, input().split())
rest, denominators = Fraction(p, q), []
while rest:
    denominator = -(-rest.denominator // rest.numerator)
    denominators.append(denominator)
    rest -= Fraction(1, denominator)
print(*denominators)
