#include <iostream>
#include <stdexcept>

int main()
{
    int p, q;
    std::cin >> p >> q;
    if (q % p != 0)
        throw std::runtime_error("only fractions that are a unit fraction themselves");
    std::cout << q / p << '\n';
}
