// Answers guesses until the number is found, at most ten times.
#include <fstream>
#include <iostream>
#include <string>

int main(int, char **arguments)
{
    std::ifstream input(arguments[1]);
    std::ofstream message(std::string(arguments[3]) + "judgemessage.txt");
    int number, guess;
    input >> number;
    for (int guesses = 1; guesses <= 10; guesses++) {
        if (!(std::cin >> guess)) {
            message << "the submission ended before it found the number";
            return 43;
        }
        if (guess == number) {
            std::cout << "correct" << std::endl;
            return 42;
        }
        std::cout << (guess < number ? "higher" : "lower") << std::endl;
    }
    message << "the submission did not find the number with 10 guesses";
    return 43;
}
