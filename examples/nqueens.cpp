// Counts the ways to place N queens on an N x N board, N from 1 to its argument (10 if there is none), and draws the
// first solution of the last board. Columns and diagonals are bit sets, so that a step is a few instructions.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <vector>

class Board {
public:
    explicit Board(unsigned size) : size_(size), full_((1u << size) - 1) {}

    std::uint64_t solutions() {
        place(0, 0, 0);
        return count_;
    }

    void draw(std::ostream &out) const {
        for (const std::uint32_t queen : first_) {
            for (unsigned column = 0; column < size_; ++column) {
                out << (queen >> column & 1 ? "Q" : ".") << (column + 1 < size_ ? " " : "\n");
            }
        }
    }

private:
    void place(std::uint32_t columns, std::uint32_t left, std::uint32_t right) {
        if (columns == full_) {
            if (count_++ == 0) {
                first_ = queens_;
            }
            return;
        }
        for (std::uint32_t open = full_ & ~(columns | left | right); open != 0; open &= open - 1) {
            const std::uint32_t queen = open & -open;
            queens_.push_back(queen);
            place(columns | queen, (left | queen) << 1, (right | queen) >> 1);
            queens_.pop_back();
        }
    }

    unsigned size_;
    std::uint32_t full_;
    std::uint64_t count_ = 0;
    std::vector<std::uint32_t> queens_;
    std::vector<std::uint32_t> first_;
};

int main(int argc, char **argv) {
    const int most = argc > 1 ? std::atoi(argv[1]) : 10;
    if (most < 1 || most > 16) {
        std::cerr << "usage: nqueens [1..16]\n";
        return 2;
    }
    for (int size = 1; size <= most; ++size) {
        Board board(static_cast<unsigned>(size));
        const std::uint64_t found = board.solutions();
        std::cout << size << " queens: " << found << (found == 1 ? " way" : " ways") << std::endl;
        if (size == most) {
            board.draw(std::cout);
        }
    }
}
