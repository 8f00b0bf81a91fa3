// title: Eight queens
// about: Counts the solutions and draws one
#include <iostream>
#include <vector>

struct Board {
    int size;
    std::vector<int> columns{};
    std::vector<int> first{};
    int solutions = 0;

    bool fits(int column) const {
        int row = static_cast<int>(columns.size());
        for (int above = 0; above < row; above++) {
            int distance = row - above;
            if (columns[above] == column || std::abs(columns[above] - column) == distance) return false;
        }
        return true;
    }

    void place() {
        if (static_cast<int>(columns.size()) == size) {
            if (solutions++ == 0) first = columns;
            return;
        }
        for (int column = 0; column < size; column++) {
            if (!fits(column)) continue;
            columns.push_back(column);
            place();
            columns.pop_back();
        }
    }
};

int main() {
    Board board{8};
    board.place();
    for (int column : board.first) {
        for (int at = 0; at < board.size; at++) std::cout << (at == column ? " ♛" : " ·");
        std::cout << '\n';
    }
    std::cout << board.solutions << " solutions\n";
}
