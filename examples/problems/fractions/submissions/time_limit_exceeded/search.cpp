// Tries all sums of two unit fractions. Does not end if there is none.
#include <iostream>

int main()
{
    long p, q;
    std::cin >> p >> q;
    if (q % p == 0) {
        std::cout << q / p << '\n';
        return 0;
    }
    for (unsigned long a = 1;; a++)
        for (unsigned long b = a + 1; b < 2 * a; b++)
            if ((a + b) * q == p * a * b) {
                std::cout << a << ' ' << b << '\n';
                return 0;
            }
}
